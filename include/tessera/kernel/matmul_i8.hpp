// SPDX-License-Identifier: Apache-2.0
/// Matrix multiply in 8-bit integers, a quarter of the memory of f32: c = act(a · Wᵀ + bias) + residual.
///
///     a [m, k] (row stride lda), W [n, k] as a torch Linear stores it, bias [n], residual and c [m, n] (row stride
///     ldc), all f32; both operands are rotated (kernel/hadamard.hpp) and rounded to 8 bits, W when packed with a scale
///     for each of its rows, a in the kernel with a scale for each row; sums are exact integers
///
///     std::vector<std::uint8_t> packed(kernels.matmul_i8.packed_size(k, n));   // once, at load
///     kernels.matmul_i8.pack(weight, k, n, packed.data());
///     kernels.matmul_i8.matmul(a, k, packed.data(), bias, activation::gelu_erf, nullptr, c, n, m, n, k);
///
/// With a' and w' the rotated rows (k' numbers, k in whole blocks), A and B their largest magnitudes, at least 2^-118:
///     code = round(x' · (127 / largest)), scale = largest / 127 (kernel/row_codes.hpp)
///     sum = scale_a · scale_w / 128 · Σ code_a · code_w
///     |sum - a·w| <= k' · A · B / 16100 + 2^-19 · |a| · |w|
/// Rounding errors are independent of each other, so that in practice the error is their root mean square, about
/// sqrt(|a|² B² + |w|² A²) / 5000 in f32. Sums are exact for k up to 133,000. A row that holds NaN or infinity, or whose
/// rotated numbers overflow (2^120 never does), makes a row of NaN.
///
/// Every target has the same codes and the same sums; a row's bits depend on nothing but the row. Weights are packed in panels of
/// two vectors of columns, as many neighbours along k side by side as an instruction multiplies, and behind them the
/// columns' scales and, where rows are shifted to unsigned bytes, what their sums begin with: [panel]{ [k'/4][columns][4],
/// scale[columns], start[columns] }. Panels belong to the target that packed them.
#if !defined(TESSERA_KERNEL_MATMUL_I8_HPP)
#define TESSERA_KERNEL_MATMUL_I8_HPP

#include <tessera/kernel/activation.hpp>
#include <tessera/kernel/norm.hpp>
#include <tessera/kernel/row_codes.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

/// The truth: integer sums of the codes, scaled in double, rounded once before and once after the activation.
inline void matmul_i8(const float* a, std::size_t lda, const float* weight, const float* bias, activation act,
                      const float* residual, float* c, std::size_t ldc, std::size_t m, std::size_t n,
                      std::size_t k) noexcept {
  for (std::size_t j = 0; j < n; ++j) {
    const row_scale_i8 column_scale = row_scale(weight + j * k, k);
    for (std::size_t i = 0; i < m; ++i) {
      const row_scale_i8 scale = row_scale(a + i * lda, k);
      std::int64_t sum = 0;
      for (std::size_t begin = 0; begin < k && scale.to_code > 0.0f && column_scale.to_code > 0.0f; begin += hadamard_block) {
        float row[hadamard_block], column[hadamard_block];
        rotate_block(a + i * lda, k, begin, row);
        rotate_block(weight + j * k, k, begin, column);
        for (std::size_t l = 0; l < hadamard_block; ++l)
          sum += std::lrint(row[l] * scale.to_code) * std::lrint(column[l] * column_scale.to_code);
      }
      double value = static_cast<double>(sum) * static_cast<double>(scale.to_value) * static_cast<double>(column_scale.to_value);
      value = value / hadamard_block + (bias != nullptr ? static_cast<double>(bias[j]) : 0.0);
      const float activated = activate_f32(act, static_cast<float>(value));
      c[i * ldc + j] = residual != nullptr ? activated + residual[i * ldc + j] : activated;
    }
  }
}

}  // namespace scalar

struct matmul_i8_kernels {
  /// Bytes that the packed form of a [n, k] weight takes.
  std::size_t (*packed_size)(std::size_t k, std::size_t n) noexcept;
  /// Rotates, rounds and packs weight [n][k].
  void (*pack)(const float* weight, std::size_t k, std::size_t n, std::uint8_t* packed) noexcept;
  /// c = act(a · Wᵀ + bias) + residual. bias and residual may be null; residual may be c; a must not overlap c.
  void (*matmul)(const float* a, std::size_t lda, const std::uint8_t* packed, const float* bias, activation act,
                 const float* residual, float* c, std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;
  /// As matmul_kernels::gated.
  void (*gated)(const float* a, std::size_t lda, const std::uint8_t* packed, const float* bias, activation act, float* c,
                std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;
  normed_product<std::uint8_t> normed;  ///< as matmul_kernels::normed
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_MATMUL_I8_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MATMUL_I8_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MATMUL_I8_PASS)
#undef TESSERA_KERNEL_MATMUL_I8_PASS
#else
#define TESSERA_KERNEL_MATMUL_I8_PASS
#endif

#include <tessera/kernel/matmul_blocks.hpp>
#include <tessera/kernel/matmul_i8_sums.hpp>
#include <tessera/kernel/row_codes.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Neighbours along k that one instruction multiplies and adds: four bytes where the processor does so exactly, else two codes
/// widened to 16 bits, whose products' sums no 32-bit lane loses. x86 multiplies unsigned by signed bytes: codes of rows have 128
/// added, and 128 times a column's sum, which is known when weights are packed, is subtracted.
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
using i8_row_code = std::uint8_t;
inline constexpr bool i8_shifted = true;
#elif HWY_TARGET == HWY_NEON_BF16
using i8_row_code = std::int8_t;
inline constexpr bool i8_shifted = false;
#else
using i8_row_code = std::int16_t;
inline constexpr bool i8_shifted = false;
#endif
inline constexpr std::size_t i8_step = 4 / sizeof(i8_row_code);

/// Depth that one call of a tile covers; see tile_depth.
inline constexpr std::size_t i8_depth = tile_depth * i8_step;
inline constexpr std::size_t i8_slice_stride = slice_stride * i8_step;

/// A step's codes of one vector of columns.
HWY_INLINE auto load_i8_columns(const std::uint8_t* at) {
  if constexpr (i8_step == 2) {
    const hn::Repartition<std::int16_t, matmul_tag> d;
    const hn::Rebind<std::int8_t, decltype(d)> half;
    return hn::PromoteTo(d, hn::BitCast(half, hn::LoadU(hn::RebindToUnsigned<decltype(half)>(), at)));
  } else {
    const hn::Repartition<std::int8_t, matmul_tag> d;
    return hn::BitCast(d, hn::LoadU(hn::RebindToUnsigned<decltype(d)>(), at));
  }
}

/// sum + Σ of the step's products, exact; `row` holds one row's step in each lane.
template <class Columns>
HWY_INLINE hn::Vec<sum_tag> add_i8_products(hn::Vec<sum_tag> row, Columns columns, hn::Vec<sum_tag> sum) {
  const sum_tag d;
  if constexpr (i8_step == 2) {
    return hn::Add(sum, hn::WidenMulPairwiseAdd(d, hn::BitCast(hn::Repartition<std::int16_t, sum_tag>(), row), columns));
  } else {
    return hn::SumOfMulQuadAccumulate(d, hn::BitCast(hn::Repartition<i8_row_code, sum_tag>(), row), columns, sum);
  }
}

/// out[row][panel][column] = Σ_l a[row][l] · b[panel][l][column], from what `scales` says that sums begin with, or from `out` if `onward`.
/// `out` holds the bits of i32 sums. Or they become values by `scales` and go where `end` says.
template <std::size_t Rows, std::size_t Panels = 1>
HWY_NOINLINE void multiply_tile_i8(const i8_row_code* HWY_RESTRICT a, const std::uint8_t* HWY_RESTRICT b, std::size_t panel_stride,
                                   std::size_t steps, float* HWY_RESTRICT out, bool onward, const tile_end& end, const i8_sums& scales,
                                   const std::uint8_t* ahead) noexcept {
  const sum_tag d;
  const matmul_tag df;
  using vector = hn::Vec<sum_tag>;
  constexpr std::size_t lanes = HWY_MAX_LANES_D(sum_tag);
  constexpr std::size_t width = 2 * Panels;
  vector sum[Rows * width];
  HWY_UNROLL(64)
  for (std::size_t i = 0; i < Rows * width; ++i) sum[i] = i8_shifted ? scales.start_of_column(i % width * lanes) : hn::Zero(d);
  if (onward) {
    HWY_UNROLL(64)
    for (std::size_t i = 0; i < Rows * width; ++i) sum[i] = hn::BitCast(d, hn::LoadU(df, out + i * lanes));
  }
  for (std::size_t l = 0; l < steps; ++l) {
    __builtin_prefetch(ahead + l * i8_step * panel_width / 2, 0, 2);
    const std::uint8_t* step = b + l * i8_step * panel_width;
    decltype(load_i8_columns(step)) column[width];
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < width; ++v)
      column[v] = load_i8_columns(step + v / 2 * panel_stride + v % 2 * i8_step * lanes);
    HWY_UNROLL(16)
    for (std::size_t r = 0; r < Rows; ++r) {
      std::int32_t word;
      hwy::CopyBytes<sizeof(word)>(a + r * i8_slice_stride + l * i8_step, &word);
      const vector row = hn::Set(d, word);
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < width; ++v) sum[r * width + v] = add_i8_products(row, column[v], sum[r * width + v]);
    }
  }
  if (end.c != nullptr) {
    hn::Vec<matmul_tag> column[width];
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < width; ++v) column[v] = scales.of_column(v * lanes);
    return end.finish<Rows, width>(i8_values<width>{sum, column, scales});
  }
  HWY_UNROLL(64)
  for (std::size_t i = 0; i < Rows * width; ++i) hn::StoreU(hn::BitCast(df, sum[i]), df, out + i * lanes);
}

struct i8_tile {
  static constexpr std::size_t panels(std::size_t rows) { return narrow_tile_panels(rows); }
  using function = void (*)(const i8_row_code* a, const std::uint8_t* b, std::size_t panel_stride, std::size_t steps, float* out,
                            bool onward, const tile_end& end, const i8_sums& scales, const std::uint8_t* ahead) noexcept;
  template <std::size_t Rows, std::size_t Panels>
  static constexpr function make() {
    return multiply_tile_i8<Rows, Panels>;
  }
};
inline constexpr tile_list<i8_tile> i8_tiles = tile_list<i8_tile>::of_all_heights();

/// Bytes of one panel: codes, scales, what sums begin with.
[[nodiscard]] constexpr std::size_t i8_panel_bytes(std::size_t k) noexcept {
  return (padded_depth(k) + sizeof(float) + (i8_shifted ? sizeof(std::int32_t) : 0)) * panel_width;
}

inline std::size_t packed_size_i8(std::size_t k, std::size_t n) noexcept {
  return (n + panel_width - 1) / panel_width * i8_panel_bytes(k);
}

inline void pack_i8(const float* weight, std::size_t k, std::size_t n, std::uint8_t* packed) noexcept {
  HWY_ALIGN float rotated[hadamard_block];
  std::int8_t codes[hadamard_block];
  const std::size_t depth = padded_depth(k);
  for (std::size_t first = 0; first < n; first += panel_width, packed += i8_panel_bytes(k)) {
    for (std::size_t j = 0; j < panel_width; ++j) {
      const std::size_t given = first + j < n ? k : 0;
      const float* row = weight + (given > 0 ? first + j : 0) * k;
      std::int32_t most = 0;
      for (std::size_t l = 0; l < given; l += hadamard_block)
        most = hadamard_blocks(row + l, HWY_MIN(hadamard_block, given - l), rotated, most);
      const row_scale_i8 scale = row_scale_i8::of(magnitude_of(most));
      std::uint32_t sum = 0;
      for (std::size_t begin = 0; begin < depth; begin += hadamard_block) {
        if (begin < given) hadamard_blocks(row + begin, HWY_MIN(hadamard_block, given - begin), rotated, 0);
        else hwy::ZeroBytes<sizeof(rotated)>(rotated);
        sum += static_cast<std::uint32_t>(store_codes(rotated, hadamard_block, scale.to_code, codes));
        for (std::size_t l = 0; l < hadamard_block; ++l)
          packed[(begin + l) / i8_step * i8_step * panel_width + j * i8_step + l % i8_step] = static_cast<std::uint8_t>(codes[l]);
      }
      const float to_value = scale.to_value / hadamard_block;
      hwy::CopyBytes<sizeof(float)>(&to_value, packed + depth * panel_width + j * sizeof(float));
      const std::uint32_t start = 0u - 128u * sum;
      if (i8_shifted) hwy::CopyBytes<sizeof(start)>(&start, packed + (depth + sizeof(float)) * panel_width + j * sizeof(start));
    }
  }
}

/// What multiply_blocks asks of a form of weights. `k` of the rows; the depth that is multiplied is padded_depth(k).
struct i8_product {
  rotated_rows<i8_depth> read;
  const std::uint8_t* packed;
  std::size_t k;
  matmul_end end;
  i8_row_code* slice;  ///< codes of a block of rows

  static constexpr std::size_t height = tile_height;
  static constexpr std::size_t kept_blocks = 1;
  static constexpr std::size_t depth = i8_depth;
  static constexpr std::size_t row_depth = tile_height * i8_slice_stride / hadamard_block * hadamard_block;
  static constexpr std::size_t panels(std::size_t rows) { return i8_tile::panels(rows); }
  static constexpr std::size_t group_bytes = panel_group_bytes / 2 * 3;
  [[nodiscard]] HWY_INLINE std::size_t panel_bytes() const { return i8_panel_bytes(k); }
  [[nodiscard]] HWY_INLINE i8_sums sums_from(std::size_t panel) const {
    return {packed + panel * panel_bytes() + padded_depth(k) * panel_width, panel_bytes(), read.scale};
  }

  /// A row becomes codes while the next is rotated: the one waits for its largest number.
  HWY_INLINE void fill(std::size_t row, std::size_t rows, std::size_t begin, std::size_t length) const {
    std::size_t done = 0;
    do {  // more than once for a row alone; once for no depth at all, whose scales count too
      const std::size_t count = HWY_MIN(depth, length - done);
      for (std::size_t r = 0; r <= rows; ++r) {
        if (r < rows) read.rotate(row, r, begin + done, count);
        if (r > 0) {
          const std::size_t last = r - 1;
          store_row_codes(read.rotated_row(last), count, read.scale[last].to_code, slice + last * i8_slice_stride + done);
        }
      }
      done += depth;
    } while (done < length);
  }
  HWY_INLINE void multiply(std::size_t rows, bool several, std::size_t panel, std::size_t begin, std::size_t length,
                           float* tile, const tile_end& to, std::size_t ahead_panels, std::size_t ahead_step) const {
    const std::uint8_t* b = packed + panel * panel_bytes() + begin * panel_width;
    const std::size_t steps = length / i8_step;
    const auto multiply = several ? i8_tiles.several[rows] : i8_tiles.one[rows];
    multiply(slice, b, panel_bytes(), steps, tile, begin != 0, to, sums_from(panel),
             b + ahead_panels * panel_bytes() + ahead_step * length / 2 * panel_width);
  }
  [[nodiscard]] HWY_INLINE tile_end straight(std::size_t row, std::size_t column, std::size_t width, std::size_t n) const {
    return end.of_tile(row, column, width, n);
  }
  HWY_INLINE void finish(float* tile, std::size_t width, std::size_t row, std::size_t rows, std::size_t column,
                         std::size_t columns) const {
    end.finish(tile, width, row, rows, column, columns, sums_from(column / panel_width));
  }
};

inline void multiply_i8(const float* a, std::size_t lda, const std::uint8_t* packed, const matmul_end& end, std::size_t m,
                        std::size_t n, std::size_t k) noexcept {
  HWY_ALIGN i8_row_code slice[tile_height * i8_slice_stride];
  HWY_ALIGN float rotated[2 * i8_depth];
  row_scale_i8 scale[tile_height];
  multiply_blocks(i8_product{{a, lda, k, rotated, scale}, packed, k, end, slice}, m, n, padded_depth(k));
}

using i8_products = products_by<std::uint8_t, multiply_i8>;
inline constexpr matmul_i8_kernels matmul_i8_table = {
    .packed_size = packed_size_i8,
    .pack = pack_i8,
    .matmul = i8_products::matmul,
    .gated = i8_products::gated,
    .normed = i8_products::normed,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
