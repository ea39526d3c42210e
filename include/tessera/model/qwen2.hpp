// SPDX-License-Identifier: Apache-2.0
/// Qwen2 as a model type: pre-normalised layers with grouped queries, rotary positions and gated feed-forward
/// (arXiv:2407.10671).
///
///     using my_model = ts::qwen2<my_space, ts::qwen2_shape{.layers = 4, .width = 256, .heads = 4, .kv_heads = 2, .head_width = 64}>;
#pragma once

#include <tessera/model/encoder_model.hpp>
#include <tessera/model/qwen2_family.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <qwen2_shape Shape, std::size_t Window>
using qwen2_attention =
    self_attention<Shape.width, heads<Shape.heads, kv_heads<Shape.kv_heads>, head_width<Shape.head_width>>,
                   std::conditional_t<Shape.causal, causal, bidirectional>, window<Window>, biases<Shape.bias, false>,
                   rotary<Shape.head_width, Shape.theta>>;
template <qwen2_shape Shape, std::size_t Window>
using qwen2_layer = sequence<
    pre_norm<qwen2_attention<Shape, Window>, rms_norm<Shape.width, Shape.epsilon>>,
    pre_norm<typename gated_feed_forward<Shape.inner, activation_of<Shape.activation>>::template stage<Shape.width>,
             rms_norm<Shape.width, Shape.epsilon>>>;
template <qwen2_shape Shape>
inline constexpr std::size_t qwen2_full_layers = Shape.window == 0 ? Shape.layers : Shape.full_layers;

/// The stages up to the last hidden state.
template <qwen2_shape Shape>
using qwen2_encoder = stages<
    token_embedding<Shape.vocabulary, Shape.width>,
    typename detail::some_layers<Shape.width, 0, detail::qwen2_full_layers<Shape>, detail::qwen2_layer<Shape, 0>>::type,
    typename detail::some_layers<Shape.width, detail::qwen2_full_layers<Shape>,
                                 Shape.layers - detail::qwen2_full_layers<Shape>,
                                 detail::qwen2_layer<Shape, Shape.window>>::type,
    rms_norm<Shape.width, Shape.epsilon>>;

}  // namespace detail

template <embedding_space Space, qwen2_shape Shape, class Weights = f32, class... Heads>
using qwen2 = encoder_model<Space, qwen2_family, Shape, Weights, detail::qwen2_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
