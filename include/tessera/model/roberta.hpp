// SPDX-License-Identifier: Apache-2.0
/// RoBERTa and XLM-RoBERTa as a model type: BERT's layers with positions that count from behind the padding id (arXiv:1907.11692).
///
///     using e5 = ts::roberta<my_space, ts::roberta_shape{}>;   // multilingual-e5-base
#pragma once

#include <tessera/model/encoder_model.hpp>
#include <tessera/model/roberta_family.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// The stages up to the last hidden state.
template <roberta_shape Shape>
using roberta_encoder =
    stages<token_embedding<Shape.vocabulary, Shape.width>,
           learned_positions<Shape.positions, Shape.width, after_padding<Shape.padding>>,
           token_types<Shape.types, Shape.width>, layer_norm<Shape.width, Shape.epsilon>,
           repeat<Shape.layers, encoder_layer<Shape.width, heads<Shape.heads>,
                                              feed_forward<Shape.inner, activation_of<Shape.activation>>,
                                              layer_norm<Shape.width, Shape.epsilon>>>>;

}  // namespace detail

template <embedding_space Space, roberta_shape Shape, class Weights = f32, class... Heads>
using roberta = encoder_model<Space, roberta_family, Shape, Weights, detail::roberta_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
