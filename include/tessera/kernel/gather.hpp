// SPDX-License-Identifier: Apache-2.0
/// Distances of one query with rows from a list, in every precision: out[i] for row at[i], with the bits of one pair alone.
///
///     kernels().gather.dot_rows_f32(query, rows, stride, at, count, n, out);   // out[i] = dot_f32(query, rows + at[i]·stride, n)
///
/// What a search in a graph or the rescoring of candidates asks for: rows in no order, mostly not in the cache. Rows to come are
/// prefetched while others are summed. Names, values and error bounds are those of kernel/distance.hpp.
#if !defined(TESSERA_KERNEL_GATHER_HPP)
#define TESSERA_KERNEL_GATHER_HPP

#include <tessera/base/config.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

template <class Out, class Query, class Row>
using one_to_listed = void (*)(const Query* query, const Row* rows, std::size_t stride, const std::uint32_t* at,
                               std::size_t count, std::size_t n, Out* out) noexcept;

struct gather_kernels {
  one_to_listed<float, float, float> dot_rows_f32, squared_l2_rows_f32;
  one_to_listed<float, std::uint16_t, std::uint16_t> dot_rows_f16, squared_l2_rows_f16;
  one_to_listed<float, std::uint16_t, std::uint16_t> dot_rows_bf16, squared_l2_rows_bf16;
  one_to_listed<float, float, std::uint16_t> dot_rows_f32_f16, squared_l2_rows_f32_f16;
  one_to_listed<float, float, std::uint16_t> dot_rows_f32_bf16, squared_l2_rows_f32_bf16;
  one_to_listed<std::int32_t, std::int8_t, std::int8_t> dot_rows_i8, squared_l2_rows_i8;
  one_to_listed<float, float, std::int8_t> dot_rows_f32_i8;
  one_to_listed<std::int32_t, std::uint8_t, std::uint8_t> dot_rows_i4;
  one_to_listed<float, float, std::uint8_t> dot_rows_f32_i4, dot_rows_f32_b1;
  one_to_listed<std::uint32_t, std::uint8_t, std::uint8_t> hamming_rows_b1;  ///< n in bytes
  one_to_listed<float, std::uint8_t, std::uint8_t> jaccard_rows_b1;          ///< n in bytes
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_GATHER_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_GATHER_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_GATHER_PASS)
#undef TESSERA_KERNEL_GATHER_PASS
#else
#define TESSERA_KERNEL_GATHER_PASS
#endif

#include <tessera/kernel/distance.hpp>

#include <hwy/highway.h>

namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

inline constexpr gather_kernels gather_table = {
    .dot_rows_f32 = sum_gathered<dot_step, f32e, f32e>,
    .squared_l2_rows_f32 = sum_gathered<squared_l2_step, f32e, f32e>,
    .dot_rows_f16 = sum_gathered<dot_step, f16e, f16e>,
    .squared_l2_rows_f16 = sum_gathered<squared_l2_step, f16e, f16e>,
    .dot_rows_bf16 = dot_gathered_bf16,
    .squared_l2_rows_bf16 = sum_gathered<squared_l2_step, bf16_even_odd, bf16_even_odd>,
    .dot_rows_f32_f16 = sum_gathered<dot_step, f32e, f16e>,
    .squared_l2_rows_f32_f16 = sum_gathered<squared_l2_step, f32e, f16e>,
    .dot_rows_f32_bf16 = sum_gathered<dot_step, f32e, bf16e>,
    .squared_l2_rows_f32_bf16 = sum_gathered<squared_l2_step, f32e, bf16e>,
    .dot_rows_i8 = dot_gathered_i8,
    .squared_l2_rows_i8 = squared_l2_gathered_i8,
    .dot_rows_f32_i8 = dot_gathered_fixed<i8_in_fixed_point>,
    .dot_rows_i4 = dot_gathered_i4,
    .dot_rows_f32_i4 = dot_gathered_fixed<i4_in_fixed_point>,
    .dot_rows_f32_b1 = sum_gathered<dot_step, f32e, b1_elements>,
    .hamming_rows_b1 = hamming_gathered_b1,
    .jaccard_rows_b1 = jaccard_gathered_b1,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE

#endif
