// SPDX-License-Identifier: Apache-2.0
/// Softmax of a row; y may be x.
///
///     y = exp(x - max x) / Σ exp(x - max x), zero for a row that is -infinity throughout (nothing to choose from)
///
///     kernels.norm.softmax_f32(x, y, n);
///
/// Error with u = 2^-24 and t the true result: (n/16 + 12 + max x - x) u t, plus 1.3e-38: the difference max x - x is
/// rounded once. NaN or +infinity anywhere makes every y NaN.
#if !defined(TESSERA_KERNEL_SOFTMAX_HPP)
#define TESSERA_KERNEL_SOFTMAX_HPP

#include <tessera/base/config.hpp>

#include <cmath>
#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel::scalar {

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

}  // namespace tessera::inline TESSERA_ABI::kernel::scalar

#endif  // TESSERA_KERNEL_SOFTMAX_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_SOFTMAX_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_SOFTMAX_PASS)
#undef TESSERA_KERNEL_SOFTMAX_PASS
#else
#define TESSERA_KERNEL_SOFTMAX_PASS
#endif

#include <tessera/kernel/activation.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using norm_tag = hn::ScalableTag<float>;
using norm_vector = hn::Vec<norm_tag>;

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
  for (; i + lanes <= n; i += lanes) m0 = hn::Max(m0, hn::LoadU(d, x + i));
  if (i < n) m1 = hn::Max(m1, hn::LoadNOr(least, d, x + i, n - i));
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
  for (; i + lanes <= n; i += lanes) {
    const norm_vector e0 = exp_nonpositive(d, hn::Sub(hn::LoadU(d, x + i), m));
    hn::StoreU(e0, d, y + i);
    s0 = hn::Add(s0, e0);
  }
  if (i < n) {
    const norm_vector e1 = exp_nonpositive(d, hn::Sub(hn::LoadNOr(hn::Neg(hn::Inf(d)), d, x + i, n - i), m));
    hn::StoreN(e1, d, y + i, n - i);
    s1 = hn::Add(s1, e1);
  }
  return hn::ReduceSum(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3)));
}

/// to = from · factor, n floats; to may be from.
HWY_INLINE void scale_row(const float* from, norm_vector factor, std::size_t n, float* to) {
  const norm_tag d;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(hn::LoadU(d, from + i), factor), d, to + i);
  if (i < n) hn::StoreN(hn::Mul(hn::LoadN(d, from + i, n - i), factor), d, to + i, n - i);
}

inline void softmax_f32(const float* x, float* y, std::size_t n) noexcept {
  const float sum = row_exp(x, y, n, row_max(x, n));
  scale_row(y, hn::Set(norm_tag(), sum == 0.0f ? 0.0f : 1.0f / sum), n, y);
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
