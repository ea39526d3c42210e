// SPDX-License-Identifier: Apache-2.0
/// Pooling of token rows into one vector, and the row helpers of an embedding layer.
///
///     pool_mean            out[j] = Σ_r x[r][j] / rows
///     pool_weighted_mean   out[j] = Σ_r (r + 1) x[r][j] / Σ_r (r + 1)
///     pool_max             out[j] = max_r x[r][j], NaN where any is
///     gather               out[i] = table[ids[i]];  gather_add  out[i] += table[ids[i]];  add  y = a + b
///
///     kernels.pool.pool_mean_f32(tokens, 384, rows, 384, vector);      // tokens [rows][384], vector [384]
///
/// Rows are `stride` floats apart. No rows give zeros. Sums run over blocks of 32 rows, then over the blocks: the error
/// of a mean is at most (32 + rows/32 + 2) 2^-24 · Σ abs(w x) / Σ w. ids are not checked.
#if !defined(TESSERA_KERNEL_POOL_HPP)
#define TESSERA_KERNEL_POOL_HPP

#include <tessera/base/config.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

constexpr void pool_mean_f32(const float* x, std::size_t stride, std::size_t rows, std::size_t n, float* out) noexcept {
  for (std::size_t j = 0; j < n; ++j) {
    double sum = 0.0;
    for (std::size_t r = 0; r < rows; ++r) sum += static_cast<double>(x[r * stride + j]);
    out[j] = rows == 0 ? 0.0f : static_cast<float>(sum / static_cast<double>(rows));
  }
}

constexpr void pool_weighted_mean_f32(const float* x, std::size_t stride, std::size_t rows, std::size_t n,
                                      float* out) noexcept {
  for (std::size_t j = 0; j < n; ++j) {
    double sum = 0.0;
    double weights = 0.0;
    for (std::size_t r = 0; r < rows; ++r) {
      sum += static_cast<double>(r + 1) * static_cast<double>(x[r * stride + j]);
      weights += static_cast<double>(r + 1);
    }
    out[j] = rows == 0 ? 0.0f : static_cast<float>(sum / weights);
  }
}

constexpr void pool_max_f32(const float* x, std::size_t stride, std::size_t rows, std::size_t n, float* out) noexcept {
  for (std::size_t j = 0; j < n; ++j) {
    out[j] = rows == 0 ? 0.0f : x[j];
    for (std::size_t r = 1; r < rows; ++r) {
      const float value = x[r * stride + j];
      if (value > out[j] || value != value) out[j] = value;
    }
  }
}

constexpr void gather_f32(const float* table, std::size_t stride, const std::uint32_t* ids, std::size_t count,
                          std::size_t n, float* out, std::size_t out_stride) noexcept {
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < n; ++j) out[i * out_stride + j] = table[ids[i] * stride + j];
}

constexpr void gather_add_f32(const float* table, std::size_t stride, const std::uint32_t* ids, std::size_t count,
                              std::size_t n, float* out, std::size_t out_stride) noexcept {
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < n; ++j) out[i * out_stride + j] += table[ids[i] * stride + j];
}

constexpr void add_f32(const float* a, const float* b, float* y, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = a[i] + b[i];
}

}  // namespace scalar

struct pool_kernels {
  void (*pool_mean_f32)(const float* x, std::size_t stride, std::size_t rows, std::size_t n, float* out) noexcept;
  void (*pool_max_f32)(const float* x, std::size_t stride, std::size_t rows, std::size_t n, float* out) noexcept;
  void (*pool_weighted_mean_f32)(const float* x, std::size_t stride, std::size_t rows, std::size_t n,
                                 float* out) noexcept;
  void (*gather_f32)(const float* table, std::size_t stride, const std::uint32_t* ids, std::size_t count, std::size_t n,
                     float* out, std::size_t out_stride) noexcept;
  void (*gather_add_f32)(const float* table, std::size_t stride, const std::uint32_t* ids, std::size_t count,
                         std::size_t n, float* out, std::size_t out_stride) noexcept;
  /// y may be a or b.
  void (*add_f32)(const float* a, const float* b, float* y, std::size_t n) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_POOL_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_POOL_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_POOL_PASS)
#undef TESSERA_KERNEL_POOL_PASS
#else
#define TESSERA_KERNEL_POOL_PASS
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Rows are summed in registers so many at a time, then added to the total.
inline constexpr std::size_t pool_block = 32;

/// Columns [j, j + 4 vectors) of the (weighted) mean; `count` columns of it exist.
template <bool Weighted, bool Whole>
HWY_INLINE void pool_columns(const float* x, std::size_t stride, std::size_t rows, std::size_t count, float scale,
                             float* out) {
  const hn::ScalableTag<float> d;
  using vector = hn::Vec<decltype(d)>;
  const std::size_t lanes = hn::Lanes(d);
  constexpr std::size_t width = Whole ? 4 : 1;
  vector total[width];
  HWY_UNROLL(4)
  for (std::size_t v = 0; v < width; ++v) total[v] = hn::Zero(d);
  for (std::size_t first = 0; first < rows; first += pool_block) {
    const std::size_t last = HWY_MIN(rows, first + pool_block);
    vector sum[width];
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < width; ++v) sum[v] = hn::Zero(d);
    for (std::size_t r = first; r < last; ++r) {
      const vector weight = hn::Set(d, static_cast<float>(r + 1));
      HWY_UNROLL(4)
      for (std::size_t v = 0; v < width; ++v) {
        const float* from = x + r * stride + v * lanes;
        const vector value = Whole ? hn::LoadU(d, from) : hn::LoadN(d, from, count);
        sum[v] = Weighted ? hn::MulAdd(weight, value, sum[v]) : hn::Add(sum[v], value);
      }
    }
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < width; ++v) total[v] = hn::Add(total[v], sum[v]);
  }
  HWY_UNROLL(4)
  for (std::size_t v = 0; v < width; ++v) {
    const vector mean = hn::Mul(total[v], hn::Set(d, scale));
    if (Whole) hn::StoreU(mean, d, out + v * lanes);
    else hn::StoreN(mean, d, out, count);
  }
}

template <bool Weighted>
HWY_INLINE void pool_sums(const float* x, std::size_t stride, std::size_t rows, std::size_t n, float* out) {
  const std::size_t lanes = hn::Lanes(hn::ScalableTag<float>());
  const double weights =
      Weighted ? static_cast<double>(rows) * static_cast<double>(rows + 1) / 2.0 : static_cast<double>(rows);
  const float scale = rows == 0 ? 0.0f : static_cast<float>(1.0 / weights);
  std::size_t j = 0;
  for (; j + 4 * lanes <= n; j += 4 * lanes)
    pool_columns<Weighted, true>(x + j, stride, rows, 4 * lanes, scale, out + j);
  for (; j < n; j += lanes) pool_columns<Weighted, false>(x + j, stride, rows, HWY_MIN(lanes, n - j), scale, out + j);
}

inline void pool_mean_f32(const float* x, std::size_t stride, std::size_t rows, std::size_t n, float* out) noexcept {
  pool_sums<false>(x, stride, rows, n, out);
}

inline void pool_weighted_mean_f32(const float* x, std::size_t stride, std::size_t rows, std::size_t n,
                                   float* out) noexcept {
  pool_sums<true>(x, stride, rows, n, out);
}

inline void pool_max_f32(const float* x, std::size_t stride, std::size_t rows, std::size_t n, float* out) noexcept {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t j = 0; j < n; j += lanes) {
    const std::size_t count = HWY_MIN(lanes, n - j);
    auto largest = rows == 0 ? hn::Zero(d) : hn::LoadN(d, x + j, count);
    for (std::size_t r = 1; r < rows; ++r) {
      const auto value = hn::LoadN(d, x + r * stride + j, count);
      // Not Max, whose answer to NaN depends on the processor; once NaN, no comparison replaces it but NaN.
      largest = hn::IfThenElse(hn::Or(hn::Gt(value, largest), hn::IsNaN(value)), value, largest);
    }
    hn::StoreN(largest, d, out + j, count);
  }
}

inline void gather_f32(const float* table, std::size_t stride, const std::uint32_t* ids, std::size_t count,
                       std::size_t n, float* out, std::size_t out_stride) noexcept {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  for (std::size_t i = 0; i < count; ++i) {
    const float* from = table + ids[i] * stride;
    float* to = out + i * out_stride;
    std::size_t j = 0;
    for (; j + lanes <= n; j += lanes) hn::StoreU(hn::LoadU(d, from + j), d, to + j);
    if (j < n) hn::StoreN(hn::LoadN(d, from + j, n - j), d, to + j, n - j);
  }
}

inline void add_f32(const float* a, const float* b, float* y, std::size_t n) noexcept {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Add(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, y + i);
  if (i < n) hn::StoreN(hn::Add(hn::LoadN(d, a + i, n - i), hn::LoadN(d, b + i, n - i)), d, y + i, n - i);
}

inline void gather_add_f32(const float* table, std::size_t stride, const std::uint32_t* ids, std::size_t count,
                           std::size_t n, float* out, std::size_t out_stride) noexcept {
  for (std::size_t i = 0; i < count; ++i)
    add_f32(table + ids[i] * stride, out + i * out_stride, out + i * out_stride, n);
}

inline constexpr pool_kernels pool_table = {
    .pool_mean_f32 = pool_mean_f32,
    .pool_max_f32 = pool_max_f32,
    .pool_weighted_mean_f32 = pool_weighted_mean_f32,
    .gather_f32 = gather_f32,
    .gather_add_f32 = gather_add_f32,
    .add_f32 = add_f32,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
