// SPDX-License-Identifier: Apache-2.0
/// The sums of products in 8-bit integers as values: sum · scale of the column · scale of the row, in f32.
///
/// Part 2 only: kernel/matmul_i8.hpp ends here, in registers or by way of a tile in memory, with the same bits.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MATMUL_I8_SUMS_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MATMUL_I8_SUMS_PASS)
#undef TESSERA_KERNEL_MATMUL_I8_SUMS_PASS
#else
#define TESSERA_KERNEL_MATMUL_I8_SUMS_PASS
#endif

#include <tessera/kernel/matmul.hpp>
#include <tessera/kernel/row_codes.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using sum_tag = magnitude_tag;

/// Integer sums to f32, by the scales of their column and row.
struct i8_sums {
  static constexpr bool scaled = true;
  const std::uint8_t* column_scales;  ///< of the tile's first panel
  std::size_t panel_bytes;
  const row_scale_i8* row_scales;

  [[nodiscard]] HWY_INLINE hn::Vec<matmul_tag> of_column(std::size_t column, std::size_t behind = 0) const {
    const hn::Repartition<std::uint8_t, matmul_tag> d8;
    const std::uint8_t* scales = column_scales + behind + column / panel_width * panel_bytes + column % panel_width * sizeof(float);
    return hn::BitCast(matmul_tag(), hn::LoadU(d8, scales));
  }
  /// What the sums of a vector of columns begin with.
  [[nodiscard]] HWY_INLINE hn::Vec<sum_tag> start_of_column(std::size_t column) const {
    return hn::BitCast(sum_tag(), of_column(column, panel_width * sizeof(float)));
  }
  [[nodiscard]] HWY_INLINE hn::Vec<matmul_tag> value(hn::Vec<sum_tag> sum, hn::Vec<matmul_tag> column_scale, std::size_t row) const {
    const matmul_tag d;
    return rounded_product(hn::Mul(hn::Mul(hn::ConvertTo(d, sum), column_scale), hn::Set(d, row_scales[row].to_value)));
  }
  HWY_INLINE hn::Vec<matmul_tag> operator()(const float* tile, std::size_t row, std::size_t column) const {
    return value(hn::BitCast(sum_tag(), hn::LoadU(matmul_tag(), tile)), of_column(column), row);
  }
};

/// Sums of a tile [..][Width] as values.
template <std::size_t Width>
struct i8_values {
  const hn::Vec<sum_tag>* sums;
  const hn::Vec<matmul_tag>* column_scales;
  const i8_sums& scales;
  HWY_INLINE hn::Vec<matmul_tag> operator()(std::size_t r, std::size_t v) const {
    return scales.value(sums[r * Width + v], column_scales[v], r);
  }
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
