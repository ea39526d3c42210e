// SPDX-License-Identifier: Apache-2.0
/// Cosines of one pair, from three sums in one pass. Their scalar truth and table stand in kernel/distance.hpp.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_DISTANCE_COSINE_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_DISTANCE_COSINE_PASS)
#undef TESSERA_KERNEL_DISTANCE_COSINE_PASS
#else
#define TESSERA_KERNEL_DISTANCE_COSINE_PASS
#endif

#include <tessera/kernel/distance_float.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

/// Accumulators of a·b, a·a and b·b, in the order of `sum_rows`.
struct three_sums {
  float_vector ab[4], aa[4], bb[4];
};
HWY_INLINE void add_three(three_sums& sums, std::size_t i, float_vector a, float_vector b) {
  sums.ab[i] = hn::MulAdd(a, b, sums.ab[i]);
  sums.aa[i] = hn::MulAdd(a, a, sums.aa[i]);
  sums.bb[i] = hn::MulAdd(b, b, sums.bb[i]);
}

/// Loads as `Query` and `Row`; `A` and `B` are the same storage for the scalar definition.
template <class Query, class Row, class A, class B>
inline float cosine(const typename A::storage* a, const typename B::storage* b, std::size_t n) noexcept {
  three_sums sums;
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < 4; ++i) sums.ab[i] = sums.aa[i] = sums.bb[i] = hn::Zero(float_tag());
  float_vector a0;
  float_vector a1;
  float_vector b0;
  float_vector b1;
  std::size_t i = 0;
  for (; i + 4 * float_lanes <= n; i += 4 * float_lanes) {
    loader<Query>::load(a, i, a0, a1);
    loader<Row>::load(b, i, b0, b1);
    add_three(sums, 0, a0, b0);
    add_three(sums, 1, a1, b1);
    loader<Query>::load(a, i + 2 * float_lanes, a0, a1);
    loader<Row>::load(b, i + 2 * float_lanes, b0, b1);
    add_three(sums, 2, a0, b0);
    add_three(sums, 3, a1, b1);
  }
  if (i + 2 * float_lanes <= n) {
    loader<Query>::load(a, i, a0, a1);
    loader<Row>::load(b, i, b0, b1);
    add_three(sums, 0, a0, b0);
    add_three(sums, 1, a1, b1);
    i += 2 * float_lanes;
  }
  if (i < n) {
    loader<Query>::load_n(a, i, n - i, a0, a1);
    loader<Row>::load_n(b, i, n - i, b0, b1);
    add_three(sums, 2, a0, b0);
    add_three(sums, 3, a1, b1);
  }
  const float aa = fold_chains(sums.aa);
  const float bb = fold_chains(sums.bb);
  return cosine_in_range(aa, bb) ? cosine_of_sums(fold_chains(sums.ab), aa, bb) : scalar::cosine<A, B>(a, b, n);
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
