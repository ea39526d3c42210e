// SPDX-License-Identifier: Apache-2.0
/// cross-encoder/ms-marco-MiniLM-L6-v2 and -L12-v2: small cross-encoders for English.
///
///     auto judge = ts::load<ts::ms_marco_minilm_l6<>>("models/ms-marco-MiniLM-L6-v2");
#pragma once

#include <tessera/model/bert_reranker.hpp>

namespace tessera::inline TESSERA_ABI {

template <class Weights = f32>
using ms_marco_minilm_l6 = bert_reranker<bert_shape{.layers = 6, .width = 384, .inner = 1536}, Weights>;
template <class Weights = f32>
using ms_marco_minilm_l12 = bert_reranker<bert_shape{.layers = 12, .width = 384, .inner = 1536}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
