// SPDX-License-Identifier: Apache-2.0
/// A vector in f32 as a metric compares it: what codes of rows and queries are made from.
///
/// Cosine compares directions: the vector at length 1 (zero stays zero). Inner products and squared L2 take it as it is.
#pragma once

#include <tessera/op/convert.hpp>
#include <tessera/op/metric.hpp>

#include <cmath>
#include <type_traits>

namespace tessera::inline TESSERA_ABI::detail {

/// x [dimension] from a row or a query; returns |x|²/2 where the metric is squared L2, else 0.
template <class Metric, class View>
[[nodiscard]] inline double place_for_metric(const View& vector, float* x) noexcept {
  using space = typename View::space;
  using precision = typename View::precision;
  constexpr std::size_t n = space::dimension;
  cast_values<f32, precision>(vector.data(), x, n);
  if constexpr (std::is_same_v<Metric, cosine> && !(space::unit_length && std::is_same_v<precision, f32>)) {
    const double length = std::sqrt(static_cast<double>(kernel::kernels().distance.dot_f32(x, x, n)));
    const auto factor = static_cast<float>(length > 0.0 ? 1.0 / length : 0.0);
    for (std::size_t i = 0; i < n; ++i) x[i] *= factor;
  } else if constexpr (std::is_same_v<Metric, squared_l2>) {
    return static_cast<double>(kernel::kernels().distance.dot_f32(x, x, n)) / 2.0;
  }
  return 0.0;
}

}  // namespace tessera::inline TESSERA_ABI::detail
