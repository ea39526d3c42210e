// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/roberta_family.hpp.
#pragma once

#include <tessera/model/config_reader.hpp>
#include <tessera/model/roberta_family.hpp>
#include <tessera/model/shape_facts.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<roberta_shape> roberta_family::read(json_value config) {
  config_reader reader(config);
  roberta_shape shape;
  reader.encoder_sizes(shape);
  reader.size_or("type_vocab_size", shape.types);
  reader.index_or("pad_token_id", shape.padding);
  reader.activation("hidden_act", shape.activation);
  reader.epsilon("layer_norm_eps", shape.epsilon);
  reader.only("position_embedding_type", "absolute");
  reader.only("is_decoder", false);
  reader.only("add_cross_attention", false);
  reader.divides("num_attention_heads", shape.heads, "hidden_size", shape.width);
  reader.below("pad_token_id", shape.padding, "max_position_embeddings - 1", shape.positions - 1);
  TESSERA_CHECK(reader.finish("config.json of a RoBERTa or XLM-RoBERTa"));
  return shape;
}

TESSERA_INLINE encoder_description roberta_family::facts(const roberta_shape& shape) {
  const roberta_shape plain;
  encoder_description made = described_by(shape);
  made.positions = shape.positions - shape.padding - 1;
  shape_facts facts;
  facts.encoder_sizes(shape, plain);
  facts.size("type_vocab_size", "types", shape.types, plain.types);
  facts.size("pad_token_id", "padding", shape.padding, plain.padding);
  facts.activation("hidden_act", "activation", shape.activation, plain.activation);
  facts.number("layer_norm_eps", "epsilon", shape.epsilon, plain.epsilon);
  std::move(facts).into(made, "roberta_shape");
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
