// SPDX-License-Identifier: Apache-2.0
/// The stages of Qwen2 and Qwen3: pre-normalised layers with grouped queries, rotary positions and gated feed-forward (arXiv:2407.10671,
/// arXiv:2505.09388).
#pragma once

#include <tessera/model/encoder_model.hpp>
#include <tessera/model/qwen_family.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <auto Shape, std::size_t Window>
using qwen_attention =
    self_attention<Shape.width, heads<Shape.heads, kv_heads<Shape.kv_heads>, head_width<Shape.head_width>>,
                   std::conditional_t<Shape.causal, causal, bidirectional>, window<Window>,
                   biases<Shape.bias, Shape.output_bias()>, rotary<Shape.head_width, Shape.theta>,
                   std::conditional_t<Shape.normed_heads, head_norm<Shape.epsilon>, no_head_norm>>;
template <auto Shape, std::size_t Window>
using qwen_layer = sequence<
    pre_norm<qwen_attention<Shape, Window>, rms_norm<Shape.width, Shape.epsilon>>,
    pre_norm<typename gated_feed_forward<Shape.inner, activation_of<Shape.activation>>::template stage<Shape.width>,
             rms_norm<Shape.width, Shape.epsilon>>>;
template <auto Shape>
inline constexpr std::size_t qwen_full_layers = Shape.window == 0 ? Shape.layers : Shape.full_layers;

/// The stages up to the last hidden state.
template <auto Shape>
using qwen_encoder = stages<
    token_embedding<Shape.vocabulary, Shape.width>,
    typename detail::some_layers<Shape.width, 0, detail::qwen_full_layers<Shape>, detail::qwen_layer<Shape, 0>>::type,
    typename detail::some_layers<Shape.width, detail::qwen_full_layers<Shape>,
                                 Shape.layers - detail::qwen_full_layers<Shape>,
                                 detail::qwen_layer<Shape, Shape.window>>::type,
    rms_norm<Shape.width, Shape.epsilon>>;

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
