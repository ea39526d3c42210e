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
/// `dot_f32_i8` takes an f32 query and i8 rows. `dot_rows_f32(query, rows, stride, count, n, out)` writes out[r] = dot_f32(query,
/// rows + r·stride, n) for r < count with the same bits; stride is in storage elements. Calls over more than 512 KiB read the rows
/// as one stream from memory; for many queries, cut the rows into blocks below that and take every query to each block.
///
/// Error of the float sums, with u = 2^-24, for sums inside f32's range: |dot - exact| <= 2·n·u·sum|a_i·b_i| + n·2^-149, and
/// |squared_l2 - exact| <= 2·(n + 2)·u·exact + n·2^-149 (the order of summation is a tree, so real errors are far smaller);
/// |cosine - exact| <= 4·(n + 2)·u. The order depends on n and the target only. Subnormal values count in full. Integer sums are
/// exact for n < 2^15 (squared_l2_i8) and n < 2^17 (others).
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
  one_to_one<float, float, std::uint8_t> dot_f32_i4;
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
  one_to_many<float, float, std::uint8_t> dot_rows_f32_i4;
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

#include <tessera/kernel/distance_integer.hpp>
#include <tessera/kernel/elements.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

struct dot_step {
  static HWY_INLINE float_vector add(float_vector a, float_vector b, float_vector sum) { return hn::MulAdd(a, b, sum); }
};
struct squared_l2_step {
  static HWY_INLINE float_vector add(float_vector a, float_vector b, float_vector sum) {
    const float_vector difference = hn::Sub(a, b);
    return hn::MulAdd(difference, difference, sum);
  }
};

/// Rows taken together, so that one load of the query serves all and their sums hide the latency of each other. Four
/// accumulators a row: four rows fit 32 vector registers, two fit 16.
inline constexpr std::size_t rows_together = HWY_CAP_GE512 || HWY_TARGET_IS_NEON ? 4 : 2;

/// Sums of `Rows` rows. Value i goes to accumulator (i / float_lanes) mod 4 of its lane; what is left after the last multiple of
/// 4 · float_lanes values fills accumulators 0 and 1, then 2 and 3. The number of rows changes nothing in a row's sum.
template <class Step, class Query, class Row, std::size_t Rows, class QueryStorage, class RowStorage>
HWY_INLINE void sum_rows(const QueryStorage* query, const RowStorage* rows, std::size_t stride, std::size_t n, float* out) {
  const float_tag d;
  float_vector sum[Rows][4];
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) sum[r][0] = sum[r][1] = sum[r][2] = sum[r][3] = hn::Zero(d);

  float_vector q0;
  float_vector q1;
  float_vector v0;
  float_vector v1;
  std::size_t i = 0;
  for (; i + 4 * float_lanes <= n; i += 4 * float_lanes) {
    loader<Query>::load(query, i, q0, q1);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) {
      loader<Row>::load(rows + r * stride, i, v0, v1);
      sum[r][0] = Step::add(q0, v0, sum[r][0]);
      sum[r][1] = Step::add(q1, v1, sum[r][1]);
    }
    loader<Query>::load(query, i + 2 * float_lanes, q0, q1);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) {
      loader<Row>::load(rows + r * stride, i + 2 * float_lanes, v0, v1);
      sum[r][2] = Step::add(q0, v0, sum[r][2]);
      sum[r][3] = Step::add(q1, v1, sum[r][3]);
    }
  }
  if (i + 2 * float_lanes <= n) {
    loader<Query>::load(query, i, q0, q1);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) {
      loader<Row>::load(rows + r * stride, i, v0, v1);
      sum[r][0] = Step::add(q0, v0, sum[r][0]);
      sum[r][1] = Step::add(q1, v1, sum[r][1]);
    }
    i += 2 * float_lanes;
  }
  if (i < n) {
    loader<Query>::load_n(query, i, n - i, q0, q1);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) {
      loader<Row>::load_n(rows + r * stride, i, n - i, v0, v1);
      sum[r][2] = Step::add(q0, v0, sum[r][2]);
      sum[r][3] = Step::add(q1, v1, sum[r][3]);
    }
  }
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r)
    out[r] = fold_lanes(d, hn::Add(hn::Add(sum[r][0], sum[r][1]), hn::Add(sum[r][2], sum[r][3])));
}

template <class Step, class Query, class Row, class QueryStorage, class RowStorage>
inline float sum_one(const QueryStorage* a, const RowStorage* b, std::size_t n) noexcept {
  float out;
  sum_rows<Step, Query, Row, 1>(a, b, 0, n, &out);
  return out;
}

template <class Step, class Query, class Row, class QueryStorage, class RowStorage>
inline void sum_many(const QueryStorage* query, const RowStorage* rows, std::size_t stride, std::size_t count, std::size_t n,
                     float* out) noexcept {
  std::size_t r = 0;
  if (count * stride * sizeof(RowStorage) <= cached_rows_bytes)
    for (; r + rows_together <= count; r += rows_together)
      sum_rows<Step, Query, Row, rows_together>(query, rows + r * stride, stride, n, out + r);
  for (; r < count; ++r) out[r] = sum_one<Step, Query, Row>(query, rows + r * stride, n);
}

/// Loads as `Query` and `Row`; `A` and `B` are the same storage for the scalar definition.
template <class Query, class Row, class A, class B>
inline float cosine(const typename A::storage* a, const typename B::storage* b, std::size_t n) noexcept {
  const float_tag d;
  float_vector ab0 = hn::Zero(d);
  float_vector ab1 = ab0;
  float_vector aa0 = ab0;
  float_vector aa1 = ab0;
  float_vector bb0 = ab0;
  float_vector bb1 = ab0;
  float_vector a0;
  float_vector a1;
  float_vector b0;
  float_vector b1;
  for (std::size_t i = 0; i < n; i += 2 * float_lanes) {
    if (n - i >= 2 * float_lanes) {
      loader<Query>::load(a, i, a0, a1);
      loader<Row>::load(b, i, b0, b1);
    } else {
      loader<Query>::load_n(a, i, n - i, a0, a1);
      loader<Row>::load_n(b, i, n - i, b0, b1);
    }
    ab0 = hn::MulAdd(a0, b0, ab0);
    ab1 = hn::MulAdd(a1, b1, ab1);
    aa0 = hn::MulAdd(a0, a0, aa0);
    aa1 = hn::MulAdd(a1, a1, aa1);
    bb0 = hn::MulAdd(b0, b0, bb0);
    bb1 = hn::MulAdd(b1, b1, bb1);
  }
  const float ab = hn::ReduceSum(d, hn::Add(ab0, ab1));
  const float aa = hn::ReduceSum(d, hn::Add(aa0, aa1));
  const float bb = hn::ReduceSum(d, hn::Add(bb0, bb1));
  // Squares far from 1 may have left f32's range (or are NaN): the definition in double has room for every float.
  constexpr float least = 0x1p-80f;
  constexpr float most = 0x1p120f;
  if (!(aa > least && aa < most && bb > least && bb < most)) return scalar::cosine<A, B>(a, b, n);
  return static_cast<float>(static_cast<double>(ab) / __builtin_sqrt(static_cast<double>(aa) * static_cast<double>(bb)));
}

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
    .dot_bf16 = sum_one<dot_step, bf16_even_odd, bf16_even_odd>,
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
    .dot_f32_i8 = sum_one<dot_step, f32e, i8_elements>,
    .dot_i4 = dot_i4,
    .dot_f32_i4 = sum_one<dot_step, f32_even_odd, i4_even_odd>,
    .hamming_b1 = hamming_b1,
    .jaccard_b1 = jaccard_b1,
    .dot_rows_f32 = sum_many<dot_step, f32e, f32e>,
    .squared_l2_rows_f32 = sum_many<squared_l2_step, f32e, f32e>,
    .dot_rows_f16 = sum_many<dot_step, f16e, f16e>,
    .squared_l2_rows_f16 = sum_many<squared_l2_step, f16e, f16e>,
    .dot_rows_bf16 = sum_many<dot_step, bf16_even_odd, bf16_even_odd>,
    .squared_l2_rows_bf16 = sum_many<squared_l2_step, bf16_even_odd, bf16_even_odd>,
    .dot_rows_f32_f16 = sum_many<dot_step, f32e, f16e>,
    .squared_l2_rows_f32_f16 = sum_many<squared_l2_step, f32e, f16e>,
    .dot_rows_f32_bf16 = sum_many<dot_step, f32e, bf16e>,
    .squared_l2_rows_f32_bf16 = sum_many<squared_l2_step, f32e, bf16e>,
    .dot_rows_i8 = dot_rows_i8,
    .squared_l2_rows_i8 = squared_l2_rows_i8,
    .dot_rows_f32_i8 = sum_many<dot_step, f32e, i8_elements>,
    .dot_rows_i4 = dot_rows_i4,
    .dot_rows_f32_i4 = sum_many<dot_step, f32_even_odd, i4_even_odd>,
    .hamming_rows_b1 = hamming_rows_b1,
    .jaccard_rows_b1 = jaccard_rows_b1,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
