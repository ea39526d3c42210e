// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/nomic_bert_family.hpp.
#pragma once

#include <tessera/model/config_reader.hpp>
#include <tessera/model/nomic_bert_family.hpp>
#include <tessera/model/shape_facts.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Sizes and settings in GPT-2's spelling, which published files have, and what none of the published models uses.
inline void read_nomic_published(config_reader& reader, nomic_bert_shape& shape) {
  const json_value config = reader.config();
  reader.size("vocab_size", shape.vocabulary);
  reader.size("n_layer", shape.layers, config_reader::most_layers);
  reader.size("n_embd", shape.width);
  reader.size("n_head", shape.heads);
  if (const auto inner = config.find("n_inner"); !inner || inner->is_null()) shape.inner = 4 * shape.width;
  else reader.size("n_inner", shape.inner);
  reader.size("n_positions", shape.positions);
  reader.epsilon("layer_norm_epsilon", shape.epsilon);
  reader.divides("n_head", shape.heads, "n_embd", shape.width);
  reader.positive("rotary_emb_base", shape.theta);
  reader.flag("qkv_proj_bias", shape.bias);
  reader.only("mlp_fc1_bias", shape.bias);
  reader.only("mlp_fc2_bias", shape.bias);
  for (const std::string_view key : {"rotary_emb_scale_base", "rotary_scaling_factor"}) reader.absent(key);
  for (const std::string_view key :
       {"causal", "prenorm", "parallel_block", "rotary_emb_interleaved", "use_rms_norm", "scale_attn_by_inverse_layer_idx"})
    reader.only(key, false);
  reader.only("scale_attn_weights", true);
  double fraction = 1.0;
  reader.positive("rotary_emb_fraction", fraction);
  if (fraction != 1.0) reader.add(config.find("rotary_emb_fraction")->unsupported("1.0", shape_facts::shortest(fraction)));
}

/// Experts, where the configuration has them; without them every feed-forward has a gate.
inline void read_nomic_experts(config_reader& reader, nomic_bert_shape& shape) {
  const json_value config = reader.config();
  if (const auto experts = config.find("num_experts"); !experts || experts->is_null()) {
    reader.only("activation_function", "swiglu");
    return;
  }
  reader.activation("activation_function", shape.activation);
  reader.size("num_experts", shape.experts, config_reader::most_layers);
  reader.size("moe_top_k", shape.used, shape.experts);
  reader.flag("moe_expert_bias", shape.expert_bias);  // what a GGUF file says; in others they have one
  std::size_t every = 0;
  reader.size("moe_every_n_layers", every);
  if (every > 2 || every == 1) reader.add(config.find("moe_every_n_layers")->unsupported("2", std::to_string(every)));
  std::size_t shared = 0;
  reader.index_or("num_shared_experts", shared);
  if (shared != 0) reader.add(config.find("num_shared_experts")->unsupported("0", std::to_string(shared)));
  reader.only("moe_normalize_expert_weights", false);
  reader.only("expert_choice_router", false);
}

}  // namespace detail

TESSERA_INLINE result<nomic_bert_shape> nomic_bert_family::read(json_value config) {
  config_reader reader(config);
  nomic_bert_shape shape;
  reader.size_or("type_vocab_size", shape.types);
  if (config.find("n_embd")) {
    detail::read_nomic_published(reader, shape);
    detail::read_nomic_experts(reader, shape);
  } else {  // transformers 5 writes BERT's names, and knows no experts
    reader.encoder_sizes(shape);
    reader.epsilon("layer_norm_eps", shape.epsilon);
    reader.divides("num_attention_heads", shape.heads, "hidden_size", shape.width);
    reader.activation("hidden_act", shape.activation);
    reader.rotary_base("rope_theta", "", shape.theta);
    std::size_t stated = shape.width / (shape.heads == 0 ? 1 : shape.heads);
    const std::size_t whole = stated;
    reader.size_or("head_dim", stated);
    if (stated != whole)
      reader.add(config.find("head_dim")->unsupported(std::to_string(whole), std::to_string(stated)));
  }
  TESSERA_CHECK(reader.finish("config.json of a Nomic BERT"));
  return shape;
}

TESSERA_INLINE encoder_description nomic_bert_family::facts(const nomic_bert_shape& shape) {
  const nomic_bert_shape plain;
  encoder_description made = described_by(shape);
  shape_facts facts;
  facts.size("vocab_size", "vocabulary", shape.vocabulary, plain.vocabulary);
  facts.size("n_layer", "layers", shape.layers, plain.layers);
  facts.size("n_embd", "width", shape.width, plain.width);
  facts.size("n_head", "heads", shape.heads, plain.heads);
  facts.size("n_inner", "inner", shape.inner, plain.inner);
  facts.size("n_positions", "positions", shape.positions, plain.positions);
  facts.size("type_vocab_size", "types", shape.types, plain.types);
  facts.size("num_experts", "experts", shape.experts, plain.experts);
  facts.size("moe_top_k", "used", shape.used, plain.used);
  facts.flag("qkv_proj_bias", "bias", shape.bias, plain.bias);
  facts.flag("bias of the experts", "expert_bias", shape.expert_bias, plain.expert_bias);
  facts.activation("activation", "activation", shape.activation, plain.activation);
  facts.number("layer_norm_epsilon", "epsilon", shape.epsilon, plain.epsilon);
  facts.number("rotary_emb_base", "theta", shape.theta, plain.theta);
  std::move(facts).into(made, "nomic_bert_shape");
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
