// SPDX-License-Identifier: Apache-2.0
/// Panels of vectors widened to f32, and tiles of scores from two of them. kernel/many_to_many.hpp has the table.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MANY_TO_MANY_TILE_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MANY_TO_MANY_TILE_PASS)
#undef TESSERA_KERNEL_MANY_TO_MANY_TILE_PASS
#else
#define TESSERA_KERNEL_MANY_TO_MANY_TILE_PASS
#endif

#include <tessera/kernel/distance_float.hpp>
#include <tessera/kernel/elements.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

/// Vectors in a group of a panel: a tile has together² accumulators, together queries and one row in registers.
inline constexpr std::size_t tile_side = HWY_CAP_GE512 || HWY_TARGET_IS_NEON ? 4 : 3;
/// Bytes of queries that stay in the first-level cache while the rows of a call pass by.
inline constexpr std::size_t tile_query_bytes = std::size_t{18} << 10;

/// Vectors of f32 in each of the four chains of `sum_rows`: two of one length, then two of another.
struct chain_lengths {
  std::size_t first, last;
};
HWY_INLINE chain_lengths chains_of(std::size_t n) {
  const std::size_t left = n % (4 * float_lanes);
  const std::size_t blocks = n / (4 * float_lanes);
  return {blocks + (left >= 2 * float_lanes ? 1 : 0), blocks + (left % (2 * float_lanes) != 0 ? 1 : 0)};
}
HWY_INLINE std::size_t group_size(std::size_t n) {
  const chain_lengths chains = chains_of(n);
  return 2 * (chains.first + chains.last) * tile_side * float_lanes;
}
inline std::size_t tile_packed_size(std::size_t count, std::size_t n) noexcept {
  return (count + tile_side - 1) / tile_side * group_size(n);
}

/// A group holds, chain after chain, the vectors of its `tile_side` members side by side.
template <class Elements, class Storage>
inline void tile_pack(const Storage* x, std::size_t n, std::size_t i, float* packed) noexcept {
  const float_tag d;
  const chain_lengths chains = chains_of(n);
  constexpr std::size_t step = tile_side * float_lanes;
  float* to = packed + i / tile_side * group_size(n) + i % tile_side * float_lanes;
  float* const chain[4] = {to, to + chains.first * step, to + 2 * chains.first * step,
                           to + (2 * chains.first + chains.last) * step};
  float_vector v0;
  float_vector v1;
  std::size_t at = 0;
  std::size_t block = 0;
  for (; at + 4 * float_lanes <= n; at += 4 * float_lanes, ++block) {
    loader<Elements>::load(x, at, v0, v1);
    hn::StoreU(v0, d, chain[0] + block * step);
    hn::StoreU(v1, d, chain[1] + block * step);
    loader<Elements>::load(x, at + 2 * float_lanes, v0, v1);
    hn::StoreU(v0, d, chain[2] + block * step);
    hn::StoreU(v1, d, chain[3] + block * step);
  }
  if (at + 2 * float_lanes <= n) {
    loader<Elements>::load(x, at, v0, v1);
    hn::StoreU(v0, d, chain[0] + block * step);
    hn::StoreU(v1, d, chain[1] + block * step);
    at += 2 * float_lanes;
  }
  if (at < n) {
    loader<Elements>::load_n(x, at, n - at, v0, v1);
    hn::StoreU(v0, d, chain[2] + block * step);
    hn::StoreU(v1, d, chain[3] + block * step);
  }
}

struct tile_sums {
  float_vector sum[tile_side * tile_side];  // query · tile_side + row
};

template <class Step>
HWY_INLINE tile_sums tile_chain(const float*& queries, const float*& rows, std::size_t length) {
  const float_tag d;
  tile_sums t;
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < tile_side * tile_side; ++i) t.sum[i] = hn::Zero(d);
  for (std::size_t s = 0; s < length; ++s) {
    float_vector q[tile_side];
    HWY_UNROLL(4)
    for (std::size_t i = 0; i < tile_side; ++i) q[i] = in_register(hn::LoadU(d, queries + i * float_lanes));
    HWY_UNROLL(4)
    for (std::size_t j = 0; j < tile_side; ++j) {
      const float_vector r = in_register(hn::LoadU(d, rows + j * float_lanes));
      HWY_UNROLL(4)
      for (std::size_t i = 0; i < tile_side; ++i) t.sum[i * tile_side + j] = Step::add(q[i], r, t.sum[i * tile_side + j]);
    }
    queries += tile_side * float_lanes;
    rows += tile_side * float_lanes;
  }
  return t;
}

#if HWY_MAX_BYTES == 64
/// Lane i of the result is fold_lanes(sum[i]), to the bit; each addition serves two vectors.
HWY_INLINE float_vector reduce_16(float_vector* sum) {
  const float_tag d;
  const hn::RepartitionToWide<float_tag> dw;
  HWY_UNROLL(8)
  for (std::size_t i = 0; i < 8; ++i) {
    const float_vector other = hn::ConcatUpperLower(d, sum[i], sum[i + 8]);
    sum[i] = hn::Add(hn::ConcatUpperLower(d, sum[i + 8], sum[i]), hn::ConcatLowerUpper(d, other, other));
  }
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < 4; ++i)
    sum[i] = hn::Add(hn::OddEvenBlocks(sum[i + 4], sum[i]), hn::SwapAdjacentBlocks(hn::OddEvenBlocks(sum[i], sum[i + 4])));
  HWY_UNROLL(2)
  for (std::size_t i = 0; i < 2; ++i) {
    const auto x = hn::BitCast(dw, sum[i]);
    const auto y = hn::BitCast(dw, sum[i + 2]);
    sum[i] = hn::Add(hn::BitCast(d, hn::OddEven(y, x)), hn::BitCast(d, hn::Shuffle01(hn::OddEven(x, y))));
  }
  return hn::Add(hn::OddEven(sum[1], sum[0]), hn::Shuffle2301(hn::OddEven(sum[0], sum[1])));
}
#endif

#if HWY_MAX_BYTES == 64
/// out[i·stride + j] = lane 4·i + j.
HWY_INLINE void store_tile(float_vector scores, float* out, std::size_t stride) {
  const hn::FixedTag<float, 4> d4;
  hn::StoreU(hn::ExtractBlock<0>(scores), d4, out);
  hn::StoreU(hn::ExtractBlock<1>(scores), d4, out + stride);
  hn::StoreU(hn::ExtractBlock<2>(scores), d4, out + 2 * stride);
  hn::StoreU(hn::ExtractBlock<3>(scores), d4, out + 3 * stride);
}
#endif

/// The scores of one group of queries with one of rows: out[i·stride + j].
template <class Step>
HWY_INLINE void tile_scores(const float* queries, const float* rows, chain_lengths chains, float* out, std::size_t stride) {
  const float_tag d;
  constexpr std::size_t pairs = tile_side * tile_side;
  HWY_ALIGN float half[pairs * float_lanes];  // two chains wait here for the other two
  HWY_ALIGN float third[pairs * float_lanes];
  tile_sums t = tile_chain<Step>(queries, rows, chains.first);
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < pairs; ++i) hn::Store(t.sum[i], d, half + i * float_lanes);
  t = tile_chain<Step>(queries, rows, chains.first);
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < pairs; ++i) hn::Store(hn::Add(hn::Load(d, half + i * float_lanes), t.sum[i]), d, half + i * float_lanes);
  t = tile_chain<Step>(queries, rows, chains.last);
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < pairs; ++i) hn::Store(t.sum[i], d, third + i * float_lanes);
  t = tile_chain<Step>(queries, rows, chains.last);
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < pairs; ++i)
    t.sum[i] = hn::Add(hn::Load(d, half + i * float_lanes), hn::Add(hn::Load(d, third + i * float_lanes), t.sum[i]));
#if HWY_MAX_BYTES == 64
  store_tile(reduce_16(t.sum), out, stride);
#else
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < pairs; ++i) out[i / tile_side * stride + i % tile_side] = fold_lanes(d, t.sum[i]);
#endif
}

/// How many members of each group a vector was packed for.
struct tile_members {
  std::size_t queries, rows;
};
/// What groups are and how two of them are scored.
template <class Step>
struct float_tile {
  static HWY_INLINE std::size_t group(std::size_t n) { return group_size(n); }
  static HWY_INLINE void scores(const float* queries, const float* rows, std::size_t n, tile_members /*present*/, float* out,
                                std::size_t stride) {
    tile_scores<Step>(queries, rows, chains_of(n), out, stride);
  }
};

template <class Tile>
inline void tile_all(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count, std::size_t n,
                     float* out, std::size_t out_stride) noexcept {
  const std::size_t group = Tile::group(n);
  const std::size_t query_groups = (query_count + tile_side - 1) / tile_side;
  const std::size_t row_groups = (row_count + tile_side - 1) / tile_side;
  const std::size_t fit = tile_query_bytes / (group * sizeof(float) + 1);
  const std::size_t kept = fit == 0 ? 1 : fit;
  for (std::size_t from = 0; from < query_groups; from += kept) {
    const std::size_t end = from + kept < query_groups ? from + kept : query_groups;
    for (std::size_t r = 0; r < row_groups; ++r)
      for (std::size_t q = from; q < end; ++q) {
        const std::size_t i = q * tile_side;
        const std::size_t j = r * tile_side;
        const tile_members present = {HWY_MIN(tile_side, query_count - i), HWY_MIN(tile_side, row_count - j)};
        const bool whole = present.queries == tile_side && present.rows == tile_side;
        float edge[tile_side * tile_side];
        float* to = out + i * out_stride + j;
        Tile::scores(queries + q * group, rows + r * group, n, present, whole ? to : edge, whole ? out_stride : tile_side);
        if (whole) continue;
        for (std::size_t a = 0; a < present.queries; ++a)
          for (std::size_t b = 0; b < present.rows; ++b) to[a * out_stride + b] = edge[a * tile_side + b];
      }
  }
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
