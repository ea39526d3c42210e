// SPDX-License-Identifier: Apache-2.0
/// How attention splits a width into heads, with every impossible split refused by name.
///
///     ts::heads<12>                                        // width / 12 each, as many key-value heads
///     ts::heads<16, ts::kv_heads<2>, ts::head_width<128>>   // grouped queries (arXiv:2305.13245), width stated
#pragma once

#include <tessera/graph/rotary.hpp>
#include <tessera/graph/shape.hpp>

#include <cstddef>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

/// Number of key-value heads; each serves heads / kv_heads query heads.
template <std::size_t Count>
struct kv_heads {};

/// Width of one head, where it is not the model's width over the number of heads.
template <std::size_t Width>
struct head_width {};

namespace detail {
template <class Option>
inline constexpr std::size_t kv_heads_of = 0;
template <std::size_t Count>
inline constexpr std::size_t kv_heads_of<kv_heads<Count>> = Count;
template <class Option>
inline constexpr std::size_t head_width_of = 0;
template <std::size_t Width>
inline constexpr std::size_t head_width_of<head_width<Width>> = Width;
}  // namespace detail

template <std::size_t Count, class... Options>
struct heads {
  static constexpr std::size_t count = Count;
  static constexpr std::size_t stated_width = (std::size_t{0} + ... + detail::head_width_of<Options>);
  static constexpr std::size_t stated_kv = (std::size_t{0} + ... + detail::kv_heads_of<Options>);
  static constexpr std::size_t kv = stated_kv == 0 ? Count : stated_kv;
};

namespace detail {

/// sqrt(x) by Newton's steps from above, correctly rounded for the head widths of this world; std::sqrt is no constant expression.
[[nodiscard]] constexpr double square_root(double x) noexcept {
  double root = x < 1.0 ? 1.0 : x;
  for (double next = 0.5 * (root + x / root); next < root; next = 0.5 * (root + x / root)) root = next;
  return root;
}

/// A width, heads and rotary positions that do not come out.
template <std::size_t Width, class Heads, class Rotary>
struct impossible_heads {};

/// The widths that a model's width and its heads give.
template <std::size_t Width, class Heads, class Rotary>
struct head_layout {
  static constexpr bool any = Heads::count > 0;
  static constexpr bool grouped = !any || (Heads::kv <= Heads::count && Heads::count % Heads::kv == 0);
  static constexpr bool divided = !any || Heads::stated_width != 0 || Width % Heads::count == 0;
  static constexpr std::size_t width = Heads::stated_width != 0 ? Heads::stated_width : any ? Width / Heads::count : 0;
  static constexpr bool paired = Rotary::width % 2 == 0;
  static constexpr bool turnable = !any || !divided || Rotary::width <= width;
  using fault = std::conditional_t<any && grouped && divided && paired && turnable, no_fault,
                                   impossible_heads<Width, Heads, Rotary>>;
  static constexpr std::size_t query = width * Heads::count;
  static constexpr std::size_t key = width * Heads::kv;
};

template <std::size_t Width, class Heads, class Rotary>
struct report<impossible_heads<Width, Heads, Rotary>> {
  using layout = head_layout<Width, Heads, Rotary>;
  static_assert(layout::any, "tessera: attention needs at least one head");
  static_assert(layout::grouped, "tessera: the key-value heads do not divide the heads");
  static_assert(layout::divided, "tessera: the heads do not divide the width; state head_width<...> where that is meant");
  static_assert(layout::paired, "tessera: an odd rotary width cannot be split into pairs");
  static_assert(layout::turnable, "tessera: the rotary width is larger than a head");
};

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
