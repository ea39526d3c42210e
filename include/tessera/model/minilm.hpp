// SPDX-License-Identifier: Apache-2.0
/// sentence-transformers/all-MiniLM-L6-v2: 384 dimensions, 6 layers, mean pooling, unit length.
///
///     auto encoder = ts::load<ts::minilm_l6<>>("models/all-MiniLM-L6-v2");
///     auto smaller = ts::load<ts::minilm_l6<ts::i8>>("models/all-MiniLM-L6-v2");   // the same files, a quarter of the bytes a weight
#pragma once

#include <tessera/model/bert.hpp>

namespace tessera::inline TESSERA_ABI {

using minilm_l6_space = space<"minilm_l6", 384, pooling::mean, unit_length>;

template <class Weights = f32>
using minilm_l6 = bert<minilm_l6_space, bert_shape{.layers = 6, .width = 384, .heads = 12, .inner = 1536}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
