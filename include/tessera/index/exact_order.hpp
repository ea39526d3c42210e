// SPDX-License-Identifier: Apache-2.0
/// What an exact answer is ordered by: sums in double of products, or of squared differences, of the stored values.
#pragma once

#include <tessera/base/config.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace tessera::inline TESSERA_ABI::detail {

/// A row of an exact answer; `ranks_before` orders them.
struct exact_hit {
  double score;
  std::uint64_t id;
};

/// The sum in double of products, or squares of differences, of stored values: eight chains, added in pairs.
template <bool ByDifference>
[[nodiscard]] inline double exact_sum(const float* a, const float* b, std::size_t n) noexcept {
  double chains[8] = {};
  const auto term = [](float x, float y) {
    if constexpr (ByDifference) {
      const double difference = static_cast<double>(x) - static_cast<double>(y);
      return difference * difference;
    } else {
      return static_cast<double>(x) * static_cast<double>(y);
    }
  };
  std::size_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (std::size_t c = 0; c < 8; ++c) chains[c] += term(a[i + c], b[i + c]);
  for (std::size_t c = 0; c < n % 8; ++c) chains[c] += term(a[i + c], b[i + c]);
  return ((chains[0] + chains[4]) + (chains[2] + chains[6])) + ((chains[1] + chains[5]) + (chains[3] + chains[7]));
}

/// The f32 below x.
[[nodiscard]] inline float rounded_down(double x) noexcept {
  if (!(x > -1e37)) return -std::numeric_limits<float>::infinity();
  return static_cast<float>(x - std::fabs(x) * 0x1p-22) - std::numeric_limits<float>::min();
}

}  // namespace tessera::inline TESSERA_ABI::detail
