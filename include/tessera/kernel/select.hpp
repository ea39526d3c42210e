// SPDX-License-Identifier: Apache-2.0
/// Finds the next of n scores that can still be among the nearest: the step of a bounded selection that every row takes.
///
/// first_at_least(x, n, bound) is the smallest i with x[i] >= bound, n where there is none; first_at_most likewise with <=. NaN is
/// neither. Exact on every target.
#if !defined(TESSERA_KERNEL_SELECT_HPP)
#define TESSERA_KERNEL_SELECT_HPP

#include <tessera/base/config.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

[[nodiscard]] constexpr std::size_t first_at_least(const float* x, std::size_t n, float bound) noexcept {
  std::size_t i = 0;
  while (i < n && !(x[i] >= bound)) ++i;
  return i;
}
[[nodiscard]] constexpr std::size_t first_at_most(const float* x, std::size_t n, float bound) noexcept {
  std::size_t i = 0;
  while (i < n && !(x[i] <= bound)) ++i;
  return i;
}

}  // namespace scalar

struct select_kernels {
  std::size_t (*first_at_least)(const float* x, std::size_t n, float bound) noexcept;
  std::size_t (*first_at_most)(const float* x, std::size_t n, float bound) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_SELECT_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_SELECT_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_SELECT_PASS)
#undef TESSERA_KERNEL_SELECT_PASS
#else
#define TESSERA_KERNEL_SELECT_PASS
#endif

#include <tessera/kernel/elements.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

template <bool AtLeast>
HWY_INLINE hn::Mask<float_tag> reaches(float_vector x, float_vector bound) {
  if constexpr (AtLeast) return hn::Ge(x, bound);
  else return hn::Le(x, bound);
}

template <bool AtLeast>
inline std::size_t first_reaching(const float* x, std::size_t n, float bound) noexcept {
  const float_tag d;
  const float_vector limit = hn::Set(d, bound);
  std::size_t i = 0;
  // Most blocks hold none, so four vectors are asked at once.
  for (; i + 4 * float_lanes <= n; i += 4 * float_lanes) {
    const auto m0 = reaches<AtLeast>(hn::LoadU(d, x + i), limit);
    const auto m1 = reaches<AtLeast>(hn::LoadU(d, x + i + float_lanes), limit);
    const auto m2 = reaches<AtLeast>(hn::LoadU(d, x + i + 2 * float_lanes), limit);
    const auto m3 = reaches<AtLeast>(hn::LoadU(d, x + i + 3 * float_lanes), limit);
    if (!hn::AllFalse(d, hn::Or(hn::Or(m0, m1), hn::Or(m2, m3)))) break;
  }
  for (; i + float_lanes <= n; i += float_lanes) {
    const auto found = hn::FindFirstTrue(d, reaches<AtLeast>(hn::LoadU(d, x + i), limit));
    if (found >= 0) return i + static_cast<std::size_t>(found);
  }
  if (i < n) {
    const auto inside = hn::FirstN(d, n - i);
    const auto found = hn::FindFirstTrue(d, hn::And(inside, reaches<AtLeast>(hn::LoadN(d, x + i, n - i), limit)));
    if (found >= 0) return i + static_cast<std::size_t>(found);
  }
  return n;
}

inline constexpr select_kernels select_table = {
    .first_at_least = first_reaching<true>,
    .first_at_most = first_reaching<false>,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
