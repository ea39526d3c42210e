// SPDX-License-Identifier: Apache-2.0
/// The two 16-bit floating-point storage types, IEEE 754 binary16 and bfloat16, and their exact scalar conversions.
///
///     static_assert(ts::float16(1.5f).bits == 0x3E00);
///     static_assert(float(ts::bfloat16(3.140625f)) == 3.140625f);
///
/// float -> 16 bits rounds to nearest, ties to even; overflow becomes infinity; NaN stays NaN (made quiet, sign and upper payload
/// bits kept). 16 bits -> float is exact. These functions are the scalar truth that the vector kernels are tested against.
#pragma once

#include <tessera/base/config.hpp>

#include <bit>
#include <cstdint>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// binary16 bits of a float, round to nearest even.
[[nodiscard]] constexpr std::uint16_t float_to_float16_bits(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u)  // NaN: quiet, with the payload's upper bits
    return static_cast<std::uint16_t>(sign | 0x7E00u | ((magnitude >> 13) & 0x3FFu));
  if (magnitude >= 0x47800000u) return static_cast<std::uint16_t>(sign | 0x7C00u);  // 2^16 and above, infinity
  if (magnitude >= 0x38800000u) {                                                    // normal in binary16
    const std::uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
    return static_cast<std::uint16_t>(sign | ((rounded - 0x38000000u) >> 13));
  }
  if (magnitude < 0x33000000u) return static_cast<std::uint16_t>(sign);  // below half the smallest subnormal
  const std::uint32_t shift = 126u - (magnitude >> 23);                  // 14 .. 24
  const std::uint32_t mantissa = (magnitude & 0x7FFFFFu) | 0x800000u;
  const std::uint32_t kept = mantissa >> shift;
  const std::uint32_t rest = mantissa & ((1u << shift) - 1u);
  const std::uint32_t half = 1u << (shift - 1u);
  return static_cast<std::uint16_t>(sign | (kept + (rest > half || (rest == half && (kept & 1u)) ? 1u : 0u)));
}

[[nodiscard]] constexpr float float16_bits_to_float(std::uint16_t bits) noexcept {
  const std::uint32_t sign = (bits & 0x8000u) << 16;
  const std::uint32_t exponent = (bits >> 10) & 0x1Fu;
  std::uint32_t mantissa = bits & 0x3FFu;
  if (exponent == 0x1Fu) return std::bit_cast<float>(sign | 0x7F800000u | (mantissa << 13) | (mantissa ? 0x400000u : 0u));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112u) << 23) | (mantissa << 13));
  if (mantissa == 0) return std::bit_cast<float>(sign);
  const auto shift = static_cast<std::uint32_t>(std::countl_zero(mantissa)) - 21u;  // normalise the subnormal
  mantissa = (mantissa << shift) & 0x3FFu;
  return std::bit_cast<float>(sign | ((113u - shift) << 23) | (mantissa << 13));
}

/// bfloat16 bits of a float, round to nearest even.
[[nodiscard]] constexpr std::uint16_t float_to_bfloat16_bits(float value) noexcept {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7FFFFFFFu) > 0x7F800000u) return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

[[nodiscard]] constexpr float bfloat16_bits_to_float(std::uint16_t bits) noexcept {
  const std::uint32_t wide = static_cast<std::uint32_t>(bits) << 16;
  const bool is_nan = (wide & 0x7FFFFFFFu) > 0x7F800000u;
  return std::bit_cast<float>(is_nan ? wide | 0x400000u : wide);
}

}  // namespace detail

/// IEEE 754 binary16: 1 sign, 5 exponent, 10 mantissa bits; largest finite value 65504.
struct float16 {
  std::uint16_t bits = 0;

  constexpr float16() = default;
  constexpr explicit float16(float value) noexcept : bits(detail::float_to_float16_bits(value)) {}
  constexpr explicit operator float() const noexcept { return detail::float16_bits_to_float(bits); }
  [[nodiscard]] static constexpr float16 from_bits(std::uint16_t bits) noexcept {
    float16 made;
    made.bits = bits;
    return made;
  }
};

/// bfloat16: the upper half of a float; 1 sign, 8 exponent, 7 mantissa bits.
struct bfloat16 {
  std::uint16_t bits = 0;

  constexpr bfloat16() = default;
  constexpr explicit bfloat16(float value) noexcept : bits(detail::float_to_bfloat16_bits(value)) {}
  constexpr explicit operator float() const noexcept { return detail::bfloat16_bits_to_float(bits); }
  [[nodiscard]] static constexpr bfloat16 from_bits(std::uint16_t bits) noexcept {
    bfloat16 made;
    made.bits = bits;
    return made;
  }
};

static_assert(sizeof(float16) == 2 && alignof(float16) == 2 && sizeof(bfloat16) == 2 && alignof(bfloat16) == 2);

}  // namespace tessera::inline TESSERA_ABI
