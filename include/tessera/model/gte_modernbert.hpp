// SPDX-License-Identifier: Apache-2.0
/// Alibaba-NLP/gte-modernbert-base: the state of the first token, as it is (no unit length), texts of up to 8192 tokens, no prompts.
///
///     auto encoder = ts::load<ts::gte_modernbert_base<>>("models/gte-modernbert-base");
#pragma once

#include <tessera/model/modernbert.hpp>

namespace tessera::inline TESSERA_ABI {

using gte_modernbert_base_space = space<"gte_modernbert_base", 768, pooling::cls>;

template <class Weights = f32>
using gte_modernbert_base = modernbert<gte_modernbert_base_space, modernbert_shape{}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
