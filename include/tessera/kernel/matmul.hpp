// SPDX-License-Identifier: Apache-2.0
/// Matrix multiply of rows by packed weights, with what follows it fused: c = act(a · Wᵀ + bias) + residual.
///
///     a [m, k] (row stride lda), W [n, k] as a torch Linear stores it, bias [n], residual and c [m, n] (row stride ldc), all f32
///
///     std::vector<float> packed(kernels.matmul.packed_size_f32(k, n));          // once, at load
///     kernels.matmul.pack_f32(weight, k, n, packed.data());
///     kernels.matmul.matmul_f32(a, k, packed.data(), bias, activation::gelu_erf, nullptr, c, n, m, n, k);
///
/// Order of sums: every element of c is one chain of fused multiply-adds over k, ascending, from zero (SSE2 has no FMA and rounds
/// twice a step). So a row has the same bits whatever m is and wherever it stands. Error of the sum against real numbers:
/// |err| <= k · 2^-23 · Σ|a_i w_i| (any order of sums; in practice about sqrt(k) · 2^-24), then that of the activation.
///
/// Weights are packed in panels of two vectors of columns, [panel][k][columns], the last one padded with zero columns: a tile
/// of rows reads one panel as one stream. Panels belong to the target that packed them.
#if !defined(TESSERA_KERNEL_MATMUL_HPP)
#define TESSERA_KERNEL_MATMUL_HPP

#include <tessera/base/config.hpp>
#include <tessera/kernel/activation.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

/// The truth: sums in double over unpacked weights [n][k], rounded once before and once after the activation.
inline void matmul_f32(const float* a, std::size_t lda, const float* weight, const float* bias, activation act,
                       const float* residual, float* c, std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept {
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
                     const float* residual, float* c, std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_MATMUL_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MATMUL_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MATMUL_PASS)
#undef TESSERA_KERNEL_MATMUL_PASS
#else
#define TESSERA_KERNEL_MATMUL_PASS
#endif

#include <tessera/kernel/activation.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using matmul_tag = hn::ScalableTag<float>;

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

/// Panels that a tile of so many rows takes side by side, to keep enough independent sums in flight.
[[nodiscard]] constexpr std::size_t tile_panels(std::size_t rows) {
  return rows == 1 ? 4 : rows <= 3 ? 2 : 1;
}

/// out[row][panel][column] = Σ_l a[row][l] · b[panel][l][column] for l ascending, from zero, or from `out` if Continue.
/// Rows of a are `lda` apart, rows of a panel `ldb`, panels `panel_stride`; out is contiguous.
template <std::size_t Rows, std::size_t Panels, bool Continue = false>
HWY_INLINE void multiply_tile(const float* HWY_RESTRICT a, std::size_t lda, const float* HWY_RESTRICT b, std::size_t ldb,
                              std::size_t panel_stride, std::size_t k, float* HWY_RESTRICT out) {
  const matmul_tag d;
  using vector = hn::Vec<matmul_tag>;
  constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
  constexpr std::size_t width = 2 * Panels;
  vector sum[Rows * width];
  HWY_UNROLL(64)
  for (std::size_t i = 0; i < Rows * width; ++i) sum[i] = Continue ? hn::LoadU(d, out + i * lanes) : hn::Zero(d);
  for (std::size_t l = 0; l < k; ++l) {
    vector column[width];
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < width; ++v)
      column[v] = hn::LoadU(d, b + (v / 2) * panel_stride + l * ldb + (v % 2) * lanes);
    HWY_UNROLL(16)
    for (std::size_t r = 0; r < Rows; ++r) {
      const vector factor = hn::Set(d, a[r * lda + l]);
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < width; ++v) sum[r * width + v] = hn::MulAdd(factor, column[v], sum[r * width + v]);
    }
  }
  HWY_UNROLL(64)
  for (std::size_t i = 0; i < Rows * width; ++i) hn::StoreU(sum[i], d, out + i * lanes);
}

/// One tile's way from sums to c: bias, activation, residual. `tile` is [rows][width], of which the first `columns` count.
inline void finish_tile(float* HWY_RESTRICT tile, std::size_t width, std::size_t rows, std::size_t columns,
                        const float* bias, activation act, const float* residual, float* c, std::size_t ldc) noexcept {
  const matmul_tag d;
  constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
  const std::size_t whole = columns / lanes * lanes;
  if (bias != nullptr) {
    for (std::size_t j = 0; j < columns; j += lanes) {
      const auto add = j < whole ? hn::LoadU(d, bias + j) : hn::LoadN(d, bias + j, columns - j);
      for (std::size_t r = 0; r < rows; ++r)
        hn::StoreU(hn::Add(hn::LoadU(d, tile + r * width + j), add), d, tile + r * width + j);
    }
  }
  if (act != activation::none) activate_f32(act, tile, tile, rows * width);
  for (std::size_t r = 0; r < rows; ++r) {
    const float* from = tile + r * width;
    const float* old = residual != nullptr ? residual + r * ldc : nullptr;
    float* to = c + r * ldc;
    std::size_t j = 0;
    for (; j < whole; j += lanes) {
      auto value = hn::LoadU(d, from + j);
      if (old != nullptr) value = hn::Add(value, hn::LoadU(d, old + j));
      hn::StoreU(value, d, to + j);
    }
    if (j < columns) {
      auto value = hn::LoadU(d, from + j);
      if (old != nullptr) value = hn::Add(value, hn::LoadN(d, old + j, columns - j));
      hn::StoreN(value, d, to + j, columns - j);
    }
  }
}

/// Everything a block of rows needs but its place.
struct matmul_call {
  std::size_t lda;
  const float* packed;
  const float* bias;
  const float* residual;
  float* c;
  std::size_t ldc;
  std::size_t n;
  std::size_t k;
  activation act;
};

/// Rows rows of c for the panels [first, last).
template <std::size_t Rows>
HWY_NOINLINE void multiply_rows(const matmul_call& call, const float* a, std::size_t row, std::size_t first,
                                std::size_t last) noexcept {
  constexpr std::size_t together = tile_panels(Rows);
  HWY_ALIGN float tile[Rows * together * panel_width];
  const std::size_t stride = call.k * panel_width;
  const float* residual = call.residual != nullptr ? call.residual + row * call.ldc : nullptr;
  float* c = call.c + row * call.ldc;
  std::size_t p = first;
  while (p < last) {
    const std::size_t column = p * panel_width;
    std::size_t panels = 1;
    if (together > 1 && p + together <= last) {
      panels = together;
      multiply_tile<Rows, together>(a, call.lda, call.packed + p * stride, panel_width, stride, call.k, tile);
    } else {
      multiply_tile<Rows, 1>(a, call.lda, call.packed + p * stride, panel_width, stride, call.k, tile);
    }
    const std::size_t columns = HWY_MIN(call.n - column, panels * panel_width);
    finish_tile(tile, panels * panel_width, Rows, columns, call.bias != nullptr ? call.bias + column : nullptr, call.act,
                residual != nullptr ? residual + column : nullptr, c + column, call.ldc);
    p += panels;
  }
}

/// Calls multiply_rows<rows>.
template <std::size_t Rows = tile_height>
HWY_INLINE void multiply_block(std::size_t rows, const matmul_call& call, const float* a, std::size_t row, std::size_t first,
                               std::size_t last) noexcept {
  if constexpr (Rows > 1) {
    if (rows < Rows) return multiply_block<Rows - 1>(rows, call, a, row, first, last);
  }
  multiply_rows<Rows>(call, a, row, first, last);
}

inline std::size_t packed_size_f32(std::size_t k, std::size_t n) noexcept {
  return (n + panel_width - 1) / panel_width * panel_width * k;
}

inline void pack_f32(const float* weight, std::size_t k, std::size_t n, float* packed) noexcept {
  for (std::size_t first = 0; first < n; first += panel_width) {
    const std::size_t columns = HWY_MIN(n - first, panel_width);
    for (std::size_t l = 0; l < k; ++l) {
      for (std::size_t j = 0; j < columns; ++j) packed[l * panel_width + j] = weight[(first + j) * k + l];
      for (std::size_t j = columns; j < panel_width; ++j) packed[l * panel_width + j] = 0.0f;
    }
    packed += k * panel_width;
  }
}

inline void matmul_f32(const float* a, std::size_t lda, const float* packed, const float* bias, activation act,
                       const float* residual, float* c, std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept {
  if (m == 0 || n == 0) return;
  const matmul_call call = {lda, packed, bias, residual, c, ldc, n, k, act};
  const std::size_t panels = (n + panel_width - 1) / panel_width;
  // Panels go in groups that stay in the second-level cache while all rows pass; rows in blocks of nearly equal height, since a
  // short last block would read the weights for little work. Neither changes the order of any sum.
  const std::size_t group = HWY_MAX(panel_group_bytes / (HWY_MAX(k, std::size_t{1}) * panel_width * sizeof(float)), std::size_t{1});
  const std::size_t blocks = (m + tile_height - 1) / tile_height;
  for (std::size_t first = 0; first < panels; first += group) {
    const std::size_t last = HWY_MIN(panels, first + group);
    std::size_t row = 0;
    for (std::size_t block = 0; block < blocks; ++block) {
      const std::size_t rows = m / blocks + (block < m % blocks ? 1 : 0);
      multiply_block(rows, call, a + row * lda, row, first, last);
      row += rows;
    }
  }
}

inline constexpr matmul_kernels matmul_table = {
    .packed_size_f32 = packed_size_f32,
    .pack_f32 = pack_f32,
    .matmul_f32 = matmul_f32,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
