// SPDX-License-Identifier: Apache-2.0
/// Distances between vectors of n values, one to one and one to many, in every precision.
///
/// | kernel      | value                                 | result                                              |
/// | ----------- | ------------------------------------- | --------------------------------------------------- |
/// | dot         | sum of a_i·b_i                        | float; exact int32 for i8 and i4                    |
/// | squared_l2  | sum of (a_i - b_i)^2                  | float; exact int32 for i8                           |
/// | cosine      | dot / (|a|·|b|), 0 where one is zero  | float                                               |
/// | hamming_b1  | bits that differ                      | exact uint32                                        |
/// | jaccard_b1  | 1 - |a and b| / |a or b|              | float, one rounding; 0 where no bit is set in either |
///
/// `dot_f32_i8` takes an f32 query and i8 rows; `dot_f32_b1` reads a bit that is set as 1, one that is not as -1.
/// `dot_rows_f32(query, rows, stride, count, n, out)` writes out[r] = dot_f32(query, rows + r·stride, n) for r < count with the
/// same bits; stride is in storage elements. Calls over more than 512 KiB read the rows as one stream from memory; for many
/// queries, cut the rows into blocks below that and take every query to each block.
///
/// Error of the float sums, with u = 2^-24, for sums inside f32's range: |dot - exact| <= 2·n·u·sum|a_i·b_i| + n·2^-149, and
/// |squared_l2 - exact| <= 2·(n + 2)·u·exact + n·2^-149 (the order of summation is a tree, so real errors are far smaller);
/// |cosine - exact| <= 4·(n + 2)·u. The order depends on n and the target only. Subnormal values count in full. Integer sums are
/// exact for n < 2^15 (squared_l2_i8) and n < 2^17 (others). An f32 query meets i8 and i4 in fixed point where that is faster and keeps
/// the bound (kernel/distance_fixed.hpp), and bf16 meets bf16 by pairs (kernel/distance_pairs.hpp).
#if !defined(TESSERA_KERNEL_DISTANCE_HPP)
#define TESSERA_KERNEL_DISTANCE_HPP

#include <tessera/kernel/elements.hpp>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

/// The definitions of truth: sums in double (their own rounding is below 2^-29 of the bounds above) or in 64-bit integers.
namespace scalar {

template <class A, class B>
[[nodiscard]] constexpr float dot(const typename A::storage* a, const typename B::storage* b, std::size_t n) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(A::at(a, i)) * static_cast<double>(B::at(b, i));
  return static_cast<float>(sum);
}

template <class A, class B>
[[nodiscard]] constexpr float squared_l2(const typename A::storage* a, const typename B::storage* b, std::size_t n) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double difference = static_cast<double>(A::at(a, i)) - static_cast<double>(B::at(b, i));
    sum += difference * difference;
  }
  return static_cast<float>(sum);
}

template <class A, class B>
[[nodiscard]] inline float cosine(const typename A::storage* a, const typename B::storage* b, std::size_t n) noexcept {
  double ab = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(A::at(a, i));
    const double y = static_cast<double>(B::at(b, i));
    ab += x * y;
    aa += x * x;
    bb += y * y;
  }
  return aa == 0.0 || bb == 0.0 ? 0.0f : static_cast<float>(ab / (std::sqrt(aa) * std::sqrt(bb)));
}

template <class Elements>
[[nodiscard]] constexpr std::int32_t dot_integer(const typename Elements::storage* a, const typename Elements::storage* b,
                                                 std::size_t n) noexcept {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += Elements::at(a, i) * Elements::at(b, i);
  return static_cast<std::int32_t>(sum);
}

[[nodiscard]] constexpr std::int32_t squared_l2_i8(const std::int8_t* a, const std::int8_t* b, std::size_t n) noexcept {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return static_cast<std::int32_t>(sum);
}

[[nodiscard]] constexpr std::uint32_t hamming_b1(const std::uint8_t* a, const std::uint8_t* b, std::size_t n_bytes) noexcept {
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < n_bytes; ++i)
    bits += static_cast<std::uint32_t>(std::popcount(static_cast<std::uint8_t>(a[i] ^ b[i])));
  return bits;
}

[[nodiscard]] constexpr float jaccard_b1(const std::uint8_t* a, const std::uint8_t* b, std::size_t n_bytes) noexcept {
  std::uint32_t differ = 0;
  std::uint32_t either = 0;
  for (std::size_t i = 0; i < n_bytes; ++i) {
    differ += static_cast<std::uint32_t>(std::popcount(static_cast<std::uint8_t>(a[i] ^ b[i])));
    either += static_cast<std::uint32_t>(std::popcount(static_cast<std::uint8_t>(a[i] | b[i])));
  }
  return either == 0 ? 0.0f : static_cast<float>(differ) / static_cast<float>(either);
}

}  // namespace scalar

/// The cosine that three sums give. Squares of values far from 1 may have left f32's range (or be NaN): where this is false the
/// kernels answer by the definition, in double.
[[nodiscard]] constexpr bool cosine_in_range(float aa, float bb) noexcept {
  return aa > 0x1p-80f && aa < 0x1p120f && bb > 0x1p-80f && bb < 0x1p120f;
}
[[nodiscard]] inline float cosine_of_sums(float ab, float aa, float bb) noexcept {
  return static_cast<float>(static_cast<double>(ab) / std::sqrt(static_cast<double>(aa) * static_cast<double>(bb)));
}

template <class Out, class A, class B>
using one_to_one = Out (*)(const A* a, const B* b, std::size_t n) noexcept;
template <class Out, class Query, class Row>
using one_to_many = void (*)(const Query* query, const Row* rows, std::size_t stride, std::size_t count, std::size_t n,
                             Out* out) noexcept;

struct distance_kernels {
  one_to_one<float, float, float> dot_f32, squared_l2_f32, cosine_f32;
  one_to_one<float, std::uint16_t, std::uint16_t> dot_f16, squared_l2_f16, cosine_f16;
  one_to_one<float, std::uint16_t, std::uint16_t> dot_bf16, squared_l2_bf16, cosine_bf16;
  one_to_one<float, float, std::uint16_t> dot_f32_f16, squared_l2_f32_f16, cosine_f32_f16;
  one_to_one<float, float, std::uint16_t> dot_f32_bf16, squared_l2_f32_bf16, cosine_f32_bf16;
  one_to_one<std::int32_t, std::int8_t, std::int8_t> dot_i8, squared_l2_i8;
  one_to_one<float, float, std::int8_t> dot_f32_i8;
  one_to_one<std::int32_t, std::uint8_t, std::uint8_t> dot_i4;
  one_to_one<float, float, std::uint8_t> dot_f32_i4, dot_f32_b1;
  one_to_one<std::uint32_t, std::uint8_t, std::uint8_t> hamming_b1;  ///< n in bytes
  one_to_one<float, std::uint8_t, std::uint8_t> jaccard_b1;          ///< n in bytes

  one_to_many<float, float, float> dot_rows_f32, squared_l2_rows_f32;
  one_to_many<float, std::uint16_t, std::uint16_t> dot_rows_f16, squared_l2_rows_f16;
  one_to_many<float, std::uint16_t, std::uint16_t> dot_rows_bf16, squared_l2_rows_bf16;
  one_to_many<float, float, std::uint16_t> dot_rows_f32_f16, squared_l2_rows_f32_f16;
  one_to_many<float, float, std::uint16_t> dot_rows_f32_bf16, squared_l2_rows_f32_bf16;
  one_to_many<std::int32_t, std::int8_t, std::int8_t> dot_rows_i8, squared_l2_rows_i8;
  one_to_many<float, float, std::int8_t> dot_rows_f32_i8;
  one_to_many<std::int32_t, std::uint8_t, std::uint8_t> dot_rows_i4;
  one_to_many<float, float, std::uint8_t> dot_rows_f32_i4, dot_rows_f32_b1;
  one_to_many<std::uint32_t, std::uint8_t, std::uint8_t> hamming_rows_b1;  ///< n in bytes
  one_to_many<float, std::uint8_t, std::uint8_t> jaccard_rows_b1;          ///< n in bytes
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_DISTANCE_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_DISTANCE_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_DISTANCE_PASS)
#undef TESSERA_KERNEL_DISTANCE_PASS
#else
#define TESSERA_KERNEL_DISTANCE_PASS
#endif

#include <tessera/kernel/distance_bits.hpp>
#include <tessera/kernel/distance_cosine.hpp>
#include <tessera/kernel/distance_fixed.hpp>
#include <tessera/kernel/distance_float.hpp>
#include <tessera/kernel/distance_i4.hpp>
#include <tessera/kernel/distance_integer.hpp>
#include <tessera/kernel/distance_pairs.hpp>

#include <hwy/highway.h>

namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

using f32e = f32_elements;
using f16e = f16_elements;
using bf16e = bf16_elements;

inline constexpr distance_kernels distance_table = {
    .dot_f32 = sum_one<dot_step, f32e, f32e>,
    .squared_l2_f32 = sum_one<squared_l2_step, f32e, f32e>,
    .cosine_f32 = cosine<f32e, f32e, f32e, f32e>,
    .dot_f16 = sum_one<dot_step, f16e, f16e>,
    .squared_l2_f16 = sum_one<squared_l2_step, f16e, f16e>,
    .cosine_f16 = cosine<f16e, f16e, f16e, f16e>,
    .dot_bf16 = dot_bf16,
    .squared_l2_bf16 = sum_one<squared_l2_step, bf16_even_odd, bf16_even_odd>,
    .cosine_bf16 = cosine<bf16_even_odd, bf16_even_odd, bf16e, bf16e>,
    .dot_f32_f16 = sum_one<dot_step, f32e, f16e>,
    .squared_l2_f32_f16 = sum_one<squared_l2_step, f32e, f16e>,
    .cosine_f32_f16 = cosine<f32e, f16e, f32e, f16e>,
    .dot_f32_bf16 = sum_one<dot_step, f32e, bf16e>,
    .squared_l2_f32_bf16 = sum_one<squared_l2_step, f32e, bf16e>,
    .cosine_f32_bf16 = cosine<f32e, bf16e, f32e, bf16e>,
    .dot_i8 = dot_i8,
    .squared_l2_i8 = squared_l2_i8,
    .dot_f32_i8 = dot_fixed<i8_in_fixed_point>,
    .dot_i4 = dot_i4,
    .dot_f32_i4 = dot_fixed<i4_in_fixed_point>,
    .dot_f32_b1 = sum_one<dot_step, f32e, b1_elements>,
    .hamming_b1 = hamming_b1,
    .jaccard_b1 = jaccard_b1,
    .dot_rows_f32 = sum_many<dot_step, f32e, f32e>,
    .squared_l2_rows_f32 = sum_many<squared_l2_step, f32e, f32e>,
    .dot_rows_f16 = sum_many_widened<dot_step, f16e, f16e>,
    .squared_l2_rows_f16 = sum_many_widened<squared_l2_step, f16e, f16e>,
    .dot_rows_bf16 = dot_rows_bf16,
    .squared_l2_rows_bf16 = sum_many_widened<squared_l2_step, bf16_even_odd, bf16_even_odd>,
    .dot_rows_f32_f16 = sum_many_widened<dot_step, f32e, f16e>,
    .squared_l2_rows_f32_f16 = sum_many_widened<squared_l2_step, f32e, f16e>,
    .dot_rows_f32_bf16 = sum_many_widened<dot_step, f32e, bf16e>,
    .squared_l2_rows_f32_bf16 = sum_many_widened<squared_l2_step, f32e, bf16e>,
    .dot_rows_i8 = dot_rows_i8,
    .squared_l2_rows_i8 = squared_l2_rows_i8,
    .dot_rows_f32_i8 = dot_rows_fixed<i8_in_fixed_point>,
    .dot_rows_i4 = dot_rows_i4,
    .dot_rows_f32_i4 = dot_rows_fixed<i4_in_fixed_point>,
    .dot_rows_f32_b1 = sum_many<dot_step, f32e, b1_elements>,
    .hamming_rows_b1 = hamming_rows_b1,
    .jaccard_rows_b1 = jaccard_rows_b1,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE

#endif
