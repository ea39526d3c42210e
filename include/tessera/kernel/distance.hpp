// SPDX-License-Identifier: Apache-2.0
/// Distance kernels.
#if !defined(TESSERA_KERNEL_DISTANCE_HPP)
#define TESSERA_KERNEL_DISTANCE_HPP

#include <tessera/base/config.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

[[nodiscard]] constexpr float dot_f32(const float* a, const float* b, std::size_t n) noexcept {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return static_cast<float>(sum);
}

}  // namespace scalar

struct distance_kernels {
  float (*dot_f32)(const float* a, const float* b, std::size_t n) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_DISTANCE_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_DISTANCE_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_DISTANCE_PASS)
#undef TESSERA_KERNEL_DISTANCE_PASS
#else
#define TESSERA_KERNEL_DISTANCE_PASS
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

inline float dot_f32(const float* a, const float* b, std::size_t n) noexcept {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  auto sum = hn::Zero(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) sum = hn::MulAdd(hn::LoadU(d, a + i), hn::LoadU(d, b + i), sum);
  if (i < n) sum = hn::MulAdd(hn::LoadN(d, a + i, n - i), hn::LoadN(d, b + i, n - i), sum);
  return hn::ReduceSum(d, sum);
}

inline constexpr distance_kernels distance_table = {
    .dot_f32 = dot_f32,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
