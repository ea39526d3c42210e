// SPDX-License-Identifier: Apache-2.0
/// Dot products of bf16 with bf16, by pairs where the processor multiplies two of them at once and adds both products to an f32 sum (other
/// targets widen both sides, kernel/distance_float.hpp). Their scalar truth and tables stand in kernel/distance.hpp.
///
/// That instruction takes subnormal numbers, and results that would be one, as zero. Here this stays below the bound of
/// kernel/distance.hpp, 2·n·u·M + n·2^-149 with u = 2^-24 and M = sum|a_i·b_i|. Pairs are taken for queries whose components are
/// zero or from 2^-126 to below 2^16, and n <= 2^20. A row's subnormal number costs such a product less than 2^-110, each of at most three
/// roundings a value 2^-126: in all F < n·2^-109. A sum is rounded fewer than n times (products of two bf16 are exact), so
/// |result - exact| <= n·u·M + F. A result from 2^-80 on tells, as F < 2^-89, that M > 2^-82, and then F < n·u·2^-85 < n·u·M. Every other
/// result, NaN among them, is worked out again with both sides widened. Which way a pair goes depends on its values alone, so that every
/// shape of call has the same bits; which of the two is the query may matter in the last of them.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_DISTANCE_PAIRS_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_DISTANCE_PAIRS_PASS)
#undef TESSERA_KERNEL_DISTANCE_PAIRS_PASS
#else
#define TESSERA_KERNEL_DISTANCE_PAIRS_PASS
#endif

#include <tessera/kernel/distance_float.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

/// Both sides widened.
HWY_INLINE float dot_bf16_widened(const std::uint16_t* a, const std::uint16_t* b, std::size_t n) {
  return sum_one<dot_step, bf16_even_odd, bf16_even_odd>(a, b, n);
}

#if HWY_ARCH_X86 && HWY_NATIVE_DOT_BF16  // targets of 64-byte vectors

using pairs_tag = hn::Repartition<std::uint16_t, float_tag>;
using pairs_vector = hn::Vec<pairs_tag>;
inline constexpr std::size_t pairs_values = 2 * float_lanes;  // of a vector
inline constexpr float least_of_pairs = 0x1p-80f;

/// sum + both products of each lane.
HWY_INLINE float_vector add_pairs(pairs_vector a, pairs_vector b, float_vector sum) {
#if HWY_COMPILER_MSVC
  const hn::Repartition<hwy::bfloat16_t, float_tag> d;
  float_vector unused = hn::Zero(float_tag());
  return hn::ReorderWidenMulAccumulate(float_tag(), hn::BitCast(d, a), hn::BitCast(d, b), sum, unused);
#else  // as add_four_products
  __asm__("{vdpbf16ps %2, %1, %0|vdpbf16ps %0, %1, %2}" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
#endif
}

/// What decides whether a query's components let it meet rows by pairs: the largest and, zero aside, the least magnitude.
struct pairs_range {
  pairs_vector most;
  pairs_vector least;  // less 1, so that zero is beyond all others

  [[nodiscard]] static HWY_INLINE pairs_range of_nothing() {
    return {hn::Zero(pairs_tag()), hn::Set(pairs_tag(), std::uint16_t{0xFFFF})};
  }
  HWY_INLINE void see(pairs_vector some) {
    const pairs_tag d;
    const auto magnitude = hn::And(some, hn::Set(d, std::uint16_t{0x7FFF}));
    most = hn::Max(most, magnitude);
    least = hn::Min(least, hn::Sub(magnitude, hn::Set(d, std::uint16_t{1})));
  }
  [[nodiscard]] HWY_INLINE bool allows() const {
    const pairs_tag d;
    constexpr std::uint16_t beyond = (127 + 16) << 7;  // 2^16
    constexpr std::uint16_t normal = 1 << 7;           // 2^-126
    return hn::AllTrue(d, hn::And(hn::Lt(most, hn::Set(d, beyond)), hn::Ge(least, hn::Set(d, std::uint16_t{normal - 1}))));
  }
};
inline constexpr std::size_t most_of_pairs = std::size_t{1} << 20;

HWY_INLINE bool goes_by_pairs(const std::uint16_t* query, std::size_t n) {
  if (n > most_of_pairs) return false;
  pairs_range range = pairs_range::of_nothing();
  for (std::size_t i = 0; i < n; i += pairs_values) range.see(load_at_most(pairs_tag(), query + i, n - i));
  return range.allows();
}

/// Vectors whose lanes sum to the rows' products. Vector i of a row goes to accumulator i mod 2; of what is left after the last two whole
/// ones, a whole one to the first, a part to the second. `ask` as in `sum_rows`; `range` sees the query, where one is given.
template <std::size_t Rows, class Ask = ask_nothing>
HWY_INLINE void sum_pairs(const std::uint16_t* query, const std::uint16_t* const (&row)[Rows], std::size_t n, float_vector (&sums)[Rows],
                          Ask ask = {}, pairs_range* range = nullptr) {
  const pairs_tag d;
  float_vector sum[Rows][2];
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) sum[r][0] = sum[r][1] = hn::Zero(float_tag());
  std::size_t i = 0;
  for (; i + 2 * pairs_values <= n; i += 2 * pairs_values) {
    HWY_UNROLL(2)
    for (std::size_t chain = 0; chain < 2; ++chain) {
      const std::size_t at = i + chain * pairs_values;
      const auto q = in_register(hn::LoadU(d, query + at));
      if (range != nullptr) range->see(q);
      HWY_UNROLL(4)
      for (std::size_t r = 0; r < Rows; ++r) {
        sum[r][chain] = add_pairs(hn::LoadU(d, row[r] + at), q, sum[r][chain]);
        ask(r, at, pairs_values);
      }
    }
  }
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) ask(r, i, n - i);
  if (i + pairs_values <= n) {
    const auto q = in_register(hn::LoadU(d, query + i));
    if (range != nullptr) range->see(q);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) sum[r][0] = add_pairs(hn::LoadU(d, row[r] + i), q, sum[r][0]);
    i += pairs_values;
  }
  if (i < n) {
    const auto q = hn::LoadN(d, query + i, n - i);
    if (range != nullptr) range->see(q);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) sum[r][1] = add_pairs(hn::LoadN(d, row[r] + i, n - i), q, sum[r][1]);
  }
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) sums[r] = hn::Add(sum[r][0], sum[r][1]);
}

/// The products of four rows from `sum_pairs`.
HWY_INLINE void finish_pairs(const std::uint16_t* query, const std::uint16_t* const (&row)[4], std::size_t n, const float_vector (&sums)[4],
                             float* out) {
  const hn::FixedTag<float, 4> d;
  const auto four = fold_four(sums[0], sums[1], sums[2], sums[3]);
  hn::StoreU(four, d, out);
  if (HWY_LIKELY(hn::AllTrue(d, hn::Ge(hn::Abs(four), hn::Set(d, least_of_pairs))))) return;
  for (std::size_t r = 0; r < 4; ++r)
    if (!(__builtin_fabsf(out[r]) >= least_of_pairs)) out[r] = dot_bf16_widened(query, row[r], n);
}
/// One row.
HWY_INLINE float dot_pairs(const std::uint16_t* query, const std::uint16_t* one, std::size_t n) {
  const std::uint16_t* const row[] = {one};
  float_vector sums[1];
  sum_pairs<1>(query, row, n, sums);
  const float sum = fold_lanes(float_tag(), sums[0]);
  return HWY_LIKELY(__builtin_fabsf(sum) >= least_of_pairs) ? sum : dot_bf16_widened(query, one, n);
}

inline float dot_bf16(const std::uint16_t* a, const std::uint16_t* b, std::size_t n) noexcept {
  if (n > most_of_pairs) return dot_bf16_widened(a, b, n);
  const std::uint16_t* const row[] = {b};
  float_vector sums[1];
  pairs_range range = pairs_range::of_nothing();  // found out on the way: a pass of its own takes a third as long again
  sum_pairs<1>(a, row, n, sums, ask_nothing(), &range);
  const float sum = fold_lanes(float_tag(), sums[0]);
  return HWY_LIKELY(__builtin_fabsf(sum) >= least_of_pairs && range.allows()) ? sum : dot_bf16_widened(a, b, n);
}

/// Rows from memory, as `sum_in_order`.
HWY_NOINLINE inline std::size_t pairs_in_order(const std::uint16_t* query, const std::uint16_t* rows, std::size_t stride,
                                               std::size_t count, std::size_t n, float* out) noexcept {
  std::size_t r = 0;
  for (; r + 4 <= count; r += 4) {
    const std::uint16_t* const row[] = {rows + r * stride, rows + (r + 1) * stride, rows + (r + 2) * stride, rows + (r + 3) * stride};
    float_vector sums[4];
    HWY_UNROLL(4)
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint16_t* const one[] = {row[i]};
      float_vector sum[1];
      sum_pairs<1>(query, one, n, sum);
      sums[i] = sum[0];
    }
    finish_pairs(query, row, n, sums, out + r);
  }
  return r;
}
inline void dot_rows_bf16(const std::uint16_t* query, const std::uint16_t* rows, std::size_t stride, std::size_t count, std::size_t n,
                          float* out) noexcept {
  if (!goes_by_pairs(query, n))
    return sum_many_widened<dot_step, bf16_even_odd, bf16_even_odd>(query, rows, stride, count, n, out);
  std::size_t r = 0;
  if (count * stride * sizeof(*rows) > cached_rows_bytes) r = pairs_in_order(query, rows, stride, count, n, out);
  for (; r + 4 <= count; r += 4) {
    const std::uint16_t* const row[] = {rows + r * stride, rows + (r + 1) * stride, rows + (r + 2) * stride, rows + (r + 3) * stride};
    float_vector sums[4];
    sum_pairs<4>(query, row, n, sums);
    finish_pairs(query, row, n, sums, out + r);
  }
  for (; r < count; ++r) out[r] = dot_pairs(query, rows + r * stride, n);
}

inline void dot_gathered_bf16(const std::uint16_t* query, const std::uint16_t* rows, std::size_t stride, const std::uint32_t* at,
                              std::size_t count, std::size_t n, float* out) noexcept {
  if (!goes_by_pairs(query, n))
    return sum_gathered<dot_step, bf16_even_odd, bf16_even_odd>(query, rows, stride, at, count, n, out);
  const gathered<std::uint16_t> list(rows, stride, at, count, 2 * n, 4);
  std::size_t r = 0;
  for (; r + 4 <= count; r += 4) {
    const std::uint16_t* const row[] = {list[r], list[r + 1], list[r + 2], list[r + 3]};
    const std::uint16_t* const next[] = {list.later(r), list.later(r + 1), list.later(r + 2), list.later(r + 3)};
    float_vector sums[4];
    sum_pairs<4>(query, row, n, sums, ask_rows<bf16_elements, std::uint16_t, 4>{next});
    finish_pairs(query, row, n, sums, out + r);
  }
  for (; r < count; ++r) out[r] = dot_pairs(query, list[r], n);
}

#else

inline float dot_bf16(const std::uint16_t* a, const std::uint16_t* b, std::size_t n) noexcept { return dot_bf16_widened(a, b, n); }
inline void dot_rows_bf16(const std::uint16_t* query, const std::uint16_t* rows, std::size_t stride, std::size_t count, std::size_t n,
                          float* out) noexcept {
  sum_many_widened<dot_step, bf16_even_odd, bf16_even_odd>(query, rows, stride, count, n, out);
}
inline void dot_gathered_bf16(const std::uint16_t* query, const std::uint16_t* rows, std::size_t stride, const std::uint32_t* at,
                              std::size_t count, std::size_t n, float* out) noexcept {
  sum_gathered<dot_step, bf16_even_odd, bf16_even_odd>(query, rows, stride, at, count, n, out);
}

#endif

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
