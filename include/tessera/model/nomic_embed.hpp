// SPDX-License-Identifier: Apache-2.0
/// nomic-ai/nomic-embed-text-v1 and v1.5 (arXiv:2402.01613): mean pooling; v1 to unit length, v1.5 as it is. Texts begin with
/// "search_query: ", "search_document: ", "clustering: " or "classification: "; the files name no prompts.
///
///     auto encoder = ts::load<ts::nomic_embed_v1_5<>>("models/nomic-embed-text-v1.5");
///
/// v1.5 was trained for shorter vectors behind a layer norm of the pooled state, which is no part of its modules.json: its first
/// components alone are no embedding, so its space has no matryoshka<...>.
#pragma once

#include <tessera/model/nomic_bert.hpp>

namespace tessera::inline TESSERA_ABI {

using nomic_embed_v1_space = space<"nomic_embed_text_v1", 768, pooling::mean, unit_length>;
using nomic_embed_v1_5_space = space<"nomic_embed_text_v1_5", 768, pooling::mean>;

template <class Weights = f32>
using nomic_embed_v1 = nomic_bert<nomic_embed_v1_space, nomic_bert_shape{}, Weights>;
template <class Weights = f32>
using nomic_embed_v1_5 = nomic_bert<nomic_embed_v1_5_space, nomic_bert_shape{}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
