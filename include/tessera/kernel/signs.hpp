// SPDX-License-Identifier: Apache-2.0
/// Estimates of products from codes of one bit a component: signs of rows against a query of a few bits a component.
///
/// Row signs s_i are +1 where a bit is set and -1 where it is not; a query is k_i = Σ_p 2^p·t_ip with t_ip = ±1 likewise, the odd numbers
/// from -(2^P - 1) to 2^P - 1 for P planes. With n components, D = Σ_i s_i·k_i and all bits beyond n zero on both sides,
///
///     D = n·(2^P - 1) - 2·Σ_p 2^p·popcount(row ⊕ plane_p)          in integers
///     out = D·scale·factor + offset                                  in f32: |out - exact| <= 2^-22·(|D·scale·factor| + |offset|)
///
/// for |D| < 2^24. factor and offset are the row's, scale the query's; what they mean is the caller's choice (index/bit_codes.hpp).
/// Rows lie in panels of 32: for each word of 64 components, those of the 32 rows; factor and offset of row r stand at [r]. A record of
/// `stride` bytes, a multiple of 64 on a boundary of 64, is words of bits, the last of them factor and offset; for such a list a plane
/// has stride / 8 words, the last of them 0.
#if !defined(TESSERA_KERNEL_SIGNS_HPP)
#define TESSERA_KERNEL_SIGNS_HPP

#include <tessera/base/config.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

inline constexpr std::size_t sign_rows = 32, most_sign_planes = 8;

struct sign_query {
  const std::uint64_t* planes;  ///< [count, words]
  std::size_t count, words;
  std::int32_t start;  ///< n·(2^count - 1)
  float scale;
};
struct sign_panels {
  const std::uint64_t* bits;      ///< [panels, words, 32]
  const float *factor, *offset;  ///< [panels, 32]
};

namespace scalar {

[[nodiscard]] constexpr double sign_estimate(const sign_query& query, const sign_panels& rows, std::size_t row) noexcept {
  std::int64_t sum = query.start;
  const std::uint64_t* panel = rows.bits + row / sign_rows * query.words * sign_rows + row % sign_rows;
  for (std::size_t p = 0; p < query.count; ++p)
    for (std::size_t w = 0; w < query.words; ++w)
      sum -= (std::int64_t{2} << p) * __builtin_popcountll(panel[w * sign_rows] ^ query.planes[p * query.words + w]);
  return static_cast<double>(sum) * static_cast<double>(query.scale) * static_cast<double>(rows.factor[row]) +
         static_cast<double>(rows.offset[row]);
}

[[nodiscard]] inline double sign_estimate_of(const sign_query& query, const std::uint8_t* record) noexcept {
  std::int64_t sum = query.start;
  for (std::size_t w = 0; w + 1 < query.words; ++w) {
    std::uint64_t bits;
    __builtin_memcpy(&bits, record + 8 * w, 8);
    for (std::size_t p = 0; p < query.count; ++p)
      sum -= (std::int64_t{2} << p) * __builtin_popcountll(bits ^ query.planes[p * query.words + w]);
  }
  float facts[2];
  __builtin_memcpy(facts, record + 8 * (query.words - 1), 8);
  return static_cast<double>(sum) * static_cast<double>(query.scale) * static_cast<double>(facts[0]) + static_cast<double>(facts[1]);
}

}  // namespace scalar

struct sign_kernels {
  /// out[r] for the 32 · panels rows.
  void (*scan)(const sign_query& query, const sign_panels& rows, std::size_t panels, float* out) noexcept;
  /// out[i] for record at[i]. Records to come are prefetched.
  void (*listed)(const sign_query& query, const std::uint8_t* records, const std::uint32_t* at, std::size_t count, float* out) noexcept;
  /// Blocks of 128 numbers become their Walsh-Hadamard transform (kernel/hadamard.hpp); x and y are two arrays.
  void (*hadamard)(const float* x, std::size_t blocks, float* y) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_SIGNS_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_SIGNS_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_SIGNS_PASS)
#undef TESSERA_KERNEL_SIGNS_PASS
#else
#define TESSERA_KERNEL_SIGNS_PASS
#endif

#include <tessera/kernel/distance_float.hpp>
#include <tessera/kernel/hadamard.hpp>
#include <tessera/kernel/reach.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

using word_tag = hn::ScalableTag<std::uint64_t>;
using word_vector = hn::Vec<word_tag>;
inline constexpr std::size_t word_lanes = HWY_MAX_BYTES / sizeof(std::uint64_t);
/// Vectors of words whose counts are in registers together: 4 planes of them.
inline constexpr std::size_t sign_vectors = HWY_MAX_BYTES == 64 ? 4 : 2;

/// Adds popcounts of vectors of one word of a panel with four planes to Σ 2^p·count, in counts[v][p].
template <std::size_t Planes>
HWY_INLINE void sign_panel(const sign_query& query, std::size_t first_plane, const std::uint64_t* bits, word_vector* totals) {
  const word_tag d;
  word_vector counts[sign_vectors][Planes];
  HWY_UNROLL(4)
  for (std::size_t v = 0; v < sign_vectors; ++v)
    HWY_UNROLL(4)
    for (std::size_t p = 0; p < Planes; ++p) counts[v][p] = hn::Zero(d);
  const std::uint64_t* planes = query.planes + first_plane * query.words;
  for (std::size_t w = 0; w < query.words; ++w) {
    word_vector row[sign_vectors];
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < sign_vectors; ++v) row[v] = hn::LoadU(d, bits + w * sign_rows + v * word_lanes);
    HWY_UNROLL(4)
    for (std::size_t p = 0; p < Planes; ++p) {
      const auto plane = hn::Set(d, planes[p * query.words + w]);
      HWY_UNROLL(4)
      for (std::size_t v = 0; v < sign_vectors; ++v)
        counts[v][p] = hn::Add(counts[v][p], hn::PopulationCount(hn::Xor(row[v], plane)));
    }
  }
  HWY_UNROLL(4)
  for (std::size_t v = 0; v < sign_vectors; ++v) {
    auto sum = counts[v][Planes - 1];
    for (std::size_t p = Planes - 1; p-- > 0;) sum = hn::Add(hn::Add(sum, sum), counts[v][p]);
    totals[v] = hn::Add(totals[v], hn::ShiftLeftSame(sum, static_cast<int>(first_plane)));
  }
}

inline void scan_signs(const sign_query& query, const sign_panels& rows, std::size_t panels, float* out) noexcept {
  constexpr std::size_t together = sign_vectors * word_lanes;
  const word_tag d;
  const hn::Rebind<std::uint32_t, word_tag> narrow;
  const hn::Rebind<std::int32_t, word_tag> whole;
  const hn::Rebind<float, word_tag> real;
  for (std::size_t panel = 0; panel < panels; ++panel) {
    const std::uint64_t* bits = rows.bits + panel * query.words * sign_rows;
    for (std::size_t first = 0; first < sign_rows; first += together) {
      word_vector totals[sign_vectors];
      for (std::size_t v = 0; v < sign_vectors; ++v) totals[v] = hn::Zero(d);
      std::size_t p = 0;
      for (; p + 4 <= query.count; p += 4) sign_panel<4>(query, p, bits + first, totals);
      for (; p < query.count; ++p) sign_panel<1>(query, p, bits + first, totals);
      for (std::size_t v = 0; v < sign_vectors; ++v) {
        const std::size_t at = panel * sign_rows + first + v * word_lanes;
        const auto sum = hn::BitCast(whole, hn::TruncateTo(narrow, hn::Add(totals[v], totals[v])));
        const auto product = hn::Mul(hn::ConvertTo(real, hn::Sub(hn::Set(whole, query.start), sum)), hn::Set(real, query.scale));
        hn::StoreU(hn::MulAdd(product, hn::LoadU(real, rows.factor + at), hn::LoadU(real, rows.offset + at)), real, out + at);
      }
    }
  }
}

inline void list_signs(const sign_query& query, const std::uint8_t* records, const std::uint32_t* at, std::size_t count,
                       float* out) noexcept {
  constexpr std::size_t together = 4;
  const word_tag d;
  const int_tag di;
  const hn::CappedTag<std::int32_t, 4> d4;
  const hn::CappedTag<float, 4> f4;
  const std::size_t stride = 8 * query.words;
  const gathered<std::uint8_t> list(records, stride, at, count, stride, together);
  // All ones but for the word of factor and offset.
  alignas(HWY_MAX_BYTES) std::uint64_t kept[word_lanes];
  for (std::size_t i = 0; i < word_lanes; ++i) kept[i] = i + 1 == word_lanes ? 0 : ~std::uint64_t{0};
  const auto last = hn::Load(d, kept);
  const auto every = hn::Set(d, ~std::uint64_t{0});
  for (std::size_t r = 0; r < count; r += together) {
    const std::uint8_t* row[together];
    for (std::size_t i = 0; i < together; ++i) {
      row[i] = list[r + i < count ? r + i : count - 1];
      if (r + i < count) list.ask_for(list.later(r + i));
    }
    word_vector sum[together];
    HWY_UNROLL(4)
    for (std::size_t i = 0; i < together; ++i) sum[i] = hn::Zero(d);
    for (std::size_t w = 0; w < query.words; w += word_lanes) {
      const auto mask = w + word_lanes == query.words ? last : every;
      word_vector bits[together], counts[together];
      HWY_UNROLL(4)
      for (std::size_t i = 0; i < together; ++i) {
        bits[i] = hn::And(hn::BitCast(d, hn::LoadU(byte_tag(), row[i] + 8 * w)), mask);
        counts[i] = hn::Zero(d);
      }
      for (std::size_t p = query.count; p-- > 0;) {
        const auto plane = hn::LoadU(d, query.planes + p * query.words + w);
        HWY_UNROLL(4)
        for (std::size_t i = 0; i < together; ++i)
          counts[i] = hn::Add(hn::Add(counts[i], counts[i]), hn::PopulationCount(hn::Xor(bits[i], plane)));
      }
      HWY_UNROLL(4)
      for (std::size_t i = 0; i < together; ++i) sum[i] = hn::Add(sum[i], counts[i]);
    }
    alignas(16) float factor[together];
    alignas(16) float offset[together];
    for (std::size_t i = 0; i < together; ++i) {
      __builtin_memcpy(factor + i, row[i] + stride - 8, 4);
      __builtin_memcpy(offset + i, row[i] + stride - 4, 4);
    }
    const auto sums = four_sums(hn::BitCast(di, sum[0]), hn::BitCast(di, sum[1]), hn::BitCast(di, sum[2]), hn::BitCast(di, sum[3]));
    const auto whole = hn::Sub(hn::Set(d4, query.start), hn::Add(sums, sums));
    const auto product = hn::Mul(hn::ConvertTo(f4, whole), hn::Set(f4, query.scale));
    const auto keys = hn::MulAdd(product, hn::Load(f4, factor), hn::Load(f4, offset));
    if (r + together <= count) hn::StoreU(keys, f4, out + r);
    else hn::StoreN(keys, f4, out + r, count - r);
  }
}

inline void hadamard_of_blocks(const float* x, std::size_t blocks, float* y) noexcept {
  static_cast<void>(hadamard_blocks(x, blocks * hadamard_block, y, 0));
}

inline constexpr sign_kernels sign_table = {.scan = scan_signs, .listed = list_signs, .hadamard = hadamard_of_blocks};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
