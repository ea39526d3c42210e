// SPDX-License-Identifier: Apache-2.0
/// Matrix multiply of rows by packed weights, with what follows it fused: c = act(a · Wᵀ + bias) + residual.
///
///     a [m, k] (row stride lda), W [n, k] as a torch Linear stores it, bias [n], residual and c [m, n] (row stride
///     ldc), all f32
///
///     std::vector<float> packed(kernels.matmul.packed_size_f32(k, n));          // once, at load
///     kernels.matmul.pack_f32(weight, k, n, packed.data());
///     kernels.matmul.matmul_f32(a, k, packed.data(), bias, activation::gelu_erf, nullptr, c, n, m, n, k);
///
/// Order of sums: every element of c is one chain of fused multiply-adds over k, ascending, from zero (SSE2 has no FMA
/// and rounds twice a step; AMX has an order of its own, kernel/matmul_amx_f32.hpp). So a row has the same bits whatever m is and wherever
/// it stands. Error of the sum against real numbers:
/// |err| <= k · 2^-23 · Σ|a_i w_i| (any order of sums; in practice about sqrt(k) · 2^-24), then that of the activation.
///
/// Weights are packed in panels of two vectors of columns, [panel][k][columns], the last one padded with zero columns:
/// a tile of rows reads one panel as one stream. Panels belong to the target that packed them.
#if !defined(TESSERA_KERNEL_MATMUL_HPP)
#define TESSERA_KERNEL_MATMUL_HPP

#include <tessera/base/config.hpp>
#include <tessera/kernel/activation.hpp>
#include <tessera/kernel/norm.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

/// The truth: sums in double over unpacked weights [n][k], rounded once before and once after the activation.
inline void matmul_f32(const float* a, std::size_t lda, const float* weight, const float* bias, activation act,
                       const float* residual, float* c, std::size_t ldc, std::size_t m, std::size_t n,
                       std::size_t k) noexcept {
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      double sum = bias != nullptr ? static_cast<double>(bias[j]) : 0.0;
      for (std::size_t l = 0; l < k; ++l)
        sum += static_cast<double>(a[i * lda + l]) * static_cast<double>(weight[j * k + l]);
      const float activated = activate_f32(act, static_cast<float>(sum));
      c[i * ldc + j] = residual != nullptr ? activated + residual[i * ldc + j] : activated;
    }
}

}  // namespace scalar

struct matmul_kernels {
  /// Floats that the packed form of a [n, k] weight takes.
  std::size_t (*packed_size_f32)(std::size_t k, std::size_t n) noexcept;
  /// Packs weight [n][k].
  void (*pack_f32)(const float* weight, std::size_t k, std::size_t n, float* packed) noexcept;
  /// c = act(a · Wᵀ + bias) + residual. bias and residual may be null; residual may be c; a must not overlap c.
  void (*matmul_f32)(const float* a, std::size_t lda, const float* packed, const float* bias, activation act,
                     const float* residual, float* c, std::size_t ldc, std::size_t m, std::size_t n,
                     std::size_t k) noexcept;
  /// The inside of a gated feed-forward (arXiv:2002.05202), n columns of c: c = act(a · Wgateᵀ + bgate) · (a · Wupᵀ + bup). `packed` and
  /// `bias` hold gate_columns rows of gate, as many of up, the next of gate and so on, the last ones filled up with zeros. The same bits
  /// as a product without activation and gate_f32 behind it; for weights of every precision.
  void (*gated)(const float* a, std::size_t lda, const float* packed, const float* bias, activation act, float* c,
                std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;
  std::size_t gate_columns;
  /// Every row is normalised as soon as its columns are there: the bits of matmul_f32 and the norm behind it.
  normed_product<float> normed;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_MATMUL_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MATMUL_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MATMUL_PASS)
#undef TESSERA_KERNEL_MATMUL_PASS
#else
#define TESSERA_KERNEL_MATMUL_PASS
#endif

#include <tessera/kernel/matmul_end.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Columns of a panel: two vectors.
inline constexpr std::size_t panel_width = 2 * HWY_MAX_LANES_D(matmul_tag);

// Rows of the largest tile: its accumulators, two weight vectors and one broadcast fill the register file.
#if HWY_TARGET <= HWY_AVX3
inline constexpr std::size_t tile_height = 14;
inline constexpr std::size_t panel_group_bytes = 512 << 10;
#elif HWY_ARCH_ARM
inline constexpr std::size_t tile_height = 12;
inline constexpr std::size_t panel_group_bytes = 256 << 10;
#else
inline constexpr std::size_t tile_height = 6;
inline constexpr std::size_t panel_group_bytes = 192 << 10;
#endif

/// Depth that one call of a tile covers at most: its rows then stay in the first-level cache beside the panel that
/// streams by.
inline constexpr std::size_t tile_depth = 384;
/// One cache line more, so that rows begin in different cache sets.
inline constexpr std::size_t slice_stride = tile_depth + 16;
inline constexpr std::size_t group_panels = 16;

/// Panels that a tile of so many rows takes side by side, to keep enough independent sums in flight.
[[nodiscard]] constexpr std::size_t tile_panels(std::size_t rows) { return rows == 1 ? 4 : rows <= 3 ? 2 : 1; }

/// out[row][panel][column] = Σ_l a[row][l] · b[panel][l][column] for l ascending, from zero, or from `out` if `onward`; or where `end`
/// says. Rows of a, b and out are lda, ldb and ldo apart, panels panel_stride. `ahead` is what to fetch into the second-level
/// cache meanwhile, a line for each l (b itself: nothing).
template <std::size_t Rows, std::size_t Panels = 1>
HWY_NOINLINE void multiply_tile(const float* HWY_RESTRICT a, std::size_t lda, const float* HWY_RESTRICT b,
                                std::size_t ldb, std::size_t panel_stride, std::size_t k, float* HWY_RESTRICT out,
                                std::size_t ldo, bool onward, const tile_end& end, const float* ahead) noexcept {
  const matmul_tag d;
  using vector = hn::Vec<matmul_tag>;
  constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
  constexpr std::size_t width = 2 * Panels;
  vector sum[Rows * width];
  HWY_UNROLL(64)
  for (std::size_t i = 0; i < Rows * width; ++i) sum[i] = hn::Zero(d);
  if (onward) {
    HWY_UNROLL(64)
    for (std::size_t i = 0; i < Rows * width; ++i) sum[i] = hn::LoadU(d, out + i / width * ldo + i % width * lanes);
  }
  constexpr std::size_t groups = (Rows + 2) / 3;
  const float* row[groups];
  HWY_UNROLL(8)
  for (std::size_t g = 0; g < groups; ++g) row[g] = a + 3 * g * lda;
  for (std::size_t l = 0; l < k; ++l) {
    __builtin_prefetch(ahead + l * 16, 0, 2);
    vector column[width];
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < width; ++v)
      column[v] = hn::LoadU(d, b + v / 2 * panel_stride + l * ldb + v % 2 * lanes);
    HWY_UNROLL(16)
    for (std::size_t r = 0; r < Rows; ++r) {
      const vector factor = hn::Set(d, row[r / 3][r % 3 * lda]);
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < width; ++v) sum[r * width + v] = hn::MulAdd(factor, column[v], sum[r * width + v]);
    }
    // One pointer for three rows, the others lda and 2 lda from it, leaves registers free. The empty statement keeps the
    // compiler from making one pointer for each row again, some of which it would reload every time (3 to 4 % slower).
    HWY_UNROLL(8)
    for (std::size_t g = 0; g < groups; ++g) {
      ++row[g];
      __asm__("" : "+r"(row[g]));
    }
  }
  if (end.c != nullptr) return end.finish<Rows, width>(ready_values<width>{sum});
  HWY_UNROLL(64)
  for (std::size_t i = 0; i < Rows * width; ++i) hn::StoreU(sum[i], d, out + i / width * ldo + i % width * lanes);
}

using tile_function = void (*)(const float* a, std::size_t lda, const float* b, std::size_t ldb,
                               std::size_t panel_stride, std::size_t k, float* out, std::size_t ldo, bool onward,
                               const tile_end& end, const float* ahead) noexcept;

/// multiply_tile for each number of rows: of one panel, and of tile_panels(rows).
struct tile_functions {
  tile_function one[tile_height + 1] = {};
  tile_function several[tile_height + 1] = {};
};

template <std::size_t Rows>
constexpr tile_functions list_tiles(tile_functions list = {}) {
  list.one[Rows] = multiply_tile<Rows>;
  list.several[Rows] = multiply_tile<Rows, tile_panels(Rows)>;
  if constexpr (Rows == 1) return list;
  else return list_tiles<Rows - 1>(list);
}

inline constexpr tile_functions tiles = list_tiles<tile_height>();

HWY_INLINE void copy_floats(const float* from, std::size_t n, float* to) {
  const matmul_tag d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::LoadU(d, from + i), d, to + i);
  if (i < n) hn::StoreN(hn::LoadN(d, from + i, n - i), d, to + i, n - i);
}

/// The transpose of four vectors of four.
HWY_INLINE void transpose_4x4(const float* from, std::size_t stride, float* to, std::size_t to_stride) {
  const hn::Full128<float> d;
  const hn::Full128<double> dd;
  const auto r0 = hn::LoadU(d, from);
  const auto r1 = hn::LoadU(d, from + stride);
  const auto r2 = hn::LoadU(d, from + 2 * stride);
  const auto r3 = hn::LoadU(d, from + 3 * stride);
  const auto low01 = hn::BitCast(dd, hn::InterleaveLower(d, r0, r1));
  const auto low23 = hn::BitCast(dd, hn::InterleaveLower(d, r2, r3));
  const auto high01 = hn::BitCast(dd, hn::InterleaveUpper(d, r0, r1));
  const auto high23 = hn::BitCast(dd, hn::InterleaveUpper(d, r2, r3));
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dd, low01, low23)), d, to);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dd, low01, low23)), d, to + to_stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveLower(dd, high01, high23)), d, to + 2 * to_stride);
  hn::StoreU(hn::BitCast(d, hn::InterleaveUpper(dd, high01, high23)), d, to + 3 * to_stride);
}

/// n rows of k, `stride` apart, into panels [panel][k][panel_width], padded with zeros.
inline void pack_panels(const float* rows, std::size_t stride, std::size_t k, std::size_t n, float* packed) noexcept {
  for (std::size_t first = 0; first < n;
       first += panel_width, rows += panel_width * stride, packed += panel_width * k) {
    const std::size_t columns = HWY_MIN(n - first, panel_width);
    std::size_t j = 0;
    for (; j + 4 <= columns; j += 4) {
      std::size_t l = 0;
      for (; l + 4 <= k; l += 4)
        transpose_4x4(rows + j * stride + l, stride, packed + l * panel_width + j, panel_width);
      for (; l < k; ++l)
        for (std::size_t i = j; i < j + 4; ++i) packed[l * panel_width + i] = rows[i * stride + l];
    }
    for (; j < panel_width; ++j)
      for (std::size_t l = 0; l < k; ++l) packed[l * panel_width + j] = j < columns ? rows[j * stride + l] : 0.0f;
  }
}

inline std::size_t packed_size_f32(std::size_t k, std::size_t n) noexcept {
  return (n + panel_width - 1) / panel_width * panel_width * k;
}

inline void pack_f32(const float* weight, std::size_t k, std::size_t n, float* packed) noexcept {
  pack_panels(weight, k, k, n, packed);
}

inline void multiply_f32(const float* a, std::size_t lda, const float* packed, const matmul_end& end, std::size_t m, std::size_t n,
                         std::size_t k) noexcept {
  if (m == 0 || n == 0) return;
  const std::size_t panels = (n + panel_width - 1) / panel_width;
  const std::size_t stride = k * panel_width;
  // Panels go in groups that stay in the second-level cache while all rows pass; rows in blocks of nearly equal height,
  // since a short last block would read the weights for little work. Few rows wait for memory most, above all for the first group, which
  // nobody fetches ahead: small groups for them (2 instead of 10 panels: 10 % less time for 16 rows of a model beyond the caches).
  const std::size_t blocks = (m + tile_height - 1) / tile_height;
  const std::size_t fitting = panel_group_bytes / (HWY_MAX(stride, std::size_t{1}) * sizeof(float));
  const std::size_t group = blocks > 1 && blocks <= 4 ? 2 : HWY_MIN(group_panels, HWY_MAX(fitting, std::size_t{4}));
  // Rows a multiple of 4 KiB apart share one cache set, too small for them: such blocks are copied, in slices of the
  // depth between which the sums wait in `sums`, exactly. So nothing here changes the order of any sum.
  const bool copied = lda % 1024 == 0 && m > 1;
  const std::size_t depth = copied ? tile_depth : HWY_MAX(k, std::size_t{1});
  HWY_ALIGN float slice[tile_height * slice_stride];
  HWY_ALIGN float sums[tile_height * group_panels * panel_width];
  for (std::size_t first = 0; first < panels; first += group) {
    const std::size_t last = HWY_MIN(panels, first + group);
    std::size_t row = 0;
    for (std::size_t block = 0; block < blocks; ++block) {
      const std::size_t rows = m / blocks + (block < m % blocks ? 1 : 0);
      std::size_t begin = 0;
      do {
        const std::size_t length = HWY_MIN(depth, k - begin);
        const bool whole = begin + length == k;
        for (std::size_t r = 0; copied && r < rows; ++r)
          copy_floats(a + (row + r) * lda + begin, length, slice + r * slice_stride);
        const float* from = copied ? slice : a + row * lda;
        float* tile = sums;
        for (std::size_t panel = first; panel < last;) {
          const std::size_t together = panel + tile_panels(rows) <= last ? tile_panels(rows) : 1;
          const std::size_t width = together * panel_width;
          const std::size_t column = panel * panel_width;
          const tile_function multiply = together == 1 ? tiles.one[rows] : tiles.several[rows];
          const float* b = packed + panel * stride + begin * panel_width;
          // The first two blocks of several, not waiting for memory all the time, fetch half the next group's panel
          // each. Few blocks go on behind the last panel, where a model has the weights that come next.
          const bool fetch = blocks > 1 && block < 2 && (blocks <= 4 || panel + group < panels);
          const float* ahead = fetch ? b + group * stride + block * length * 16 : b;
          const tile_end to = whole ? end.of_tile(row, column, width, n) : tile_end{};
          multiply(from, copied ? slice_stride : lda, b, panel_width, stride, length, tile, width, begin != 0, to, ahead);
          if (whole && to.c == nullptr) end.finish(tile, width, row, rows, column, HWY_MIN(n - column, width));
          panel += together;
          if (copied) tile += rows * width;
        }
        begin += length;
      } while (begin < k);
      if (last == panels) end.complete(row, rows, n);
      row += rows;
    }
  }
}

using f32_products = products_by<float, multiply_f32>;
inline constexpr matmul_kernels matmul_table = {
    .packed_size_f32 = packed_size_f32,
    .pack_f32 = pack_f32,
    .matmul_f32 = f32_products::matmul,
    .gated = f32_products::gated,
    .gate_columns = panel_width / 2,
    .normed = f32_products::normed,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
