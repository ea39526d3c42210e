// SPDX-License-Identifier: Apache-2.0
/// Alibaba-NLP/gte-multilingual-base (arXiv:2407.19669): the state of the first token, unit length, also in its first 128, 256 or 512
/// components; no prompts. gte_multilingual_reranker.hpp is the cross-encoder of the same shape.
///
///     auto encoder = ts::load<ts::gte_multilingual_base<>>("models/gte-multilingual-base");
#pragma once

#include <tessera/model/gte.hpp>

namespace tessera::inline TESSERA_ABI {

/// Both members' shape.
inline constexpr gte_shape gte_multilingual_shape{.vocabulary = 250048,
                                                  .layers = 12,
                                                  .width = 768,
                                                  .heads = 12,
                                                  .inner = 3072,
                                                  .positions = 65536,
                                                  .types = 1,
                                                  .theta = 20000.0,
                                                  .ntk_factor = 8.0};

using gte_multilingual_base_space = space<"gte_multilingual_base", 768, pooling::cls, unit_length, matryoshka<128, 256, 512>>;

template <class Weights = f32>
using gte_multilingual_base = gte<gte_multilingual_base_space, gte_multilingual_shape, Weights>;

}  // namespace tessera::inline TESSERA_ABI
