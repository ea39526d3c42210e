// SPDX-License-Identifier: Apache-2.0
/// Alibaba-NLP/gte-reranker-modernbert-base: a cross-encoder whose states are averaged.
///
///     auto judge = ts::load<ts::gte_modernbert_reranker_base<>>("models/gte-reranker-modernbert-base");
#pragma once

#include <tessera/model/modernbert_reranker.hpp>

namespace tessera::inline TESSERA_ABI {

template <class Weights = f32>
using gte_modernbert_reranker_base = modernbert_reranker<modernbert_shape{}, Weights, pooling::mean>;

}  // namespace tessera::inline TESSERA_ABI
