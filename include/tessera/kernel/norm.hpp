// SPDX-License-Identifier: Apache-2.0
/// Normalisations of rows: layer norm, RMS norm, unit length (softmax: kernel/softmax.hpp). y may be x everywhere.
///
///     layer_norm   y = (x - mean) / sqrt(variance + eps) · gamma + beta,    variance = Σ (x - mean)² / n
///     rms_norm     y = x / sqrt(Σ x² / n + eps) · gamma
///     l2_normalize y = x / sqrt(Σ x²), zero stays zero
///
///     kernels.norm.layer_norm_f32(x, 384, gamma, beta, 1e-12f, y, 384, tokens, 384);
///
/// Error, with u = 2^-24 and t the true result:
///  - layer_norm: K (abs(gamma) · max (abs(x - mean) + K abs(mean)) / sigma + abs(beta)) with K = (n/16 + 16) u, for
///    abs(x) < 2^60. So the mean need not be near zero: the second pass sums over x - mean, and what the mean lacked is
///    added back (Chan, Golub and LeVeque 1983).
///  - rms_norm: (n/16 + 8) u abs(t), where x² neither overflows nor vanishes. l2_normalize: 2 u abs(t) for every finite
///    x; sums in double.
#if !defined(TESSERA_KERNEL_NORM_HPP)
#define TESSERA_KERNEL_NORM_HPP

#include <tessera/base/config.hpp>
#include <tessera/kernel/softmax.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

inline void layer_norm_f32(const float* x, std::size_t x_stride, const float* gamma, const float* beta, float eps,
                           float* y, std::size_t y_stride, std::size_t rows, std::size_t n) noexcept {
  for (std::size_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    double mean = 0.0;
    for (std::size_t i = 0; i < n; ++i) mean += static_cast<double>(x[i]);
    mean /= static_cast<double>(n);
    double variance = 0.0;
    for (std::size_t i = 0; i < n; ++i)
      variance += (static_cast<double>(x[i]) - mean) * (static_cast<double>(x[i]) - mean);
    variance /= static_cast<double>(n);
    const double scale = 1.0 / std::sqrt(variance + static_cast<double>(eps));
    for (std::size_t i = 0; i < n; ++i) {
      const double unit = (static_cast<double>(x[i]) - mean) * scale;
      y[i] = static_cast<float>(unit * (gamma != nullptr ? static_cast<double>(gamma[i]) : 1.0) +
                                (beta != nullptr ? static_cast<double>(beta[i]) : 0.0));
    }
  }
}

inline void rms_norm_f32(const float* x, std::size_t x_stride, const float* gamma, float eps, float* y,
                         std::size_t y_stride, std::size_t rows, std::size_t n) noexcept {
  for (std::size_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    double sum = 0.0;
    for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    const double scale = 1.0 / std::sqrt(sum / static_cast<double>(n) + static_cast<double>(eps));
    for (std::size_t i = 0; i < n; ++i)
      y[i] = static_cast<float>(static_cast<double>(x[i]) * scale *
                                (gamma != nullptr ? static_cast<double>(gamma[i]) : 1.0));
  }
}

inline void l2_normalize_f32(const float* x, float* y, std::size_t n) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(x[i]) * static_cast<double>(x[i]);
  const double scale = sum == 0.0 ? 0.0 : 1.0 / std::sqrt(sum);
  for (std::size_t i = 0; i < n; ++i) y[i] = static_cast<float>(static_cast<double>(x[i]) * scale);
}

}  // namespace scalar

/// A norm of rows of an [.., n] matrix, in place: what follows a matrix product (matmul_kernels::normed).
struct row_norm {
  enum class kind : std::uint8_t { none, layer, rms };
  kind of = kind::none;
  const float* gamma = nullptr;  ///< null: 1
  const float* beta = nullptr;   ///< of a layer norm; null: 0
  float epsilon = 0.0f;
};
/// c = norm(a · Wᵀ + bias + residual) of [m, k] rows by packed weights; bias and residual may be null, residual may be c.
template <class Element>
using normed_product = void (*)(const float* a, std::size_t lda, const Element* packed, const float* bias, const float* residual,
                                const row_norm& norm, float* c, std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;

struct norm_kernels {
  /// Rows of n, x_stride and y_stride apart. gamma and beta may be null (1 and 0).
  void (*layer_norm_f32)(const float* x, std::size_t x_stride, const float* gamma, const float* beta, float eps,
                         float* y, std::size_t y_stride, std::size_t rows, std::size_t n) noexcept;
  void (*rms_norm_f32)(const float* x, std::size_t x_stride, const float* gamma, float eps, float* y,
                       std::size_t y_stride, std::size_t rows, std::size_t n) noexcept;
  void (*l2_normalize_f32)(const float* x, float* y, std::size_t n) noexcept;
  void (*softmax_f32)(const float* x, float* y, std::size_t n) noexcept;
  /// The one of the two above that `norm` says, or nothing.
  void (*in_place_f32)(const row_norm& norm, float* x, std::size_t stride, std::size_t rows, std::size_t n) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_NORM_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_NORM_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_NORM_PASS)
#undef TESSERA_KERNEL_NORM_PASS
#else
#define TESSERA_KERNEL_NORM_PASS
#endif

#include <tessera/kernel/softmax.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

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
  for (; i + lanes <= n; i += lanes) s0 = hn::Add(s0, hn::LoadU(d, x + i));
  if (i < n) s1 = hn::Add(s1, hn::LoadN(d, x + i, n - i));
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
  for (; i + lanes <= n; i += lanes) {
    const norm_vector d0 = hn::Sub(hn::LoadU(d, x + i), m);
    s0 = hn::Add(s0, d0);
    q0 = hn::MulAdd(d0, d0, q0);
  }
  if (i < n) {
    const norm_vector d1 = hn::IfThenElseZero(hn::FirstN(d, n - i), hn::Sub(hn::LoadN(d, x + i, n - i), m));
    s1 = hn::Add(s1, d1);
    q1 = hn::MulAdd(d1, d1, q1);
  }
  sum = hn::ReduceSum(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
  squares = hn::ReduceSum(d, hn::Add(hn::Add(q0, q1), hn::Add(q2, q3)));
}

/// Σ x², as row_moments about zero.
HWY_INLINE float row_squares(const float* x, std::size_t n) {
  const norm_tag d;
  const std::size_t lanes = hn::Lanes(d);
  norm_vector q0 = hn::Zero(d), q1 = q0, q2 = q0, q3 = q0;
  std::size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const norm_vector x0 = hn::LoadU(d, x + i);
    const norm_vector x1 = hn::LoadU(d, x + i + lanes);
    const norm_vector x2 = hn::LoadU(d, x + i + 2 * lanes);
    const norm_vector x3 = hn::LoadU(d, x + i + 3 * lanes);
    q0 = hn::MulAdd(x0, x0, q0);
    q1 = hn::MulAdd(x1, x1, q1);
    q2 = hn::MulAdd(x2, x2, q2);
    q3 = hn::MulAdd(x3, x3, q3);
  }
  for (; i + lanes <= n; i += lanes) {
    const norm_vector x0 = hn::LoadU(d, x + i);
    q0 = hn::MulAdd(x0, x0, q0);
  }
  if (i < n) {
    const norm_vector x1 = hn::LoadN(d, x + i, n - i);
    q1 = hn::MulAdd(x1, x1, q1);
  }
  return hn::ReduceSum(d, hn::Add(hn::Add(q0, q1), hn::Add(q2, q3)));
}

/// y = ((x - mean) · scale + shift) · gamma + beta, where gamma and beta may be null.
template <bool Gamma, bool Beta>
HWY_INLINE void row_affine(const float* x, float mean, float scale, float shift, const float* gamma, const float* beta,
                           float* y, std::size_t n) {
  const norm_tag d;
  const std::size_t lanes = hn::Lanes(d);
  const norm_vector m = hn::Set(d, mean);
  const norm_vector s = hn::Set(d, scale);
  const norm_vector t = hn::Set(d, shift);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    norm_vector value = hn::MulAdd(hn::Sub(hn::LoadU(d, x + i), m), s, t);
    if constexpr (Gamma && Beta) value = hn::MulAdd(value, hn::LoadU(d, gamma + i), hn::LoadU(d, beta + i));
    else if constexpr (Gamma) value = hn::Mul(value, hn::LoadU(d, gamma + i));
    else if constexpr (Beta) value = hn::Add(value, hn::LoadU(d, beta + i));
    hn::StoreU(value, d, y + i);
  }
  if (i < n) {
    norm_vector value = hn::MulAdd(hn::Sub(hn::LoadN(d, x + i, n - i), m), s, t);
    if constexpr (Gamma) value = hn::Mul(value, hn::LoadN(d, gamma + i, n - i));
    if constexpr (Beta) value = hn::Add(value, hn::LoadN(d, beta + i, n - i));
    hn::StoreN(value, d, y + i, n - i);
  }
}

inline void layer_norm_f32(const float* x, std::size_t x_stride, const float* gamma, const float* beta, float eps,
                           float* y, std::size_t y_stride, std::size_t rows, std::size_t n) noexcept {
  const float over_n = 1.0f / static_cast<float>(n);
  for (std::size_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    const float mean = row_sum(x, n) * over_n;
    float rest;
    float squares;
    row_moments(x, n, mean, rest, squares);
    rest *= over_n;
    const float variance = squares * over_n - rest * rest;
    // Rounding may leave it a little below zero; NaN stays.
    const float scale = 1.0f / square_root((variance < 0.0f ? 0.0f : variance) + eps);
    const float shift = -rest * scale;
    if (gamma != nullptr && beta != nullptr) row_affine<true, true>(x, mean, scale, shift, gamma, beta, y, n);
    else if (gamma != nullptr) row_affine<true, false>(x, mean, scale, shift, gamma, beta, y, n);
    else if (beta != nullptr) row_affine<false, true>(x, mean, scale, shift, gamma, beta, y, n);
    else row_affine<false, false>(x, mean, scale, shift, gamma, beta, y, n);
  }
}

inline void rms_norm_f32(const float* x, std::size_t x_stride, const float* gamma, float eps, float* y,
                         std::size_t y_stride, std::size_t rows, std::size_t n) noexcept {
  for (std::size_t r = 0; r < rows; ++r, x += x_stride, y += y_stride) {
    const float scale = 1.0f / square_root(row_squares(x, n) / static_cast<float>(n) + eps);
    if (gamma != nullptr) row_affine<true, false>(x, 0.0f, scale, 0.0f, gamma, nullptr, y, n);
    else row_affine<false, false>(x, 0.0f, scale, 0.0f, gamma, nullptr, y, n);
  }
}

inline void normalize_in_place(const row_norm& norm, float* x, std::size_t stride, std::size_t rows, std::size_t n) noexcept {
  if (norm.of == row_norm::kind::layer) layer_norm_f32(x, stride, norm.gamma, norm.beta, norm.epsilon, x, stride, rows, n);
  if (norm.of == row_norm::kind::rms) rms_norm_f32(x, stride, norm.gamma, norm.epsilon, x, stride, rows, n);
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
  for (; i + lanes <= n; i += lanes) {
    const auto x0 = hn::PromoteTo(d, hn::LoadU(half, x + i));
    s0 = hn::MulAdd(x0, x0, s0);
  }
  if (i < n) {
    const auto x1 = hn::PromoteTo(d, hn::LoadN(half, x + i, n - i));
    s1 = hn::MulAdd(x1, x1, s1);
  }
  const double sum = hn::ReduceSum(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
  const hn::CappedTag<double, 1> one;
  const auto scale = hn::Set(d, sum == 0.0 ? 0.0 : 1.0 / hn::GetLane(hn::Sqrt(hn::Set(one, sum))));
  for (i = 0; i + lanes <= n; i += lanes)
    hn::StoreU(hn::DemoteTo(half, hn::Mul(hn::PromoteTo(d, hn::LoadU(half, x + i)), scale)), half, y + i);
  if (i < n) {
    const auto scaled = hn::DemoteTo(half, hn::Mul(hn::PromoteTo(d, hn::LoadN(half, x + i, n - i)), scale));
    hn::StoreN(scaled, half, y + i, n - i);
  }
}

inline constexpr norm_kernels norm_table = {
    .layer_norm_f32 = layer_norm_f32,
    .rms_norm_f32 = rms_norm_f32,
    .l2_normalize_f32 = l2_normalize_f32,
    .softmax_f32 = softmax_f32,
    .in_place_f32 = normalize_in_place,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
