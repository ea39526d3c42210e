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
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

inline constexpr std::size_t hadamard_block = 128;

/// k in whole blocks.
[[nodiscard]] constexpr std::size_t padded_depth(std::size_t k) noexcept {
  return (k + hadamard_block - 1) / hadamard_block * hadamard_block;
}

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
    const auto negative = hn::BitCast(d, hn::ShiftLeft<31 - __builtin_ctz(Step)>(lane));
    const auto sign = hn::Or(hn::Set(d, 1.0f), negative);  // times 1 or -1 is exact, with or without FMA
    HWY_UNROLL(32)
    for (std::size_t i = 0; i < hadamard_vectors; ++i) v[i] = hn::MulAdd(v[i], sign, swap_lanes<Step>(v[i]));
  } else {
    constexpr std::size_t step = Step / float_lanes;
    HWY_UNROLL(32)
    for (std::size_t i = 0; i < hadamard_vectors; ++i)
      if ((i & step) == 0) {
        const float_vector low = v[i];
        const float_vector high = v[i + step];
        v[i] = hn::Add(low, high);
#if HWY_TARGET <= HWY_AVX3
        // The same difference by the multipliers, where a processor adds and multiplies on different units (Zen 4: 8 % less time).
        v[i + step] = hn::NegMulAdd(high, hn::Set(float_tag(), 1.0f), low);
#else
        v[i + step] = hn::Sub(low, high);
#endif
      }
  }
  if constexpr (2 * Step < hadamard_block) hadamard_rounds<2 * Step>(v);
}

/// y = H·x of one block; returns the largest magnitudes, lane by lane, of y and `most`.
HWY_INLINE hn::Vec<magnitude_tag> hadamard(const float* HWY_RESTRICT x, float* HWY_RESTRICT y, hn::Vec<magnitude_tag> most) {
  const float_tag d;
  float_vector v[hadamard_vectors];
  HWY_UNROLL(32)
  for (std::size_t i = 0; i < hadamard_vectors; ++i) v[i] = hn::LoadU(d, x + i * float_lanes);
  hadamard_rounds(v);
  HWY_UNROLL(32)
  for (std::size_t i = 0; i < hadamard_vectors; ++i) {
    most = hn::Max(most, hn::BitCast(magnitude_tag(), hn::Abs(v[i])));
    hn::StoreU(v[i], d, y + i * float_lanes);
  }
  return most;
}

/// The blocks of `count` numbers, the last padded with zeros; returns the bits of the largest magnitude of y, or `largest` if
/// that is larger.
inline std::int32_t hadamard_blocks(const float* HWY_RESTRICT x, std::size_t count, float* HWY_RESTRICT y,
                                    std::int32_t largest) noexcept {
  auto most = hn::Set(magnitude_tag(), largest);
  for (; count >= hadamard_block; count -= hadamard_block, x += hadamard_block, y += hadamard_block) most = hadamard(x, y, most);
  if (count > 0) {
    HWY_ALIGN float padded[hadamard_block] = {};
    hwy::CopyBytes(x, padded, count * sizeof(float));
    most = hadamard(padded, y, most);
  }
  return hn::ReduceMax(magnitude_tag(), most);
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
