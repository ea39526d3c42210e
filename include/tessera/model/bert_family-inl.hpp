// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/bert_family.hpp.
#pragma once

#include <tessera/model/bert_family.hpp>
#include <tessera/model/config_reader.hpp>
#include <tessera/model/shape_facts.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<bert_shape> bert_family::read(json_value config) {
  config_reader reader(config);
  bert_shape shape;
  reader.encoder_sizes(shape);
  reader.size_or("type_vocab_size", shape.types);
  reader.activation("hidden_act", shape.activation);
  reader.epsilon("layer_norm_eps", shape.epsilon);
  reader.only("position_embedding_type", "absolute");
  reader.only("is_decoder", false);
  reader.only("add_cross_attention", false);
  reader.divides("num_attention_heads", shape.heads, "hidden_size", shape.width);
  TESSERA_CHECK(reader.finish("config.json of a BERT"));
  return shape;
}

TESSERA_INLINE encoder_description bert_family::facts(const bert_shape& shape) {
  const bert_shape plain;
  encoder_description made = described_by(shape);
  shape_facts facts;
  facts.encoder_sizes(shape, plain);
  facts.size("type_vocab_size", "types", shape.types, plain.types);
  facts.activation("hidden_act", "activation", shape.activation, plain.activation);
  facts.number("layer_norm_eps", "epsilon", shape.epsilon, plain.epsilon);
  std::move(facts).into(made, "bert_shape");
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
