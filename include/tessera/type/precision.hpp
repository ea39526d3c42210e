// SPDX-License-Identifier: Apache-2.0
/// Precision tags: how the components of a vector are stored, what sums are kept in, and how far a stored value may lie off.
///
/// | tag  | storage   | values an element | accumulator | worst case error of a stored component                         |
/// | ---- | --------- | ----------------- | ----------- | -------------------------------------------------------------- |
/// | f32  | float     | 1                 | float       | 0                                                              |
/// | f16  | float16   | 1                 | float       | 2^-11 of its value (2^-25 absolute below 2^-14)                |
/// | bf16 | bfloat16  | 1                 | float       | 2^-8 of its value (2^-134 absolute below 2^-126)               |
/// | i8   | int8_t    | 1                 | int32_t     | (1/2 + 2^-15)/127 of the vector's max|x| (+ 2^-143)            |
/// | i4   | uint8_t   | 2, low half first | int32_t     | (1/2 + 2^-19)/7 of the vector's max|x| (+ 2^-143)              |
/// | b1   | uint8_t   | 8, low bit first  | uint32_t    | the sign only                                                  |
///
/// f16 holds magnitudes up to 65504 and rounds those from 65520 to infinity; bf16 has f32's range. A code is x / scale rounded to
/// nearest, with scale max|x|/127 or max|x|/7: half a step, and what scale, quotient and the product code · scale round in f32.
///
/// A precision is a type, so two precisions never meet by accident: `cast<f16>(e)` and `quantize<i8>(e)` spell every narrowing.
#pragma once

#include <tessera/base/half.hpp>

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

struct f32 {
  using storage = float;
  using accumulator = float;
  static constexpr std::size_t bits = 32;
  static constexpr double worst_error = 0.0;
  static constexpr std::string_view label = "f32";
};

struct f16 {
  using storage = float16;
  using accumulator = float;
  static constexpr std::size_t bits = 16;
  static constexpr double worst_error = 0x1p-11;
  static constexpr std::string_view label = "f16";
};

struct bf16 {
  using storage = bfloat16;
  using accumulator = float;
  static constexpr std::size_t bits = 16;
  static constexpr double worst_error = 0x1p-8;
  static constexpr std::string_view label = "bf16";
};

struct i8 {
  using storage = std::int8_t;
  using accumulator = std::int32_t;
  static constexpr std::size_t bits = 8;
  static constexpr double worst_error = (0.5 + 0x1p-15) / 127.0;
  static constexpr std::string_view label = "i8";
};

struct i4 {
  using storage = std::uint8_t;
  using accumulator = std::int32_t;
  static constexpr std::size_t bits = 4;
  static constexpr double worst_error = (0.5 + 0x1p-19) / 7.0;
  static constexpr std::string_view label = "i4";
};

struct b1 {
  using storage = std::uint8_t;
  using accumulator = std::uint32_t;
  static constexpr std::size_t bits = 1;
  static constexpr double worst_error = 1.0;
  static constexpr std::string_view label = "b1";
};

namespace detail {
// Variables, not concepts built of std::same_as: clang explains a concept down to its atoms, over 30 lines.
template <class T>
inline constexpr bool is_floating = std::is_same_v<T, f32> || std::is_same_v<T, f16> || std::is_same_v<T, bf16>;
template <class T>
inline constexpr bool is_scaled = std::is_same_v<T, i8> || std::is_same_v<T, i4>;
}  // namespace detail

/// Components are floating-point numbers; the error of each is relative to its own value.
template <class T>
concept floating_precision = detail::is_floating<T>;

/// Components are integer codes times one scale a vector; the error is relative to the vector's largest component.
template <class T>
concept scaled_precision = detail::is_scaled<T>;

template <class T>
concept precision = floating_precision<T> || scaled_precision<T> || std::is_same_v<T, b1>;

/// Storage elements that hold `count` components; the unused bits of the last element are zero.
template <precision Precision>
[[nodiscard]] constexpr std::size_t storage_size(std::size_t count) noexcept {
  constexpr std::size_t per_element = sizeof(typename Precision::storage) * 8 / Precision::bits;
  return (count + per_element - 1) / per_element;
}

}  // namespace tessera::inline TESSERA_ABI
