// SPDX-License-Identifier: Apache-2.0
/// Tiles of dot products of bf16 by pairs, with the bits of kernel/distance_pairs.hpp; kernel/many_to_many.hpp has the table.
///
/// A group of a panel holds, before its vectors of bf16 as they were stored, the least results of its members that count: a result below
/// its query's, as any is if the query may not go by pairs, is worked out with both sides widened.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MANY_TO_MANY_PAIRS_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MANY_TO_MANY_PAIRS_PASS)
#undef TESSERA_KERNEL_MANY_TO_MANY_PAIRS_PASS
#else
#define TESSERA_KERNEL_MANY_TO_MANY_PAIRS_PASS
#endif

#include <tessera/kernel/distance_pairs.hpp>
#include <tessera/kernel/many_to_many_tile.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

#if HWY_ARCH_X86 && HWY_NATIVE_DOT_BF16

/// The two chains of `sum_pairs` have the lengths of chains 0 and 2 of f32.
inline constexpr std::size_t pairs_head = tile_side * tile_side;  // floats
inline constexpr std::size_t pairs_step = tile_side * float_lanes;
HWY_INLINE std::size_t pairs_group(std::size_t n) {
  const chain_lengths chains = chains_of(n);
  return n == 0 ? 0 : pairs_head + (chains.first + chains.last) * pairs_step;
}

inline void pack_bf16_pairs_of(const std::uint16_t* x, std::size_t n, std::size_t i, float* packed) noexcept {
  static_assert(tile_side == 4 && float_lanes == 16);
  if (n == 0) return;
  const pairs_tag d;
  const std::size_t member = i % tile_side;
  float* group = packed + i / tile_side * pairs_group(n);
  const float least = goes_by_pairs(x, n) ? least_of_pairs : __builtin_nanf("");
  hn::StoreU(hn::Set(hn::FixedTag<float, 4>(), least), hn::FixedTag<float, 4>(), group + tile_side * member);
  float* chain[2] = {group + pairs_head + member * float_lanes, nullptr};
  chain[1] = chain[0] + chains_of(n).first * pairs_step;
  std::size_t at = 0;
  for (; at + pairs_values <= n; at += pairs_values) {
    float*& to = chain[at / pairs_values % 2];
    hn::StoreU(hn::LoadU(d, x + at), d, reinterpret_cast<std::uint16_t*>(to));
    to += pairs_step;
  }
  if (at < n) hn::StoreU(hn::LoadN(d, x + at, n - at), d, reinterpret_cast<std::uint16_t*>(chain[1]));
}

struct pairs_step_of_tile {
  static HWY_INLINE float_vector add(float_vector a, float_vector b, float_vector sum) {
    const pairs_tag d;
    return add_pairs(hn::BitCast(d, a), hn::BitCast(d, b), sum);
  }
};

/// One product of a tile with both sides widened, as dot_bf16_widened: from the first vectors of both.
HWY_NOINLINE inline float dot_packed_widened(const float* query, const float* row, chain_lengths chains) noexcept {
  const float_tag d;
  const pairs_tag d16;
  float_vector sum[4];
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < 4; ++i) sum[i] = hn::Zero(d);
  float_vector q0;
  float_vector q1;
  float_vector r0;
  float_vector r1;
  HWY_UNROLL(2)
  for (std::size_t chain = 0; chain < 2; ++chain)
    for (std::size_t s = 0; s < (chain == 0 ? chains.first : chains.last); ++s, query += pairs_step, row += pairs_step) {
      loader<bf16_even_odd>::split(hn::BitCast(d16, hn::LoadU(d, query)), q0, q1);
      loader<bf16_even_odd>::split(hn::BitCast(d16, hn::LoadU(d, row)), r0, r1);
      sum[2 * chain] = dot_step::add(q0, r0, sum[2 * chain]);
      sum[2 * chain + 1] = dot_step::add(q1, r1, sum[2 * chain + 1]);
    }
  return fold_chains(sum);
}

struct pairs_tile {
  static HWY_INLINE std::size_t group(std::size_t n) { return pairs_group(n); }
  static HWY_INLINE void scores(const float* queries, const float* rows, std::size_t n, tile_members present, float* out,
                                std::size_t stride) {
    const float_tag d;
    constexpr std::size_t pairs = tile_side * tile_side;
    if (n == 0) return store_tile(hn::Zero(d), out, stride);
    const chain_lengths chains = chains_of(n);
    HWY_ALIGN float first[pairs * float_lanes];  // one chain waits here for the other
    const float* q = queries + pairs_head;
    const float* r = rows + pairs_head;
    tile_sums t = tile_chain<pairs_step_of_tile>(q, r, chains.first);
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < pairs; ++i) hn::Store(t.sum[i], d, first + i * float_lanes);
    t = tile_chain<pairs_step_of_tile>(q, r, chains.last);
    HWY_UNROLL(16)
    for (std::size_t i = 0; i < pairs; ++i) t.sum[i] = hn::Add(hn::Load(d, first + i * float_lanes), t.sum[i]);
    const float_vector sums = reduce_16(t.sum);
    store_tile(sums, out, stride);
    const auto counts = hn::Ge(hn::Abs(sums), hn::LoadU(d, queries));
    if (HWY_LIKELY(hn::AllTrue(d, counts))) return;
    HWY_ALIGN float is_counted[pairs];
    hn::Store(hn::IfThenElseZero(counts, hn::Set(d, 1.0f)), d, is_counted);
    for (std::size_t i = 0; i < present.queries; ++i)
      for (std::size_t j = 0; j < present.rows; ++j)
        if (is_counted[i * tile_side + j] == 0.0f)
          out[i * stride + j] =
              dot_packed_widened(queries + pairs_head + i * float_lanes, rows + pairs_head + j * float_lanes, chains);
  }
};

inline void dot_bf16_packed(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count, std::size_t n,
                            float* out, std::size_t out_stride) noexcept {
  tile_all<pairs_tile>(queries, query_count, rows, row_count, n, out, out_stride);
}

#else

inline void pack_bf16_pairs_of(const std::uint16_t* x, std::size_t n, std::size_t i, float* packed) noexcept {
  tile_pack<bf16_even_odd>(x, n, i, packed);
}
inline void dot_bf16_packed(const float* queries, std::size_t query_count, const float* rows, std::size_t row_count, std::size_t n,
                            float* out, std::size_t out_stride) noexcept {
  tile_all<float_tile<dot_step>>(queries, query_count, rows, row_count, n, out, out_stride);
}

#endif

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
