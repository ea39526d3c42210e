// SPDX-License-Identifier: Apache-2.0
/// Alibaba-NLP/gte-*-en-v1.5 (arXiv:2407.19669): the state of the first token, as it is (no unit length), texts of up to 8192 tokens, no
/// prompts.
///
///     auto encoder = ts::load<ts::gte_large_en<>>("models/gte-large-en-v1.5");
#pragma once

#include <tessera/model/gte.hpp>

namespace tessera::inline TESSERA_ABI {

using gte_base_en_space = space<"gte_base_en_v1_5", 768, pooling::cls>;
using gte_large_en_space = space<"gte_large_en_v1_5", 1024, pooling::cls>;

template <class Weights = f32>
using gte_base_en = gte<gte_base_en_space,
                        gte_shape{.layers = 12, .width = 768, .heads = 12, .inner = 3072, .types = 0, .theta = 500000.0}, Weights>;
template <class Weights = f32>
using gte_large_en = gte<gte_large_en_space, gte_shape{}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
