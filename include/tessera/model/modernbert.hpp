// SPDX-License-Identifier: Apache-2.0
/// ModernBERT as a model type: pre-normalised layers, every n-th of which sees the whole text, the others a window (arXiv:2412.13663).
///
///     using my_model = ts::modernbert<my_space, ts::modernbert_shape{}>;
#pragma once

#include <tessera/model/encoder_model.hpp>
#include <tessera/model/modernbert_family.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <modernbert_shape Shape>
using modernbert_norm =
    layer_norm<Shape.width, Shape.epsilon, std::conditional_t<Shape.norm_bias, with_bias, without_bias>>;
template <modernbert_shape Shape, double Theta, std::size_t Reach>
using modernbert_attention =
    self_attention<Shape.width, heads<Shape.heads>, biases<Shape.attention_bias, Shape.attention_bias>,
                   rotary<Shape.width / Shape.heads, Theta>, window<Reach>>;
template <modernbert_shape Shape>
using modernbert_global = modernbert_attention<Shape, Shape.global_theta, 0>;
template <modernbert_shape Shape>
using modernbert_local = modernbert_attention<Shape, Shape.local_theta, Shape.local_attention / 2>;
template <modernbert_shape Shape, class Attention, class Norm = modernbert_norm<Shape>>
using modernbert_layer =
    sequence<pre_norm<Attention, Norm>,
             pre_norm<typename gated_feed_forward<Shape.inner, activation_of<Shape.activation>,
                                                  biases<Shape.mlp_bias, Shape.mlp_bias>>::template stage<Shape.width>,
                      modernbert_norm<Shape>>>;

/// The layers behind the first, which has no attention norm.
template <modernbert_shape Shape>
struct modernbert_rest
    : every_nth<1, Shape.layers - 1, Shape.global_every, modernbert_layer<Shape, modernbert_local<Shape>>,
                modernbert_layer<Shape, modernbert_global<Shape>>> {};
template <modernbert_shape Shape>
requires(Shape.layers == 1) struct modernbert_rest<Shape> {
  using type = pass_through<Shape.width>;
};

/// The stages up to the last hidden state.
template <modernbert_shape Shape>
using modernbert_encoder =
    stages<token_embedding<Shape.vocabulary, Shape.width>, detail::modernbert_norm<Shape>,
           layers<0, 1, detail::modernbert_layer<Shape, detail::modernbert_global<Shape>, pass_through<Shape.width>>>,
           typename detail::modernbert_rest<Shape>::type, detail::modernbert_norm<Shape>>;

}  // namespace detail

template <embedding_space Space, modernbert_shape Shape, class Weights = f32, class... Heads>
using modernbert = encoder_model<Space, modernbert_family, Shape, Weights, detail::modernbert_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
