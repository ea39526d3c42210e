// SPDX-License-Identifier: Apache-2.0
/// The activation functions of feed-forward layers, elementwise over f32.
///
///     kernels.activation.activate_f32(activation::gelu_erf, x, y, n);   // y may be x
///
/// | activation | formula                                      | error of the kernels, for every float |
/// | ---------- | -------------------------------------------- | ------------------------------------- |
/// | gelu_erf   | x · Φ(x) = x/2 · (1 + erf(x/√2))             | absolute <= 3e-7 · max(1, abs(x))     |
/// | gelu_tanh  | x/2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))) | absolute <= 3e-7 · max(1, abs(x))     |
/// | relu       | max(x, 0)                                    | none                                  |
/// | silu       | x / (1 + exp(-x))                            | 6 ULP, or 1.2e-36 absolute            |
/// | tanh       | tanh(x)                                      | 7 ULP                                 |
/// | sigmoid    | 1 / (1 + exp(-x))                            | 5 ULP, or 1.3e-38 absolute            |
///
/// NaN gives NaN. At -infinity, gelu and silu are their limit, zero, where the formula reads 0 · infinity.
#if !defined(TESSERA_KERNEL_ACTIVATION_HPP)
#define TESSERA_KERNEL_ACTIVATION_HPP

#include <tessera/base/config.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

enum class activation : std::uint8_t { none, gelu_erf, gelu_tanh, relu, silu, tanh, sigmoid };

namespace scalar {

/// x · weight, zero where the weight is.
[[nodiscard]] inline double gate(double x, double weight) noexcept { return weight == 0.0 ? 0.0 : x * weight; }

/// The truth in double, to be rounded once.
[[nodiscard]] inline double activate(activation act, double x) noexcept {
  switch (act) {
    case activation::none: return x;
    case activation::gelu_erf: return gate(x, 0.5 * std::erfc(-x / std::sqrt(2.0)));
    case activation::gelu_tanh:
      // 1 + tanh(u) = 2 / (1 + exp(-2u)), which does not cancel; 2 · √(2/π) = 1.5957691216057308.
      return gate(x, 1.0 / (1.0 + std::exp(-1.5957691216057308 * (x + 0.044715 * x * x * x))));
    case activation::relu: return x < 0.0 ? 0.0 : x;
    case activation::silu: return gate(x, 1.0 / (1.0 + std::exp(-x)));
    case activation::tanh: return std::tanh(x);
    case activation::sigmoid: return 1.0 / (1.0 + std::exp(-x));
  }
  return x;
}

[[nodiscard]] inline float activate_f32(activation act, float x) noexcept {
  return static_cast<float>(activate(act, static_cast<double>(x)));
}

inline void activate_f32(activation act, const float* x, float* y, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) y[i] = activate_f32(act, x[i]);
}

inline void gate_f32(activation act, const float* gate, const float* up, float* y, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i)
    y[i] = static_cast<float>(activate(act, static_cast<double>(gate[i])) * static_cast<double>(up[i]));
}

}  // namespace scalar

struct activation_kernels {
  /// y = act(x); y may be x.
  void (*activate_f32)(activation act, const float* x, float* y, std::size_t n) noexcept;
  /// y = act(gate) · up, a gated feed-forward's inside (arXiv:2002.05202); y may be either. Error: that of act times abs(up), and half
  /// an ULP.
  void (*gate_f32)(activation act, const float* gate, const float* up, float* y, std::size_t n) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_ACTIVATION_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_ACTIVATION_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_ACTIVATION_PASS)
#undef TESSERA_KERNEL_ACTIVATION_PASS
#else
#define TESSERA_KERNEL_ACTIVATION_PASS
#endif

#include <tessera/kernel/gelu.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

/// Σ coefficients[i] · x^i, by Horner.
template <class D, class V, std::size_t N>
HWY_INLINE V polynomial(D d, V x, const float (&coefficients)[N]) {
  V sum = hn::Set(d, coefficients[N - 1]);
  HWY_UNROLL(16)
  for (std::size_t i = 1; i < N; ++i) sum = hn::MulAdd(sum, x, hn::Set(d, coefficients[N - 1 - i]));
  return sum;
}

/// exp(x) for x <= 0 or NaN: within 2 ULP, and 0 below -87.3 (where exp < 1.3e-38), which keeps 2^n a normal number.
/// exp(x) = 2^n · exp(r) with n = round(x / ln 2), r = x - n ln 2 (ln 2 in two parts after Cody and Waite), and a
/// minimax polynomial of relative error 3e-9 on abs(r) <= 0.35.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp_nonpositive(D d, V x) {
  const hn::Rebind<std::int32_t, D> di;
  constexpr float coefficients[] = {0.4999999306f, 0.1666651486f, 0.04166845599f, 0.008369410803f, 0.001381316138f};
  // Adding 1.5 · 2^23 + 127 leaves the biased exponent n + 127 in the low bits.
  const V shift = hn::Set(d, 12583039.0f);
  const V shifted = hn::MulAdd(x, hn::Set(d, 1.44269504f), shift);
  const V n = hn::Sub(shifted, shift);
  const V r = hn::NegMulAdd(n, hn::Set(d, -2.12194440e-4f), hn::NegMulAdd(n, hn::Set(d, 0.693359375f), x));
  const V tail = polynomial(d, r, coefficients);
  const V power = hn::Add(hn::MulAdd(hn::Mul(r, r), tail, r), hn::Set(d, 1.0f));
  const V scale = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, shifted)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -87.3f)), hn::Mul(power, scale));
}

/// 2^x for x <= 0 or NaN: relative error 1.4 · 2^-24, and 0 below -126, where 2^x is no normal number. As
/// exp_nonpositive, with an exact remainder.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp2_nonpositive(D d, V x) {
  const hn::Rebind<std::int32_t, D> di;
  constexpr float coefficients[] = {
      1.0f, 0.693147203f, 0.240226479f, 0.05550332163f, 0.009618438601f, 0.001339900349f, 0.0001535325807f};
  const V shift = hn::Set(d, 12583039.0f);
  const V shifted = hn::Add(x, shift);
  const V power = polynomial(d, hn::Sub(x, hn::Sub(shifted, shift)), coefficients);
  const V scale = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, shifted)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Set(d, -126.0f)), hn::Mul(power, scale));
}

/// 2^x for x <= 0 or NaN with a relative error of 8e-5, to be rounded to bf16, and 0 below -126.5.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V exp2_near(D d, V x) {
  const hn::Rebind<std::int32_t, D> di;
  constexpr float coefficients[] = {0.9999280735f, 0.6932609855f, 0.2426111222f, 0.05517166907f};
  const V shift = hn::Set(d, 12583039.0f);
  const V bounded = hn::Max(hn::Set(d, -127.0f), x);  // where the biased exponent is 0, and the factor with it; NaN stays
  const V shifted = hn::Add(bounded, shift);
  const V power = polynomial(d, hn::Sub(bounded, hn::Sub(shifted, shift)), coefficients);
  return hn::Mul(power, hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(di, shifted))));
}

/// x · Φ(x): Φ(x) - 1/2 is x times a rational function of x², of absolute error 8e-9 up to 5.5, beyond which Φ is 0 or
/// 1 within 2e-8.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu_erf(D d, V x) {
  constexpr float numerator[] = {0.3989422346f,    0.03385278336f, 0.004677269484f,
                                 0.0001688271213f, 6.35213271e-6f, 2.274933044e-8f};
  constexpr float denominator[] = {1.0f,           0.2515222622f, 0.02864595108f, 0.001884452995f, 7.364799215e-5f,
                                   1.197504008e-6f};
  const V limit = hn::Set(d, 5.5f);
  const V inside = hn::Max(hn::Min(x, limit), hn::Neg(limit));
  const V square = hn::Mul(inside, inside);
  const V quotient = hn::Div(hn::Mul(inside, polynomial(d, square, numerator)), polynomial(d, square, denominator));
  const V weighted = hn::MulAdd(x, quotient, hn::Mul(x, hn::Set(d, 0.5f)));
  return hn::IfThenZeroElse(hn::Lt(x, hn::Neg(limit)), weighted);
}

/// x · 1 / (1 + exp(-u)), zero where exp(u) is.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V gate_sigmoid(D d, V x, V u) {
  const V one = hn::Set(d, 1.0f);
  const auto negative = hn::Lt(u, hn::Zero(d));
  const V e = exp_nonpositive(d, hn::Neg(hn::Abs(u)));
  const V weight = hn::Div(hn::IfThenElse(negative, e, one), hn::Add(one, e));
  return hn::IfThenZeroElse(hn::Eq(weight, hn::Zero(d)), hn::Mul(x, weight));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V gelu_tanh(D d, V x) {
  const V square = hn::Mul(x, x);
  const V slope = hn::MulAdd(square, hn::Set(d, 0.0713548162f), hn::Set(d, 1.5957691216f));
  return gate_sigmoid(d, x, hn::Mul(x, slope));
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V silu(D d, V x) {
  return gate_sigmoid(d, x, x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V sigmoid(D d, V x) {
  return gate_sigmoid(d, hn::Set(d, 1.0f), x);
}

/// x times a rational function of x², of relative error 2.1e-8 up to 9, beyond which tanh rounds to 1.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V tanh(D d, V x) {
  constexpr float numerator[] = {0.9999999794f, 0.1338102526f, 0.003495587715f, 2.060907657e-5f, 1.335465508e-8f};
  constexpr float denominator[] = {1.0f, 0.4671434086f, 0.02587698055f, 0.0003285634192f, 7.776555367e-7f};
  const V one = hn::Set(d, 1.0f);
  const V limit = hn::Set(d, 9.0f);
  const V inside = hn::Max(hn::Min(x, limit), hn::Neg(limit));
  const V square = hn::Mul(inside, inside);
  const V quotient = hn::Div(hn::Mul(inside, polynomial(d, square, numerator)), polynomial(d, square, denominator));
  const V bounded = hn::Max(hn::Min(quotient, one), hn::Neg(one));
  const V result = hn::IfThenElse(hn::Ge(hn::Abs(x), limit), hn::CopySign(one, x), bounded);
  return hn::IfThenElse(hn::Eq(x, x), result, x);
}

template <class D, class V = hn::Vec<D>>
HWY_INLINE V relu(D d, V x) {
  return hn::IfThenZeroElse(hn::Lt(x, hn::Zero(d)), x);
}

template <activation Act, class D, class V = hn::Vec<D>>
HWY_INLINE V activate(D d, V x) {
  if constexpr (Act == activation::gelu_erf) return gelu_erf(d, x);
  if constexpr (Act == activation::gelu_tanh) return gelu_tanh(d, x);
  if constexpr (Act == activation::relu) return relu(d, x);
  if constexpr (Act == activation::silu) return silu(d, x);
  if constexpr (Act == activation::tanh) return tanh(d, x);
  if constexpr (Act == activation::sigmoid) return sigmoid(d, x);
  return x;
}

/// An activation with what it keeps in registers from vector to vector.
template <activation Act, class D>
struct activator {
  using V = hn::Vec<D>;
  HWY_INLINE activator() {}
  HWY_INLINE V operator()(V x) const { return activate<Act>(D(), x); }
};

#if HWY_TARGET <= HWY_AVX3
template <class D>
struct activator<activation::gelu_erf, D> : gelu_by_table<D> {
  HWY_INLINE activator() : gelu_by_table<D>() {}  // an implicit one would not be compiled for the target
};
#endif

template <activation Act>
HWY_INLINE void activate_all(const float* x, float* y, std::size_t n) {
  const hn::ScalableTag<float> d;
  const activator<Act, hn::ScalableTag<float>> activated;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(activated(hn::LoadU(d, x + i)), d, y + i);
  if (i < n) hn::StoreN(activated(hn::LoadN(d, x + i, n - i)), d, y + i, n - i);
}

inline void activate_f32(activation act, const float* x, float* y, std::size_t n) noexcept {
  switch (act) {
    case activation::none: return activate_all<activation::none>(x, y, n);
    case activation::gelu_erf: return activate_all<activation::gelu_erf>(x, y, n);
    case activation::gelu_tanh: return activate_all<activation::gelu_tanh>(x, y, n);
    case activation::relu: return activate_all<activation::relu>(x, y, n);
    case activation::silu: return activate_all<activation::silu>(x, y, n);
    case activation::tanh: return activate_all<activation::tanh>(x, y, n);
    case activation::sigmoid: return activate_all<activation::sigmoid>(x, y, n);
  }
}

template <activation Act>
HWY_INLINE void gate_all(const float* gate, const float* up, float* y, std::size_t n) {
  const hn::ScalableTag<float> d;
  const activator<Act, hn::ScalableTag<float>> activated;
  const std::size_t lanes = hn::Lanes(d);
  std::size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(hn::Mul(activated(hn::LoadU(d, gate + i)), hn::LoadU(d, up + i)), d, y + i);
  if (i < n) hn::StoreN(hn::Mul(activated(hn::LoadN(d, gate + i, n - i)), hn::LoadN(d, up + i, n - i)), d, y + i, n - i);
}

inline void gate_f32(activation act, const float* gate, const float* up, float* y, std::size_t n) noexcept {
  switch (act) {
    case activation::none: return gate_all<activation::none>(gate, up, y, n);
    case activation::gelu_erf: return gate_all<activation::gelu_erf>(gate, up, y, n);
    case activation::gelu_tanh: return gate_all<activation::gelu_tanh>(gate, up, y, n);
    case activation::relu: return gate_all<activation::relu>(gate, up, y, n);
    case activation::silu: return gate_all<activation::silu>(gate, up, y, n);
    case activation::tanh: return gate_all<activation::tanh>(gate, up, y, n);
    case activation::sigmoid: return gate_all<activation::sigmoid>(gate, up, y, n);
  }
}

inline constexpr activation_kernels activation_table = {
    .activate_f32 = activate_f32,
    .gate_f32 = gate_f32,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
