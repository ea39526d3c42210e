// SPDX-License-Identifier: Apache-2.0
/// Nomic's BERT with experts as a model type: post-normalised layers with rotary positions, of which every second has a mixture of experts
/// for a feed-forward (arXiv:2502.07972).
///
///     using my_model = ts::nomic_moe<my_space, ts::nomic_moe_shape{}>;
#pragma once

#include <tessera/model/encoder_model.hpp>
#include <tessera/model/nomic_moe_family.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <nomic_moe_shape Shape, class FeedForward>
using nomic_moe_layer = encoder_layer<Shape.width, heads<Shape.heads>, FeedForward, layer_norm<Shape.width, Shape.epsilon>,
                                      rotary<Shape.width / Shape.heads, Shape.theta>, biases<Shape.bias, Shape.bias>>;

/// The stages up to the last hidden state.
template <nomic_moe_shape Shape>
using nomic_moe_encoder = stages<
    token_embedding<Shape.vocabulary, Shape.width>, token_types<Shape.types, Shape.width>, layer_norm<Shape.width, Shape.epsilon>,
    repeat<Shape.layers,
           nomic_moe_layer<Shape, feed_forward<Shape.inner, activation_of<Shape.activation>, biases<Shape.bias, Shape.bias>>>,
           nomic_moe_layer<Shape, expert_feed_forward<Shape.experts, Shape.used, Shape.inner, activation_of<Shape.activation>>>>>;

}  // namespace detail

template <embedding_space Space, nomic_moe_shape Shape, class Weights = f32, class... Heads>
using nomic_moe = encoder_model<Space, nomic_moe_family, Shape, Weights, detail::nomic_moe_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
