// SPDX-License-Identifier: Apache-2.0
/// Qwen/Qwen3-Embedding-* (arXiv:2506.05176): causal, the state of the last token, unit length, also in the leading components that the
/// spaces name (its makers allow every length from 32 on).
///
///     auto encoder = ts::load<ts::qwen3_embedding_0_6b<>>("models/Qwen3-Embedding-0.6B");
///     encoder->encode(question, {.prompt = ts::qwen3_embedding_prompt::query});
#pragma once

#include <tessera/model/qwen3.hpp>

namespace tessera::inline TESSERA_ABI {

using qwen3_embedding_0_6b_space =
    space<"qwen3_embedding_0_6b", 1024, pooling::last_token, unit_length, matryoshka<32, 64, 128, 256, 512, 768>>;
using qwen3_embedding_4b_space =
    space<"qwen3_embedding_4b", 2560, pooling::last_token, unit_length, matryoshka<32, 64, 128, 256, 512, 768, 1024, 1536, 2048>>;
using qwen3_embedding_8b_space = space<"qwen3_embedding_8b", 4096, pooling::last_token, unit_length,
                                       matryoshka<32, 64, 128, 256, 512, 768, 1024, 1536, 2048, 3072>>;

template <class Weights = f32>
using qwen3_embedding_0_6b = qwen3<qwen3_embedding_0_6b_space, qwen3_shape{}, Weights>;
template <class Weights = f32>
using qwen3_embedding_4b = qwen3<
    qwen3_embedding_4b_space,
    qwen3_shape{.vocabulary = 151665, .layers = 36, .width = 2560, .heads = 32, .inner = 9728, .positions = 40960}, Weights>;
template <class Weights = f32>
using qwen3_embedding_8b = qwen3<
    qwen3_embedding_8b_space,
    qwen3_shape{.vocabulary = 151665, .layers = 36, .width = 4096, .heads = 32, .inner = 12288, .positions = 40960}, Weights>;

/// Names of its prompts. A document's is empty.
struct qwen3_embedding_prompt {
  static constexpr std::string_view query = "query";
  static constexpr std::string_view document = "document";
};

}  // namespace tessera::inline TESSERA_ABI
