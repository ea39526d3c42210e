// SPDX-License-Identifier: Apache-2.0
/// Cross-encoders on BERT (ms-marco-MiniLM): tanh of a dense map of the first state, then a logit.
///
///     auto judge = ts::load<ts::bert_reranker<ts::bert_shape{.layers = 6, .width = 384, .inner = 1536}>>(directory);
#pragma once

#include <tessera/model/bert.hpp>
#include <tessera/model/reranker.hpp>

namespace tessera::inline TESSERA_ABI {

template <bert_shape Shape, class Weights = f32>
using bert_reranker = reranker<bert_family, Shape, Weights, rerank_head{}, detail::bert_encoder<Shape>,
                               pool<pooling::cls>, dense<Shape.width, Shape.width, tanh>, dense<Shape.width, 1>>;

}  // namespace tessera::inline TESSERA_ABI
