// SPDX-License-Identifier: Apache-2.0
/// BAAI/bge-m3 (arXiv:2402.03216), its dense vectors: the state of the first token, unit length, texts of up to 8192 tokens, no prompts.
///
///     auto encoder = ts::load<ts::bge_m3<>>("models/bge-m3");
#pragma once

#include <tessera/model/roberta.hpp>

namespace tessera::inline TESSERA_ABI {

using bge_m3_space = space<"bge_m3", 1024, pooling::cls, unit_length>;

template <class Weights = f32>
using bge_m3 =
    roberta<bge_m3_space, roberta_shape{.layers = 24, .width = 1024, .heads = 16, .inner = 4096, .positions = 8194}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
