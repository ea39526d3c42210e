// SPDX-License-Identifier: Apache-2.0
/// One vector of n floats to integer codes with one scale or one a dimension, to signs, and back.
///
/// | kernel      | code of x_i                         | scale        | |x_i - scale·code| at most                      |
/// | ----------- | ----------------------------------- | ------------ | ----------------------------------------------- |
/// | quantize_i8 | round(x_i / scale), -127 .. 127     | max|x| / 127 | scale · (1/2 + 2^-16) + 2^-143                   |
/// | quantize_i4 | round(x_i / scale), -7 .. 7         | max|x| / 7   | scale · (1/2 + 2^-20) + 2^-143                   |
/// | binarize    | bit i%8 of byte i/8 is x_i > 0      | none         | the sign only                                   |
/// | binarize_around | bit i%8 of byte i/8 is x_i > centre_i | none      | the sign of x_i - centre_i only                 |
///
/// quantize_dimensions_i8 gives code_i = round((x_i - centre_i) / step_i), -127 .. 127, and 0 where step_i is 0; centre_i +
/// step_i·code_i lies from x_i, where that is no further than 127 steps from the centre, at most
/// step_i · (1/2 + 2^-14) + 2^-23·(|centre_i| + 128·step_i) + 2^-143.
///
/// Rounding is to nearest, ties to even, of the correctly rounded quotient: every target gives the same codes. The error beyond
/// half a step is the rounding of the scale and of the quotient; 2^-143 covers a scale that is itself subnormal.
/// i4 packs two codes a byte, the even one in the low half; unused halves and bits of the last byte are zero. Where the input
/// holds NaN or infinity all codes are zero and the scale returned is NaN or infinity; `all_finite` asks first.
#if !defined(TESSERA_KERNEL_QUANTIZE_HPP)
#define TESSERA_KERNEL_QUANTIZE_HPP

#include <tessera/kernel/elements.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

/// The largest |x_i|, 0 for n = 0; NaN where there is one. Magnitudes compare as their bits do, NaN above infinity.
[[nodiscard]] constexpr float max_abs(const float* x, std::size_t n) noexcept {
  std::uint32_t most = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::uint32_t magnitude = std::bit_cast<std::uint32_t>(x[i]) & 0x7FFFFFFFu;
    if (magnitude > most) most = magnitude;
  }
  return std::bit_cast<float>(most > 0x7F800000u ? most | 0x400000u : most);
}

[[nodiscard]] constexpr bool all_finite(const float* x, std::size_t n) noexcept {
  return std::bit_cast<std::uint32_t>(max_abs(x, n)) < 0x7F800000u;
}

/// The code of one value for a scale made from `largest` = 127 or 7.
[[nodiscard]] inline std::int32_t code_of(float x, float scale, float largest) noexcept {
  if (!(scale > 0.0f && scale < __builtin_huge_valf())) return 0;
  const float quotient = x / scale;
  const float bounded = quotient > largest ? largest : quotient < -largest ? -largest : quotient;
  return static_cast<std::int32_t>(std::nearbyint(bounded));
}

inline float quantize_i8(const float* x, std::int8_t* codes, std::size_t n) noexcept {
  const float scale = max_abs(x, n) / 127.0f;
  for (std::size_t i = 0; i < n; ++i) codes[i] = static_cast<std::int8_t>(code_of(x[i], scale, 127.0f));
  return scale;
}

inline float quantize_i4(const float* x, std::uint8_t* codes, std::size_t n) noexcept {
  const float scale = max_abs(x, n) / 7.0f;
  for (std::size_t i = 0; i < n; i += 2) {
    const std::int32_t low = code_of(x[i], scale, 7.0f);
    const std::int32_t high = i + 1 < n ? code_of(x[i + 1], scale, 7.0f) : 0;
    codes[i / 2] = static_cast<std::uint8_t>((low & 15) | ((high & 15) << 4));
  }
  return scale;
}

constexpr void dequantize_i8(const std::int8_t* codes, float scale, float* x, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>(codes[i]) * scale;
}

constexpr void dequantize_i4(const std::uint8_t* codes, float scale, float* x, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>(i4_elements::at(codes, i)) * scale;
}

constexpr void binarize(const float* x, std::uint8_t* bits, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; i += 8) {
    unsigned byte = 0;
    for (std::size_t j = i; j < n && j < i + 8; ++j) byte |= (x[j] > 0.0f ? 1u : 0u) << (j - i);
    bits[i / 8] = static_cast<std::uint8_t>(byte);
  }
}

constexpr void binarize_around(const float* x, const float* centre, std::uint8_t* bits, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; i += 8) {
    unsigned byte = 0;
    for (std::size_t j = i; j < n && j < i + 8; ++j) byte |= (x[j] > centre[j] ? 1u : 0u) << (j - i);
    bits[i / 8] = static_cast<std::uint8_t>(byte);
  }
}

inline void quantize_dimensions_i8(const float* x, const float* centre, const float* step, std::int8_t* codes,
                                   std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) codes[i] = static_cast<std::int8_t>(code_of(x[i] - centre[i], step[i], 127.0f));
}

inline void dequantize_dimensions_i8(const std::int8_t* codes, const float* centre, const float* step, float* x,
                                     std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) x[i] = static_cast<float>(static_cast<double>(step[i]) * codes[i] + static_cast<double>(centre[i]));
}

}  // namespace scalar

struct quantize_kernels {
  float (*max_abs)(const float* x, std::size_t n) noexcept;
  bool (*all_finite)(const float* x, std::size_t n) noexcept;
  float (*quantize_i8)(const float* x, std::int8_t* codes, std::size_t n) noexcept;   ///< returns the scale
  float (*quantize_i4)(const float* x, std::uint8_t* codes, std::size_t n) noexcept;  ///< returns the scale
  void (*dequantize_i8)(const std::int8_t* codes, float scale, float* x, std::size_t n) noexcept;
  void (*dequantize_i4)(const std::uint8_t* codes, float scale, float* x, std::size_t n) noexcept;
  void (*binarize)(const float* x, std::uint8_t* bits, std::size_t n) noexcept;
  void (*binarize_around)(const float* x, const float* centre, std::uint8_t* bits, std::size_t n) noexcept;
  void (*quantize_dimensions_i8)(const float* x, const float* centre, const float* step, std::int8_t* codes,
                                 std::size_t n) noexcept;
  void (*dequantize_dimensions_i8)(const std::int8_t* codes, const float* centre, const float* step, float* x,
                                   std::size_t n) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_QUANTIZE_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_QUANTIZE_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_QUANTIZE_PASS)
#undef TESSERA_KERNEL_QUANTIZE_PASS
#else
#define TESSERA_KERNEL_QUANTIZE_PASS
#endif

#include <tessera/kernel/elements.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

inline float max_abs(const float* x, std::size_t n) noexcept {
  const float_tag d;
  const hn::RebindToUnsigned<float_tag> du;
  const auto magnitude = hn::Set(du, 0x7FFFFFFFu);
  auto most0 = hn::Zero(du);
  auto most1 = most0;
  std::size_t i = 0;
  for (; i + 2 * float_lanes <= n; i += 2 * float_lanes) {
    most0 = hn::Max(most0, hn::And(hn::BitCast(du, hn::LoadU(d, x + i)), magnitude));
    most1 = hn::Max(most1, hn::And(hn::BitCast(du, hn::LoadU(d, x + i + float_lanes)), magnitude));
  }
  for (; i < n; i += float_lanes) most0 = hn::Max(most0, hn::And(hn::BitCast(du, load_at_most(d, x + i, n - i)), magnitude));
  const std::uint32_t most = hn::ReduceMax(du, hn::Max(most0, most1));
  return hwy::BitCastScalar<float>(most > 0x7F800000u ? most | 0x400000u : most);
}

inline bool all_finite(const float* x, std::size_t n) noexcept { return max_abs(x, n) < __builtin_huge_valf(); }

/// Codes of one vector of values; `scale` is finite and positive.
HWY_INLINE hn::Vec<hn::RebindToSigned<float_tag>> codes_of(float_vector x, float_vector scale, float_vector largest) {
  const auto quotient = hn::Div(x, scale);
  return hn::NearestInt(hn::Min(hn::Max(quotient, hn::Neg(largest)), largest));
}

inline float quantize_i8(const float* x, std::int8_t* codes, std::size_t n) noexcept {
  const float scale = max_abs(x, n) / 127.0f;
  const hn::Rebind<std::int8_t, float_tag> d8;
  if (!(scale > 0.0f && scale < __builtin_huge_valf())) {
    for (std::size_t i = 0; i < n; ++i) codes[i] = 0;
    return scale;
  }
  const float_tag d;
  const float_vector step = hn::Set(d, scale);
  const float_vector largest = hn::Set(d, 127.0f);
  std::size_t i = 0;
  for (; i + float_lanes <= n; i += float_lanes) hn::StoreU(hn::DemoteTo(d8, codes_of(hn::LoadU(d, x + i), step, largest)), d8, codes + i);
  if (i < n) hn::StoreN(hn::DemoteTo(d8, codes_of(hn::LoadN(d, x + i, n - i), step, largest)), d8, codes + i, n - i);
  return scale;
}

inline float quantize_i4(const float* x, std::uint8_t* codes, std::size_t n) noexcept {
  const float scale = max_abs(x, n) / 7.0f;
  const hn::Rebind<std::uint8_t, float_tag> d8;
  if (!(scale > 0.0f && scale < __builtin_huge_valf())) {
    for (std::size_t i = 0; i < (n + 1) / 2; ++i) codes[i] = 0;
    return scale;
  }
  const hn::RebindToSigned<float_tag> di;
  const hn::RebindToUnsigned<float_tag> du;
  const float_vector step = hn::Set(float_tag(), scale);
  const float_vector largest = hn::Set(float_tag(), 7.0f);
  const auto low_half = hn::Set(di, 15);
  for (std::size_t i = 0; i < n; i += 2 * float_lanes) {
    const std::size_t left = n - i < 2 * float_lanes ? n - i : 2 * float_lanes;
    float_vector x0;
    float_vector x1;
    loader<f32_elements>::load_n(x, i, left, x0, x1);
    const auto c0 = hn::And(codes_of(x0, step, largest), low_half);
    const auto c1 = hn::And(codes_of(x1, step, largest), low_half);
    const auto both = hn::Or(hn::ConcatEven(di, c1, c0), hn::ShiftLeft<4>(hn::ConcatOdd(di, c1, c0)));
    const auto bytes = hn::TruncateTo(d8, hn::BitCast(du, both));
    if (left == 2 * float_lanes) hn::StoreU(bytes, d8, codes + i / 2);
    else hn::StoreN(bytes, d8, codes + i / 2, (left + 1) / 2);
  }
  return scale;
}

template <class Elements>
HWY_INLINE void dequantize(const typename Elements::storage* codes, float scale, float* x, std::size_t n) {
  const float_tag d;
  const float_vector step = hn::Set(d, scale);
  float_vector v0;
  float_vector v1;
  std::size_t i = 0;
  for (; i + 2 * float_lanes <= n; i += 2 * float_lanes) {
    loader<Elements>::load(codes, i, v0, v1);
    hn::StoreU(hn::Mul(v0, step), d, x + i);
    hn::StoreU(hn::Mul(v1, step), d, x + i + float_lanes);
  }
  if (i < n) {
    loader<Elements>::load_n(codes, i, n - i, v0, v1);
    hn::StoreN(hn::Mul(v0, step), d, x + i, n - i);
    if (n - i > float_lanes) hn::StoreN(hn::Mul(v1, step), d, x + i + float_lanes, n - i - float_lanes);
  }
}
inline void dequantize_i8(const std::int8_t* codes, float scale, float* x, std::size_t n) noexcept {
  dequantize<i8_elements>(codes, scale, x, n);
}
inline void dequantize_i4(const std::uint8_t* codes, float scale, float* x, std::size_t n) noexcept {
  dequantize<i4_elements>(codes, scale, x, n);
}

/// Bits of x > centre; without `Around` of x > 0.
template <bool Around>
HWY_INLINE void signs_of(const float* x, const float* centre, std::uint8_t* bits, std::size_t n) {
  const float_tag d;
  for (std::size_t i = 0; i < n; i += 2 * float_lanes) {
    const std::size_t left = n - i < 2 * float_lanes ? n - i : 2 * float_lanes;
    float_vector x0;
    float_vector x1;
    float_vector c0 = hn::Zero(d);
    float_vector c1 = c0;
    loader<f32_elements>::load_n(x, i, left, x0, x1);
    if constexpr (Around) loader<f32_elements>::load_n(centre, i, left, c0, c1);
    std::uint8_t stored[8] = {};  // two vectors give 1 to 4 bytes
    hn::StoreMaskBits(d, hn::Gt(x0, c0), stored);
    if constexpr (float_lanes == 4) {
      std::uint8_t upper[8] = {};
      hn::StoreMaskBits(d, hn::Gt(x1, c1), upper);
      stored[0] = static_cast<std::uint8_t>(stored[0] | (upper[0] << 4));
    } else {
      hn::StoreMaskBits(d, hn::Gt(x1, c1), stored + float_lanes / 8);
    }
    for (std::size_t byte = 0; byte < 2 * float_lanes / 8 && i + 8 * byte < n; ++byte) bits[i / 8 + byte] = stored[byte];
  }
}
inline void binarize(const float* x, std::uint8_t* bits, std::size_t n) noexcept { signs_of<false>(x, nullptr, bits, n); }
inline void binarize_around(const float* x, const float* centre, std::uint8_t* bits, std::size_t n) noexcept {
  signs_of<true>(x, centre, bits, n);
}

inline void quantize_dimensions_i8(const float* x, const float* centre, const float* step, std::int8_t* codes,
                                   std::size_t n) noexcept {
  const float_tag d;
  const hn::Rebind<std::int8_t, float_tag> d8;
  const float_vector largest = hn::Set(d, 127.0f);
  for (std::size_t i = 0; i < n; i += float_lanes) {
    const float_vector s = load_at_most(d, step + i, n - i);
    const float_vector moved = hn::Sub(load_at_most(d, x + i, n - i), load_at_most(d, centre + i, n - i));
    // A dimension without a step holds its centre only; 0 / 0 must not become a code.
    const float_vector from = hn::IfThenElseZero(hn::Gt(s, hn::Zero(d)), moved);
    const float_vector by = hn::IfThenElse(hn::Gt(s, hn::Zero(d)), s, hn::Set(d, 1.0f));
    const auto made = hn::DemoteTo(d8, codes_of(from, by, largest));
    if (n - i >= float_lanes) hn::StoreU(made, d8, codes + i);
    else hn::StoreN(made, d8, codes + i, n - i);
  }
}

inline void dequantize_dimensions_i8(const std::int8_t* codes, const float* centre, const float* step, float* x,
                                     std::size_t n) noexcept {
  const float_tag d;
  const hn::Rebind<std::int8_t, float_tag> d8;
  for (std::size_t i = 0; i < n; i += float_lanes) {
    const float_vector code = loader<i8_elements>::widen(load_at_most(d8, codes + i, n - i));
    const float_vector value = hn::MulAdd(load_at_most(d, step + i, n - i), code, load_at_most(d, centre + i, n - i));
    if (n - i >= float_lanes) hn::StoreU(value, d, x + i);
    else hn::StoreN(value, d, x + i, n - i);
  }
}

inline constexpr quantize_kernels quantize_table = {
    .max_abs = max_abs,
    .all_finite = all_finite,
    .quantize_i8 = quantize_i8,
    .quantize_i4 = quantize_i4,
    .dequantize_i8 = dequantize_i8,
    .dequantize_i4 = dequantize_i4,
    .binarize = binarize,
    .binarize_around = binarize_around,
    .quantize_dimensions_i8 = quantize_dimensions_i8,
    .dequantize_dimensions_i8 = dequantize_dimensions_i8,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
