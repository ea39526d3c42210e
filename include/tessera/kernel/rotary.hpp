// SPDX-License-Identifier: Apache-2.0
/// Rotary position embedding, in place: each pair of a head's leading dimensions turned by an angle that grows with the
/// position.
///
///     (x_a, x_b) -> (x_a cos θ - x_b sin θ, x_b cos θ + x_a sin θ),   θ = position · inv_freq[i],  i < rotary_width / 2
///     half-split (Llama, Qwen, Gemma):           a = i,  b = i + rotary_width / 2
///     interleaved (GPT-J, NomicBERT's option):   a = 2i, b = 2i + 1
///
///     kernels.rotary.rotary_f32(q, 1152, tokens, 12, 64, 64, positions, inv_freq, false);
///
/// x is [rows][heads][head_width] with rows `stride` floats apart; dimensions from rotary_width on stay. θ is the f32
/// product, as in the reference implementations; its sine and cosine are exact to 0.51 ULP for abs(θ) < 2^20. Error:
/// 2^-23 · (abs(x_a) + abs(x_b)).
#if !defined(TESSERA_KERNEL_ROTARY_HPP)
#define TESSERA_KERNEL_ROTARY_HPP

#include <tessera/base/config.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

inline void rotary_f32(float* x, std::size_t stride, std::size_t rows, std::size_t heads, std::size_t head_width,
                       std::size_t rotary_width, const std::uint32_t* positions, const float* inv_freq,
                       bool interleaved) noexcept {
  const std::size_t half = rotary_width / 2;
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t h = 0; h < heads; ++h)
      for (std::size_t i = 0; i < half; ++i) {
        const double angle = static_cast<double>(static_cast<float>(positions[r]) * inv_freq[i]);
        float& a = x[r * stride + h * head_width + (interleaved ? 2 * i : i)];
        float& b = x[r * stride + h * head_width + (interleaved ? 2 * i + 1 : i + half)];
        const double x_a = static_cast<double>(a);
        const double x_b = static_cast<double>(b);
        a = static_cast<float>(x_a * std::cos(angle) - x_b * std::sin(angle));
        b = static_cast<float>(x_b * std::cos(angle) + x_a * std::sin(angle));
      }
}

}  // namespace scalar

struct rotary_kernels {
  void (*rotary_f32)(float* x, std::size_t stride, std::size_t rows, std::size_t heads, std::size_t head_width,
                     std::size_t rotary_width, const std::uint32_t* positions, const float* inv_freq,
                     bool interleaved) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_ROTARY_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_ROTARY_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_ROTARY_PASS)
#undef TESSERA_KERNEL_ROTARY_PASS
#else
#define TESSERA_KERNEL_ROTARY_PASS
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Sine and cosine for abs(x) < 2^20, absolute error below 1e-11: Cody and Waite's reduction by π/2, whose first part
/// has 33 bits so that its product is exact without FMA, and Taylor's series on abs(r) <= π/4.
template <class D, class V = hn::Vec<D>>
HWY_INLINE void sine_cosine(D d, V x, V& sine, V& cosine) {
  const hn::RebindToSigned<D> di;
  const V shift = hn::Set(d, 6755399441055744.0);  // 1.5 · 2^52 leaves the quadrant in the low bits
  const V shifted = hn::MulAdd(x, hn::Set(d, 0.63661977236758134308), shift);
  const V n = hn::Sub(shifted, shift);
  const V r =
      hn::NegMulAdd(n, hn::Set(d, 6.07710050650619224932e-11), hn::NegMulAdd(n, hn::Set(d, 1.57079632673412561417), x));
  const V z = hn::Mul(r, r);
  V s = hn::Set(d, -1.0 / 39916800.0);
  s = hn::MulAdd(s, z, hn::Set(d, 1.0 / 362880.0));
  s = hn::MulAdd(s, z, hn::Set(d, -1.0 / 5040.0));
  s = hn::MulAdd(s, z, hn::Set(d, 1.0 / 120.0));
  s = hn::MulAdd(s, z, hn::Set(d, -1.0 / 6.0));
  s = hn::MulAdd(hn::Mul(s, z), r, r);
  V c = hn::Set(d, 1.0 / 479001600.0);
  c = hn::MulAdd(c, z, hn::Set(d, -1.0 / 3628800.0));
  c = hn::MulAdd(c, z, hn::Set(d, 1.0 / 40320.0));
  c = hn::MulAdd(c, z, hn::Set(d, -1.0 / 720.0));
  c = hn::MulAdd(c, z, hn::Set(d, 1.0 / 24.0));
  c = hn::MulAdd(c, z, hn::Set(d, -0.5));
  c = hn::MulAdd(c, z, hn::Set(d, 1.0));
  const auto quadrant = hn::BitCast(di, shifted);
  const auto two = hn::Set(di, 2);
  const auto odd = hn::RebindMask(d, hn::TestBit(quadrant, hn::Set(di, 1)));
  const auto sine_sign = hn::ShiftLeft<62>(hn::And(quadrant, two));
  const auto cosine_sign = hn::ShiftLeft<62>(hn::And(hn::Add(quadrant, hn::Set(di, 1)), two));
  sine = hn::Xor(hn::IfThenElse(odd, c, s), hn::BitCast(d, sine_sign));
  cosine = hn::Xor(hn::IfThenElse(odd, s, c), hn::BitCast(d, cosine_sign));
}

inline void rotary_f32(float* x, std::size_t stride, std::size_t rows, std::size_t heads, std::size_t head_width,
                       std::size_t rotary_width, const std::uint32_t* positions, const float* inv_freq,
                       bool interleaved) noexcept {
  const hn::ScalableTag<double> dd;
  const hn::Rebind<float, decltype(dd)> d;
  const std::size_t lanes = hn::Lanes(d);
  const std::size_t half = rotary_width / 2;
  HWY_ALIGN float pairs[2 * HWY_MAX_LANES_D(decltype(d))] = {};
  for (std::size_t r = 0; r < rows; ++r) {
    const auto position = hn::Set(d, static_cast<float>(positions[r]));
    for (std::size_t i = 0; i < half; i += lanes) {
      const std::size_t count = HWY_MIN(lanes, half - i);
      const auto angle = hn::PromoteTo(dd, hn::Mul(position, hn::LoadN(d, inv_freq + i, count)));
      auto sine64 = hn::Zero(dd);
      auto cosine64 = sine64;
      sine_cosine(dd, angle, sine64, cosine64);
      const auto sine = hn::DemoteTo(d, sine64);
      const auto cosine = hn::DemoteTo(d, cosine64);
      for (std::size_t h = 0; h < heads; ++h) {
        float* head = x + r * stride + h * head_width;
        auto a = sine;
        auto b = sine;
        if (!interleaved) {
          a = hn::LoadN(d, head + i, count);
          b = hn::LoadN(d, head + i + half, count);
        } else if (count == lanes) {
          hn::LoadInterleaved2(d, head + 2 * i, a, b);
        } else {
          for (std::size_t j = 0; j < 2 * count; ++j) pairs[j] = head[2 * i + j];
          hn::LoadInterleaved2(d, pairs, a, b);
        }
        const auto turned_a = hn::NegMulAdd(b, sine, hn::Mul(a, cosine));
        const auto turned_b = hn::MulAdd(a, sine, hn::Mul(b, cosine));
        if (!interleaved) {
          hn::StoreN(turned_a, d, head + i, count);
          hn::StoreN(turned_b, d, head + i + half, count);
        } else if (count == lanes) {
          hn::StoreInterleaved2(turned_a, turned_b, d, head + 2 * i);
        } else {
          hn::StoreInterleaved2(turned_a, turned_b, d, pairs);
          for (std::size_t j = 0; j < 2 * count; ++j) head[2 * i + j] = pairs[j];
        }
      }
    }
  }
}

inline constexpr rotary_kernels rotary_table = {
    .rotary_f32 = rotary_f32,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
