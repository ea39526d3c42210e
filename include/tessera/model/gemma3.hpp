// SPDX-License-Identifier: Apache-2.0
/// EmbeddingGemma as a model type: Gemma 3 without causal order, local layers with a global one at times, norms around every block
/// (arXiv:2503.19786).
///
///     using my_model = ts::gemma3<my_space, ts::gemma3_shape{}>;
#pragma once

#include <tessera/model/encoder_model.hpp>
#include <tessera/model/gemma3_family.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <gemma3_shape Shape, double Theta, std::size_t Reach>
using gemma3_attention =
    self_attention<Shape.width, heads<Shape.heads, kv_heads<Shape.kv_heads>, head_width<Shape.head_width>>,
                   std::conditional_t<Shape.causal, causal, bidirectional>, window<Reach>, biases<false, false>,
                   rotary<Shape.head_width, Theta>, head_norm<Shape.epsilon, true>,
                   scores_over_root<Shape.query_scalar>>;
template <gemma3_shape Shape, double Theta, std::size_t Reach>
using gemma3_layer =
    sequence<sandwich_norm<gemma3_attention<Shape, Theta, Reach>, rms_norm<Shape.width, Shape.epsilon, true>>,
             sandwich_norm<
                 typename gated_feed_forward<Shape.inner, activation_of<Shape.activation>>::template stage<Shape.width>,
                 rms_norm<Shape.width, Shape.epsilon, true>>>;

/// The stages up to the last hidden state.
template <gemma3_shape Shape>
using gemma3_encoder =
    stages<token_embedding<Shape.vocabulary, Shape.width, detail::square_root(Shape.width)>,
           typename detail::every_nth<
               0, Shape.layers, Shape.global_every,
               detail::gemma3_layer<Shape, Shape.local_theta, Shape.causal ? Shape.window : Shape.window / 2>,
               detail::gemma3_layer<Shape, Shape.global_theta, 0>>::type,
           rms_norm<Shape.width, Shape.epsilon, true>>;

}  // namespace detail

template <embedding_space Space, gemma3_shape Shape, class Weights = f32, class... Heads>
using gemma3 = encoder_model<Space, gemma3_family, Shape, Weights, detail::gemma3_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
