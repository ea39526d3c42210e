// SPDX-License-Identifier: Apache-2.0
/// intfloat/e5-*-v2 (arXiv:2212.03533): mean pooling, unit length. Texts begin with "query: " or "passage: ".
///
///     auto encoder = ts::load<ts::e5_small<>>("models/e5-small-v2");
#pragma once

#include <tessera/model/bert.hpp>

namespace tessera::inline TESSERA_ABI {

using e5_small_space = space<"e5_small", 384, pooling::mean, unit_length>;
using e5_base_space = space<"e5_base", 768, pooling::mean, unit_length>;
using e5_large_space = space<"e5_large", 1024, pooling::mean, unit_length>;

template <class Weights = f32>
using e5_small = bert<e5_small_space, bert_shape{.width = 384, .inner = 1536}, Weights>;
template <class Weights = f32>
using e5_base = bert<e5_base_space, bert_shape{}, Weights>;
template <class Weights = f32>
using e5_large = bert<e5_large_space, bert_shape{.layers = 24, .width = 1024, .heads = 16, .inner = 4096}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
