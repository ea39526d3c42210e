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
/// fill the registers, and load as often as it multiplies). Panels hold f32, so narrow rows are widened once for all queries;
/// those of `pack_bf16_pairs` hold bf16 where the processor multiplies pairs of them (kernel/distance_pairs.hpp).
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
/// | bf16  | bf16 | pack_bf16_pairs     | pack_bf16_pairs    | dot_bf16        |
/// | bf16  | bf16 | pack_bf16_even_odd  | pack_bf16_even_odd | squared_l2      |
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
  pack_vector<std::uint16_t> pack_f16, pack_bf16, pack_bf16_even_odd, pack_bf16_pairs;
  pack_vector<std::int8_t> pack_i8, pack_i8_for_f32;
  pack_vector<std::uint8_t> pack_i4_even_odd, pack_i4_for_f32, pack_b1;
  packed_to_packed dot, squared_l2, dot_bf16, dot_f32_i8, dot_f32_i4;
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
#include <tessera/kernel/many_to_many_pairs.hpp>
#include <tessera/kernel/many_to_many_tile.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

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
  tile_all<float_tile<dot_step>>(queries, query_count, rows, row_count, n, out, out_stride);
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
    .pack_bf16_pairs = pack_bf16_pairs_of,
    .pack_i8 = tile_pack<i8_elements>,
    .pack_i8_for_f32 = pack_fixed_row<i8_in_fixed_point>,
    .pack_i4_even_odd = tile_pack<i4_even_odd>,
    .pack_i4_for_f32 = pack_fixed_row<i4_in_fixed_point>,
    .pack_b1 = tile_pack<b1_elements>,
    .dot = tile_all<float_tile<dot_step>>,
    .squared_l2 = tile_all<float_tile<squared_l2_step>>,
    .dot_bf16 = dot_bf16_packed,
    .dot_f32_i8 = fixed_all<i8_in_fixed_point>,
    .dot_f32_i4 = fixed_all<i4_in_fixed_point>,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
