// SPDX-License-Identifier: Apache-2.0
/// A dimension as a type: an integral constant that Boost.Hana accepts wherever it accepts std::integral_constant.
///
///     static_assert(ts::dimension<384>::value == 384);
///     constexpr std::size_t n = ts::dim<384>;
#pragma once

#include <tessera/base/config.hpp>

#include <cstddef>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

/// The number of components of a vector. Zero is not a dimension.
template <std::size_t N>
struct dimension : std::integral_constant<std::size_t, N> {
  static_assert(N > 0, "tessera: a dimension is at least 1");
};

/// The value form: `dim<384> == dimension<384>{}`.
template <std::size_t N>
inline constexpr dimension<N> dim{};

}  // namespace tessera::inline TESSERA_ABI
