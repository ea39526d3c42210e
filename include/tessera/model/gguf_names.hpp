// SPDX-License-Identifier: Apache-2.0
/// What llama.cpp calls the tensors of the families: Tessera's names on the left, those of its GGUF files on the right.
///
/// {} is a layer's number.
/// llama.cpp permutes the rows of queries and keys for models of the llama family only, so none of these is permuted. Its GGUF files of
/// Gemma hold 1 + w for the weight w of a norm. Those of RoBERTa lack the rows of the position table that stand before a text's first
/// position: the one of the padding token among them, so that a text with that token is an error. Those of Jina v3 lack the adapters, those
/// of Nomic's model with experts their bias, and those of BERT's rerankers, as llama.cpp converts them, the pooler (`cls`): a model that
/// has them is refused.
#pragma once

#include <tessera/model/architecture.hpp>

namespace tessera::inline TESSERA_ABI {

namespace gguf_names {

/// BERT and RoBERTa, which differ in their position tables.
[[nodiscard]] constexpr auto bert_like(bool cut) {
  return std::to_array<published_name>({
      {"token_embedding.", "token_embd."},
      {.ours = "position_embedding.", .theirs = "position_embd.", .cut = cut},
      {"token_type_embedding.", "token_types."},
      {"norm.", "token_embd_norm."},
      {"layers.{}.attention.query.", "blk.{}.attn_q."},
      {"layers.{}.attention.key.", "blk.{}.attn_k."},
      {"layers.{}.attention.value.", "blk.{}.attn_v."},
      {"layers.{}.attention.output.", "blk.{}.attn_output."},
      {"layers.{}.attention.norm.", "blk.{}.attn_output_norm."},
      {"layers.{}.feed_forward.up.", "blk.{}.ffn_up."},
      {"layers.{}.feed_forward.down.", "blk.{}.ffn_down."},
      {"layers.{}.feed_forward.norm.", "blk.{}.layer_output_norm."},
      {"dense.1.", "cls.output."},
      {"dense.", "cls."},
  });
}
inline constexpr auto bert = bert_like(false);
inline constexpr auto roberta = bert_like(true);

/// jina-bert-v3
inline constexpr auto rotary_roberta = std::to_array<published_name>({
    {"token_embedding.", "token_embd."},
    {"token_type_embedding.", "token_types."},
    {"norm.", "token_embd_norm."},
    {"layers.{}.attention.query.", "blk.{}.attn_qkv.", 0, 3},
    {"layers.{}.attention.key.", "blk.{}.attn_qkv.", 1, 3},
    {"layers.{}.attention.value.", "blk.{}.attn_qkv.", 2, 3},
    {"layers.{}.attention.output.", "blk.{}.attn_output."},
    {"layers.{}.attention.norm.", "blk.{}.attn_output_norm."},
    {"layers.{}.feed_forward.up.", "blk.{}.ffn_up."},
    {"layers.{}.feed_forward.down.", "blk.{}.ffn_down."},
    {"layers.{}.feed_forward.norm.", "blk.{}.layer_output_norm."},
});

/// With experts too, whose matrices stand in a stack; those that lead back to the width are turned.
inline constexpr auto nomic_bert = std::to_array<published_name>({
    {"token_embedding.", "token_embd."},
    {"token_type_embedding.", "token_types."},
    {"norm.", "token_embd_norm."},
    {"layers.{}.attention.query.", "blk.{}.attn_qkv.", 0, 3},
    {"layers.{}.attention.key.", "blk.{}.attn_qkv.", 1, 3},
    {"layers.{}.attention.value.", "blk.{}.attn_qkv.", 2, 3},
    {"layers.{}.attention.output.", "blk.{}.attn_output."},
    {"layers.{}.attention.norm.", "blk.{}.attn_output_norm."},
    {"layers.{}.feed_forward.gate.", "blk.{}.ffn_gate."},
    {"layers.{}.feed_forward.up.", "blk.{}.ffn_up."},
    {"layers.{}.feed_forward.down.", "blk.{}.ffn_down."},
    {"layers.{}.feed_forward.router.", "blk.{}.ffn_gate_inp."},
    {.ours = "layers.{}.feed_forward.experts.up", .theirs = "blk.{}.ffn_up_exps.weight", .stack = published_name::stack_form::upright},
    {.ours = "layers.{}.feed_forward.experts.down", .theirs = "blk.{}.ffn_down_exps.weight", .stack = published_name::stack_form::turned},
    {"layers.{}.feed_forward.norm.", "blk.{}.layer_output_norm."},
});

inline constexpr auto modernbert = std::to_array<published_name>({
    {"token_embedding.", "token_embd."},
    {"norm.2.", "cls.norm."},
    {"norm.1.", "output_norm."},
    {"norm.", "token_embd_norm."},
    {"layers.{}.attention.norm.", "blk.{}.attn_norm."},
    {"layers.{}.attention.query.", "blk.{}.attn_qkv.", 0, 3},
    {"layers.{}.attention.key.", "blk.{}.attn_qkv.", 1, 3},
    {"layers.{}.attention.value.", "blk.{}.attn_qkv.", 2, 3},
    {"layers.{}.attention.output.", "blk.{}.attn_output."},
    {"layers.{}.feed_forward.norm.", "blk.{}.ffn_norm."},
    {"layers.{}.feed_forward.gate.", "blk.{}.ffn_up.", 0, 2},
    {"layers.{}.feed_forward.up.", "blk.{}.ffn_up.", 1, 2},
    {"layers.{}.feed_forward.down.", "blk.{}.ffn_down."},
    {"dense.1.", "cls.output."},
    {"dense.", "cls."},
});

inline constexpr auto qwen = std::to_array<published_name>({
    {"token_embedding.", "token_embd."},
    {"layers.{}.attention.norm.", "blk.{}.attn_norm."},
    {"layers.{}.attention.query_norm.", "blk.{}.attn_q_norm."},
    {"layers.{}.attention.key_norm.", "blk.{}.attn_k_norm."},
    {"layers.{}.attention.query.", "blk.{}.attn_q."},
    {"layers.{}.attention.key.", "blk.{}.attn_k."},
    {"layers.{}.attention.value.", "blk.{}.attn_v."},
    {"layers.{}.attention.output.", "blk.{}.attn_output."},
    {"layers.{}.feed_forward.norm.", "blk.{}.ffn_norm."},
    {"layers.{}.feed_forward.gate.", "blk.{}.ffn_gate."},
    {"layers.{}.feed_forward.up.", "blk.{}.ffn_up."},
    {"layers.{}.feed_forward.down.", "blk.{}.ffn_down."},
    {"norm.", "output_norm."},
});

inline constexpr auto gemma3 = std::to_array<published_name>({
    {"token_embedding.", "token_embd."},
    {.ours = "layers.{}.attention.norm.", .theirs = "blk.{}.attn_norm.", .more = 1.0f},
    {.ours = "layers.{}.attention.norm_after.", .theirs = "blk.{}.post_attention_norm.", .more = 1.0f},
    {.ours = "layers.{}.attention.query_norm.", .theirs = "blk.{}.attn_q_norm.", .more = 1.0f},
    {.ours = "layers.{}.attention.key_norm.", .theirs = "blk.{}.attn_k_norm.", .more = 1.0f},
    {"layers.{}.attention.query.", "blk.{}.attn_q."},
    {"layers.{}.attention.key.", "blk.{}.attn_k."},
    {"layers.{}.attention.value.", "blk.{}.attn_v."},
    {"layers.{}.attention.output.", "blk.{}.attn_output."},
    {.ours = "layers.{}.feed_forward.norm.", .theirs = "blk.{}.ffn_norm.", .more = 1.0f},
    {.ours = "layers.{}.feed_forward.norm_after.", .theirs = "blk.{}.post_ffw_norm.", .more = 1.0f},
    {"layers.{}.feed_forward.gate.", "blk.{}.ffn_gate."},
    {"layers.{}.feed_forward.up.", "blk.{}.ffn_up."},
    {"layers.{}.feed_forward.down.", "blk.{}.ffn_down."},
    {.ours = "norm.", .theirs = "output_norm.", .more = 1.0f},
    {"dense.1.", "dense_3."},
    {"dense.", "dense_2."},
});

}  // namespace gguf_names

}  // namespace tessera::inline TESSERA_ABI
