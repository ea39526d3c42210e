// SPDX-License-Identifier: Apache-2.0
/// nomic-ai/nomic-embed-text: v1 and v1.5 (arXiv:2402.01613), v2-moe (arXiv:2502.07972). Mean pooling; v1 and v2 to unit length, v1.5 as it
/// is. Texts for v1 and v1.5 begin with "search_query: ", "search_document: ", "clustering: " or "classification: ", which their files do
/// not name; v2 has prompts.
///
///     auto encoder = ts::load<ts::nomic_embed_v1_5_matryoshka<>>("models/nomic-embed-text-v1.5");
///     auto shorter = ts::truncate<256>(*encoder->encode("search_query: edit audio recordings"));
///
/// v1.5 was trained for shorter vectors behind a layer norm of the pooled state, which its modules.json does not list. With it the vectors
/// are another space: nomic_embed_v1_5_matryoshka reads the same files.
#pragma once

#include <tessera/model/nomic_bert.hpp>

namespace tessera::inline TESSERA_ABI {

using nomic_embed_v1_space = space<"nomic_embed_text_v1", 768, pooling::mean, unit_length>;
using nomic_embed_v1_5_space = space<"nomic_embed_text_v1_5", 768, pooling::mean>;
using nomic_embed_v1_5_matryoshka_space =
    space<"nomic_embed_text_v1_5_matryoshka", 768, pooling::mean, unit_length, matryoshka<64, 128, 256, 512>>;
using nomic_embed_v2_moe_space = space<"nomic_embed_text_v2_moe", 768, pooling::mean, unit_length, matryoshka<256>>;

template <class Weights = f32>
using nomic_embed_v1 = nomic_bert<nomic_embed_v1_space, nomic_bert_shape{}, Weights>;
template <class Weights = f32>
using nomic_embed_v1_5 = nomic_bert<nomic_embed_v1_5_space, nomic_bert_shape{}, Weights>;
template <class Weights = f32>
using nomic_embed_v1_5_matryoshka = nomic_bert<nomic_embed_v1_5_matryoshka_space, nomic_bert_shape{}, Weights, plain_layer_norm<768>>;
template <class Weights = f32>
using nomic_embed_v2_moe = nomic_bert<nomic_embed_v2_moe_space,
                                      nomic_bert_shape{.vocabulary = 250048,
                                                       .positions = 2048,
                                                       .types = 1,
                                                       .experts = 8,
                                                       .used = 2,
                                                       .bias = true,
                                                       .activation = kernel::activation::gelu_erf,
                                                       .epsilon = 1e-5,
                                                       .theta = 10000.0},
                                      Weights>;

/// Names of v2's prompts.
struct nomic_embed_v2_moe_prompt {
  static constexpr std::string_view query = "query";
  static constexpr std::string_view passage = "passage";
};

}  // namespace tessera::inline TESSERA_ABI
