// SPDX-License-Identifier: Apache-2.0
/// Nomic's BERT as a model type: post-normalised layers with rotary positions and gated feed-forwards (arXiv:2402.01613), or with a
/// mixture of experts in every second layer (arXiv:2502.07972).
///
///     using my_model = ts::nomic_bert<my_space, ts::nomic_bert_shape{}>;
#pragma once

#include <tessera/model/encoder_model.hpp>
#include <tessera/model/nomic_bert_family.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <nomic_bert_shape Shape, class FeedForward>
using nomic_bert_layer = encoder_layer<Shape.width, heads<Shape.heads>, FeedForward, layer_norm<Shape.width, Shape.epsilon>,
                                       rotary<Shape.width / Shape.heads, Shape.theta>, biases<Shape.bias, Shape.bias>>;

/// All with a gate, or every second with experts and the others without a gate.
template <nomic_bert_shape Shape, class Activation = activation_of<Shape.activation>, class Biases = biases<Shape.bias, Shape.bias>>
using nomic_bert_layers = std::conditional_t<
    Shape.experts == 0, repeat<Shape.layers, nomic_bert_layer<Shape, gated_feed_forward<Shape.inner, Activation, Biases>>>,
    repeat<Shape.layers, nomic_bert_layer<Shape, feed_forward<Shape.inner, Activation, Biases>>,
           nomic_bert_layer<Shape, expert_feed_forward<Shape.experts, Shape.used, Shape.inner, Activation,
                                                       std::conditional_t<Shape.expert_bias, with_bias, without_bias>>>>>;

/// The stages up to the last hidden state.
template <nomic_bert_shape Shape>
using nomic_bert_encoder = stages<token_embedding<Shape.vocabulary, Shape.width>, token_types<Shape.types, Shape.width>,
                                  layer_norm<Shape.width, Shape.epsilon>, nomic_bert_layers<Shape>>;

}  // namespace detail

template <embedding_space Space, nomic_bert_shape Shape, class Weights = f32, class... Heads>
using nomic_bert = encoder_model<Space, nomic_bert_family, Shape, Weights, detail::nomic_bert_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
