// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/qwen3_family.hpp.
#pragma once

#include <tessera/model/config_reader.hpp>
#include <tessera/model/qwen3_family.hpp>
#include <tessera/model/shape_facts.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<qwen3_shape> qwen3_family::read(json_value config) {
  config_reader reader(config);
  qwen3_shape shape;
  reader.size("vocab_size", shape.vocabulary);
  reader.size("num_hidden_layers", shape.layers, config_reader::most_layers);
  reader.size("hidden_size", shape.width);
  reader.size("num_attention_heads", shape.heads);
  reader.size("num_key_value_heads", shape.kv_heads);
  reader.size("intermediate_size", shape.inner);
  reader.size("max_position_embeddings", shape.positions);
  reader.divides("num_key_value_heads", shape.kv_heads, "num_attention_heads", shape.heads);
  if (const auto stated = config.find("head_dim"); stated && !stated->is_null()) {
    reader.size("head_dim", shape.head_width);
  } else {
    reader.divides("num_attention_heads", shape.heads, "hidden_size", shape.width);
    shape.head_width = shape.width / shape.heads;
  }
  reader.flag("is_causal", shape.causal);
  reader.flag("attention_bias", shape.bias);
  reader.activation("hidden_act", shape.activation);
  reader.epsilon("rms_norm_eps", shape.epsilon);
  reader.rotary_base("rope_theta", "", shape.theta);
  reader.absent("rope_scaling");
  bool sliding = false;
  reader.flag("use_sliding_window", sliding);
  if (sliding) {
    shape.full_layers = shape.layers;
    reader.size("sliding_window", shape.window);
    reader.index_or("max_window_layers", shape.full_layers);
  }
  if (!sliding || shape.full_layers >= shape.layers) shape.window = shape.full_layers = 0;
  reader.layer_types([&](std::size_t i) { return shape.window != 0 && i >= shape.full_layers; }, shape.layers);
  TESSERA_CHECK(reader.finish("config.json of a Qwen3"));
  return shape;
}

TESSERA_INLINE encoder_description qwen3_family::facts(const qwen3_shape& shape) {
  const qwen3_shape plain;
  encoder_description made;
  made.vocabulary = shape.vocabulary;
  made.positions = shape.positions;
  made.width = shape.width;
  shape_facts facts;
  facts.size("vocab_size", "vocabulary", shape.vocabulary, plain.vocabulary);
  facts.size("num_hidden_layers", "layers", shape.layers, plain.layers);
  facts.size("hidden_size", "width", shape.width, plain.width);
  facts.size("num_attention_heads", "heads", shape.heads, plain.heads);
  facts.size("num_key_value_heads", "kv_heads", shape.kv_heads, plain.kv_heads);
  facts.size("head_dim", "head_width", shape.head_width, plain.head_width);
  facts.size("intermediate_size", "inner", shape.inner, plain.inner);
  facts.size("max_position_embeddings", "positions", shape.positions, plain.positions);
  facts.size("sliding_window", "window", shape.window, plain.window);
  facts.size("max_window_layers", "full_layers", shape.full_layers, plain.full_layers);
  facts.flag("is_causal", "causal", shape.causal, plain.causal);
  facts.flag("attention_bias", "bias", shape.bias, plain.bias);
  facts.activation("hidden_act", "activation", shape.activation, plain.activation);
  facts.number("rms_norm_eps", "epsilon", shape.epsilon, plain.epsilon);
  facts.number("rope_theta", "theta", shape.theta, plain.theta);
  std::move(facts).into(made, "qwen3_shape");
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
