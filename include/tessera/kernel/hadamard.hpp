// SPDX-License-Identifier: Apache-2.0
/// The Walsh-Hadamard transform of blocks of 128 numbers, which spreads a few large ones over all: y = H·x, H·H = 128·I.
///
///     y_i = Σ_j (-1)^popcount(i & j) x_j                        i, j in 0 .. 127, as seven rounds of sums and differences
///
/// The product of two vectors transformed alike is 128 times their product, so both operands of a matrix product may be
/// transformed before they are rounded to integers with one scale for many: a step then follows from the length of a block
/// and not from its largest number (arXiv:2404.00456 rotates activations for this reason). Rounds go from the nearest
/// neighbours to the farthest on every target, so that all give the same bits. |err| <= 7 · 2^-24 · Σ|x_j|; NaN or
/// infinity in a block, or a sum above f32's range, makes NaN or infinity in the result.
#if !defined(TESSERA_KERNEL_HADAMARD_HPP)
#define TESSERA_KERNEL_HADAMARD_HPP

#include <tessera/base/config.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::kernel {

inline constexpr std::size_t hadamard_block = 128;

namespace scalar {

/// In place.
inline void hadamard(float* x) noexcept {
  for (std::size_t step = 1; step < hadamard_block; step *= 2)
    for (std::size_t i = 0; i < hadamard_block; ++i)
      if ((i & step) == 0) {
        const float low = x[i];
        const float high = x[i + step];
        x[i] = low + high;
        x[i + step] = low - high;
      }
}

}  // namespace scalar

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_HADAMARD_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_HADAMARD_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_HADAMARD_PASS)
#undef TESSERA_KERNEL_HADAMARD_PASS
#else
#define TESSERA_KERNEL_HADAMARD_PASS
#endif

#include <tessera/kernel/elements.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

/// Magnitudes of floats as their bits, which compare alike; NaN is the largest of all.
using magnitude_tag = hn::RebindToSigned<float_tag>;

inline constexpr std::size_t hadamard_vectors = hadamard_block / float_lanes;

/// The other half of each pair of lanes `Step` apart.
template <std::size_t Step>
HWY_INLINE float_vector swap_lanes(float_vector x) {
  const float_tag d;
  if constexpr (Step == 1) return hn::Shuffle2301(x);
  else if constexpr (Step == 2) return hn::Shuffle1032(x);
  else if constexpr (Step == 4) return hn::SwapAdjacentBlocks(x);
  else return hn::ConcatLowerUpper(d, x, x);
}

/// One round and those behind it, on a block in registers.
template <std::size_t Step = 1>
HWY_INLINE void hadamard_rounds(float_vector* HWY_RESTRICT v) {
  if constexpr (Step < float_lanes) {
    const float_tag d;
    const hn::RebindToUnsigned<float_tag> du;
    const auto lane = hn::And(hn::Iota(du, 0), hn::Set(du, static_cast<std::uint32_t>(Step)));
    const auto sign = hn::BitCast(d, hn::ShiftLeft<31 - __builtin_ctz(Step)>(lane));
    HWY_UNROLL(32)
    for (std::size_t i = 0; i < hadamard_vectors; ++i) v[i] = hn::Add(swap_lanes<Step>(v[i]), hn::Xor(v[i], sign));
  } else {
    constexpr std::size_t step = Step / float_lanes;
    HWY_UNROLL(32)
    for (std::size_t i = 0; i < hadamard_vectors; ++i)
      if ((i & step) == 0) {
        const float_vector low = v[i];
        const float_vector high = v[i + step];
        v[i] = hn::Add(low, high);
        v[i + step] = hn::Sub(low, high);
      }
  }
  if constexpr (2 * Step < hadamard_block) hadamard_rounds<2 * Step>(v);
}

/// y = H·x of the first `count` (at most 128) numbers at x and zeros behind them; returns the largest magnitudes, lane by lane, of
/// y and `most`.
HWY_INLINE hn::Vec<magnitude_tag> hadamard(const float* HWY_RESTRICT x, std::size_t count, float* HWY_RESTRICT y,
                                           hn::Vec<magnitude_tag> most) {
  const float_tag d;
  const magnitude_tag di;
  float_vector v[hadamard_vectors];
  for (std::size_t i = 0; i < hadamard_vectors; ++i) {
    const std::size_t begin = i * float_lanes;
    v[i] = begin < count ? load_at_most(d, x + begin, count - begin) : hn::Zero(d);
  }
  hadamard_rounds(v);
  HWY_UNROLL(32)
  for (std::size_t i = 0; i < hadamard_vectors; ++i) {
    most = hn::Max(most, hn::BitCast(di, hn::Abs(v[i])));
    hn::StoreU(v[i], d, y + i * float_lanes);
  }
  return most;
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
