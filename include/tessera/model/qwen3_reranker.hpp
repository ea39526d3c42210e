// SPDX-License-Identifier: Apache-2.0
/// Qwen/Qwen3-Reranker-* (arXiv:2506.05176): a causal model that is asked whether a text answers a query, and the probability of its "yes"
/// against "no".
///
///     auto judge = ts::load<ts::qwen3_reranker_0_6b<>>("models/Qwen3-Reranker-0.6B");
#pragma once

#include <tessera/model/qwen3.hpp>
#include <tessera/model/reranker.hpp>

namespace tessera::inline TESSERA_ABI {

template <qwen3_shape Shape, class Weights = f32>
using qwen3_reranker = reranker<
    qwen3_family, Shape, Weights,
    rerank_head{
        .pooling_mode = pooling::last_token, .activation = kernel::activation::none, .bias = false, .answers = true},
    detail::qwen_encoder<Shape>, pool<pooling::last_token>, answer_logits<Shape.width>>;

template <class Weights = f32>
using qwen3_reranker_0_6b = qwen3_reranker<qwen3_shape{.positions = 40960}, Weights>;
template <class Weights = f32>
using qwen3_reranker_4b =
    qwen3_reranker<qwen3_shape{.layers = 36, .width = 2560, .heads = 32, .inner = 9728, .positions = 40960}, Weights>;
template <class Weights = f32>
using qwen3_reranker_8b =
    qwen3_reranker<qwen3_shape{.layers = 36, .width = 4096, .heads = 32, .inner = 12288, .positions = 40960}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
