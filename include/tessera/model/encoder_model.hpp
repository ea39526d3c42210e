// SPDX-License-Identifier: Apache-2.0
/// A published encoder as a model type: its stages, then pooling, dense heads and unit length as its space says.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/model/model.hpp>

namespace tessera::inline TESSERA_ABI {

/// Stages of an encoder, in order.
template <class... Stages>
struct stages {};

namespace detail {

template <class Space, class Family, auto Shape, class Weights, class Encoder, class... Heads>
struct encoder_model;
template <class Space, class Family, auto Shape, class Weights, class... Stages, class... Heads>
struct encoder_model<Space, Family, Shape, Weights, stages<Stages...>, Heads...> {
  using type =
      model<Space, published_by<Family, Shape>, stored_as<Weights>, Stages..., pool<Space::pooling_mode>, Heads...>;
};
template <class Space, class Family, auto Shape, class Weights, class... Stages, class... Heads>
requires(Space::unit_length) struct encoder_model<Space, Family, Shape, Weights, stages<Stages...>, Heads...> {
  using type = model<Space, published_by<Family, Shape>, stored_as<Weights>, Stages..., pool<Space::pooling_mode>,
                     Heads..., l2_normalize>;
};

/// `Count` layers from First on, of which every `Every`-th is Global and the others Local; Every of 0: all are Local.
template <std::size_t First, std::size_t Count, std::size_t Every, class Local, class Global,
          class Turns = std::make_index_sequence<Every == 0 ? 0 : Every - 1>>
struct every_nth;
template <std::size_t First, std::size_t Count, std::size_t Every, class Local, class Global, std::size_t... Turn>
struct every_nth<First, Count, Every, Local, Global, std::index_sequence<Turn...>> {
  template <std::size_t>
  using local = Local;
  using type = layers<First, Count, local<Turn>..., Global>;
};
template <std::size_t First, std::size_t Count, class Local, class Global>
struct every_nth<First, Count, 0, Local, Global, std::index_sequence<>> {
  using type = layers<First, Count, Local>;
};

/// Layers [First, First + Count), or nothing where there are none.
template <std::size_t Width, std::size_t First, std::size_t Count, class Layer>
struct some_layers {
  using type = layers<First, Count, Layer>;
};
template <std::size_t Width, std::size_t First, class Layer>
struct some_layers<Width, First, 0, Layer> {
  using type = pass_through<Width>;
};

}  // namespace detail

/// The model of a family's shape whose vectors live in Space; Heads are dense<...>.
template <embedding_space Space, class Family, auto Shape, class Weights, class Encoder, class... Heads>
using encoder_model = typename detail::encoder_model<Space, Family, Shape, Weights, Encoder, Heads...>::type;

}  // namespace tessera::inline TESSERA_ABI
