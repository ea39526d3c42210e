// SPDX-License-Identifier: Apache-2.0
/// Matrix multiply with weights in 4 bits, about a seventh of the memory of f32: c = act(a · Wᵀ + bias) + residual.
///
///     a [m, k] (row stride lda), W [n, k] as a torch Linear stores it, bias [n], residual and c [m, n] (row stride
///     ldc), all f32; both operands are rotated (kernel/hadamard.hpp), W when packed, a in the kernel; W becomes 4-bit codes with
///     a step for each 32 neighbours along k (kernel/group_codes.hpp), a 8-bit codes with a scale for each row (`matmul`), or
///     stays in f32 (`matmul_f32`)
///
///     std::vector<std::uint8_t> packed(kernels.matmul_i4.packed_size(k, n));   // once, at load
///     kernels.matmul_i4.pack(weight, k, n, packed.data());
///     kernels.matmul_i4.matmul(a, k, packed.data(), bias, activation::gelu_erf, nullptr, c, n, m, n, k);
///
/// For models that wait for memory: one row of a large model takes about the time to read its weights. With a' and w' the rotated rows
/// (k' numbers, k in whole blocks), A the largest magnitude of a' (at least 2^-118), B_g that of w' in group g (at least 2^-111):
///     matmul:     |sum - a·w| <= Σ_g 32 · A · B_g / 1900   + (k'/32 + 2) · 2^-24 · Σ_g 32 · A · B_g / 128
///     matmul_f32: |sum - a·w| <= Σ_g Σ_{i in g} |a'_i| · B_g / 2000 + k' · 2^-22 · Σ|a'_i w'_i| / 128
/// the first term for the rounding to codes, the second for f32. In practice rounding errors are independent, and a sum's error is about
/// |a| · |w| / 11 / sqrt(k) for either: what `matmul_f32` gains is a row's own rounding, a tenth of that. A row that holds NaN or infinity,
/// or whose rotated numbers exceed 2^110, makes a row without numbers; such a weight does so with its column.
///
/// Every target has the same codes. `matmul` sums exactly in integers within a group, then the groups, ascending, in one chain of fused
/// multiply-adds by their steps (SSE2 rounds twice); `matmul_f32` has such a chain within the group too. A row's bits depend on nothing
/// but the row. Panels of two vectors of columns hold the groups in order, so that one panel is one stream; they belong to the target that
/// packed them.
#if !defined(TESSERA_KERNEL_MATMUL_I4_HPP)
#define TESSERA_KERNEL_MATMUL_I4_HPP

#include <tessera/kernel/activation.hpp>
#include <tessera/kernel/group_codes.hpp>
#include <tessera/kernel/norm.hpp>
#include <tessera/kernel/row_codes.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

/// The truth: sums in double of the rounded operands, rounded once before and once after the activation. `rounded`: a becomes codes too.
inline void matmul_i4(const float* a, std::size_t lda, const float* weight, const float* bias, activation act,
                      const float* residual, float* c, std::size_t ldc, std::size_t m, std::size_t n, std::size_t k,
                      bool rounded) noexcept {
  for (std::size_t i = 0; i < m; ++i) {
    const row_scale_i8 scale = rounded ? row_scale(a + i * lda, k) : row_scale_i8{1.0f, 1.0f};
    for (std::size_t j = 0; j < n; ++j) {
      double sum = 0.0;
      for (std::size_t begin = 0; begin < k; begin += hadamard_block) {
        float row[hadamard_block], column[hadamard_block];
        rotate_block(a + i * lda, k, begin, row);
        rotate_block(weight + j * k, k, begin, column);
        for (std::size_t l = 0; l < hadamard_block; l += i4_group) {
          std::uint8_t codes[i4_group];
          const double step = static_cast<double>(i4_codes(column + l, codes));
          double products = 0.0;
          for (std::size_t e = 0; e < i4_group; ++e) {
            const double x = !rounded ? static_cast<double>(row[l + e])
                             : scale.to_code > 0.0f ? static_cast<double>(std::lrint(row[l + e] * scale.to_code)) : 0.0;
            products += x * (static_cast<double>(codes[e]) - 7.5);
          }
          sum += products * step;
        }
      }
      const double added = bias != nullptr ? static_cast<double>(bias[j]) : 0.0;
      const double value = sum * static_cast<double>(scale.to_value) / hadamard_block + added;
      const float activated = activate_f32(act, static_cast<float>(value));
      c[i * ldc + j] = residual != nullptr ? activated + residual[i * ldc + j] : activated;
    }
  }
}

}  // namespace scalar

struct matmul_i4_kernels {
  /// Bytes that the packed form of a [n, k] weight takes.
  std::size_t (*packed_size)(std::size_t k, std::size_t n) noexcept;
  /// Rotates, rounds and packs weight [n][k].
  void (*pack)(const float* weight, std::size_t k, std::size_t n, std::uint8_t* packed) noexcept;
  /// c = act(a · Wᵀ + bias) + residual, a in 8 bits. bias and residual may be null; residual may be c; a must not overlap c.
  void (*matmul)(const float* a, std::size_t lda, const std::uint8_t* packed, const float* bias, activation act, const float* residual,
                 float* c, std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;
  /// The same with a in f32.
  void (*matmul_f32)(const float* a, std::size_t lda, const std::uint8_t* packed, const float* bias, activation act, const float* residual,
                     float* c, std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;
  /// As matmul_kernels::gated, a in 8 bits or in f32.
  void (*gated)(const float* a, std::size_t lda, const std::uint8_t* packed, const float* bias, activation act, float* c,
                std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;
  void (*gated_f32)(const float* a, std::size_t lda, const std::uint8_t* packed, const float* bias, activation act, float* c,
                    std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;
  normed_product<std::uint8_t> normed, normed_f32;  ///< as matmul_kernels::normed, likewise
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_MATMUL_I4_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MATMUL_I4_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MATMUL_I4_PASS)
#undef TESSERA_KERNEL_MATMUL_I4_PASS
#else
#define TESSERA_KERNEL_MATMUL_I4_PASS
#endif

#include <tessera/kernel/group_codes.hpp>
#include <tessera/kernel/matmul_blocks.hpp>
#include <tessera/kernel/matmul_i8.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// What differs by the rows' form: `a` of a block, `stride` apart, and how a word's eight neighbours are multiplied.
struct i4_by_codes {
  static constexpr std::size_t panels(std::size_t rows) { return narrow_tile_panels(rows); }
  using row = hwy::MakeSigned<i8_row_code>;
  using sum = hn::Vec<sum_tag>;
  static constexpr std::size_t stride = i8_slice_stride;
  static constexpr std::size_t depth = i8_depth;
  static constexpr std::size_t parts = i4_parts;

  static HWY_INLINE sum begin(std::int32_t start) { return hn::Set(sum_tag(), start); }
  static HWY_INLINE hn::Vec<matmul_tag> value(sum products) { return hn::ConvertTo(matmul_tag(), products); }
  template <std::size_t Part>
  static HWY_INLINE auto columns(const std::uint8_t* words) {
    return i4_columns<Part>(words);
  }
  template <std::size_t Part, class Columns>
  static HWY_INLINE sum add(const row* a, Columns columns, sum before) {
    std::int32_t word;
    hwy::CopyBytes<sizeof(word)>(a + Part * i4_part, &word);
    return add_i4_products(hn::Set(sum_tag(), word), columns, before);
  }
};
struct i4_by_f32 {
  static constexpr std::size_t panels(std::size_t rows) { return tile_panels(rows); }  // one row waits for arithmetic
  using row = float;
  using sum = hn::Vec<matmul_tag>;
  static constexpr std::size_t stride = slice_stride;
  static constexpr std::size_t depth = tile_depth;
  static constexpr std::size_t parts = 8;

  static HWY_INLINE sum begin(std::int32_t) { return hn::Zero(matmul_tag()); }
  static HWY_INLINE hn::Vec<matmul_tag> value(sum products) { return products; }
  template <std::size_t Part>
  static HWY_INLINE auto columns(const std::uint8_t* words) {
    return i4_values<Part>(words);
  }
  template <std::size_t Part>
  static HWY_INLINE sum add(const row* a, sum columns, sum before) {
    return hn::MulAdd(hn::Set(matmul_tag(), a[Part]), columns, before);
  }
};

inline constexpr std::size_t i4_groups = i8_depth / i4_group;  ///< of a slice at most

/// The parts from Part on of eight neighbours along k.
template <class Form, std::size_t Rows, std::size_t Panels, std::size_t Part = 0>
HWY_INLINE void add_i4_parts(const typename Form::row* HWY_RESTRICT a, const std::uint8_t* HWY_RESTRICT words, std::size_t panel_stride,
                             typename Form::sum* HWY_RESTRICT sum) {
  constexpr std::size_t width = 2 * Panels;
  decltype(Form::template columns<Part>(words)) column[width];
  HWY_UNROLL(8)
  for (std::size_t v = 0; v < width; ++v)
    column[v] = Form::template columns<Part>(words + v / 2 * panel_stride + v % 2 * 2 * panel_width);
  HWY_UNROLL(16)
  for (std::size_t r = 0; r < Rows; ++r) {
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < width; ++v)
      sum[r * width + v] = Form::template add<Part>(a + r * Form::stride, column[v], sum[r * width + v]);
  }
  if constexpr (Part + 1 < Form::parts) add_i4_parts<Form, Rows, Panels, Part + 1>(a, words, panel_stride, sum);
}

/// out[row][panel][column] = Σ_g step[panel][g][column] · Σ_{l in g} a[row][l] · 16 (code[panel][l][column] - 15/2) for the groups g, from
/// zero, or from `out` if `onward`. `start` are what sums over a group begin with, a row's i4_groups apart.
template <class Form, std::size_t Rows, std::size_t Panels>
HWY_NOINLINE void multiply_tile_i4(const typename Form::row* HWY_RESTRICT a, const std::int32_t* HWY_RESTRICT start,
                                   const std::uint8_t* HWY_RESTRICT b, std::size_t panel_stride, std::size_t groups,
                                   float* HWY_RESTRICT out, bool onward, const std::uint8_t* ahead) noexcept {
  const matmul_tag d;
  constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
  constexpr std::size_t width = 2 * Panels;
  if (!onward) {
    HWY_UNROLL(64)
    for (std::size_t i = 0; i < Rows * width; ++i) hn::StoreU(hn::Zero(d), d, out + i * lanes);
  }
  for (std::size_t g = 0; g < groups; ++g, b += i4_group_bytes, a += i4_group) {
    typename Form::sum sum[Rows * width];
    HWY_UNROLL(64)
    for (std::size_t i = 0; i < Rows * width; ++i) sum[i] = Form::begin(start[i / width * i4_groups + g]);
    for (std::size_t q = 0; q < i4_group / 8; ++q) {
      // In all a line of each panel's group is fetched for a line that is read.
      __builtin_prefetch(ahead + (g * (i4_group / 8) + q) * (i4_group_bytes / (i4_group / 8)), 0, 2);
      add_i4_parts<Form, Rows, Panels>(a + q * 8, b + i4_step_bytes + q * 4 * panel_width, panel_stride, sum);
    }
    // The sums of all groups wait in memory: there are no registers left for them where there are many rows, and few rows wait for weights.
    hn::Vec<matmul_tag> step[width];
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < width; ++v) step[v] = i4_steps(b + v / 2 * panel_stride + v % 2 * panel_width);
    HWY_UNROLL(64)
    for (std::size_t i = 0; i < Rows * width; ++i)
      hn::StoreU(hn::MulAdd(Form::value(sum[i]), step[i % width], hn::LoadU(d, out + i * lanes)), d, out + i * lanes);
  }
}

template <class Form>
struct i4_tile {
  static constexpr std::size_t panels(std::size_t rows) { return Form::panels(rows); }
  using function = void (*)(const typename Form::row* a, const std::int32_t* start, const std::uint8_t* b, std::size_t panel_stride,
                            std::size_t groups, float* out, bool onward, const std::uint8_t* ahead) noexcept;
  template <std::size_t Rows, std::size_t Panels>
  static constexpr function make() {
    return multiply_tile_i4<Form, Rows, Panels>;
  }
};
template <class Form>
inline constexpr tile_list<i4_tile<Form>> i4_tiles = tile_list<i4_tile<Form>>::of_all_heights();

/// Sums of row codes to values; sums of f32 rows are values.
struct i4_sums {
  static constexpr bool scaled = true;
  const row_scale_i8* row_scales;
  HWY_INLINE hn::Vec<matmul_tag> operator()(const float* tile, std::size_t row, std::size_t /*column*/) const {
    return rounded_product(hn::Mul(hn::LoadU(matmul_tag(), tile), hn::Set(matmul_tag(), row_scales[row].to_value)));
  }
};

/// What multiply_blocks asks of a form of weights. `k` of the rows; the depth that is multiplied is padded_depth(k).
template <class Form>
struct i4_product {
  rotated_rows<Form::depth> read;
  const std::uint8_t* packed;
  std::size_t k;
  matmul_end end;
  typename Form::row* slice;  ///< rows of a block in their form
  std::int32_t* start;        ///< what their sums over each group begin with

  static constexpr std::size_t height = tile_height;
  static constexpr std::size_t kept_blocks = 1;
  static constexpr std::size_t depth = Form::depth;
  static constexpr std::size_t row_depth = tile_height * Form::stride / hadamard_block * hadamard_block;
  static constexpr std::size_t panels(std::size_t rows) { return Form::panels(rows); }
  static constexpr std::size_t group_bytes = panel_group_bytes / 2 * 3;
  [[nodiscard]] HWY_INLINE std::size_t panel_bytes() const { return i4_panel_bytes(k); }

  HWY_INLINE void fill(std::size_t row, std::size_t rows, std::size_t begin, std::size_t length) const {
    for (std::size_t r = 0; r < rows; ++r) {
      typename Form::row* to = slice + r * Form::stride;
      if constexpr (sizeof(*to) == sizeof(float)) {
        hadamard_blocks(read.a + (row + r) * read.lda + begin, HWY_MIN(length, k - begin), to, 0);
      } else {
        std::size_t done = 0;
        do {  // more than once for a row alone; once for no depth at all, whose scale counts too
          const std::size_t count = HWY_MIN(depth, length - done);
          read.rotate(row, r, begin + done, count);
          const float* from = read.rotated_row(r);
          for (std::size_t l = 0; l < count; l += i4_group)
            start[r * i4_groups + (done + l) / i4_group] =
                i4_row_factor * store_codes(from + l, i4_group, read.scale[r].to_code, to + done + l);
          done += depth;
        } while (done < length);
      }
    }
  }
  HWY_INLINE void multiply(std::size_t rows, bool several, std::size_t panel, std::size_t begin, std::size_t length,
                           float* tile, const tile_end& /*to*/, std::size_t ahead_panels, std::size_t ahead_step) const {
    const std::uint8_t* b = packed + panel * panel_bytes() + begin / i4_group * i4_group_bytes;
    const std::size_t groups = length / i4_group;
    const auto multiply = several ? i4_tiles<Form>.several[rows] : i4_tiles<Form>.one[rows];
    multiply(slice, start, b, panel_bytes(), groups, tile, begin != 0,
             b + ahead_panels * panel_bytes() + ahead_step * groups / 2 * i4_group_bytes);
  }
  [[nodiscard]] HWY_INLINE tile_end straight(std::size_t, std::size_t, std::size_t, std::size_t) const { return {}; }
  HWY_INLINE void finish(float* tile, std::size_t width, std::size_t row, std::size_t rows, std::size_t column,
                         std::size_t columns) const {
    if constexpr (sizeof(*slice) == sizeof(float)) end.finish(tile, width, row, rows, column, columns);
    else end.finish(tile, width, row, rows, column, columns, i4_sums{read.scale});
  }
};

template <class Form>
inline void multiply_i4(const float* a, std::size_t lda, const std::uint8_t* packed, const matmul_end& end, std::size_t m,
                        std::size_t n, std::size_t k) noexcept {
  HWY_ALIGN typename Form::row slice[tile_height * Form::stride];
  HWY_ALIGN float rotated[2 * Form::depth];
  HWY_ALIGN std::int32_t start[tile_height * Form::stride / i4_group] = {};
  row_scale_i8 scale[tile_height];
  multiply_blocks(i4_product<Form>{{a, lda, k, rotated, scale}, packed, k, end, slice, start}, m, n, padded_depth(k));
}

using i4_products = products_by<std::uint8_t, multiply_i4<i4_by_codes>>;
using i4_products_of_f32 = products_by<std::uint8_t, multiply_i4<i4_by_f32>>;
inline constexpr matmul_i4_kernels matmul_i4_table = {
    .packed_size = packed_size_i4,
    .pack = pack_i4,
    .matmul = i4_products::matmul,
    .matmul_f32 = i4_products_of_f32::matmul,
    .gated = i4_products::gated,
    .gated_f32 = i4_products_of_f32::gated,
    .normed = i4_products::normed,
    .normed_f32 = i4_products_of_f32::normed,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
