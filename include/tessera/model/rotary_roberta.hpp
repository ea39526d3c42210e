// SPDX-License-Identifier: Apache-2.0
/// XLM-RoBERTa with rotary positions and an adapter for each task as a model type (arXiv:2409.10173): BERT's layers, whose maps and tables
/// have adapters.
///
///     using my_model = ts::rotary_roberta<my_space, ts::rotary_roberta_shape{.layers = 12, .width = 384, .heads = 12, .inner = 1536}>;
#pragma once

#include <tessera/model/encoder_model.hpp>
#include <tessera/model/rotary_roberta_family.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <rotary_roberta_shape Shape>
struct rotary_roberta_adapters {
  using type = adapters<Shape.adapters, Shape.rank, Shape.alpha>;
};
template <rotary_roberta_shape Shape>
requires(Shape.adapters == 0) struct rotary_roberta_adapters<Shape> {
  using type = no_adapters;
};

/// The stages up to the last hidden state.
template <rotary_roberta_shape Shape, class Adapters = typename rotary_roberta_adapters<Shape>::type>
using rotary_roberta_encoder =
    stages<token_embedding<Shape.vocabulary, Shape.width, 1.0, Adapters>, token_types<Shape.types, Shape.width, Adapters>,
           layer_norm<Shape.width, Shape.epsilon>,
           repeat<Shape.layers,
                  encoder_layer<Shape.width, heads<Shape.heads>,
                                feed_forward<Shape.inner, activation_of<Shape.activation>, Adapters>,
                                layer_norm<Shape.width, Shape.epsilon>,
                                rotary<Shape.width / Shape.heads, Shape.theta>, Adapters>>>;

}  // namespace detail

template <embedding_space Space, rotary_roberta_shape Shape, class Weights = f32, class... Heads>
using rotary_roberta =
    encoder_model<Space, rotary_roberta_family, Shape, Weights, detail::rotary_roberta_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
