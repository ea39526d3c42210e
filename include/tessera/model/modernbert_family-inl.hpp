// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/modernbert_family.hpp.
#pragma once

#include <tessera/model/config_reader.hpp>
#include <tessera/model/modernbert_family.hpp>
#include <tessera/model/shape_facts.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<modernbert_shape> modernbert_family::read(json_value config) {
  config_reader reader(config);
  modernbert_shape shape;
  reader.encoder_sizes(shape);
  reader.size("local_attention", shape.local_attention);
  reader.size_or("global_attn_every_n_layers", shape.global_every);
  reader.flag("norm_bias", shape.norm_bias);
  reader.flag("attention_bias", shape.attention_bias);
  reader.flag("mlp_bias", shape.mlp_bias);
  reader.activation("hidden_activation", shape.activation);
  reader.epsilon("norm_eps", shape.epsilon);
  reader.rotary_base("global_rope_theta", "full_attention", shape.global_theta);
  shape.local_theta = shape.global_theta;
  reader.rotary_base("local_rope_theta", "sliding_attention", shape.local_theta);
  reader.divides("num_attention_heads", shape.heads, "hidden_size", shape.width);
  reader.layer_types([&](std::size_t i) { return i % shape.global_every != 0; }, shape.layers);
  TESSERA_CHECK(reader.finish("config.json of a ModernBERT"));
  return shape;
}

TESSERA_INLINE encoder_description modernbert_family::facts(const modernbert_shape& shape) {
  const modernbert_shape plain;
  encoder_description made = described_by(shape);
  shape_facts facts;
  facts.encoder_sizes(shape, plain);
  facts.size("local_attention", "local_attention", shape.local_attention, plain.local_attention);
  facts.size("global_attn_every_n_layers", "global_every", shape.global_every, plain.global_every);
  facts.flag("norm_bias", "norm_bias", shape.norm_bias, plain.norm_bias);
  facts.flag("attention_bias", "attention_bias", shape.attention_bias, plain.attention_bias);
  facts.flag("mlp_bias", "mlp_bias", shape.mlp_bias, plain.mlp_bias);
  facts.activation("hidden_activation", "activation", shape.activation, plain.activation);
  facts.number("norm_eps", "epsilon", shape.epsilon, plain.epsilon);
  facts.number("global_rope_theta", "global_theta", shape.global_theta, plain.global_theta);
  facts.number("local_rope_theta", "local_theta", shape.local_theta, plain.local_theta);
  std::move(facts).into(made, "modernbert_shape");
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
