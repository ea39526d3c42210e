// SPDX-License-Identifier: Apache-2.0
/// Distances over integer codes: i8, and what i4 (kernel/distance_i4.hpp) shares with it. Their scalar truth and table stand in
/// kernel/distance.hpp.
///
/// Integer sums are exact, so the order is free. Where the processor multiplies four pairs of bytes at once (VNNI) one side must
/// be unsigned: it is shifted by 128 (i8) or 8 (i4), and the shift times the sum of the other side is taken off at the end. The
/// other side is the query, so that correction is counted once for all rows.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_DISTANCE_INTEGER_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_DISTANCE_INTEGER_PASS)
#undef TESSERA_KERNEL_DISTANCE_INTEGER_PASS
#else
#define TESSERA_KERNEL_DISTANCE_INTEGER_PASS
#endif

#include <tessera/kernel/distance_float.hpp>

#include <hwy/highway.h>

// Whether SumOfMulQuadAccumulate of unsigned and signed bytes is one instruction.
#undef TESSERA_KERNEL_VNNI
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
#define TESSERA_KERNEL_VNNI 1
#else
#define TESSERA_KERNEL_VNNI 0
#endif

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

using int_tag = hn::ScalableTag<std::int32_t>;
using int_vector = hn::Vec<int_tag>;
using short_tag = hn::Repartition<std::int16_t, int_tag>;
using byte_tag = hn::Repartition<std::uint8_t, int_tag>;
using signed_byte_tag = hn::Repartition<std::int8_t, int_tag>;

#if TESSERA_KERNEL_VNNI
/// sum + the four products of each lane. With the intrinsic g++ 12 copies each sum before and behind it, and spills some of sixteen.
HWY_INLINE int_vector add_four_products(hn::Vec<byte_tag> a, hn::Vec<signed_byte_tag> b, int_vector sum) {
#if HWY_COMPILER_MSVC
  return hn::SumOfMulQuadAccumulate(int_tag(), a, b, sum);
#else
  __asm__("{vpdpbusd %2, %1, %0|vpdpbusd %0, %1, %2}" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
  return sum;
#endif
}
#endif

/// How a row of codes is summed against a query: `bytes` loaded a step, `add` for one step, `finish` once a row.
struct i8_dot {
  using storage = std::int8_t;
  /// Whether rows from memory are taken together too, with what follows all of them asked for; else one by one, as fast as plain reading.
  static constexpr bool together_from_memory = false;
#if TESSERA_KERNEL_VNNI
  static constexpr std::size_t bytes = HWY_MAX_BYTES;
  using loaded = hn::Vec<signed_byte_tag>;
  static HWY_INLINE loaded load(const std::int8_t* x) { return hn::LoadU(signed_byte_tag(), x); }
  static HWY_INLINE loaded load_n(const std::int8_t* x, std::size_t n) { return hn::LoadN(signed_byte_tag(), x, n); }
  static HWY_INLINE void add(loaded query, loaded row, int_vector& sum0, int_vector& /*sum1*/) {
    const byte_tag d;
    const auto shifted = hn::Xor(hn::BitCast(d, row), hn::Set(d, std::uint8_t{128}));
    sum0 = add_four_products(shifted, query, sum0);
  }
  static HWY_INLINE int_vector add_correction(loaded query, int_vector sum) {
    return add_four_products(hn::Set(byte_tag(), std::uint8_t{128}), query, sum);
  }
#else
  static constexpr std::size_t bytes = HWY_MAX_BYTES / 2;
  using half_tag = hn::Rebind<std::int8_t, short_tag>;
  using loaded = hn::Vec<short_tag>;
  static HWY_INLINE loaded load(const std::int8_t* x) { return hn::PromoteTo(short_tag(), hn::LoadU(half_tag(), x)); }
  static HWY_INLINE loaded load_n(const std::int8_t* x, std::size_t n) {
    return hn::PromoteTo(short_tag(), hn::LoadN(half_tag(), x, n));
  }
  static HWY_INLINE void add(loaded query, loaded row, int_vector& sum0, int_vector& sum1) {
    sum0 = hn::ReorderWidenMulAccumulate(int_tag(), query, row, sum0, sum1);
  }
  static HWY_INLINE int_vector add_correction(loaded /*query*/, int_vector sum) { return sum; }
#endif
  static HWY_INLINE std::int32_t finish(std::int32_t sum) { return sum; }
};

struct i8_squared_l2 {
  using storage = std::int8_t;
  static constexpr bool together_from_memory = false;
  static constexpr std::size_t bytes = HWY_MAX_BYTES / 2;
  using half_tag = hn::Rebind<std::int8_t, short_tag>;
  using loaded = hn::Vec<short_tag>;
  static HWY_INLINE loaded load(const std::int8_t* x) { return hn::PromoteTo(short_tag(), hn::LoadU(half_tag(), x)); }
  static HWY_INLINE loaded load_n(const std::int8_t* x, std::size_t n) {
    return hn::PromoteTo(short_tag(), hn::LoadN(half_tag(), x, n));
  }
  static HWY_INLINE void add(loaded query, loaded row, int_vector& sum0, int_vector& sum1) {
    const auto difference = hn::Sub(query, row);
    sum0 = hn::ReorderWidenMulAccumulate(int_tag(), difference, difference, sum0, sum1);
  }
  static HWY_INLINE int_vector add_correction(loaded /*query*/, int_vector sum) { return sum; }
  static HWY_INLINE std::int32_t finish(std::int32_t sum) { return sum; }
};

/// Codes -8 .. 7: the row as row + 8 (0 .. 15, unsigned bytes), the query signed.
struct i4_dot {
  using storage = std::uint8_t;
  static constexpr bool together_from_memory = true;
  static constexpr std::size_t bytes = HWY_MAX_BYTES;
  using loaded = hn::Vec<byte_tag>;
  static HWY_INLINE loaded load(const std::uint8_t* x) { return hn::LoadU(byte_tag(), x); }
  static HWY_INLINE loaded load_n(const std::uint8_t* x, std::size_t n) { return hn::LoadN(byte_tag(), x, n); }
  static HWY_INLINE loaded low(loaded halves) { return hn::And(halves, hn::Set(byte_tag(), std::uint8_t{15})); }
  static HWY_INLINE loaded high(loaded halves) {
    const hn::Repartition<std::uint16_t, int_tag> d;
    return low(hn::BitCast(byte_tag(), hn::ShiftRight<4>(hn::BitCast(d, halves))));
  }
  static HWY_INLINE hn::Vec<signed_byte_tag> sign(loaded half) {
    const auto eight = hn::Set(byte_tag(), std::uint8_t{8});
    return hn::BitCast(signed_byte_tag(), hn::Sub(hn::Xor(half, eight), eight));
  }
  /// sum of unsigned · signed over the four bytes of each lane; at most 15 · 8 each, so 16 bits hold two of them.
  static HWY_INLINE void multiply(loaded low_u, loaded high_u, loaded query, int_vector& sum0, int_vector& sum1) {
#if TESSERA_KERNEL_VNNI
    sum0 = add_four_products(low_u, sign(low(query)), sum0);
    sum1 = add_four_products(high_u, sign(high(query)), sum1);
#else
    const short_tag d;
    const auto pairs = hn::Add(hn::SatWidenMulPairwiseAdd(d, low_u, sign(low(query))),
                               hn::SatWidenMulPairwiseAdd(d, high_u, sign(high(query))));
    sum0 = hn::ReorderWidenMulAccumulate(int_tag(), pairs, hn::Set(d, std::int16_t{1}), sum0, sum1);
#endif
  }
  static HWY_INLINE void add(loaded query, loaded row, int_vector& sum0, int_vector& sum1) {
    const auto shifted = hn::Xor(row, hn::Set(byte_tag(), std::uint8_t{0x88}));
    multiply(low(shifted), high(shifted), query, sum0, sum1);
  }
  static HWY_INLINE int_vector add_correction(loaded query, int_vector sum) {
    const auto eight = hn::Set(byte_tag(), std::uint8_t{8});
    int_vector other = hn::Zero(int_tag());
    multiply(eight, eight, query, sum, other);
    return hn::Add(sum, other);
  }
};

/// In each block of four lanes: the block's sum of a, of b, of c, of e.
HWY_INLINE int_vector quarter_sums(int_vector a, int_vector b, int_vector c, int_vector e) {
  const int_tag d;
  const hn::Repartition<std::int64_t, int_tag> wide;
  const auto ab = hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b));
  const auto ce = hn::Add(hn::InterleaveLower(d, c, e), hn::InterleaveUpper(d, c, e));
  return hn::Add(hn::BitCast(d, hn::InterleaveLower(wide, hn::BitCast(wide, ab), hn::BitCast(wide, ce))),
                 hn::BitCast(d, hn::InterleaveUpper(wide, hn::BitCast(wide, ab), hn::BitCast(wide, ce))));
}
/// [sum of a's lanes, b's, c's, e's].
HWY_INLINE hn::Vec<hn::CappedTag<std::int32_t, 4>> four_sums(int_vector a, int_vector b, int_vector c, int_vector e) {
  const auto all = quarter_sums(a, b, c, e);
#if HWY_MAX_BYTES == 64
  const hn::Half<int_tag> dh;
  const hn::Half<decltype(dh)> dq;
  const auto half = hn::Add(hn::LowerHalf(dh, all), hn::UpperHalf(dh, all));
  return hn::Add(hn::LowerHalf(dq, half), hn::UpperHalf(dq, half));
#elif HWY_MAX_BYTES == 32
  const hn::Half<int_tag> dh;
  return hn::Add(hn::LowerHalf(dh, all), hn::UpperHalf(dh, all));
#else
  return all;
#endif
}

/// `n_bytes` of each row; results modulo 2^32, which the documented limits of n keep exact. With `Onward`, what lies from `next` on is
/// asked for meanwhile.
template <class Step, std::size_t Rows, bool Onward = false>
HWY_INLINE void sum_code_rows(const typename Step::storage* query, const typename Step::storage* const (&row)[Rows],
                              std::size_t n_bytes, std::int32_t* out, [[maybe_unused]] const typename Step::storage* next = nullptr) {
  const int_tag d;
  int_vector sum[Rows][2];
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) sum[r][0] = sum[r][1] = hn::Zero(d);
  int_vector correction = hn::Zero(d);
  std::size_t i = 0;
  for (; i + Step::bytes <= n_bytes; i += Step::bytes) {
    const auto q = Step::load(query + i);
    correction = Step::add_correction(q, correction);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) {
      Step::add(q, Step::load(row[r] + i), sum[r][0], sum[r][1]);
      if constexpr (Onward) hwy::Prefetch(next + i * Rows + r * Step::bytes);
    }
  }
  if (i < n_bytes) {
    const auto q = Step::load_n(query + i, n_bytes - i);
    correction = Step::add_correction(q, correction);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r)
      Step::add(q, Step::load_n(row[r] + i, n_bytes - i), sum[r][0], sum[r][1]);
  }
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) sum[r][0] = hn::Sub(hn::Add(sum[r][0], sum[r][1]), correction);
  if constexpr (Rows == 4) {
    hn::StoreU(four_sums(sum[0][0], sum[1][0], sum[2][0], sum[3][0]), hn::CappedTag<std::int32_t, 4>(), out);
  } else {
    for (std::size_t r = 0; r < Rows; ++r) out[r] = hn::ReduceSum(d, sum[r][0]);
  }
}

inline constexpr std::size_t code_rows_together = 4;
template <class Step>
HWY_INLINE std::int32_t sum_code_row(const typename Step::storage* query, const typename Step::storage* row,
                                     std::size_t n_bytes) {
  const typename Step::storage* const rows[1] = {row};
  std::int32_t out;
  sum_code_rows<Step, 1>(query, rows, n_bytes, &out);
  return out;
}

template <class Step>
HWY_INLINE void sum_codes(const typename Step::storage* query, const typename Step::storage* rows, std::size_t stride,
                          std::size_t count, std::size_t n_bytes, std::int32_t* out) {
  std::size_t r = 0;
  const bool cached = count * stride * sizeof(*rows) <= cached_rows_bytes;
  if (cached || Step::together_from_memory)
    for (; r + code_rows_together <= count; r += code_rows_together) {
      const typename Step::storage* const row[] = {rows + r * stride, rows + (r + 1) * stride, rows + (r + 2) * stride,
                                                   rows + (r + 3) * stride};
      if (cached) sum_code_rows<Step, code_rows_together>(query, row, n_bytes, out + r);
      else if constexpr (Step::together_from_memory)
        sum_code_rows<Step, code_rows_together, true>(query, row, n_bytes, out + r, row[3] + stride + 4096);
    }
  for (; r < count; ++r) out[r] = sum_code_row<Step>(query, rows + r * stride, n_bytes);
}

template <class Step>
HWY_INLINE void sum_gathered_codes(const typename Step::storage* query, const typename Step::storage* rows, std::size_t stride,
                                   const std::uint32_t* at, std::size_t count, std::size_t n_bytes, std::int32_t* out) {
  const gathered<typename Step::storage> list(rows, stride, at, count, n_bytes, code_rows_together);
  std::size_t r = 0;
  for (; r + code_rows_together <= count; r += code_rows_together) {
    for (std::size_t i = 0; i < code_rows_together; ++i) list.ask_for(list.later(r + i));
    const typename Step::storage* const row[] = {list[r], list[r + 1], list[r + 2], list[r + 3]};
    sum_code_rows<Step, code_rows_together>(query, row, n_bytes, out + r);
  }
  for (; r < count; ++r) out[r] = sum_code_row<Step>(query, list[r], n_bytes);
}

inline std::int32_t dot_i8(const std::int8_t* a, const std::int8_t* b, std::size_t n) noexcept {
  return sum_code_row<i8_dot>(a, b, n);
}
inline void dot_rows_i8(const std::int8_t* query, const std::int8_t* rows, std::size_t stride, std::size_t count,
                        std::size_t n, std::int32_t* out) noexcept {
  sum_codes<i8_dot>(query, rows, stride, count, n, out);
}
inline void dot_gathered_i8(const std::int8_t* query, const std::int8_t* rows, std::size_t stride, const std::uint32_t* at,
                            std::size_t count, std::size_t n, std::int32_t* out) noexcept {
  sum_gathered_codes<i8_dot>(query, rows, stride, at, count, n, out);
}
inline std::int32_t squared_l2_i8(const std::int8_t* a, const std::int8_t* b, std::size_t n) noexcept {
  return sum_code_row<i8_squared_l2>(a, b, n);
}
inline void squared_l2_rows_i8(const std::int8_t* query, const std::int8_t* rows, std::size_t stride, std::size_t count,
                               std::size_t n, std::int32_t* out) noexcept {
  sum_codes<i8_squared_l2>(query, rows, stride, count, n, out);
}
inline void squared_l2_gathered_i8(const std::int8_t* query, const std::int8_t* rows, std::size_t stride,
                                   const std::uint32_t* at, std::size_t count, std::size_t n, std::int32_t* out) noexcept {
  sum_gathered_codes<i8_squared_l2>(query, rows, stride, at, count, n, out);
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#undef TESSERA_KERNEL_VNNI

#endif
