// SPDX-License-Identifier: Apache-2.0
/// Matrix multiply with weights in bf16, half the memory of f32: c = act(bf16(a) · bf16(W)ᵀ + bias) + residual.
///
///     a [m, k] (row stride lda), W [n, k] as a torch Linear stores it, bias [n], residual and c [m, n] (row stride
///     ldc), all f32; both operands round to bf16 (to nearest even), W when packed, a in the kernel; sums are f32
///
///     std::vector<std::uint16_t> packed(kernels.matmul_bf16.packed_size(k, n));   // once, at load
///     kernels.matmul_bf16.pack(weight, k, n, packed.data());
///     kernels.matmul_bf16.matmul(a, k, packed.data(), bias, activation::gelu_erf, nullptr, c, n, m, n, k);
///
/// Error of a sum against that of the rounded operands: as of matmul_f32, |err| <= k · 2^-23 · Σ|a_i w_i|, and where the
/// processor has a bf16 dot product, which takes subnormal numbers for zero, 2^-125 · (k + Σ|a_i| + Σ|w_i|) more.
/// A row has the same bits whatever m is and wherever it stands: one chain over k, ascending, of products (on targets
/// without bf16) or of the processor's sums of two products.
///
/// Weights are packed as for f32 in panels of two vectors of columns, two neighbours along k side by side:
/// [panel][k/2][columns][2]. Panels belong to the target that packed them.
#if !defined(TESSERA_KERNEL_MATMUL_BF16_HPP)
#define TESSERA_KERNEL_MATMUL_BF16_HPP

#include <tessera/base/half.hpp>
#include <tessera/kernel/activation.hpp>
#include <tessera/kernel/norm.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

/// The truth: sums in double of the rounded operands, rounded once before and once after the activation.
inline void matmul_bf16(const float* a, std::size_t lda, const float* weight, const float* bias, activation act,
                        const float* residual, float* c, std::size_t ldc, std::size_t m, std::size_t n,
                        std::size_t k) noexcept {
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double sum = bias != nullptr ? static_cast<double>(bias[j]) : 0.0;
      for (std::size_t l = 0; l < k; ++l)
        sum += static_cast<double>(static_cast<float>(bfloat16(a[i * lda + l]))) *
               static_cast<double>(static_cast<float>(bfloat16(weight[j * k + l])));
      const float activated = activate_f32(act, static_cast<float>(sum));
      c[i * ldc + j] = residual != nullptr ? activated + residual[i * ldc + j] : activated;
    }
}

}  // namespace scalar

struct matmul_bf16_kernels {
  /// 16-bit elements that the packed form of a [n, k] weight takes.
  std::size_t (*packed_size)(std::size_t k, std::size_t n) noexcept;
  /// Rounds and packs weight [n][k].
  void (*pack)(const float* weight, std::size_t k, std::size_t n, std::uint16_t* packed) noexcept;
  /// c = act(a · Wᵀ + bias) + residual. bias and residual may be null; residual may be c; a must not overlap c.
  void (*matmul)(const float* a, std::size_t lda, const std::uint16_t* packed, const float* bias, activation act,
                 const float* residual, float* c, std::size_t ldc, std::size_t m, std::size_t n,
                 std::size_t k) noexcept;
  /// As matmul_kernels::gated.
  void (*gated)(const float* a, std::size_t lda, const std::uint16_t* packed, const float* bias, activation act, float* c,
                std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;
  normed_product<std::uint16_t> normed;  ///< as matmul_kernels::normed
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_MATMUL_BF16_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MATMUL_BF16_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MATMUL_BF16_PASS)
#undef TESSERA_KERNEL_MATMUL_BF16_PASS
#else
#define TESSERA_KERNEL_MATMUL_BF16_PASS
#endif

#include <tessera/kernel/convert.hpp>
#include <tessera/kernel/matmul_blocks.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Pairs of neighbours along k.
using pair_tag = hn::RebindToUnsigned<matmul_tag>;

/// Two columns' vectors of a pair, as the tile wants them: the values of even and odd depth.
HWY_INLINE hn::Vec<matmul_tag> even_values(hn::Vec<pair_tag> pairs) {
  return hn::BitCast(matmul_tag(), hn::ShiftLeft<16>(pairs));
}
HWY_INLINE hn::Vec<matmul_tag> odd_values(hn::Vec<pair_tag> pairs) {
  return hn::BitCast(matmul_tag(), hn::And(pairs, hn::Set(pair_tag(), 0xFFFF0000u)));
}

/// What a block of rows is copied to: bf16 pairs for the dot product, else rounded f32, which are multiplied with
/// widened weights. `row_words` words a pair.
#if HWY_NATIVE_DOT_BF16
using bf16_row_word = std::uint32_t;
inline constexpr std::size_t bf16_row_words = 1;
#else
using bf16_row_word = float;
inline constexpr std::size_t bf16_row_words = 2;
#endif

/// Depth that one call of a tile covers, in pairs; see tile_depth. Rows of twice that depth are beyond the first-level cache, and yet
/// faster than two slices and the sums between them (5 % with a depth of 1536).
inline constexpr std::size_t bf16_depth = 2 * tile_depth / bf16_row_words;
inline constexpr std::size_t bf16_stride = 2 * tile_depth + 16;

/// out[row][panel][column] = Σ_l a[row][l] · b[panel][l][column] for the pairs l, from zero, or from `out` if `onward`; or where `end`
/// says.
template <std::size_t Rows, std::size_t Panels = 1>
HWY_NOINLINE void multiply_tile_bf16(const bf16_row_word* HWY_RESTRICT a, const std::uint16_t* HWY_RESTRICT b,
                                     std::size_t panel_stride, std::size_t pairs, float* HWY_RESTRICT out, bool onward,
                                     const tile_end& end, const std::uint16_t* ahead) noexcept {
  const matmul_tag d;
  const hn::Repartition<std::uint16_t, matmul_tag> d16;
  using vector = hn::Vec<matmul_tag>;
  constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
  constexpr std::size_t width = 2 * Panels;
  constexpr std::size_t row_stride = bf16_stride;
  vector sum[Rows * width];
  HWY_UNROLL(64)
  for (std::size_t i = 0; i < Rows * width; ++i) sum[i] = hn::Zero(d);
  if (onward) {
    HWY_UNROLL(64)
    for (std::size_t i = 0; i < Rows * width; ++i) sum[i] = hn::LoadU(d, out + i * lanes);
  }
  for (std::size_t l = 0; l < pairs; ++l) {
    __builtin_prefetch(ahead + l * 32, 0, 2);
    const std::uint16_t* step = b + l * 2 * panel_width;
#if HWY_NATIVE_DOT_BF16
    const hn::Repartition<hwy::bfloat16_t, matmul_tag> d_bf16;
    hn::Vec<decltype(d_bf16)> column[width];
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < width; ++v)
      column[v] = hn::BitCast(d_bf16, hn::LoadU(d16, step + v / 2 * panel_stride + v % 2 * 2 * lanes));
    HWY_UNROLL(16)
    for (std::size_t r = 0; r < Rows; ++r) {
      const auto factor = hn::BitCast(d_bf16, hn::Set(pair_tag(), a[r * row_stride + l]));
      vector unused = hn::Zero(d);
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < width; ++v)
        sum[r * width + v] = hn::ReorderWidenMulAccumulate(d, factor, column[v], sum[r * width + v], unused);
    }
#else
    HWY_UNROLL(2)
    for (std::size_t half = 0; half < 2; ++half) {
      vector column[width];
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < width; ++v) {
        const auto both =
            hn::BitCast(pair_tag(), hn::LoadU(d16, step + v / 2 * panel_stride + v % 2 * 2 * lanes));
        column[v] = half == 0 ? even_values(both) : odd_values(both);
      }
      HWY_UNROLL(16)
      for (std::size_t r = 0; r < Rows; ++r) {
        const vector factor = hn::Set(d, a[r * row_stride + 2 * l + half]);
        HWY_UNROLL(8)
        for (std::size_t v = 0; v < width; ++v) sum[r * width + v] = hn::MulAdd(factor, column[v], sum[r * width + v]);
      }
    }
#endif
  }
  if (end.c != nullptr) return end.finish<Rows, width>(ready_values<width>{sum});
  HWY_UNROLL(64)
  for (std::size_t i = 0; i < Rows * width; ++i) hn::StoreU(sum[i], d, out + i * lanes);
}

struct bf16_tile {
  static constexpr std::size_t panels(std::size_t rows) { return narrow_tile_panels(rows); }
  using function = void (*)(const bf16_row_word* a, const std::uint16_t* b, std::size_t panel_stride, std::size_t pairs,
                            float* out, bool onward, const tile_end& end, const std::uint16_t* ahead) noexcept;
  template <std::size_t Rows, std::size_t Panels>
  static constexpr function make() {
    return multiply_tile_bf16<Rows, Panels>;
  }
};
inline constexpr tile_list<bf16_tile> bf16_tiles = tile_list<bf16_tile>::of_all_heights();

/// `count` values rounded to bf16 into a slice's row, zeros up to a whole pair.
HWY_INLINE void copy_rounded(const float* from, std::size_t count, bf16_row_word* to) {
  const matmul_tag d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
#if HWY_NATIVE_DOT_BF16
  const hn::Repartition<hwy::bfloat16_t, matmul_tag> d_bf16;
  for (; i + 2 * lanes <= count; i += 2 * lanes) {
    const auto both = hn::OrderedDemote2To(d_bf16, hn::LoadU(d, from + i), hn::LoadU(d, from + i + lanes));
    hn::StoreU(hn::BitCast(pair_tag(), both), pair_tag(), to + i / 2);
  }
  if (i < count) {  // a slice's rows have room for whole vectors
    const std::size_t left = count - i;
    const auto second = left > lanes ? hn::LoadN(d, from + i + lanes, left - lanes) : hn::Zero(d);
    const auto both = hn::OrderedDemote2To(d_bf16, load_at_most(d, from + i, left), second);
    hn::StoreU(hn::BitCast(pair_tag(), both), pair_tag(), to + i / 2);
  }
#else
  for (; i < count; i += lanes) {
    const auto rounded = narrow_to_bf16::convert(load_at_most(d, from + i, count - i));
    hn::StoreU(loader<bf16_elements>::widen(rounded), d, to + i);
  }
  if (count % 2 != 0) to[count] = 0.0f;
#endif
}

inline std::size_t packed_size_bf16(std::size_t k, std::size_t n) noexcept {
  return (n + panel_width - 1) / panel_width * panel_width * ((k + 1) / 2) * 2;
}

/// With zeros behind the depth, up to so many pairs.
HWY_INLINE void pack_bf16_pairs(const float* weight, std::size_t k, std::size_t n, std::size_t pairs, std::uint16_t* packed) {
  constexpr std::size_t step = 256;
  std::uint16_t rounded[step];
  for (std::size_t first = 0; first < n; first += panel_width, packed += pairs * 2 * panel_width) {
    for (std::size_t j = 0; j < panel_width; ++j) {
      for (std::size_t begin = 0; begin < 2 * pairs; begin += step) {
        const std::size_t length = HWY_MIN(step, 2 * pairs - begin);
        const std::size_t given = first + j < n ? HWY_MIN(length, k - begin) : 0;
        if (given > 0) convert_values<narrow_to_bf16>(weight + (first + j) * k + begin, rounded, given);
        for (std::size_t l = given; l < length; ++l) rounded[l] = 0;
        for (std::size_t l = 0; l < length; ++l)
          packed[(begin + l) / 2 * 2 * panel_width + j * 2 + l % 2] = rounded[l];
      }
    }
  }
}

inline void pack_bf16(const float* weight, std::size_t k, std::size_t n, std::uint16_t* packed) noexcept {
  pack_bf16_pairs(weight, k, n, (k + 1) / 2, packed);
}

/// What multiply_blocks asks of a form of weights.
struct bf16_product {
  const float* a;
  std::size_t lda;
  const std::uint16_t* packed;
  std::size_t k;
  matmul_end end;
  bf16_row_word* slice;

  static constexpr std::size_t height = tile_height;
  static constexpr std::size_t kept_blocks = 2;
  static constexpr std::size_t depth = 2 * bf16_depth;
  static constexpr std::size_t row_depth = 2 * (tile_height * bf16_stride / bf16_row_words);
  static constexpr std::size_t panels(std::size_t rows) { return bf16_tile::panels(rows); }
  // More than AVX-512's second-level caches hold costs less than rounding all rows once more for another group (2 % where 768 rows meet a
  // depth of 1536).
  static constexpr std::size_t group_bytes = HWY_TARGET <= HWY_AVX3 ? 3 * panel_group_bytes : panel_group_bytes / 2 * 3;
  [[nodiscard]] HWY_INLINE std::size_t panel_bytes() const { return (k + 1) / 2 * 2 * panel_width * 2; }

  [[nodiscard]] HWY_INLINE bf16_product of_block(std::size_t block) const {
    bf16_product here = *this;
    here.slice += block * (tile_height * bf16_stride);
    return here;
  }
  HWY_INLINE void fill(std::size_t row, std::size_t rows, std::size_t begin, std::size_t length) const {
    for (std::size_t r = 0; r < rows; ++r) copy_rounded(a + (row + r) * lda + begin, length, slice + r * bf16_stride);
  }
  HWY_INLINE void multiply(std::size_t rows, bool several, std::size_t panel, std::size_t begin, std::size_t length,
                           float* tile, const tile_end& to, std::size_t ahead_panels, std::size_t ahead_step) const {
    const std::size_t stride = (k + 1) / 2 * 2 * panel_width;
    const std::size_t pairs = (length + 1) / 2;
    const std::uint16_t* b = packed + panel * stride + begin * panel_width;
    const auto multiply = several ? bf16_tiles.several[rows] : bf16_tiles.one[rows];
    multiply(slice, b, stride, pairs, tile, begin != 0, to, b + ahead_panels * stride + ahead_step * pairs * 32);
  }
  [[nodiscard]] HWY_INLINE tile_end straight(std::size_t row, std::size_t column, std::size_t width, std::size_t n) const {
    return end.of_tile(row, column, width, n);
  }
  HWY_INLINE void finish(float* tile, std::size_t width, std::size_t row, std::size_t rows, std::size_t column,
                         std::size_t columns) const {
    end.finish(tile, width, row, rows, column, columns);
  }
};

inline void multiply_bf16(const float* a, std::size_t lda, const std::uint16_t* packed, const matmul_end& end, std::size_t m,
                          std::size_t n, std::size_t k) noexcept {
  HWY_ALIGN bf16_row_word slice[bf16_product::kept_blocks * tile_height * bf16_stride];
  multiply_blocks(bf16_product{a, lda, packed, k, end, slice}, m, n, k);
}
using bf16_products = products_by<std::uint16_t, multiply_bf16>;
inline constexpr matmul_bf16_kernels matmul_bf16_table = {
    .packed_size = packed_size_bf16,
    .pack = pack_bf16,
    .matmul = bf16_products::matmul,
    .gated = bf16_products::gated,
    .normed = bf16_products::normed,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
