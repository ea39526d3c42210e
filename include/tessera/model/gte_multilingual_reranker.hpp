// SPDX-License-Identifier: Apache-2.0
/// Alibaba-NLP/gte-multilingual-reranker-base (arXiv:2407.19669): a cross-encoder for texts of up to 8192 tokens.
///
///     auto judge = ts::load<ts::gte_multilingual_reranker_base<>>("models/gte-multilingual-reranker-base");
#pragma once

#include <tessera/model/gte_multilingual.hpp>
#include <tessera/model/gte_reranker.hpp>

namespace tessera::inline TESSERA_ABI {

template <class Weights = f32>
using gte_multilingual_reranker_base = gte_reranker<gte_multilingual_shape, Weights>;

}  // namespace tessera::inline TESSERA_ABI
