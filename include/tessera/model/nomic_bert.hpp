// SPDX-License-Identifier: Apache-2.0
/// Nomic's BERT as a model type: post-normalised layers with rotary positions, gated feed-forward, no biases (arXiv:2402.01613).
///
///     using my_model = ts::nomic_bert<my_space, ts::nomic_bert_shape{}>;
#pragma once

#include <tessera/model/encoder_model.hpp>
#include <tessera/model/nomic_bert_family.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// The stages up to the last hidden state.
template <nomic_bert_shape Shape>
using nomic_bert_encoder =
    stages<token_embedding<Shape.vocabulary, Shape.width>, token_types<Shape.types, Shape.width>,
           layer_norm<Shape.width, Shape.epsilon>,
           repeat<Shape.layers, encoder_layer<Shape.width, heads<Shape.heads>,
                                              gated_feed_forward<Shape.inner, activation_of<Shape.activation>>,
                                              layer_norm<Shape.width, Shape.epsilon>,
                                              rotary<Shape.width / Shape.heads, Shape.theta>, biases<false, false>>>>;

}  // namespace detail

template <embedding_space Space, nomic_bert_shape Shape, class Weights = f32, class... Heads>
using nomic_bert = encoder_model<Space, nomic_bert_family, Shape, Weights, detail::nomic_bert_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
