// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/rotary_roberta_family.hpp.
#pragma once

#include <tessera/model/config_reader.hpp>
#include <tessera/model/rotary_roberta_family.hpp>
#include <tessera/model/shape_facts.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE bool rotary_roberta_family::reads(std::string_view model_type, json_value config) {
  if (model_type == "jina_embeddings_v3") return true;
  if (model_type != "xlm-roberta") return false;
  const auto kind = config.find("position_embedding_type");
  if (!kind || kind->is_null()) return false;
  const auto name = kind->get<std::string_view>();
  return name && *name == "rotary";
}

TESSERA_INLINE result<rotary_roberta_shape> rotary_roberta_family::read(json_value config) {
  config_reader reader(config);
  rotary_roberta_shape shape{.adapters = 0, .rank = 0};
  reader.encoder_sizes(shape);
  reader.size_or("type_vocab_size", shape.types);
  reader.activation("hidden_act", shape.activation);
  reader.epsilon("layer_norm_eps", shape.epsilon);
  // What the two configuration classes assume where the file does not say.
  const auto type = config.get<std::string_view>("model_type");
  shape.theta = type && *type == "xlm-roberta" ? 10000.0 : 20000.0;
  reader.rotary_base("rotary_emb_base", "", shape.theta);
  reader.only("position_embedding_type", "rotary");
  reader.only("is_decoder", false);
  reader.only("add_cross_attention", false);
  reader.only("use_reg_tokens", false);
  reader.divides("num_attention_heads", shape.heads, "hidden_size", shape.width);
  if (const auto tasks = config.find("lora_adaptations"); tasks && !tasks->is_null()) {
    if (const auto list = tasks->elements()) shape.adapters = list->size();
    else reader.add(list.error());
    if (shape.adapters > 0) {
      shape.rank = 4;
      reader.size_or("lora_rank", shape.rank, config_reader::most_layers);
      reader.positive("lora_alpha", shape.alpha);
    }
  }
  TESSERA_CHECK(reader.finish("config.json of an XLM-RoBERTa with rotary positions"));
  return shape;
}

TESSERA_INLINE encoder_description rotary_roberta_family::facts(const rotary_roberta_shape& shape) {
  const rotary_roberta_shape plain;
  encoder_description made = described_by(shape);
  shape_facts facts;
  facts.encoder_sizes(shape, plain);
  facts.size("type_vocab_size", "types", shape.types, plain.types);
  facts.activation("hidden_act", "activation", shape.activation, plain.activation);
  facts.number("layer_norm_eps", "epsilon", shape.epsilon, plain.epsilon);
  facts.number("rotary_emb_base", "theta", shape.theta, plain.theta);
  facts.size("lora_adaptations", "adapters", shape.adapters, plain.adapters);
  facts.size("lora_rank", "rank", shape.rank, plain.rank);
  facts.number("lora_alpha", "alpha", shape.alpha, plain.alpha);
  std::move(facts).into(made, "rotary_roberta_shape");
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
