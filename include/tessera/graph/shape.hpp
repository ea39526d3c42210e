// SPDX-License-Identifier: Apache-2.0
/// What flows along the edges of a graph, as types: named axes with sizes, and the check that two neighbouring stages agree.
///
///     using ids_in = ts::wants<ts::axis::ids>;             // token ids of packed texts
///     using states = ts::produces<ts::axis::tokens, 384>;   // [tokens, 384]
///     using vectors = ts::produces<ts::axis::texts, 384>;   // [texts, 384]
///
/// Every edge is checked on its own before anything is folded, so that a wrong graph is one sentence with both shapes in it.
#pragma once

#include <tessera/base/config.hpp>

#include <cstddef>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

/// The axes along which a graph's values vary at run time.
namespace axis {
struct ids {};     ///< one id a token, packed over texts
struct tokens {};  ///< one row a token, packed over texts
struct texts {};   ///< one row a text
}  // namespace axis

/// A size that the stage takes as it comes.
inline constexpr std::size_t any_size = 0;

/// What a stage makes: rows along Axis, each of shape Sizes.
template <class Axis, std::size_t... Sizes>
struct produces {
  using axis = Axis;
  static constexpr std::size_t width = (std::size_t{1} * ... * Sizes);
};

/// What a stage takes: rows along Axis, each of shape Sizes; `any_size` takes every width.
template <class Axis, std::size_t... Sizes>
struct wants {
  using axis = Axis;
};

namespace detail {

template <class Made, class Wanted>
inline constexpr bool fits = false;
template <class Axis, std::size_t... Sizes>
inline constexpr bool fits<produces<Axis, Sizes...>, wants<Axis, Sizes...>> = true;
template <class Axis, std::size_t Size>
  requires(Size != any_size)
inline constexpr bool fits<produces<Axis, Size>, wants<Axis, any_size>> = true;

/// One edge of a graph: First makes Made, Second takes Wanted.
template <class First, class Second, class Made, class Wanted>
struct edge {
  static constexpr bool agrees = fits<Made, Wanted>;
  static_assert(agrees, "tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes");
};

}  // namespace detail

/// A stage with an `input` it wants and a rule `output_of<Made>` for what it makes of what it is given.
template <class T>
concept stage = requires { typename T::input; };

namespace detail {
template <class Stage, class Made>
struct output {
  using type = typename Stage::output;
};
template <class Stage, class Made>
  requires requires { typename Stage::template output_of<Made>; }
struct output<Stage, Made> {
  using type = typename Stage::template output_of<Made>;
};

/// Walks a list of stages edge by edge. `type` is what the last one makes; `sound` is false after a reported edge.
template <class Previous, class Made, class... Stages>
struct walk {
  using type = Made;
  static constexpr bool sound = true;
};
template <class Previous, class Made, class First, class... Rest>
struct walk<Previous, Made, First, Rest...> {
  static constexpr bool here = edge<Previous, First, Made, typename First::input>::agrees;
  // After a wrong edge the rest would only repeat the complaint.
  template <bool Sound, class Dummy>
  struct rest {
    using type = Made;
    static constexpr bool sound = false;
  };
  template <class Dummy>
  struct rest<true, Dummy> : walk<First, typename output<First, Made>::type, Rest...> {};
  using type = typename rest<here, void>::type;
  static constexpr bool sound = rest<here, void>::sound;
};
}  // namespace detail

/// What a stage makes when it is given Made.
template <class Stage, class Made>
using output_of = typename detail::output<Stage, Made>::type;

}  // namespace tessera::inline TESSERA_ABI
