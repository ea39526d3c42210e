// SPDX-License-Identifier: Apache-2.0
/// A random rotation of n dimensions, uniform over all of them (Haar measure): the product of n reflections along normally
/// distributed vectors of lengths n, n - 1, ... (Stewart 1980, doi:10.1137/0717034).
///
///     const std::vector<float> rotation = ts::random_rotation(384, seed);   // [384, 384] row-major, orthogonal
///
/// The same seed gives the same matrix, to rounding. Worked out in double and rounded to f32 once: rows are orthonormal to about
/// n·2^-24. Takes 4/3·n^3 operations.
#pragma once

#include <tessera/base/config.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// splitmix64 (Steele, Lea and Flood 2014), and normal numbers from it by Box and Muller.
class normal_source {
 public:
  explicit normal_source(std::uint64_t seed) noexcept : state_(seed) {}
  [[nodiscard]] std::uint64_t bits() noexcept {
    std::uint64_t z = state_ += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30u)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27u)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31u);
  }
  /// Uniform in (0, 1].
  [[nodiscard]] double uniform() noexcept { return static_cast<double>((bits() >> 11u) + 1) * 0x1p-53; }
  [[nodiscard]] double normal() noexcept {
    const double radius = std::sqrt(-2.0 * std::log(uniform()));
    return radius * std::cos(2.0 * std::numbers::pi * uniform());
  }

 private:
  std::uint64_t state_;
};

}  // namespace detail

[[nodiscard]] inline std::vector<float> random_rotation(std::size_t n, std::uint64_t seed) {
  detail::normal_source random(seed);
  std::vector<double> matrix(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) matrix[i * n + i] = 1.0;
  std::vector<double> along(n);
  std::vector<double> products(n);
  // From the smallest reflection to the largest, so that each meets only the part that is not the identity yet.
  for (std::size_t size = 1; size <= n; ++size) {
    const std::size_t from = n - size;
    double square = 0.0;
    for (std::size_t i = from; i < n; ++i) along[i] = random.normal(), square += along[i] * along[i];
    const double length = std::sqrt(square);
    // The reflection that takes the vector to the first axis; the sign of that axis is part of the measure.
    const double sign = along[from] < 0.0 ? -1.0 : 1.0;
    const double shift = sign * length;
    square += 2.0 * along[from] * shift + shift * shift;
    along[from] += shift;
    if (!(square > 0.0)) continue;
    for (std::size_t j = from; j < n; ++j) products[j] = 0.0;
    for (std::size_t i = from; i < n; ++i)
      for (std::size_t j = from; j < n; ++j) products[j] += along[i] * matrix[i * n + j];
    for (std::size_t i = from; i < n; ++i) {
      const double factor = 2.0 * along[i] / square;
      for (std::size_t j = from; j < n; ++j) matrix[i * n + j] -= factor * products[j];
    }
    for (std::size_t j = from; j < n; ++j) matrix[from * n + j] *= -sign;
  }
  std::vector<float> rotation(n * n);
  for (std::size_t i = 0; i < n * n; ++i) rotation[i] = static_cast<float>(matrix[i]);
  return rotation;
}

}  // namespace tessera::inline TESSERA_ABI
