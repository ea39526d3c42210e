// SPDX-License-Identifier: Apache-2.0
/// BAAI/bge-*-en-v1.5: the state of the first token, unit length. Queries for retrieval begin with a prompt of their own (see the
/// model's prompt configuration).
///
///     auto encoder = ts::load<ts::bge_small_en<>>("models/bge-small-en-v1.5");
#pragma once

#include <tessera/model/bert.hpp>

namespace tessera::inline TESSERA_ABI {

using bge_small_en_space = space<"bge_small_en", 384, pooling::cls, unit_length>;
using bge_base_en_space = space<"bge_base_en", 768, pooling::cls, unit_length>;
using bge_large_en_space = space<"bge_large_en", 1024, pooling::cls, unit_length>;

template <class Weights = f32>
using bge_small_en = bert<bge_small_en_space, bert_shape{.width = 384, .inner = 1536}, Weights>;
template <class Weights = f32>
using bge_base_en = bert<bge_base_en_space, bert_shape{}, Weights>;
template <class Weights = f32>
using bge_large_en = bert<bge_large_en_space, bert_shape{.layers = 24, .width = 1024, .heads = 16, .inner = 4096}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
