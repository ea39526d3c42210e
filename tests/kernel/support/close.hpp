// SPDX-License-Identifier: Apache-2.0
/// The largest error of a kernel's results, in units of the bound its header states.
#pragma once

#include <cmath>
#include <cstddef>
#include <limits>
#include <span>

namespace tessera_test {

/// Half a unit in the last place of 1: the rounding error of f32.
inline constexpr double unit_roundoff = 0x1p-24;

/// The distance of neighbouring floats around `value`.
[[nodiscard]] inline double ulp(double value) {
  const double magnitude = std::fabs(value);
  if (!(magnitude >= 0x1p-126)) return 0x1p-149;
  return std::ldexp(1.0, std::ilogb(magnitude) - 23);
}

/// abs(got - truth) / bound: 0 where both are NaN or the same infinity, infinity where only one is.
[[nodiscard]] inline double error_ratio(float got, double truth, double bound) {
  if (got != got || truth != truth) return got != got && truth != truth ? 0.0 : std::numeric_limits<double>::infinity();
  const double exact = static_cast<double>(got);
  if (std::isinf(exact) || std::isinf(truth)) return exact == truth ? 0.0 : std::numeric_limits<double>::infinity();
  const double error = std::fabs(exact - truth);
  return error == 0.0 ? 0.0 : error / bound;
}

/// The largest error_ratio. `bound(i)` bounds the kernel's error; the truth, itself rounded to f32, may add half a unit.
template <class Bound>
[[nodiscard]] double worst_ratio(std::span<const float> got, std::span<const float> truth, const Bound& bound) {
  double worst = got.size() == truth.size() ? 0.0 : std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < got.size() && i < truth.size(); ++i) {
    const double t = static_cast<double>(truth[i]);
    const double ratio = error_ratio(got[i], t, bound(i) + 0.5 * ulp(t));
    if (ratio > worst) worst = ratio;
  }
  return worst;
}

}  // namespace tessera_test
