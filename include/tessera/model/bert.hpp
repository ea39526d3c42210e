// SPDX-License-Identifier: Apache-2.0
/// The BERT family as a model type: a space and a shape give the graph, which reads published files.
///
///     using my_space = ts::space<"my_model", 384, ts::pooling::mean, ts::unit_length>;
///     using my_model = ts::bert<my_space, ts::bert_shape{.layers = 6, .width = 384, .heads = 12, .inner = 1536}>;
///
/// Token, position and type embeddings are summed and normalised; then `layers` encoder layers with post-normalisation
/// (arXiv:1810.04805). MiniLM, BGE, E5 and GTE (2023) are of this family.
#pragma once

#include <tessera/model/bert_family.hpp>
#include <tessera/model/encoder_model.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// The stages up to the last hidden state.
template <bert_shape Shape>
using bert_encoder =
    stages<token_embedding<Shape.vocabulary, Shape.width>, learned_positions<Shape.positions, Shape.width>,
           token_types<Shape.types, Shape.width>, layer_norm<Shape.width, Shape.epsilon>,
           repeat<Shape.layers, encoder_layer<Shape.width, heads<Shape.heads>,
                                              feed_forward<Shape.inner, activation_of<Shape.activation>>,
                                              layer_norm<Shape.width, Shape.epsilon>>>>;

}  // namespace detail

/// A BERT whose vectors live in Space: pooled as the space says, through `Heads` (dense<...>), to unit length where the space has it.
template <embedding_space Space, bert_shape Shape, class Weights = f32, class... Heads>
using bert = encoder_model<Space, bert_family, Shape, Weights, detail::bert_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
