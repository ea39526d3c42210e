// SPDX-License-Identifier: Apache-2.0
/// Qwen3-Reranker: a causal model that is asked whether a text answers a query, and the probability of its "yes" against "no".
///
///     auto judge = ts::load<ts::qwen3_reranker<ts::qwen3_shape{}>>("models/Qwen3-Reranker-0.6B");
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

}  // namespace tessera::inline TESSERA_ABI
