// SPDX-License-Identifier: Apache-2.0
/// Pairs of bf16, where the processor multiplies two and adds both products to an f32 sum: rounding rows, transposing, tiles of sums.
///
/// Part 2 only: attention (kernel/attention_bf16.hpp) is made of these.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_BF16_PAIRS_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_BF16_PAIRS_PASS)
#undef TESSERA_KERNEL_BF16_PAIRS_PASS
#else
#define TESSERA_KERNEL_BF16_PAIRS_PASS
#endif

#include <tessera/kernel/elements.hpp>
#include <tessera/kernel/matmul.hpp>

#include <hwy/highway.h>

// The rest is for targets that have the instructions.
#if HWY_ARCH_X86 && HWY_NATIVE_DOT_BF16

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Pairs of bf16 are kept as the bits of floats.
using bf16_tag = hn::Repartition<hwy::bfloat16_t, matmul_tag>;
using matmul_vector = hn::Vec<matmul_tag>;
inline constexpr std::size_t query_lanes = HWY_MAX_LANES_D(matmul_tag);

/// out[row][column] = Σ_l a[row][l] · b[l][column] for the pairs l, ascending, times factors[row] unless that is null. Rows of a are
/// row_stride apart and their pairs `step`, rows of b b_stride.
template <std::size_t Rows, std::size_t Vectors>
HWY_NOINLINE void multiply_pairs(const float* HWY_RESTRICT a, std::size_t row_stride, std::size_t step, const float* HWY_RESTRICT b,
                                 std::size_t b_stride, std::size_t pairs, const float* factors, float* HWY_RESTRICT out,
                                 std::size_t out_stride) noexcept {
  const matmul_tag d;
  const bf16_tag d_bf16;
  matmul_vector sum[Rows * Vectors];
  HWY_UNROLL(64)
  for (std::size_t i = 0; i < Rows * Vectors; ++i) sum[i] = hn::Zero(d);
  constexpr std::size_t groups = (Rows + 2) / 3;
  const float* row[groups];
  HWY_UNROLL(8)
  for (std::size_t g = 0; g < groups; ++g) row[g] = a + 3 * g * row_stride;
  for (std::size_t l = 0; l < pairs; ++l, b += b_stride) {
    hn::Vec<bf16_tag> column[Vectors];
    HWY_UNROLL(2)
    for (std::size_t v = 0; v < Vectors; ++v) column[v] = hn::BitCast(d_bf16, hn::LoadU(d, b + v * query_lanes));
    HWY_UNROLL(16)
    for (std::size_t r = 0; r < Rows; ++r) {
      const auto both = hn::BitCast(d_bf16, hn::Set(d, row[r / 3][r % 3 * row_stride]));
      matmul_vector unused = hn::Zero(d);
      HWY_UNROLL(2)
      for (std::size_t v = 0; v < Vectors; ++v)
        sum[r * Vectors + v] = hn::ReorderWidenMulAccumulate(d, both, column[v], sum[r * Vectors + v], unused);
    }
    HWY_UNROLL(8)
    for (std::size_t g = 0; g < groups; ++g) {
      row[g] += step;
      __asm__("" : "+r"(row[g]));  // as in multiply_tile
    }
  }
  HWY_UNROLL(16)
  for (std::size_t r = 0; r < Rows; ++r, out += out_stride) {
    const matmul_vector factor = hn::Set(d, factors == nullptr ? 1.0f : factors[r]);
    HWY_UNROLL(2)
    for (std::size_t v = 0; v < Vectors; ++v) hn::StoreU(hn::Mul(sum[r * Vectors + v], factor), d, out + v * query_lanes);
  }
}

/// multiply_pairs for each number of rows.
template <std::size_t Vectors>
struct pair_tiles {
  using function = void (*)(const float* a, std::size_t row_stride, std::size_t step, const float* b, std::size_t b_stride,
                            std::size_t pairs, const float* factors, float* out, std::size_t out_stride) noexcept;
  function of[tile_height + 1] = {};

  template <std::size_t Rows = tile_height>
  static constexpr pair_tiles of_all_heights(pair_tiles list = {}) {
    list.of[Rows] = multiply_pairs<Rows, Vectors>;
    if constexpr (Rows == 1) return list;
    else return of_all_heights<Rows - 1>(list);
  }
};
template <std::size_t Vectors>
inline constexpr pair_tiles<Vectors> tiles_of_pairs = pair_tiles<Vectors>::of_all_heights();

/// At most two vectors of numbers, as many as there are.
struct two_vectors {
  matmul_vector first, second;
};
HWY_INLINE two_vectors load_two(const float* from, std::size_t count) {
  const matmul_tag d;
  if (HWY_LIKELY(count >= 2 * query_lanes)) return {hn::LoadU(d, from), hn::LoadU(d, from + query_lanes)};
  return {load_at_most(d, from, count), count > query_lanes ? hn::LoadN(d, from + query_lanes, count - query_lanes) : hn::Zero(d)};
}

/// Pairs of neighbours.
HWY_INLINE matmul_vector round_pairs(two_vectors of) {
  return hn::BitCast(matmul_tag(), hn::OrderedDemote2To(bf16_tag(), of.first, of.second));
}

/// to[column][lane] = rows[lane][column], of as many rows as columns; to's rows are `stride` apart.
HWY_INLINE void store_transposed(const matmul_vector* rows, float* to, std::size_t stride) {
  const matmul_tag d;
  const hn::Repartition<double, matmul_tag> dd;
  static_assert(query_lanes == 16);
  matmul_vector column[16];  // [i][four rows]: block b has column 4 b + i
  HWY_UNROLL(4)
  for (std::size_t g = 0; g < 4; ++g) {
    const matmul_vector* r = rows + 4 * g;
    const auto low01 = hn::BitCast(dd, hn::InterleaveLower(d, r[0], r[1]));
    const auto low23 = hn::BitCast(dd, hn::InterleaveLower(d, r[2], r[3]));
    const auto high01 = hn::BitCast(dd, hn::InterleaveUpper(d, r[0], r[1]));
    const auto high23 = hn::BitCast(dd, hn::InterleaveUpper(d, r[2], r[3]));
    column[g] = hn::BitCast(d, hn::InterleaveLower(dd, low01, low23));
    column[4 + g] = hn::BitCast(d, hn::InterleaveUpper(dd, low01, low23));
    column[8 + g] = hn::BitCast(d, hn::InterleaveLower(dd, high01, high23));
    column[12 + g] = hn::BitCast(d, hn::InterleaveUpper(dd, high01, high23));
  }
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < 4; ++i, to += stride) {
    const matmul_vector* c = column + 4 * i;
    const auto even01 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(c[1]), c[0]);
    const auto even23 = hn::OddEvenBlocks(hn::SwapAdjacentBlocks(c[3]), c[2]);
    const auto odd01 = hn::OddEvenBlocks(c[1], hn::SwapAdjacentBlocks(c[0]));
    const auto odd23 = hn::OddEvenBlocks(c[3], hn::SwapAdjacentBlocks(c[2]));
    hn::StoreU(hn::ConcatLowerLower(d, even23, even01), d, to);
    hn::StoreU(hn::ConcatLowerLower(d, odd23, odd01), d, to + 4 * stride);
    hn::StoreU(hn::ConcatUpperUpper(d, even23, even01), d, to + 8 * stride);
    hn::StoreU(hn::ConcatUpperUpper(d, odd23, odd01), d, to + 12 * stride);
  }
}

/// Pairs (low[i], high[i]).
HWY_INLINE two_vectors pair_up(two_vectors low, two_vectors high) {
  const matmul_tag d;
  const hn::Repartition<std::uint16_t, matmul_tag> d16;
  const auto lows = hn::BitCast(d16, hn::OrderedDemote2To(bf16_tag(), low.first, low.second));
  const auto highs = hn::BitCast(d16, hn::OrderedDemote2To(bf16_tag(), high.first, high.second));
  return {hn::BitCast(d, hn::InterleaveWholeLower(d16, lows, highs)), hn::BitCast(d, hn::InterleaveWholeUpper(d16, lows, highs))};
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif

#endif
