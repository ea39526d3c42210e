// SPDX-License-Identifier: Apache-2.0
/// Normalisations of rows: layer norm, RMS norm, unit length, softmax. In place is allowed everywhere (y may be x).
///
///     layer_norm   y = (x - mean) / sqrt(variance + eps) · gamma + beta,    variance = Σ (x - mean)² / n
///     rms_norm     y = x / sqrt(Σ x² / n + eps) · gamma
///     l2_normalize y = x / sqrt(Σ x²), zero stays zero
///     softmax      y = exp(x - max x) / Σ exp(x - max x), zero for a row that is -infinity throughout
///
///     kernels.norm.layer_norm_f32(x, 384, gamma, beta, 1e-12f, y, 384, tokens, 384);
///
/// Error, with u = 2^-24 and t the true result:
///  - layer_norm: K (abs(gamma) · max (abs(x - mean) + K abs(mean)) / sigma + abs(beta)) with K = (n/16 + 16) u, for abs(x) < 2^60. So the
///    mean need not be near zero: the second pass sums over x - mean, and what the mean lacked is added back (Chan, Golub and
///    LeVeque 1983).
///  - rms_norm: (n/16 + 8) u abs(t), where x² neither overflows nor vanishes. l2_normalize: 2 u abs(t) for every finite x; sums in double.
///  - softmax: (n/16 + 12 + max x - x) u t, plus 1.3e-38: the difference max x - x is rounded once. NaN or +infinity anywhere makes
///    every y NaN.
#if !defined(TESSERA_KERNEL_NORM_HPP)
#define TESSERA_KERNEL_NORM_HPP

#include <tessera/base/config.hpp>

#include <cmath>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

inline void layer_norm_f32(const float* x, std::size_t x_stride, const float* gamma, const float* beta, float eps, float* y,
                           std::size_t y_stride, std::size_t rows, std::size_t n) noexcept {
  for (std::size_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    double mean = 0.0;
    for (std::size_t i = 0; i < n; ++i) mean += static_cast<double>(x[i]);
    mean /= static_cast<double>(n);
    double variance = 0.0;
    for (std::size_t i = 0; i < n; ++i) variance += (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean);
    variance /= static_cast<double>(n);
    const double scale = 1.0 / std::sqrt(variance + static_cast<double>(eps));
    for (std::size_t i = 0; i < n; ++i) {
      const double unit = (static_cast<double>(x[i]) - mean) * scale;
      y[i] = static_cast<float>(unit * (gamma != nullptr ? static_cast<double>(gamma[i]) : 1.0) +
                                (beta != nullptr ? static_cast<double>(beta[i]) : 0.0));
    }
  }
}

inline void rms_norm_f32(const float* x, std::size_t x_stride, const float* gamma, float eps, float* y, std::size_t y_stride,
                         std::size_t rows, std::size_t n) noexcept {
  for (std::size_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    const double scale = 1.0 / std::sqrt(sum / static_cast<double>(n) + static_cast<double>(eps));
    for (std::size_t i = 0; i < n; ++i)
      y[i] = static_cast<float>(static_cast<double>(x[i]) * scale * (gamma != nullptr ? static_cast<double>(gamma[i]) : 1.0));
  }
}

inline void l2_normalize_f32(const float* x, float* y, std::size_t n) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  const double scale = sum == 0.0 ? 0.0 : 1.0 / std::sqrt(sum);
  for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<float>(static_cast<double>(x[i]) * scale);
}

inline void softmax_f32(const float* x, float* y, std::size_t n) noexcept {
  double largest = -HUGE_VAL;
  for (std::size_t i = 0; i < n; ++i)
    if (!(static_cast<double>(x[i]) <= largest)) largest = static_cast<double>(x[i]);
  if (largest == -HUGE_VAL) largest = 0.0;
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += std::exp(static_cast<double>(x[i]) - largest);
  for (std::size_t i = 0; i < n; ++i)
    y[i] = sum == 0.0 ? 0.0f : static_cast<float>(std::exp(static_cast<double>(x[i]) - largest) / sum);
}

}  // namespace scalar

struct norm_kernels {
  /// Rows of n, x_stride and y_stride apart. gamma and beta may be null (1 and 0).
  void (*layer_norm_f32)(const float* x, std::size_t x_stride, const float* gamma, const float* beta, float eps, float* y,
                         std::size_t y_stride, std::size_t rows, std::size_t n) noexcept;
  void (*rms_norm_f32)(const float* x, std::size_t x_stride, const float* gamma, float eps, float* y, std::size_t y_stride,
                       std::size_t rows, std::size_t n) noexcept;
  void (*l2_normalize_f32)(const float* x, float* y, std::size_t n) noexcept;
  void (*softmax_f32)(const float* x, float* y, std::size_t n) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_NORM_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_NORM_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_NORM_PASS)
#undef TESSERA_KERNEL_NORM_PASS
#else
#define TESSERA_KERNEL_NORM_PASS
#endif

#include <tessera/kernel/activation.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using norm_tag = hn::ScalableTag<float>;
using norm_vector = hn::Vec<norm_tag>;

/// Loads the vector at i, zeros beyond n.
HWY_INLINE norm_vector load_zero(norm_tag d, const float* x, std::size_t i, std::size_t n) {
  return i + hn::Lanes(d) <= n ? hn::LoadU(d, x + i) : hn::LoadN(d, x + i, n - i);
}

/// Stores the vector at i, nothing beyond n.
HWY_INLINE void store_part(norm_vector value, norm_tag d, float* y, std::size_t i, std::size_t n) {
  if (i + hn::Lanes(d) <= n) return hn::StoreU(value, d, y + i);
  hn::StoreN(value, d, y + i, n - i);
}

HWY_INLINE float square_root(float x) {
  const hn::CappedTag<float, 1> d;
  return hn::GetLane(hn::Sqrt(hn::Set(d, x)));
}

/// Σ x over n, in four interleaved sums.
HWY_INLINE float row_sum(const float* x, std::size_t n) {
  const norm_tag d;
  const std::size_t lanes = hn::Lanes(d);
  norm_vector s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = hn::Add(s0, hn::LoadU(d, x + i));
    s1 = hn::Add(s1, hn::LoadU(d, x + i + lanes));
    s2 = hn::Add(s2, hn::LoadU(d, x + i + 2 * lanes));
    s3 = hn::Add(s3, hn::LoadU(d, x + i + 3 * lanes));
  }
  for (; i < n; i += lanes) s0 = hn::Add(s0, load_zero(d, x, i, n));
  return hn::ReduceSum(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
}

/// Σ (x - mean) and Σ (x - mean)².
HWY_INLINE void row_moments(const float* x, std::size_t n, float mean, float& sum, float& squares) {
  const norm_tag d;
  const std::size_t lanes = hn::Lanes(d);
  const norm_vector m = hn::Set(d, mean);
  norm_vector s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0, q0 = s0, q1 = s0, q2 = s0, q3 = s0;
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const norm_vector d0 = hn::Sub(hn::LoadU(d, x + i), m);
    const norm_vector d1 = hn::Sub(hn::LoadU(d, x + i + lanes), m);
    const norm_vector d2 = hn::Sub(hn::LoadU(d, x + i + 2 * lanes), m);
    const norm_vector d3 = hn::Sub(hn::LoadU(d, x + i + 3 * lanes), m);
    s0 = hn::Add(s0, d0);
    s1 = hn::Add(s1, d1);
    s2 = hn::Add(s2, d2);
    s3 = hn::Add(s3, d3);
    q0 = hn::MulAdd(d0, d0, q0);
    q1 = hn::MulAdd(d1, d1, q1);
    q2 = hn::MulAdd(d2, d2, q2);
    q3 = hn::MulAdd(d3, d3, q3);
  }
  for (; i < n; i += lanes) {
    norm_vector d0 = hn::Sub(load_zero(d, x, i, n), m);
    if (i + lanes > n) d0 = hn::IfThenElseZero(hn::FirstN(d, n - i), d0);
    s0 = hn::Add(s0, d0);
    q0 = hn::MulAdd(d0, d0, q0);
  }
  sum = hn::ReduceSum(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
  squares = hn::ReduceSum(d, hn::Add(hn::Add(q0, q1), hn::Add(q2, q3)));
}

inline void layer_norm_f32(const float* x, std::size_t x_stride, const float* gamma, const float* beta, float eps, float* y,
                           std::size_t y_stride, std::size_t rows, std::size_t n) noexcept {
  const norm_tag d;
  const std::size_t lanes = hn::Lanes(d);
  const float over_n = 1.0f / static_cast<float>(n);
  const norm_vector one = hn::Set(d, 1.0f);
  const norm_vector zero = hn::Zero(d);
  for (std::size_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    const float mean = row_sum(x, n) * over_n;
    float rest;
    float squares;
    row_moments(x, n, mean, rest, squares);
    rest *= over_n;
    const float variance = squares * over_n - rest * rest;
    const float scale = 1.0f / square_root((variance > 0.0f || variance != variance ? variance : 0.0f) + eps);
    const norm_vector m = hn::Set(d, mean);
    const norm_vector s = hn::Set(d, scale);
    const norm_vector shift = hn::Set(d, -rest * scale);
    for (std::size_t i = 0; i < n; i += lanes) {
      const norm_vector unit = hn::MulAdd(hn::Sub(load_zero(d, x, i, n), m), s, shift);
      const norm_vector g = gamma != nullptr ? load_zero(d, gamma, i, n) : one;
      const norm_vector b = beta != nullptr ? load_zero(d, beta, i, n) : zero;
      store_part(hn::MulAdd(unit, g, b), d, y, i, n);
    }
  }
}

inline void rms_norm_f32(const float* x, std::size_t x_stride, const float* gamma, float eps, float* y, std::size_t y_stride,
                         std::size_t rows, std::size_t n) noexcept {
  const norm_tag d;
  const std::size_t lanes = hn::Lanes(d);
  const norm_vector one = hn::Set(d, 1.0f);
  for (std::size_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    float sum;
    float squares;
    row_moments(x, n, 0.0f, sum, squares);
    const norm_vector scale = hn::Set(d, 1.0f / square_root(squares / static_cast<float>(n) + eps));
    for (std::size_t i = 0; i < n; i += lanes) {
      const norm_vector g = gamma != nullptr ? load_zero(d, gamma, i, n) : one;
      store_part(hn::Mul(hn::Mul(load_zero(d, x, i, n), scale), g), d, y, i, n);
    }
  }
}

/// In double, where the squares of floats neither overflow nor vanish.
inline void l2_normalize_f32(const float* x, float* y, std::size_t n) noexcept {
  const hn::ScalableTag<double> d;
  const hn::Rebind<float, decltype(d)> half;
  const std::size_t lanes = hn::Lanes(d);
  auto s0 = hn::Zero(d);
  auto s1 = s0;
  auto s2 = s0;
  auto s3 = s0;
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const auto x0 = hn::PromoteTo(d, hn::LoadU(half, x + i));
    const auto x1 = hn::PromoteTo(d, hn::LoadU(half, x + i + lanes));
    const auto x2 = hn::PromoteTo(d, hn::LoadU(half, x + i + 2 * lanes));
    const auto x3 = hn::PromoteTo(d, hn::LoadU(half, x + i + 3 * lanes));
    s0 = hn::MulAdd(x0, x0, s0);
    s1 = hn::MulAdd(x1, x1, s1);
    s2 = hn::MulAdd(x2, x2, s2);
    s3 = hn::MulAdd(x3, x3, s3);
  }
  for (; i < n; i += lanes) {
    const auto x0 = hn::PromoteTo(d, hn::LoadN(half, x + i, HWY_MIN(lanes, n - i)));
    s0 = hn::MulAdd(x0, x0, s0);
  }
  const double sum = hn::ReduceSum(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
  const hn::CappedTag<double, 1> one;
  const auto scale = hn::Set(d, sum == 0.0 ? 0.0 : 1.0 / hn::GetLane(hn::Sqrt(hn::Set(one, sum))));
  for (i = 0; i < n; i += lanes) {
    const std::size_t count = HWY_MIN(lanes, n - i);
    const auto scaled = hn::DemoteTo(half, hn::Mul(hn::PromoteTo(d, hn::LoadN(half, x + i, count)), scale));
    hn::StoreN(scaled, half, y + i, count);
  }
}

/// max x over n, -infinity for n = 0. NaN may or may not win.
HWY_INLINE float row_max(const float* x, std::size_t n) {
  const norm_tag d;
  const std::size_t lanes = hn::Lanes(d);
  const norm_vector least = hn::Neg(hn::Inf(d));
  norm_vector m0 = least, m1 = least;
  std::size_t i = 0;
  for (; i + 2 * lanes <= n; i += 2 * lanes) {
    m0 = hn::Max(m0, hn::LoadU(d, x + i));
    m1 = hn::Max(m1, hn::LoadU(d, x + i + lanes));
  }
  for (; i < n; i += lanes)
    m0 = hn::Max(m0, i + lanes <= n ? hn::LoadU(d, x + i) : hn::LoadNOr(least, d, x + i, n - i));
  return hn::ReduceMax(d, hn::Max(m0, m1));
}

/// y = exp(x - largest), and Σ y.
HWY_INLINE float row_exp(const float* x, float* y, std::size_t n, float largest) {
  const norm_tag d;
  const std::size_t lanes = hn::Lanes(d);
  // A row of -infinity has no largest number to subtract; its exponentials are zero against any.
  const norm_vector m = hn::Set(d, largest < hwy::LowestValue<float>() ? 0.0f : largest);
  norm_vector s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const norm_vector e0 = exp_nonpositive(d, hn::Sub(hn::LoadU(d, x + i), m));
    const norm_vector e1 = exp_nonpositive(d, hn::Sub(hn::LoadU(d, x + i + lanes), m));
    const norm_vector e2 = exp_nonpositive(d, hn::Sub(hn::LoadU(d, x + i + 2 * lanes), m));
    const norm_vector e3 = exp_nonpositive(d, hn::Sub(hn::LoadU(d, x + i + 3 * lanes), m));
    hn::StoreU(e0, d, y + i);
    hn::StoreU(e1, d, y + i + lanes);
    hn::StoreU(e2, d, y + i + 2 * lanes);
    hn::StoreU(e3, d, y + i + 3 * lanes);
    s0 = hn::Add(s0, e0);
    s1 = hn::Add(s1, e1);
    s2 = hn::Add(s2, e2);
    s3 = hn::Add(s3, e3);
  }
  for (; i < n; i += lanes) {
    norm_vector e0 = exp_nonpositive(d, hn::Sub(load_zero(d, x, i, n), m));
    if (i + lanes > n) e0 = hn::IfThenElseZero(hn::FirstN(d, n - i), e0);
    store_part(e0, d, y, i, n);
    s0 = hn::Add(s0, e0);
  }
  return hn::ReduceSum(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
}

inline void softmax_f32(const float* x, float* y, std::size_t n) noexcept {
  const norm_tag d;
  const float sum = row_exp(x, y, n, row_max(x, n));
  const norm_vector scale = hn::Set(d, sum == 0.0f ? 0.0f : 1.0f / sum);
  for (std::size_t i = 0; i < n; i += hn::Lanes(d)) store_part(hn::Mul(load_zero(d, y, i, n), scale), d, y, i, n);
}

inline constexpr norm_kernels norm_table = {
    .layer_norm_f32 = layer_norm_f32,
    .rms_norm_f32 = rms_norm_f32,
    .l2_normalize_f32 = l2_normalize_f32,
    .softmax_f32 = softmax_f32,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
