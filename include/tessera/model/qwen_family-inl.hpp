// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/qwen_family.hpp.
#pragma once

#include <tessera/model/config_reader.hpp>
#include <tessera/model/qwen_family.hpp>
#include <tessera/model/shape_facts.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Whether a directory brings gte-Qwen2's own class (Stella 1.5B and Qodo-Embed-1 do too): where its config.json has no is_causal, that
/// class attends both ways, unlike transformers'.
[[nodiscard]] inline bool has_gte_qwen2_code(json_value config) {
  const auto map = config.find("auto_map");
  if (!map || map->is_null()) return false;
  const auto model = map->find("AutoModel");
  if (!model) return false;
  const auto name = model->get<std::string_view>();
  return name && name->ends_with("modeling_qwen.Qwen2Model");
}

template <int Generation>
[[nodiscard]] result<qwen_shape<Generation>> read_qwen(json_value config) {
  config_reader reader(config);
  qwen_shape<Generation> shape;
  reader.encoder_sizes(shape);
  reader.size("num_key_value_heads", shape.kv_heads);
  reader.divides("num_key_value_heads", shape.kv_heads, "num_attention_heads", shape.heads);
  if (const auto stated = config.find("head_dim"); stated && !stated->is_null()) {
    reader.size("head_dim", shape.head_width);
  } else {
    reader.divides("num_attention_heads", shape.heads, "hidden_size", shape.width);
    shape.head_width = shape.width / shape.heads;
  }
  shape.causal = Generation != 2 || !has_gte_qwen2_code(config);
  reader.flag("is_causal", shape.causal);
  if (Generation == 2) reader.only("attention_bias", true);
  else reader.flag("attention_bias", shape.bias);
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
  TESSERA_CHECK(reader.finish("config.json of a Qwen"));
  return shape;
}

template <int Generation>
[[nodiscard]] encoder_description facts_of_qwen(const qwen_shape<Generation>& shape) {
  const qwen_shape<Generation> plain;
  encoder_description made = described_by(shape);
  shape_facts facts;
  facts.encoder_sizes(shape, plain);
  facts.size("sliding_window", "window", shape.window, plain.window);
  facts.size("max_window_layers", "full_layers", shape.full_layers, plain.full_layers);
  facts.flag("is_causal", "causal", shape.causal, plain.causal);
  facts.flag("attention_bias", "bias", shape.bias, plain.bias);
  facts.activation("hidden_act", "activation", shape.activation, plain.activation);
  facts.number("rms_norm_eps", "epsilon", shape.epsilon, plain.epsilon);
  facts.number("rope_theta", "theta", shape.theta, plain.theta);
  std::move(facts).into(made, Generation == 2 ? "qwen2_shape" : "qwen3_shape");
  return made;
}

}  // namespace detail

template <>
TESSERA_INLINE result<qwen2_shape> qwen2_family::read(json_value config) {
  return detail::read_qwen<2>(config);
}
template <>
TESSERA_INLINE result<qwen3_shape> qwen3_family::read(json_value config) {
  return detail::read_qwen<3>(config);
}
template <>
TESSERA_INLINE encoder_description qwen2_family::facts(const qwen2_shape& what) {
  return detail::facts_of_qwen(what);
}
template <>
TESSERA_INLINE encoder_description qwen3_family::facts(const qwen3_shape& what) {
  return detail::facts_of_qwen(what);
}

}  // namespace tessera::inline TESSERA_ABI
