// SPDX-License-Identifier: Apache-2.0
/// Tells which of 32 rows can still be among the nearest of each of many queries, from i8 codes: what passes is scored exactly later.
///
/// For query codes q and row codes r (steps · 4 of each), with D = sum of q_i·r_i in integers, row r passes where
///
///     D·(query.scale·row.scale) + query.by_length·row.length + query.by_residual·row.residual + query.by_offset·row.offset
///
/// is not below query.least, in f32 (NaN passes). What the terms are is the caller's choice (op/sieve.hpp). Rows lie in a panel:
/// for each group of four components, the four codes of each of the 32 rows, each code + 128. `start` is -128·(sum of q_i).
///
/// It pays where the target multiplies four pairs of bytes at once: elsewhere integer products are hardly faster than those of f32,
/// and the kernel is a plain loop.
#if !defined(TESSERA_KERNEL_SIEVE_HPP)
#define TESSERA_KERNEL_SIEVE_HPP

#include <tessera/base/config.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

inline constexpr std::size_t sieve_rows = 32;

struct sieve_query {
  std::int32_t start;
  float scale, by_length, by_residual, by_offset, least;
};
struct sieve_panel {
  const std::uint8_t* codes;                               ///< [steps, 32, 4]
  const float *scale, *length, *residual, *offset;  ///< [32] each
};

namespace scalar {

/// The left side of the comparison, in double.
[[nodiscard]] constexpr double sieve_reach(const std::int8_t* query, const sieve_query& about, const sieve_panel& rows,
                                           std::size_t steps, std::size_t row) noexcept {
  std::int64_t sum = about.start;
  for (std::size_t i = 0; i < 4 * steps; ++i)
    sum += query[i] * static_cast<std::int32_t>(rows.codes[(i / 4 * sieve_rows + row) * 4 + i % 4]);
  return static_cast<double>(sum) * static_cast<double>(about.scale) * static_cast<double>(rows.scale[row]) +
         static_cast<double>(about.by_length) * static_cast<double>(rows.length[row]) +
         static_cast<double>(about.by_residual) * static_cast<double>(rows.residual[row]) +
         static_cast<double>(about.by_offset) * static_cast<double>(rows.offset[row]);
}

}  // namespace scalar

struct sieve_kernels {
  bool (*sieve_pays)() noexcept;
  /// Bit r of passed[q] for row r; queries lie `query_stride` codes apart.
  void (*sieve)(const std::int8_t* queries, std::size_t query_stride, const sieve_query* about, std::size_t count,
                const sieve_panel& rows, std::size_t steps, std::uint32_t* passed) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_SIEVE_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_SIEVE_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_SIEVE_PASS)
#undef TESSERA_KERNEL_SIEVE_PASS
#else
#define TESSERA_KERNEL_SIEVE_PASS
#endif

#include <tessera/kernel/distance_integer.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL

inline bool sieve_pays() noexcept { return true; }

/// Two vectors of 16 rows meet one query's four codes: 2 · Queries sums stay in registers.
template <std::size_t Queries>
HWY_INLINE void sieve_tile(const std::int8_t* queries, std::size_t query_stride, const sieve_query* about, const sieve_panel& rows,
                           std::size_t steps, std::uint32_t* passed) {
  const int_tag di;
  const byte_tag d8;
  const float_tag d;
  int_vector sum[Queries][2];
  HWY_UNROLL(8)
  for (std::size_t q = 0; q < Queries; ++q) sum[q][0] = sum[q][1] = hn::Set(di, about[q].start);
  for (std::size_t s = 0; s < steps; ++s) {
    const auto r0 = hn::LoadU(d8, rows.codes + s * 4 * sieve_rows);
    const auto r1 = hn::LoadU(d8, rows.codes + s * 4 * sieve_rows + 64);
    HWY_UNROLL(8)
    for (std::size_t q = 0; q < Queries; ++q) {
      std::int32_t four;
      __builtin_memcpy(&four, queries + q * query_stride + 4 * s, 4);
      const auto codes = hn::BitCast(signed_byte_tag(), hn::Set(di, four));
      sum[q][0] = hn::SumOfMulQuadAccumulate(di, r0, codes, sum[q][0]);
      sum[q][1] = hn::SumOfMulQuadAccumulate(di, r1, codes, sum[q][1]);
    }
  }
  HWY_UNROLL(8)
  for (std::size_t q = 0; q < Queries; ++q) {
    std::uint8_t below[8] = {};  // 4 bytes of the two halves
    HWY_UNROLL(2)
    for (std::size_t half = 0; half < 2; ++half) {
      const std::size_t at = half * float_lanes;
      const auto scale = hn::Mul(hn::Set(d, about[q].scale), hn::LoadU(d, rows.scale + at));
      auto reach = hn::Mul(hn::Set(d, about[q].by_offset), hn::LoadU(d, rows.offset + at));
      reach = hn::MulAdd(hn::Set(d, about[q].by_residual), hn::LoadU(d, rows.residual + at), reach);
      reach = hn::MulAdd(hn::Set(d, about[q].by_length), hn::LoadU(d, rows.length + at), reach);
      reach = hn::MulAdd(hn::ConvertTo(d, sum[q][half]), scale, reach);
      hn::StoreMaskBits(d, hn::Lt(reach, hn::Set(d, about[q].least)), below + 2 * half);
    }
    std::uint32_t bits;
    __builtin_memcpy(&bits, below, 4);
    passed[q] = ~bits;
  }
}

inline void sieve(const std::int8_t* queries, std::size_t query_stride, const sieve_query* about, std::size_t count,
                  const sieve_panel& rows, std::size_t steps, std::uint32_t* passed) noexcept {
  std::size_t q = 0;
  for (; q + 8 <= count; q += 8)
    sieve_tile<8>(queries + q * query_stride, query_stride, about + q, rows, steps, passed + q);
  for (; q < count; ++q) sieve_tile<1>(queries + q * query_stride, query_stride, about + q, rows, steps, passed + q);
}

#else

inline bool sieve_pays() noexcept { return false; }

inline void sieve(const std::int8_t* queries, std::size_t query_stride, const sieve_query* about, std::size_t count,
                  const sieve_panel& rows, std::size_t steps, std::uint32_t* passed) noexcept {
  for (std::size_t q = 0; q < count; ++q) {
    const sieve_query& to = about[q];
    std::int32_t sum[sieve_rows];
    for (std::int32_t& value : sum) value = to.start;
    for (std::size_t i = 0; i < 4 * steps; ++i)
      for (std::size_t r = 0; r < sieve_rows; ++r)
        sum[r] += queries[q * query_stride + i] * static_cast<std::int32_t>(rows.codes[(i / 4 * sieve_rows + r) * 4 + i % 4]);
    std::uint32_t bits = 0;
    for (std::size_t r = 0; r < sieve_rows; ++r) {
      const float reach = static_cast<float>(sum[r]) * (to.scale * rows.scale[r]) + to.by_length * rows.length[r] +
                          to.by_residual * rows.residual[r] + to.by_offset * rows.offset[r];
      if (!(reach < to.least)) bits |= std::uint32_t{1} << r;
    }
    passed[q] = bits;
  }
}

#endif

inline constexpr sieve_kernels sieve_table = {.sieve_pays = sieve_pays, .sieve = sieve};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
