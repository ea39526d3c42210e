// SPDX-License-Identifier: Apache-2.0
/// Static models as types: a text's vector is the mean of its tokens' vectors, without a layer between (model2vec; StaticEmbedding of
/// sentence-transformers). Hundreds of times faster than an encoder, and short texts lose little.
///
///     auto encoder = ts::load<ts::static_retrieval_mrl_en>("models/static-retrieval-mrl-en-v1");
///     auto shorter = ts::truncate<256>(*encoder->encode("a multi-track sound editor"));   // trained for it (Matryoshka)
#pragma once

#include <tessera/model/encoder_model.hpp>
#include <tessera/model/static_family.hpp>

namespace tessera::inline TESSERA_ABI {

/// Tables are held in f32 whatever the file stores; Weights is the precision of the heads.
template <embedding_space Space, static_shape Shape, class Weights = f32, class... Heads>
using static_embedding =
    encoder_model<Space, static_family, Shape, Weights, stages<in_f32<token_embedding<Shape.vocabulary, Shape.width>>>, Heads...>;

// sentence-transformers
using static_retrieval_mrl_en_space = space<"static_retrieval_mrl_en", 1024, pooling::mean, matryoshka<32, 64, 128, 256, 512>>;
using static_retrieval_mrl_en = static_embedding<static_retrieval_mrl_en_space, static_shape{.vocabulary = 30522, .width = 1024}>;
using static_similarity_mrl_multilingual_space =
    space<"static_similarity_mrl_multilingual", 1024, pooling::mean, matryoshka<32, 64, 128, 256, 512>>;
using static_similarity_mrl_multilingual =
    static_embedding<static_similarity_mrl_multilingual_space, static_shape{.vocabulary = 105879, .width = 1024}>;

// minishlab: their modules.json ends with the table, so the vectors are not of unit length.
using potion_base_8m_space = space<"potion_base_8m", 256>;
using potion_base_8m = static_embedding<potion_base_8m_space, static_shape{.vocabulary = 29528, .width = 256}>;
using potion_base_32m_space = space<"potion_base_32m", 512>;
using potion_base_32m = static_embedding<potion_base_32m_space, static_shape{.vocabulary = 63091, .width = 512}>;
using potion_retrieval_32m_space = space<"potion_retrieval_32m", 512>;
using potion_retrieval_32m = static_embedding<potion_retrieval_32m_space, static_shape{.vocabulary = 63091, .width = 512}>;

}  // namespace tessera::inline TESSERA_ABI
