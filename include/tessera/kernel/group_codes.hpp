// SPDX-License-Identifier: Apache-2.0
/// Weights as 4-bit codes with a step for each 32 neighbours along the depth: x' ≈ (code - 15/2) · step, code in 0 .. 15.
///
/// x' is the row, padded with zeros to whole blocks and transformed by kernel/hadamard.hpp. Of a group of largest magnitude L the step is
/// L / 8 rounded up to a bf16 (at least 2^-114; zero where L is, NaN where L is not finite), so that sixteen steps hold the group:
///
///     |x' - (code - 15/2) · step| <= step · (1/2 + 2^-20),  step <= L / 7.93
///
/// There is no code for zero: levels lie on both sides of it alike, which for the bell of numbers that a rotation leaves is a third less
/// squared error than levels through zero with a step of L / 7. Codes and steps are the same on every target. A group takes 18 bytes, 4.5
/// bits a weight: a step (bf16, divided by 2^11 for the factor 128 of the rotation and the 16 that codes are multiplied by) and the codes.
#if !defined(TESSERA_KERNEL_GROUP_CODES_HPP)
#define TESSERA_KERNEL_GROUP_CODES_HPP

#include <tessera/kernel/hadamard.hpp>
#include <tessera/kernel/quantize.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

inline constexpr std::size_t i4_group = 32;

/// The step of a group whose largest magnitude is `largest`.
[[nodiscard]] constexpr float i4_step_of(float largest) noexcept {
  if (!(largest < __builtin_huge_valf())) return __builtin_nanf("");
  if (!(largest > 0.0f)) return 0.0f;
  const float step = largest < 0x1p-111f ? 0x1p-114f : largest / 8.0f;
  return std::bit_cast<float>((std::bit_cast<std::uint32_t>(step) + 0xFFFFu) & 0xFFFF0000u);
}

/// The cell of a number among the sixteen of its group; `to_code` is 1 / step, or 0 where that is not finite.
[[nodiscard]] inline std::uint32_t i4_code(float x, float to_code) noexcept {
  const int cell = static_cast<int>(__builtin_floorf(x * to_code));
  return static_cast<std::uint32_t>(cell < -8 ? 0 : cell > 7 ? 15 : cell + 8);
}

/// One group: codes, and its step.
[[nodiscard]] inline float i4_codes(const float* rotated, std::uint8_t* codes) noexcept {
  const float step = i4_step_of(scalar::max_abs(rotated, i4_group));
  const float to_code = step > 0.0f ? 1.0f / step : 0.0f;
  for (std::size_t i = 0; i < i4_group; ++i)
    codes[i] = to_code > 0.0f ? static_cast<std::uint8_t>(i4_code(rotated[i], to_code)) : std::uint8_t{8};
  return step;
}

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_GROUP_CODES_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_GROUP_CODES_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_GROUP_CODES_PASS)
#undef TESSERA_KERNEL_GROUP_CODES_PASS
#else
#define TESSERA_KERNEL_GROUP_CODES_PASS
#endif

#include <tessera/kernel/matmul_i8.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Eight neighbours along k of one column are a word of 32 bits: neighbour e has four bits in lane e % i4_part of the lanes that an
/// instruction multiplies (bytes or 16 bits), so that part e / i4_part of all columns is one shift and one mask away.
inline constexpr std::size_t i4_part = i8_step;
inline constexpr std::size_t i4_parts = 8 / i4_part;
[[nodiscard]] constexpr std::size_t i4_bit(std::size_t e) noexcept { return 32 / i4_part * (e % i4_part) + 4 * (e / i4_part); }

/// x86 multiplies 16 times the code as an unsigned number, NEON 16 times the code less 8 as a signed one; what that differs from 16 times
/// (code - 15/2) is a multiple of the row's sum.
#if HWY_TARGET == HWY_NEON_BF16
inline constexpr std::uint32_t i4_stored_minus = 8;
#else
inline constexpr std::uint32_t i4_stored_minus = 0;
#endif
inline constexpr std::int32_t i4_row_factor = 16 * static_cast<std::int32_t>(i4_stored_minus) - 120;

/// Of one panel: a group's steps, then its words [i4_group / 8][columns].
inline constexpr std::size_t i4_step_bytes = panel_width * sizeof(std::uint16_t);
inline constexpr std::size_t i4_group_bytes = i4_step_bytes + i4_group / 2 * panel_width;
[[nodiscard]] constexpr std::size_t i4_panel_bytes(std::size_t k) noexcept { return padded_depth(k) / i4_group * i4_group_bytes; }

/// 16 times the codes of one part of a vector of words.
template <std::size_t Part>
HWY_INLINE auto i4_columns(const std::uint8_t* words) {
  const hn::RebindToUnsigned<matmul_tag> d;
  const hn::Repartition<std::uint8_t, matmul_tag> d8;
  const auto word = hn::BitCast(d, hn::LoadU(d8, words));
  const auto mask = hn::Set(d, i4_part == 4 ? 0xF0F0F0F0u : 0x00F000F0u);
  auto shifted = word;
  if constexpr (Part == 0) shifted = hn::ShiftLeft<4>(word);
  if constexpr (Part > 1) shifted = hn::ShiftRight<4 * Part - 4>(word);
  if constexpr (i4_part == 4) return hn::BitCast(d8, hn::And(shifted, mask));
  else return hn::BitCast(hn::Repartition<std::int16_t, matmul_tag>(), hn::And(shifted, mask));
}

/// sum + Σ of the step's products of such columns with a row's signed codes, exact.
template <class Columns>
HWY_INLINE hn::Vec<sum_tag> add_i4_products(hn::Vec<sum_tag> row, Columns columns, hn::Vec<sum_tag> sum) {
  const sum_tag d;
  const hn::Repartition<std::int8_t, sum_tag> d8;
  if constexpr (i4_part == 2) return add_i8_products(row, columns, sum);
  else if constexpr (i4_stored_minus == 0) return hn::SumOfMulQuadAccumulate(d, columns, hn::BitCast(d8, row), sum);
  else return hn::SumOfMulQuadAccumulate(d, hn::BitCast(d8, columns), hn::BitCast(d8, row), sum);
}

/// 16 · (code - 15/2) of neighbour E of a vector of words, exact.
template <std::size_t E>
HWY_INLINE hn::Vec<matmul_tag> i4_values(const std::uint8_t* words) {
  const matmul_tag d;
  const hn::RebindToUnsigned<matmul_tag> du;
  const hn::Repartition<std::uint8_t, matmul_tag> d8;
  const auto word = hn::BitCast(du, hn::LoadU(d8, words));
  constexpr std::size_t bit = i4_bit(E);
#if HWY_TARGET <= HWY_AVX3
  // The instruction looks at the lowest four bits of an index only.
  HWY_ALIGN constexpr float levels[16] = {-120, -104, -88, -72, -56, -40, -24, -8, 8, 24, 40, 56, 72, 88, 104, 120};
  const hn::RebindToSigned<matmul_tag> di;
  return hn::TableLookupLanes(hn::Load(d, levels), hn::IndicesFromVec(d, hn::BitCast(di, hn::ShiftRight<bit>(word))));
#else
  // In the bits 2 to 5 of 2^25 the code counts by 16.
  auto shifted = word;
  if constexpr (bit < 2) shifted = hn::ShiftLeft<2 - bit>(word);
  else shifted = hn::ShiftRight<bit - 2>(word);
  const auto code = hn::Xor(hn::And(shifted, hn::Set(du, 0x3Cu)), hn::Set(du, 0x4C000000u | i4_stored_minus << 2));
  return hn::Sub(hn::BitCast(d, code), hn::Set(d, 0x1p25f + 120.0f));
#endif
}

/// The steps of a vector of columns.
HWY_INLINE hn::Vec<matmul_tag> i4_steps(const std::uint8_t* at) {
  const hn::Rebind<std::uint16_t, matmul_tag> d16;
  const hn::RebindToUnsigned<matmul_tag> du;
  const hn::Repartition<std::uint8_t, decltype(d16)> d8;
  return hn::BitCast(matmul_tag(), hn::ShiftLeft<16>(hn::PromoteTo(du, hn::BitCast(d16, hn::LoadU(d8, at)))));
}

inline std::size_t packed_size_i4(std::size_t k, std::size_t n) noexcept {
  return (n + panel_width - 1) / panel_width * i4_panel_bytes(k);
}

inline void pack_i4(const float* weight, std::size_t k, std::size_t n, std::uint8_t* packed) noexcept {
  HWY_ALIGN float rotated[hadamard_block];
  std::uint8_t codes[i4_group];
  hwy::ZeroBytes(packed, packed_size_i4(k, n));
  for (std::size_t j = 0; j < n; ++j) {
    const float* row = weight + j * k;
    std::uint8_t* panel = packed + j / panel_width * i4_panel_bytes(k);
    for (std::size_t begin = 0; begin < k; begin += hadamard_block) {
      hadamard_blocks(row + begin, HWY_MIN(hadamard_block, k - begin), rotated, 0);
      for (std::size_t l = 0; l < hadamard_block; l += i4_group) {
        std::uint8_t* group = panel + (begin + l) / i4_group * i4_group_bytes;
        const float step = i4_codes(rotated + l, codes) * 0x1p-11f;
        std::uint32_t bits;
        hwy::CopySameSize(&step, &bits);
        const auto half = static_cast<std::uint16_t>(bits >> 16u);
        hwy::CopyBytes<sizeof(half)>(&half, group + j % panel_width * sizeof(half));
        for (std::size_t i = 0; i < i4_group; ++i) {
          const std::size_t bit = i4_bit(i % 8);
          std::uint8_t* word = group + i4_step_bytes + (i / 8 * panel_width + j % panel_width) * 4;
          word[bit / 8] = static_cast<std::uint8_t>(word[bit / 8] | (codes[i] ^ i4_stored_minus) << bit % 8);
        }
      }
    }
  }
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
