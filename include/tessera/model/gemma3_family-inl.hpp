// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/gemma3_family.hpp.
#pragma once

#include <tessera/model/config_reader.hpp>
#include <tessera/model/gemma3_family.hpp>
#include <tessera/model/shape_facts.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<gemma3_shape> gemma3_family::read(json_value config) {
  config_reader reader(config);
  gemma3_shape shape;
  reader.encoder_sizes(shape);
  reader.size("num_key_value_heads", shape.kv_heads);
  reader.size("head_dim", shape.head_width);
  reader.size("sliding_window", shape.window);
  reader.size("query_pre_attn_scalar", shape.query_scalar);
  reader.divides("num_key_value_heads", shape.kv_heads, "num_attention_heads", shape.heads);
  bool both_ways = false;
  reader.flag("use_bidirectional_attention", both_ways);
  shape.causal = !both_ways;
  reader.activation("hidden_activation", shape.activation);
  reader.epsilon("rms_norm_eps", shape.epsilon);
  reader.only("attention_bias", false);
  reader.absent("attn_logit_softcapping");
  reader.absent("rope_scaling");
  reader.rotary_base("rope_theta", "full_attention", shape.global_theta);
  reader.rotary_base("rope_local_base_freq", "sliding_attention", shape.local_theta);
  reader.size_or("_sliding_window_pattern", shape.global_every);
  reader.size_or("sliding_window_pattern", shape.global_every);
  if (const auto first = reader.first_full_layer()) shape.global_every = *first == shape.layers ? 0 : *first + 1;
  reader.layer_types([&](std::size_t i) { return shape.global_every == 0 || (i + 1) % shape.global_every != 0; },
                     shape.layers);
  TESSERA_CHECK(reader.finish("config.json of a Gemma 3 (EmbeddingGemma)"));
  return shape;
}

TESSERA_INLINE encoder_description gemma3_family::facts(const gemma3_shape& shape) {
  const gemma3_shape plain;
  encoder_description made = described_by(shape);
  shape_facts facts;
  facts.encoder_sizes(shape, plain);
  facts.size("sliding_window", "window", shape.window, plain.window);
  facts.size("layer_types", "global_every", shape.global_every, plain.global_every);
  facts.size("query_pre_attn_scalar", "query_scalar", shape.query_scalar, plain.query_scalar);
  facts.flag("use_bidirectional_attention", "causal", shape.causal, plain.causal);
  facts.activation("hidden_activation", "activation", shape.activation, plain.activation);
  facts.number("rms_norm_eps", "epsilon", shape.epsilon, plain.epsilon);
  facts.number("rope_theta", "global_theta", shape.global_theta, plain.global_theta);
  facts.number("rope_local_base_freq", "local_theta", shape.local_theta, plain.local_theta);
  std::move(facts).into(made, "gemma3_shape");
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
