// SPDX-License-Identifier: Apache-2.0
/// The value of every stored component in double, worked out from its bits alone, and vectors to try.
#pragma once

#include <tessera/type/embedding.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace tessera_tests {

/// Half a unit in the last place of 1 in f32.
inline constexpr double u = 0x1p-24;

/// sign · significand · 2^exponent of an IEEE format with `fraction` fraction bits and that exponent bias.
inline double decode(std::uint32_t bits, int fraction, int exponent_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const double sign = (bits >> (fraction + exponent_bits) & 1U) != 0 ? -1.0 : 1.0;
  const int exponent = static_cast<int>(bits >> fraction) & ((1 << exponent_bits) - 1);
  const auto significand = static_cast<double>(bits & ((1U << fraction) - 1));
  if (exponent == (1 << exponent_bits) - 1)
    return significand != 0.0 ? std::numeric_limits<double>::quiet_NaN() : sign * std::numeric_limits<double>::infinity();
  if (exponent == 0) return sign * std::ldexp(significand, 1 - bias - fraction);
  return sign * std::ldexp(significand + std::ldexp(1.0, fraction), exponent - bias - fraction);
}

inline double decode(float value) { return decode(std::bit_cast<std::uint32_t>(value), 23, 8); }
inline double decode(tessera::float16 value) { return decode(value.bits, 10, 5); }
inline double decode(tessera::bfloat16 value) { return decode(value.bits, 7, 8); }

/// Component i of an embedding or view; signs are 1 and 0.
template <class Vector>
double component(const Vector& vector, std::size_t i) {
  using precision = typename Vector::precision;
  if constexpr (std::is_same_v<precision, tessera::i8>) {
    return static_cast<double>(vector.data()[i]) * decode(vector.facts().scale);
  } else if constexpr (std::is_same_v<precision, tessera::i4>) {
    const int code = vector.data()[i / 2] >> (i % 2 * 4) & 15;
    return static_cast<double>(code >= 8 ? code - 16 : code) * decode(vector.facts().scale);
  } else if constexpr (std::is_same_v<precision, tessera::b1>) {
    return vector.data()[i / 8] >> (i % 8) & 1 ? 1.0 : 0.0;
  } else {
    return decode(vector.data()[i]);
  }
}

template <class Vector>
std::vector<double> components(const Vector& vector) {
  std::vector<double> values(Vector::dimension);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = component(vector, i);
  return values;
}

/// Uniform in [-1, 1), the same everywhere.
class random_values {
 public:
  explicit random_values(std::uint32_t seed) : engine_(seed) {}
  float unit() { return static_cast<float>(static_cast<std::int32_t>(engine_())) * 0x1p-31F; }
  /// Any bits that are a finite float.
  float any() {
    for (;;) {
      const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(engine_()));
      if (std::isfinite(value)) return value;
    }
  }
  template <class Space>
  tessera::embedding<Space> vector() {
    tessera::embedding<Space> made;
    for (float& value : made.values()) value = unit();
    return made;
  }

 private:
  std::mt19937 engine_;
};

}  // namespace tessera_tests
