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

/// What can be wrong with a graph is a type that names all that disagrees. It is found in silence and reported once, by the
/// graph itself: the sentence then comes without the steps that found it, however deep the fault lies.
struct no_fault {};

/// Stands before the first stage in a wrong edge's message.
struct texts_in {};

/// First makes Made, Second takes Wanted.
template <class First, class Second, class Made, class Wanted>
struct edge {};

template <class Fault>
struct report {};
template <class First, class Second, class Made, class Wanted>
struct report<edge<First, Second, Made, Wanted>> {
  static_assert(std::is_same_v<edge<First, Second, Made, Wanted>, no_fault>,
                "tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes");
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

/// What is wrong inside a stage that is given Made; a stage says so by its `fault_in<Made>`.
template <class Stage, class Made>
struct fault_inside {
  using type = no_fault;
};
template <class Stage, class Made>
  requires requires { typename Stage::template fault_in<Made>; }
struct fault_inside<Stage, Made> {
  using type = typename Stage::template fault_in<Made>;
};

/// Walks a list of stages edge by edge. `type` is what the last one makes, `fault` the first that was found.
template <class Previous, class Made, class... Stages>
struct walk_stages {
  using type = Made;
  using fault = no_fault;
};
template <class Fault, class Made, class First, class... Rest>
struct walk_on {
  using type = Made;
  using fault = Fault;
};
template <class Made, class First, class... Rest>
struct walk_on<no_fault, Made, First, Rest...> : walk_stages<First, typename output<First, Made>::type, Rest...> {};
template <bool Fits, class Previous, class Made, class First, class... Rest>
struct walk_in {
  using type = Made;
  using fault = edge<Previous, First, Made, typename First::input>;
};
template <class Previous, class Made, class First, class... Rest>
struct walk_in<true, Previous, Made, First, Rest...>
    : walk_on<typename fault_inside<First, Made>::type, Made, First, Rest...> {};
template <class Previous, class Made, class First, class... Rest>
struct walk_stages<Previous, Made, First, Rest...> : walk_in<fits<Made, typename First::input>, Previous, Made, First, Rest...> {};
}  // namespace detail

/// What a stage makes when it is given Made.
template <class Stage, class Made>
using output_of = typename detail::output<Stage, Made>::type;

}  // namespace tessera::inline TESSERA_ABI
