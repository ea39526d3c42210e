// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/gte_family.hpp.
#pragma once

#include <tessera/model/config_reader.hpp>
#include <tessera/model/gte_family.hpp>
#include <tessera/model/shape_facts.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<gte_shape> gte_family::read(json_value config) {
  config_reader reader(config);
  gte_shape shape;
  reader.encoder_sizes(shape);
  shape.types = 0;
  reader.index_or("type_vocab_size", shape.types);
  reader.activation("hidden_act", shape.activation);
  reader.epsilon("layer_norm_eps", shape.epsilon);
  reader.only("position_embedding_type", "rope");
  reader.only("layer_norm_type", "layer_norm");
  reader.only("logn_attention_scale", false);
  reader.divides("num_attention_heads", shape.heads, "hidden_size", shape.width);
  shape.theta = 10000.0;
  shape.ntk_factor = 1.0;
  reader.positive("rope_theta", shape.theta);
  for (const std::string_view key : {"rope_scaling", "rope_parameters"}) {
    const auto scaling = config.find(key);
    if (!scaling || scaling->is_null()) continue;
    std::string_view kind = "default";
    for (const std::string_view name : {"type", "rope_type"})
      if (const auto said = scaling->find(name); said && !said->is_null()) {
        if (const auto text = said->get<std::string_view>()) kind = *text;
        else reader.add(text.error());
      }
    config_reader inside(*scaling);
    inside.positive("rope_theta", shape.theta);
    if (kind == "ntk") {
      inside.positive("factor", shape.ntk_factor);
      inside.positive("mixed_b", shape.ntk_mixed);
    } else if (kind == "linear") {
      inside.positive("factor", shape.linear_factor);
    } else if (kind != "default") {
      reader.add(scaling->unsupported("type \"ntk\", \"linear\" or \"default\"", tessera::quoted(kind)));
    }
    if (auto wrong = inside.finish(key); !wrong) reader.add(std::move(wrong).error());
  }
  shape.positions = static_cast<std::size_t>(static_cast<double>(shape.positions) * shape.ntk_factor);
  TESSERA_CHECK(reader.finish("config.json of a gte (NewModel)"));
  return shape;
}

TESSERA_INLINE encoder_description gte_family::facts(const gte_shape& shape) {
  const gte_shape plain;
  encoder_description made = described_by(shape);
  shape_facts facts;
  facts.size("vocab_size", "vocabulary", shape.vocabulary, plain.vocabulary);
  facts.size("num_hidden_layers", "layers", shape.layers, plain.layers);
  facts.size("hidden_size", "width", shape.width, plain.width);
  facts.size("num_attention_heads", "heads", shape.heads, plain.heads);
  facts.size("intermediate_size", "inner", shape.inner, plain.inner);
  facts.size("max_position_embeddings, stretched", "positions", shape.positions, plain.positions);
  facts.size("type_vocab_size", "types", shape.types, plain.types);
  facts.activation("hidden_act", "activation", shape.activation, plain.activation);
  facts.number("layer_norm_eps", "epsilon", shape.epsilon, plain.epsilon);
  facts.number("rope_theta", "theta", shape.theta, plain.theta);
  facts.number("rope_scaling.factor (ntk)", "ntk_factor", shape.ntk_factor, plain.ntk_factor);
  facts.number("rope_scaling.mixed_b", "ntk_mixed", shape.ntk_mixed, plain.ntk_mixed);
  facts.number("rope_scaling.factor (linear)", "linear_factor", shape.linear_factor, plain.linear_factor);
  std::move(facts).into(made, "gte_shape");
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
