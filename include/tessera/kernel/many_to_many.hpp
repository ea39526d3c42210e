// SPDX-License-Identifier: Apache-2.0
/// Dot products and squared L2 of many queries with many rows, from panels in which both were packed.
///
///     const many_to_many_kernels& k = kernels().many_to_many;
///     std::vector<float> q(k.packed_size(queries, n)), r(k.packed_size(rows, n));
///     for (i ...) k.pack_f32(query i, n, i, q.data());          // likewise the rows, in their own precision
///     k.dot(q.data(), queries, r.data(), rows, n, out, stride);  // out[i·stride + j] = dot_f32(query i, row j, n)
///
/// Results have the bits of the one-to-one kernels (kernel/distance.hpp), whatever is packed beside a vector: each pair is summed
/// in the same four chains, of which a tile of `together`² pairs runs one after the other, so that a vector that was loaded
/// serves `together` products and the multipliers, not the loads, are the limit (with four chains a pair a tile of 2 × 2 would
/// fill the registers, and load as often as it multiplies). Panels hold f32, so narrow rows are widened once for all queries.
///
/// A pair takes both sides from the pack functions of its line; the others would bring another order or other bits:
///
/// | query | row  | query packed by     | row packed by      | scored by       |
/// | ----- | ---- | ------------------- | ------------------ | --------------- |
/// | f32   | f32  | pack_f32            | pack_f32           | dot, squared_l2 |
/// | f32   | f16  | pack_f32            | pack_f16           | dot, squared_l2 |
/// | f32   | bf16 | pack_f32            | pack_bf16          | dot, squared_l2 |
/// | f32   | i8   | pack_f32_for_i8     | pack_i8_for_f32    | dot_f32_i8      |
/// | f32   | i4   | pack_f32_for_i4     | pack_i4_for_f32    | dot_f32_i4      |
/// | f32   | b1   | pack_f32            | pack_b1            | dot             |
/// | f16   | f16  | pack_f16            | pack_f16           | dot, squared_l2 |
/// | bf16  | bf16 | pack_bf16_even_odd  | pack_bf16_even_odd | dot, squared_l2 |
///
/// Panels of f32 queries and of the i8 or i4 rows that they meet have `packed_codes_size` floats: where such products are in fixed point
/// (kernel/distance_fixed.hpp), they hold digits and codes.
#if !defined(TESSERA_KERNEL_MANY_TO_MANY_HPP)
#define TESSERA_KERNEL_MANY_TO_MANY_HPP

#include <tessera/base/config.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

/// Puts vector `i` of a panel in its place.
template <class Storage>
using pack_vector = void (*)(const Storage* x, std::size_t n, std::size_t i, float* packed) noexcept;
/// out[i·out_stride + j] for i < query_count and j < row_count; nothing else is written.
using packed_to_packed = void (*)(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count,
                                  std::size_t n, float* out, std::size_t out_stride) noexcept;

struct many_to_many_kernels {
  std::size_t (*packed_size)(std::size_t count, std::size_t n) noexcept;  ///< floats of a panel of `count` vectors
  std::size_t (*packed_codes_size)(std::size_t count, std::size_t n) noexcept;
  pack_vector<float> pack_f32, pack_f32_for_i8, pack_f32_for_i4;
  pack_vector<std::uint16_t> pack_f16, pack_bf16, pack_bf16_even_odd;
  pack_vector<std::int8_t> pack_i8, pack_i8_for_f32;
  pack_vector<std::uint8_t> pack_i4_even_odd, pack_i4_for_f32, pack_b1;
  packed_to_packed dot, squared_l2, dot_f32_i8, dot_f32_i4;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_MANY_TO_MANY_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MANY_TO_MANY_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MANY_TO_MANY_PASS)
#undef TESSERA_KERNEL_MANY_TO_MANY_PASS
#else
#define TESSERA_KERNEL_MANY_TO_MANY_PASS
#endif

#include <tessera/kernel/distance.hpp>
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
  const float_vector sums = reduce_16(t.sum);
  const hn::FixedTag<float, 4> d4;
  hn::StoreU(hn::ExtractBlock<0>(sums), d4, out);
  hn::StoreU(hn::ExtractBlock<1>(sums), d4, out + stride);
  hn::StoreU(hn::ExtractBlock<2>(sums), d4, out + 2 * stride);
  hn::StoreU(hn::ExtractBlock<3>(sums), d4, out + 3 * stride);
#else
  HWY_UNROLL(16)
  for (std::size_t i = 0; i < pairs; ++i) out[i / tile_side * stride + i % tile_side] = fold_lanes(d, t.sum[i]);
#endif
}

template <class Step>
inline void tile_all(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count, std::size_t n,
                     float* out, std::size_t out_stride) noexcept {
  const chain_lengths chains = chains_of(n);
  const std::size_t group = group_size(n);
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
        const bool whole = i + tile_side <= query_count && j + tile_side <= row_count;
        float edge[tile_side * tile_side];
        float* to = out + i * out_stride + j;
        tile_scores<Step>(queries + q * group, rows + r * group, chains, whole ? to : edge, whole ? out_stride : tile_side);
        if (whole) continue;
        for (std::size_t a = 0; a < tile_side && i + a < query_count; ++a)
          for (std::size_t b = 0; b < tile_side && j + b < row_count; ++b) to[a * out_stride + b] = edge[a * tile_side + b];
      }
  }
}

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL

/// A query in a panel: `start`, its unit and whether it goes in digits, the digits or else its values.
inline constexpr std::size_t fixed_slot_head = 80;
HWY_INLINE std::size_t fixed_slot(std::size_t n) { return fixed_slot_head + (n + 127) / 128 * 128; }
inline std::size_t codes_packed_size(std::size_t count, std::size_t n) noexcept { return count * fixed_slot(n); }

template <class Codes>
inline void pack_fixed(const float* query, std::size_t n, std::size_t i, float* packed) noexcept {
  float* slot = packed + i * fixed_slot(n);
  float* values = slot + fixed_slot_head;
  const bool digits = fix_query<Codes>(query, n, reinterpret_cast<std::int32_t*>(slot), reinterpret_cast<std::int8_t*>(values), slot[64]);
  slot[65] = digits ? 1.0f : 0.0f;
  if (!digits && n > 0) __builtin_memcpy(values, query, n * sizeof(float));
}
/// Rows stay as they are, one behind the other from a boundary of 64 bytes of the panel to the next.
template <class Codes>
inline void pack_fixed_row(const typename Codes::storage* row, std::size_t n, std::size_t i, float* packed) noexcept {
  const std::size_t bytes = Codes::bytes(n);
  if (bytes > 0) __builtin_memcpy(reinterpret_cast<std::uint8_t*>(packed) + i * ((bytes + 63) / 64 * 64), row, bytes);
}
template <class Codes>
inline void fixed_all(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count, std::size_t n, float* out,
                      std::size_t out_stride) noexcept {
  const auto* codes = reinterpret_cast<const typename Codes::storage*>(rows);
  const std::size_t stride = (Codes::bytes(n) + 63) / 64 * 64;
  for (std::size_t q = 0; q < query_count; ++q) {
    const float* slot = queries + q * fixed_slot(n);
    const float* values = slot + fixed_slot_head;
    float* to = out + q * out_stride;
    if (slot[65] != 0.0f)
      fixed_in_order<Codes>({reinterpret_cast<const std::int32_t*>(slot), reinterpret_cast<const std::int8_t*>(values), slot[64]}, codes,
                            stride, row_count, n, to);
    else sum_many<dot_step, typename Codes::query, typename Codes::row>(values, codes, stride, row_count, n, to);
  }
}

#else

inline std::size_t codes_packed_size(std::size_t count, std::size_t n) noexcept { return tile_packed_size(count, n); }
template <class Codes>
inline void pack_fixed(const float* query, std::size_t n, std::size_t i, float* packed) noexcept {
  tile_pack<typename Codes::query>(query, n, i, packed);
}
template <class Codes>
inline void pack_fixed_row(const typename Codes::storage* row, std::size_t n, std::size_t i, float* packed) noexcept {
  tile_pack<typename Codes::row>(row, n, i, packed);
}
template <class Codes>
inline void fixed_all(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count, std::size_t n, float* out,
                      std::size_t out_stride) noexcept {
  tile_all<dot_step>(queries, query_count, rows, row_count, n, out, out_stride);
}

#endif

inline constexpr many_to_many_kernels many_to_many_table = {
    .packed_size = tile_packed_size,
    .packed_codes_size = codes_packed_size,
    .pack_f32 = tile_pack<f32_elements>,
    .pack_f32_for_i8 = pack_fixed<i8_in_fixed_point>,
    .pack_f32_for_i4 = pack_fixed<i4_in_fixed_point>,
    .pack_f16 = tile_pack<f16_elements>,
    .pack_bf16 = tile_pack<bf16_elements>,
    .pack_bf16_even_odd = tile_pack<bf16_even_odd>,
    .pack_i8 = tile_pack<i8_elements>,
    .pack_i8_for_f32 = pack_fixed_row<i8_in_fixed_point>,
    .pack_i4_even_odd = tile_pack<i4_even_odd>,
    .pack_i4_for_f32 = pack_fixed_row<i4_in_fixed_point>,
    .pack_b1 = tile_pack<b1_elements>,
    .dot = tile_all<dot_step>,
    .squared_l2 = tile_all<squared_l2_step>,
    .dot_f32_i8 = fixed_all<i8_in_fixed_point>,
    .dot_f32_i4 = fixed_all<i4_in_fixed_point>,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
