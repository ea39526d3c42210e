// SPDX-License-Identifier: Apache-2.0
/// Cross-encoders on gte (gte-multilingual-reranker): tanh of a dense map of the first state, then a logit.
///
///     auto judge = ts::load<ts::gte_reranker<ts::gte_shape{}>>(directory);
#pragma once

#include <tessera/model/gte.hpp>
#include <tessera/model/reranker.hpp>

namespace tessera::inline TESSERA_ABI {

template <gte_shape Shape, class Weights = f32>
using gte_reranker = reranker<gte_family, Shape, Weights, rerank_head{}, detail::gte_encoder<Shape>, pool<pooling::cls>,
                              dense<Shape.width, Shape.width, tanh>, dense<Shape.width, 1>>;

}  // namespace tessera::inline TESSERA_ABI
