// SPDX-License-Identifier: Apache-2.0
/// gte v1.5 and Stella 400M (NewModel) as a model type: BERT's post-normalised layers with rotary positions and gated feed-forward.
///
///     using my_model = ts::gte<my_space, ts::gte_shape{.layers = 12, .width = 768, .heads = 12, .inner = 3072}>;
#pragma once

#include <tessera/model/encoder_model.hpp>
#include <tessera/model/gte_family.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <gte_shape Shape>
using gte_scaling =
    std::conditional_t<Shape.ntk_factor != 1.0, ntk_scaling<Shape.ntk_factor, Shape.ntk_mixed>,
                       std::conditional_t<Shape.linear_factor != 1.0, linear_scaling<Shape.linear_factor>, unscaled>>;
template <gte_shape Shape>
using gte_rotary = rotary<Shape.width / Shape.heads, Shape.theta, gte_scaling<Shape>>;
template <gte_shape Shape>
using gte_types = std::conditional_t<Shape.types == 0, pass_through<Shape.width>,
                                     token_types<(Shape.types == 0 ? 1 : Shape.types), Shape.width>>;

/// The stages up to the last hidden state.
template <gte_shape Shape>
using gte_encoder =
    stages<token_embedding<Shape.vocabulary, Shape.width>, detail::gte_types<Shape>,
           layer_norm<Shape.width, Shape.epsilon>,
           repeat<Shape.layers,
                  encoder_layer<Shape.width, heads<Shape.heads>,
                                gated_feed_forward<Shape.inner, activation_of<Shape.activation>, biases<false, true>>,
                                layer_norm<Shape.width, Shape.epsilon>, detail::gte_rotary<Shape>>>>;

}  // namespace detail

template <embedding_space Space, gte_shape Shape, class Weights = f32, class... Heads>
using gte = encoder_model<Space, gte_family, Shape, Weights, detail::gte_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
