// SPDX-License-Identifier: Apache-2.0
/// nomic-ai/modernbert-embed-base: mean pooling, unit length, also in its first 256 components. Texts begin with "search_query: " or
/// "search_document: "; the files name no prompts.
///
///     auto encoder = ts::load<ts::modernbert_embed_base<>>("models/modernbert-embed-base");
#pragma once

#include <tessera/model/modernbert.hpp>

namespace tessera::inline TESSERA_ABI {

using modernbert_embed_base_space = space<"modernbert_embed_base", 768, pooling::mean, unit_length, matryoshka<256>>;

template <class Weights = f32>
using modernbert_embed_base = modernbert<modernbert_embed_base_space, modernbert_shape{}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
