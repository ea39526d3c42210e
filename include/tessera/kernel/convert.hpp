// SPDX-License-Identifier: Apache-2.0
/// f32 to and from the 16-bit formats, n values; bit for bit the scalar conversions of base/half.hpp on every target.
///
/// Narrowing rounds to nearest, ties to even; overflow becomes infinity; subnormal results and sources count in full; NaN stays
/// NaN, quiet, with its sign and upper payload. Input and output must not overlap.
#if !defined(TESSERA_KERNEL_CONVERT_HPP)
#define TESSERA_KERNEL_CONVERT_HPP

#include <tessera/kernel/elements.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

namespace scalar {

constexpr void f32_to_f16(const float* from, std::uint16_t* to, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) to[i] = tessera::detail::float_to_float16_bits(from[i]);
}
constexpr void f16_to_f32(const std::uint16_t* from, float* to, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) to[i] = tessera::detail::float16_bits_to_float(from[i]);
}
constexpr void f32_to_bf16(const float* from, std::uint16_t* to, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) to[i] = tessera::detail::float_to_bfloat16_bits(from[i]);
}
constexpr void bf16_to_f32(const std::uint16_t* from, float* to, std::size_t n) noexcept {
  for (std::size_t i = 0; i < n; ++i) to[i] = tessera::detail::bfloat16_bits_to_float(from[i]);
}

}  // namespace scalar

struct convert_kernels {
  void (*f32_to_f16)(const float* from, std::uint16_t* to, std::size_t n) noexcept;
  void (*f16_to_f32)(const std::uint16_t* from, float* to, std::size_t n) noexcept;
  void (*f32_to_bf16)(const float* from, std::uint16_t* to, std::size_t n) noexcept;
  void (*bf16_to_f32)(const std::uint16_t* from, float* to, std::size_t n) noexcept;
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_CONVERT_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_CONVERT_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_CONVERT_PASS)
#undef TESSERA_KERNEL_CONVERT_PASS
#else
#define TESSERA_KERNEL_CONVERT_PASS
#endif

#include <tessera/kernel/elements.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

using narrow_tag = hn::Rebind<std::uint16_t, float_tag>;
using narrow_vector = hn::Vec<narrow_tag>;

/// One vector of each conversion.
struct narrow_to_f16 {
  using from = float;
  using to = std::uint16_t;
  static HWY_INLINE narrow_vector convert(float_vector x) {
    const narrow_tag d;
#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX2
    // No instruction, and Highway's replacement does not promise the payload of a NaN.
    const hn::RebindToSigned<float_tag> di;
    const auto bits = hn::BitCast(di, x);
    const auto magnitude = hn::And(bits, hn::Set(di, 0x7FFFFFFF));
    const auto sign = hn::And(hn::ShiftRight<16>(bits), hn::Set(di, 0x8000));
    const auto tie_to_even = hn::And(hn::ShiftRight<13>(magnitude), hn::Set(di, 1));
    const auto rounded = hn::Add(hn::Add(magnitude, hn::Set(di, 0xFFF)), tie_to_even);
    const auto normal = hn::ShiftRight<13>(hn::Sub(rounded, hn::Set(di, 112 << 23)));
    // Added to 1/2, a value below 2^-14 leaves its multiple of 2^-24 in the low mantissa bits, rounded as it should be.
    const auto half = hn::Set(float_tag(), 0.5f);
    const auto subnormal =
        hn::Sub(hn::BitCast(di, hn::Add(hn::BitCast(float_tag(), magnitude), half)), hn::BitCast(di, half));
    const auto nan = hn::Or(hn::Set(di, 0x7E00), hn::And(hn::ShiftRight<13>(magnitude), hn::Set(di, 0x3FF)));
    auto out = hn::IfThenElse(hn::Gt(hn::Set(di, 113 << 23), magnitude), subnormal, normal);
    out = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, (143 << 23) - 1)), hn::Set(di, 0x7C00), out);
    out = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 255 << 23)), nan, out);
    return hn::TruncateTo(d, hn::BitCast(hn::RebindToUnsigned<float_tag>(), hn::Or(out, sign)));
#else
    return hn::BitCast(d, hn::DemoteTo(hn::Rebind<hwy::float16_t, float_tag>(), x));
#endif
  }
};

struct widen_from_f16 {
  using from = std::uint16_t;
  using to = float;
  static HWY_INLINE float_vector convert(narrow_vector x) { return widen_f16(float_tag(), x); }
};

struct narrow_to_bf16 {
  using from = float;
  using to = std::uint16_t;
  /// In integers: the instruction of AVX512-BF16 takes subnormal values for zero.
  static HWY_INLINE narrow_vector convert(float_vector x) {
    const hn::RebindToUnsigned<float_tag> du;
    const auto bits = hn::BitCast(du, x);
    const auto tie_to_even = hn::And(hn::ShiftRight<16>(bits), hn::Set(du, 1u));
    const auto rounded = hn::Add(hn::Add(bits, hn::Set(du, 0x7FFFu)), tie_to_even);
    const auto quiet = hn::Or(bits, hn::Set(du, 0x400000u));
    const auto out = hn::IfThenElse(hn::RebindMask(du, hn::IsNaN(x)), quiet, rounded);
    return hn::TruncateTo(narrow_tag(), hn::ShiftRight<16>(out));
  }
};

struct widen_from_bf16 {
  using from = std::uint16_t;
  using to = float;
  static HWY_INLINE float_vector convert(narrow_vector x) {
    const hn::RebindToUnsigned<float_tag> du;
    const float_vector wide = loader<bf16_elements>::widen(x);
    const auto quiet = hn::Or(hn::BitCast(du, wide), hn::Set(du, 0x400000u));
    return hn::IfThenElse(hn::IsNaN(wide), hn::BitCast(float_tag(), quiet), wide);
  }
};

template <class Conversion>
inline void convert_values(const typename Conversion::from* from, typename Conversion::to* to, std::size_t n) noexcept {
  const hn::Rebind<typename Conversion::from, float_tag> d_from;
  const hn::Rebind<typename Conversion::to, float_tag> d_to;
  std::size_t i = 0;
  for (; i + float_lanes <= n; i += float_lanes) hn::StoreU(Conversion::convert(hn::LoadU(d_from, from + i)), d_to, to + i);
  if (i < n) hn::StoreN(Conversion::convert(hn::LoadN(d_from, from + i, n - i)), d_to, to + i, n - i);
}

inline constexpr convert_kernels convert_table = {
    .f32_to_f16 = convert_values<narrow_to_f16>,
    .f16_to_f32 = convert_values<widen_from_f16>,
    .f32_to_bf16 = convert_values<narrow_to_bf16>,
    .bf16_to_f32 = convert_values<widen_from_bf16>,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
