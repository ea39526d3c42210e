// SPDX-License-Identifier: Apache-2.0
/// How far rows of i8 codes may reach towards queries of i8 codes: an estimate and what is added for the part without codes.
///
/// For query codes q and row codes r (steps · 4 of each), with D = sum of q_i·r_i in integers,
///
///     out = D·query.scale + (query.by_tail·tail + offset)        in f32: |out - exact| <= 2^-22·(|D·scale| + |by_tail·tail| + |offset|)
///
/// for |D| < 2^24, in panels; and for rows from a list, kept as records, out = D·scale + offset likewise. What the terms are is the
/// caller's choice (index/bounded_codes.hpp). Rows lie in panels of 32: for each group of four components, the four codes of each of
/// the 32 rows, each code + 128; the facts of row r stand at [r]. `start` is -128·(sum of q_i). An infinite tail gives infinity, or NaN
/// where by_tail is 0. A record of `stride` bytes, a multiple of 64 on a boundary of 64, is codes + 128 in all bytes but the last four,
/// which hold its offset; the query has `stride` codes, the last four of them 0.
#if !defined(TESSERA_KERNEL_REACH_HPP)
#define TESSERA_KERNEL_REACH_HPP

#include <tessera/base/config.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

inline constexpr std::size_t reach_rows = 32;

struct reach_query {
  std::int32_t start;
  float scale, by_tail;
};
struct reach_panels {
  const std::uint8_t* codes;    ///< [panels, steps, 32, 4]
  const float *tail, *offset;   ///< [panels, 32]
};

namespace scalar {

[[nodiscard]] constexpr double reach(const std::int8_t* query, const reach_query& about, const reach_panels& rows, std::size_t steps,
                                     std::size_t row) noexcept {
  std::int64_t sum = about.start;
  const std::uint8_t* panel = rows.codes + row / reach_rows * steps * 4 * reach_rows;
  for (std::size_t i = 0; i < 4 * steps; ++i)
    sum += query[i] * static_cast<std::int32_t>(panel[(i / 4 * reach_rows + row % reach_rows) * 4 + i % 4]);
  return static_cast<double>(sum) * static_cast<double>(about.scale) +
         (static_cast<double>(about.by_tail) * static_cast<double>(rows.tail[row]) + static_cast<double>(rows.offset[row]));
}

[[nodiscard]] inline double reach_record(const std::int8_t* query, const reach_query& about, const std::uint8_t* record,
                                         std::size_t stride) noexcept {
  std::int64_t sum = about.start;
  for (std::size_t i = 0; i + 4 < stride; ++i) sum += query[i] * static_cast<std::int32_t>(record[i]);
  float offset;
  __builtin_memcpy(&offset, record + stride - 4, 4);
  return static_cast<double>(sum) * static_cast<double>(about.scale) + static_cast<double>(offset);
}

}  // namespace scalar

struct reach_kernels {
  /// out[q·out_stride + r] for the 32 · panels rows; queries lie `query_stride` codes apart.
  void (*reach)(const std::int8_t* queries, std::size_t query_stride, const reach_query* about, std::size_t count,
                const reach_panels& rows, std::size_t panels, std::size_t steps, float* out, std::size_t out_stride) noexcept;
  /// out[i] for record at[i]. Records to come are prefetched.
  void (*reach_listed)(const std::int8_t* query, const reach_query& about, const std::uint8_t* records, std::size_t stride,
                       const std::uint32_t* at, std::size_t count, float* out) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_REACH_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_REACH_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_REACH_PASS)
#undef TESSERA_KERNEL_REACH_PASS
#else
#define TESSERA_KERNEL_REACH_PASS
#endif

#include <tessera/kernel/distance_integer.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL

/// Two vectors of 16 rows meet one query's four codes: 2 · Queries sums stay in registers. Panels to come are asked for on the way: the
/// stream is broken at each panel otherwise (measured out of the third-level cache: a fifth faster).
template <std::size_t Queries>
HWY_INLINE void reach_panel(const std::int8_t* queries, std::size_t query_stride, const reach_query* about, const std::uint8_t* codes,
                            const float* tail, const float* offset, std::size_t steps, float* out, std::size_t out_stride) {
  constexpr std::size_t ahead = 4096;
  const int_tag di;
  const byte_tag d8;
  const float_tag d;
  int_vector sum[Queries][2];
  HWY_UNROLL(4)
  for (std::size_t q = 0; q < Queries; ++q) sum[q][0] = sum[q][1] = hn::Set(di, about[q].start);
  for (std::size_t s = 0; s < steps; ++s) {
    const std::uint8_t* at = codes + s * 4 * reach_rows;
    hwy::Prefetch(at + ahead);
    hwy::Prefetch(at + ahead + 64);
    const auto r0 = hn::LoadU(d8, at);
    const auto r1 = hn::LoadU(d8, at + 64);
    HWY_UNROLL(4)
    for (std::size_t q = 0; q < Queries; ++q) {
      std::int32_t four;
      __builtin_memcpy(&four, queries + q * query_stride + 4 * s, 4);
      const auto query = hn::BitCast(signed_byte_tag(), hn::Set(di, four));
      sum[q][0] = hn::SumOfMulQuadAccumulate(di, r0, query, sum[q][0]);
      sum[q][1] = hn::SumOfMulQuadAccumulate(di, r1, query, sum[q][1]);
    }
  }
  HWY_UNROLL(4)
  for (std::size_t q = 0; q < Queries; ++q)
    HWY_UNROLL(2)
    for (std::size_t half = 0; half < 2; ++half) {
      const auto rest = hn::MulAdd(hn::Set(d, about[q].by_tail), hn::LoadU(d, tail + 16 * half), hn::LoadU(d, offset + 16 * half));
      hn::StoreU(hn::MulAdd(hn::ConvertTo(d, sum[q][half]), hn::Set(d, about[q].scale), rest), d, out + q * out_stride + 16 * half);
    }
}

inline void reach(const std::int8_t* queries, std::size_t query_stride, const reach_query* about, std::size_t count,
                  const reach_panels& rows, std::size_t panels, std::size_t steps, float* out, std::size_t out_stride) noexcept {
  for (std::size_t p = 0; p < panels; ++p) {
    const std::uint8_t* codes = rows.codes + p * steps * 4 * reach_rows;
    const float* tail = rows.tail + p * reach_rows;
    const float* offset = rows.offset + p * reach_rows;
    float* to = out + p * reach_rows;
    std::size_t q = 0;
    for (; q + 4 <= count; q += 4)
      reach_panel<4>(queries + q * query_stride, query_stride, about + q, codes, tail, offset, steps, to + q * out_stride, out_stride);
    for (; q < count; ++q)
      reach_panel<1>(queries + q * query_stride, query_stride, about + q, codes, tail, offset, steps, to + q * out_stride, out_stride);
  }
}

#else

inline void reach(const std::int8_t* queries, std::size_t query_stride, const reach_query* about, std::size_t count,
                  const reach_panels& rows, std::size_t panels, std::size_t steps, float* out, std::size_t out_stride) noexcept {
  for (std::size_t p = 0; p < panels; ++p)
    for (std::size_t q = 0; q < count; ++q) {
      const std::uint8_t* codes = rows.codes + p * steps * 4 * reach_rows;
      const std::int8_t* query = queries + q * query_stride;
      std::int32_t sum[reach_rows];
      for (std::int32_t& value : sum) value = about[q].start;
      for (std::size_t s = 0; s < steps; ++s)
        for (std::size_t r = 0; r < reach_rows; ++r)
          for (std::size_t i = 0; i < 4; ++i) sum[r] += query[4 * s + i] * static_cast<std::int32_t>(codes[(s * reach_rows + r) * 4 + i]);
      for (std::size_t r = 0; r < reach_rows; ++r)
        out[q * out_stride + p * reach_rows + r] =
            static_cast<float>(sum[r]) * about[q].scale +
            (about[q].by_tail * rows.tail[p * reach_rows + r] + rows.offset[p * reach_rows + r]);
    }
}

#endif

inline void reach_listed(const std::int8_t* query, const reach_query& about, const std::uint8_t* records, std::size_t stride,
                         const std::uint32_t* at, std::size_t count, float* out) noexcept {
  constexpr std::size_t together = 4;
  const int_tag di;
  const hn::CappedTag<std::int32_t, 4> d4;
  const hn::CappedTag<float, 4> f4;
  const gathered<std::uint8_t> list(records, stride, at, count, stride, together);
  for (std::size_t r = 0; r < count; r += together) {
    const std::uint8_t* row[together];
    for (std::size_t i = 0; i < together; ++i) {
      row[i] = list[r + i < count ? r + i : count - 1];
      if (r + i < count) list.ask_for(list.later(r + i));
    }
    int_vector sum[together];
    HWY_UNROLL(4)
    for (std::size_t i = 0; i < together; ++i) sum[i] = hn::Zero(di);
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
    for (std::size_t byte = 0; byte < stride; byte += HWY_MAX_BYTES) {
      const auto codes = hn::LoadU(signed_byte_tag(), query + byte);
      HWY_UNROLL(4)
      for (std::size_t i = 0; i < together; ++i)
        sum[i] = hn::SumOfMulQuadAccumulate(di, hn::LoadU(byte_tag(), row[i] + byte), codes, sum[i]);
    }
#else
    const short_tag d16;
    const hn::Rebind<std::int8_t, short_tag> half_signed;
    const hn::Rebind<std::uint8_t, short_tag> half;
    int_vector other[together];
    for (std::size_t i = 0; i < together; ++i) other[i] = hn::Zero(di);
    for (std::size_t byte = 0; byte < stride; byte += HWY_MAX_BYTES / 2) {
      const auto codes = hn::PromoteTo(d16, hn::LoadU(half_signed, query + byte));
      HWY_UNROLL(4)
      for (std::size_t i = 0; i < together; ++i)
        sum[i] = hn::ReorderWidenMulAccumulate(di, hn::PromoteTo(d16, hn::LoadU(half, row[i] + byte)), codes, sum[i], other[i]);
    }
    for (std::size_t i = 0; i < together; ++i) sum[i] = hn::Add(sum[i], other[i]);
#endif
    alignas(16) float offset[together];
    for (std::size_t i = 0; i < together; ++i) __builtin_memcpy(offset + i, row[i] + stride - 4, 4);
    const auto sums = hn::Add(four_sums(sum[0], sum[1], sum[2], sum[3]), hn::Set(d4, about.start));
    const auto keys = hn::MulAdd(hn::ConvertTo(f4, sums), hn::Set(f4, about.scale), hn::Load(f4, offset));
    if (r + together <= count) hn::StoreU(keys, f4, out + r);
    else hn::StoreN(keys, f4, out + r, count - r);
  }
}

inline constexpr reach_kernels reach_table = {.reach = reach, .reach_listed = reach_listed};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
