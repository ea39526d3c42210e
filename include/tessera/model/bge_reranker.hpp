// SPDX-License-Identifier: Apache-2.0
/// BAAI/bge-reranker-base, -large and -v2-m3: cross-encoders on XLM-RoBERTa, the last for texts of up to 8192 tokens.
///
///     auto judge = ts::load<ts::bge_reranker_v2_m3<>>("models/bge-reranker-v2-m3");
#pragma once

#include <tessera/model/roberta_reranker.hpp>

namespace tessera::inline TESSERA_ABI {

template <class Weights = f32>
using bge_reranker_base = roberta_reranker<roberta_shape{}, Weights>;
template <class Weights = f32>
using bge_reranker_large = roberta_reranker<roberta_shape{.layers = 24, .width = 1024, .heads = 16, .inner = 4096}, Weights>;
template <class Weights = f32>
using bge_reranker_v2_m3 =
    roberta_reranker<roberta_shape{.layers = 24, .width = 1024, .heads = 16, .inner = 4096, .positions = 8194}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
