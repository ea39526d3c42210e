// SPDX-License-Identifier: Apache-2.0
/// Alibaba-NLP/gte-Qwen2-*-instruct (arXiv:2308.03281): Qwen2 that attends both ways, the state of the last token, unit length.
///
///     auto encoder = ts::load<ts::gte_qwen2_1_5b<ts::bf16>>("models/gte-Qwen2-1.5B-instruct");
///     encoder->encode(question, {.prompt = ts::gte_qwen2_prompt::query});
#pragma once

#include <tessera/model/qwen2.hpp>

namespace tessera::inline TESSERA_ABI {

using gte_qwen2_1_5b_space = space<"gte_qwen2_1_5b_instruct", 1536, pooling::last_token, unit_length>;
using gte_qwen2_7b_space = space<"gte_qwen2_7b_instruct", 3584, pooling::last_token, unit_length>;

template <class Weights = f32>
using gte_qwen2_1_5b = qwen2<gte_qwen2_1_5b_space, qwen2_shape{.causal = false}, Weights>;
template <class Weights = f32>
using gte_qwen2_7b =
    qwen2<gte_qwen2_7b_space, qwen2_shape{.width = 3584, .heads = 28, .kv_heads = 4, .inner = 18944, .causal = false}, Weights>;

/// Names of its prompts: a query's instruction. Passages have none.
struct gte_qwen2_prompt {
  static constexpr std::string_view query = "query";
};

}  // namespace tessera::inline TESSERA_ABI
