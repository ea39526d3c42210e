// SPDX-License-Identifier: Apache-2.0
/// Cross-encoders on RoBERTa and XLM-RoBERTa (bge-reranker): tanh of a dense map of the first state, then a logit.
///
///     auto judge = ts::load<ts::roberta_reranker<ts::roberta_shape{}>>(directory);
#pragma once

#include <tessera/model/reranker.hpp>
#include <tessera/model/roberta.hpp>

namespace tessera::inline TESSERA_ABI {

template <roberta_shape Shape, class Weights = f32>
using roberta_reranker = reranker<roberta_family, Shape, Weights, rerank_head{}, detail::roberta_encoder<Shape>,
                                  pool<pooling::cls>, dense<Shape.width, Shape.width, tanh>, dense<Shape.width, 1>>;

}  // namespace tessera::inline TESSERA_ABI
