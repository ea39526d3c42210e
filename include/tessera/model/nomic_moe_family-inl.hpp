// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/nomic_moe_family.hpp.
#pragma once

#include <tessera/model/nomic_bert_family-inl.hpp>
#include <tessera/model/nomic_moe_family.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE bool nomic_moe_family::reads(std::string_view model_type, json_value config) {
  if (model_type != "nomic_bert") return false;
  const auto experts = config.find("num_experts");
  return experts && !experts->is_null();
}

TESSERA_INLINE result<nomic_moe_shape> nomic_moe_family::read(json_value config) {
  config_reader reader(config);
  nomic_moe_shape shape;
  detail::read_nomic_sizes(reader, shape);
  reader.size_or("type_vocab_size", shape.types);
  reader.activation("activation_function", shape.activation);
  reader.size("num_experts", shape.experts, config_reader::most_layers);
  reader.size("moe_top_k", shape.used, shape.experts);
  reader.flag("qkv_proj_bias", shape.bias);
  reader.only("mlp_fc1_bias", shape.bias);
  reader.only("mlp_fc2_bias", shape.bias);
  std::size_t every = 0;
  reader.size("moe_every_n_layers", every);
  if (every > 2 || every == 1) reader.add(config.find("moe_every_n_layers")->unsupported("2", std::to_string(every)));
  std::size_t shared = 0;
  reader.index_or("num_shared_experts", shared);
  if (shared != 0) reader.add(config.find("num_shared_experts")->unsupported("0", std::to_string(shared)));
  reader.only("moe_normalize_expert_weights", false);
  reader.only("expert_choice_router", false);
  TESSERA_CHECK(reader.finish("config.json of a Nomic BERT with experts"));
  return shape;
}

TESSERA_INLINE encoder_description nomic_moe_family::facts(const nomic_moe_shape& shape) {
  const nomic_moe_shape plain;
  encoder_description made = described_by(shape);
  shape_facts facts;
  detail::nomic_sizes(facts, shape, plain);
  facts.size("type_vocab_size", "types", shape.types, plain.types);
  facts.size("num_experts", "experts", shape.experts, plain.experts);
  facts.size("moe_top_k", "used", shape.used, plain.used);
  facts.flag("qkv_proj_bias", "bias", shape.bias, plain.bias);
  facts.activation("activation_function", "activation", shape.activation, plain.activation);
  facts.number("layer_norm_epsilon", "epsilon", shape.epsilon, plain.epsilon);
  facts.number("rotary_emb_base", "theta", shape.theta, plain.theta);
  std::move(facts).into(made, "nomic_moe_shape");
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
