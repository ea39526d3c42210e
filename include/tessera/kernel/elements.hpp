// SPDX-License-Identifier: Apache-2.0
/// How the elements of a row are stored: the scalar reading of one value, and the vector loads that widen values to f32.
///
/// | elements | storage       | values                                                |
/// | -------- | ------------- | ----------------------------------------------------- |
/// | f32      | float         | one each                                              |
/// | f16      | std::uint16_t | one each, binary16                                    |
/// | bf16     | std::uint16_t | one each, bfloat16                                    |
/// | i8       | std::int8_t   | one each                                              |
/// | i4       | std::uint8_t  | two each, two's complement, the low half first        |
/// | b1       | std::uint8_t  | eight each, the low bit first: 1 where set, else -1   |
///
/// Vector loads touch no memory behind the n-th value; values behind it read as zero (of i4 and b1 as any: the other side has zeros).
#if !defined(TESSERA_KERNEL_ELEMENTS_HPP)
#define TESSERA_KERNEL_ELEMENTS_HPP

#include <tessera/base/half.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

struct f32_elements {
  using storage = float;
  [[nodiscard]] static constexpr float at(const float* x, std::size_t i) noexcept { return x[i]; }
};
struct f16_elements {
  using storage = std::uint16_t;
  [[nodiscard]] static constexpr float at(const std::uint16_t* x, std::size_t i) noexcept {
    return tessera::detail::float16_bits_to_float(x[i]);
  }
};
struct bf16_elements {
  using storage = std::uint16_t;
  [[nodiscard]] static constexpr float at(const std::uint16_t* x, std::size_t i) noexcept {
    return tessera::detail::bfloat16_bits_to_float(x[i]);
  }
};
struct i8_elements {
  using storage = std::int8_t;
  [[nodiscard]] static constexpr std::int32_t at(const std::int8_t* x, std::size_t i) noexcept { return x[i]; }
};
struct i4_elements {
  using storage = std::uint8_t;
  [[nodiscard]] static constexpr std::int32_t at(const std::uint8_t* x, std::size_t i) noexcept {
    const std::int32_t half = i % 2 == 0 ? x[i / 2] & 15 : x[i / 2] >> 4;
    return (half ^ 8) - 8;
  }
};

struct b1_elements {
  using storage = std::uint8_t;
  [[nodiscard]] static constexpr std::int32_t at(const std::uint8_t* x, std::size_t i) noexcept {
    return (x[i / 8] >> (i % 8) & 1) != 0 ? 1 : -1;
  }
};

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_ELEMENTS_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_ELEMENTS_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_ELEMENTS_PASS)
#undef TESSERA_KERNEL_ELEMENTS_PASS
#else
#define TESSERA_KERNEL_ELEMENTS_PASS
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using float_tag = hn::ScalableTag<float>;
using float_vector = hn::Vec<float_tag>;
/// Values of f32 in one vector. A loader fills two vectors at a time: 2 · float_lanes values.
inline constexpr std::size_t float_lanes = HWY_MAX_BYTES / sizeof(float);

/// The first n (at most `float_lanes`) elements at p; zeros behind them.
template <class D>
HWY_INLINE hn::Vec<D> load_at_most(D d, const hn::TFromD<D>* p, std::size_t n) {
  return n >= hn::Lanes(d) ? hn::LoadU(d, p) : hn::LoadN(d, p, n);
}

/// g++ would rather load an operand again for each use (in tiles of many_to_many.hpp 28 loads for 16 products, measured half the speed).
template <class Vector>
HWY_INLINE Vector in_register(Vector v) {
#if HWY_ARCH_X86 && !HWY_COMPILER_MSVC
  __asm__("" : "+v"(v.raw));
#endif
  return v;
}

/// The sum of all lanes in an order of our own, which kernels that sum many vectors at once can keep: the halves, their halves, and so on.
template <class D>
HWY_INLINE float fold_lanes([[maybe_unused]] D d, hn::Vec<D> v) {
  if constexpr (HWY_MAX_LANES_D(D) > 4) {
    const hn::Half<D> half;
    return fold_lanes(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  } else {
    v = hn::Add(v, hn::Shuffle1032(v));
    return hn::GetLane(hn::Add(v, hn::Shuffle2301(v)));
  }
}

template <class Elements>
struct loader;

template <>
struct loader<f32_elements> {
  static constexpr std::size_t value_bits = 32;  // a value
  static HWY_INLINE void load(const float* x, std::size_t i, float_vector& v0, float_vector& v1) {
    const float_tag d;
    v0 = hn::LoadU(d, x + i);
    v1 = hn::LoadU(d, x + i + float_lanes);
  }
  static HWY_INLINE void load_n(const float* x, std::size_t i, std::size_t n, float_vector& v0, float_vector& v1) {
    const float_tag d;
    v0 = load_at_most(d, x + i, n);
    v1 = n > float_lanes ? hn::LoadN(d, x + i + float_lanes, n - float_lanes) : hn::Zero(d);
  }
};

/// binary16 bits to f32, exact; NaN becomes quiet.
template <class DF>
HWY_INLINE hn::Vec<DF> widen_f16(DF d, hn::Vec<hn::Rebind<std::uint16_t, DF>> bits) {
#if HWY_ARCH_X86 && HWY_TARGET > HWY_AVX2
  // Highway's replacement for the missing instruction does not know infinity and NaN. Signed compares: SSE2 has no others.
  const hn::RebindToSigned<DF> di;
  const auto wide = hn::BitCast(di, hn::PromoteTo(hn::RebindToUnsigned<DF>(), bits));
  const auto magnitude = hn::And(wide, hn::Set(di, 0x7FFF));
  const auto sign = hn::ShiftLeft<16>(hn::Xor(wide, magnitude));
  const auto shifted = hn::ShiftLeft<13>(magnitude);
  const auto rebiased = hn::Add(shifted, hn::Set(di, 112 << 23));
  // Subnormal: 2^-14 with the mantissa behind it, less 2^-14.
  const auto least = hn::Set(d, 0x1p-14f);
  const auto subnormal = hn::BitCast(di, hn::Sub(hn::BitCast(d, hn::Or(shifted, hn::BitCast(di, least))), least));
  const auto quiet = hn::IfThenElseZero(hn::Gt(magnitude, hn::Set(di, 0x7C00)), hn::Set(di, 1 << 22));
  const auto special = hn::Or(hn::Or(shifted, hn::Set(di, 255 << 23)), quiet);
  const auto normal = hn::IfThenElse(hn::Gt(magnitude, hn::Set(di, 0x7BFF)), special, rebiased);
  return hn::BitCast(d, hn::Or(hn::IfThenElse(hn::Gt(hn::Set(di, 0x400), magnitude), subnormal, normal), sign));
#else
  return hn::PromoteTo(d, hn::BitCast(hn::Rebind<hwy::float16_t, DF>(), bits));
#endif
}

template <>
struct loader<f16_elements> {
  static constexpr std::size_t value_bits = 16;
  using half_tag = hn::Rebind<std::uint16_t, float_tag>;
  static HWY_INLINE float_vector widen(hn::Vec<half_tag> bits) { return widen_f16(float_tag(), bits); }
  static HWY_INLINE void load(const std::uint16_t* x, std::size_t i, float_vector& v0, float_vector& v1) {
    v0 = widen(hn::LoadU(half_tag(), x + i));
    v1 = widen(hn::LoadU(half_tag(), x + i + float_lanes));
  }
  static HWY_INLINE void load_n(const std::uint16_t* x, std::size_t i, std::size_t n, float_vector& v0, float_vector& v1) {
    const half_tag d;
    v0 = widen(load_at_most(d, x + i, n));
    v1 = n > float_lanes ? widen(hn::LoadN(d, x + i + float_lanes, n - float_lanes)) : hn::Zero(float_tag());
  }
};

template <>
struct loader<bf16_elements> {
  static constexpr std::size_t value_bits = 16;
  using half_tag = hn::Rebind<std::uint16_t, float_tag>;
  static HWY_INLINE float_vector widen(hn::Vec<half_tag> bits) {
    const hn::RebindToUnsigned<float_tag> wide;
    return hn::BitCast(float_tag(), hn::ShiftLeft<16>(hn::PromoteTo(wide, bits)));
  }
  static HWY_INLINE void load(const std::uint16_t* x, std::size_t i, float_vector& v0, float_vector& v1) {
    v0 = widen(hn::LoadU(half_tag(), x + i));
    v1 = widen(hn::LoadU(half_tag(), x + i + float_lanes));
  }
  static HWY_INLINE void load_n(const std::uint16_t* x, std::size_t i, std::size_t n, float_vector& v0, float_vector& v1) {
    const half_tag d;
    v0 = widen(load_at_most(d, x + i, n));
    v1 = n > float_lanes ? widen(hn::LoadN(d, x + i + float_lanes, n - float_lanes)) : hn::Zero(float_tag());
  }
};

/// bf16 with the even values in v0, the odd ones in v1: one operation a vector, not two. Sums whose two sides load so match the pairs.
struct bf16_even_odd;
template <>
struct loader<bf16_even_odd> {
  static constexpr std::size_t value_bits = 16;
  using pair_tag = hn::RebindToUnsigned<float_tag>;
  using half_tag = hn::Repartition<std::uint16_t, float_tag>;
  static HWY_INLINE void split(hn::Vec<half_tag> bits, float_vector& v0, float_vector& v1) {
    const pair_tag pair;
    const auto both = in_register(hn::BitCast(pair, bits));
    v0 = hn::BitCast(float_tag(), hn::ShiftLeft<16>(both));
    v1 = hn::BitCast(float_tag(), hn::And(both, hn::Set(pair, 0xFFFF0000u)));
  }
  static HWY_INLINE void load(const std::uint16_t* x, std::size_t i, float_vector& v0, float_vector& v1) {
    split(hn::LoadU(half_tag(), x + i), v0, v1);
  }
  static HWY_INLINE void load_n(const std::uint16_t* x, std::size_t i, std::size_t n, float_vector& v0, float_vector& v1) {
    split(hn::LoadN(half_tag(), x + i, n), v0, v1);
  }
};

template <>
struct loader<i8_elements> {
  static constexpr std::size_t value_bits = 8;
  using byte_tag = hn::Rebind<std::int8_t, float_tag>;
  static HWY_INLINE float_vector widen(hn::Vec<byte_tag> bytes) {
    return hn::ConvertTo(float_tag(), hn::PromoteTo(hn::RebindToSigned<float_tag>(), bytes));
  }
  static HWY_INLINE void load(const std::int8_t* x, std::size_t i, float_vector& v0, float_vector& v1) {
    v0 = widen(hn::LoadU(byte_tag(), x + i));
    v1 = widen(hn::LoadU(byte_tag(), x + i + float_lanes));
  }
  static HWY_INLINE void load_n(const std::int8_t* x, std::size_t i, std::size_t n, float_vector& v0, float_vector& v1) {
    const byte_tag d;
    v0 = widen(load_at_most(d, x + i, n));
    v1 = n > float_lanes ? widen(hn::LoadN(d, x + i + float_lanes, n - float_lanes)) : hn::Zero(float_tag());
  }
};

/// Two codes a byte, the even values in v0, the odd ones in v1 (`f32_even_odd` is the other side), or in order. i is even. Where n is odd,
/// the half byte behind the last value is read as a value: the other side's zero removes it.
struct i4_even_odd;
template <>
struct loader<i4_even_odd> {
  static constexpr std::size_t value_bits = 4;
  using byte_tag = hn::Rebind<std::uint8_t, float_tag>;
  static HWY_INLINE void split(hn::Vec<byte_tag> bytes, float_vector& v0, float_vector& v1) {
    const float_tag d;
    const hn::RebindToSigned<float_tag> di;
    const auto both = hn::PromoteTo(di, bytes);
#if HWY_CAP_GE512
    // One lookup of 16 floats by the low four bits of each lane is cheaper than moving the sign and converting.
    HWY_ALIGN static constexpr float values[16] = {0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1};
    const float_vector table = hn::Load(d, values);
    v0 = hn::TableLookupLanes(table, hn::IndicesFromVec(d, hn::And(both, hn::Set(di, 15))));
    v1 = hn::TableLookupLanes(table, hn::IndicesFromVec(d, hn::ShiftRight<4>(both)));
#else
    v0 = hn::ConvertTo(d, hn::ShiftRight<28>(hn::ShiftLeft<28>(both)));
    v1 = hn::ConvertTo(d, hn::ShiftRight<28>(hn::ShiftLeft<24>(both)));
#endif
  }
  static HWY_INLINE void load(const std::uint8_t* x, std::size_t i, float_vector& v0, float_vector& v1) {
    split(hn::LoadU(byte_tag(), x + i / 2), v0, v1);
  }
  static HWY_INLINE void load_n(const std::uint8_t* x, std::size_t i, std::size_t n, float_vector& v0, float_vector& v1) {
    split(load_at_most(byte_tag(), x + i / 2, (n + 1) / 2), v0, v1);
  }
};

struct f32_even_odd;
template <>
struct loader<f32_even_odd> {
  static constexpr std::size_t value_bits = 32;
  static HWY_INLINE void split(float_vector x0, float_vector x1, float_vector& v0, float_vector& v1) {
    v0 = hn::ConcatEven(float_tag(), x1, x0);
    v1 = hn::ConcatOdd(float_tag(), x1, x0);
  }
  static HWY_INLINE void load(const float* x, std::size_t i, float_vector& v0, float_vector& v1) {
    float_vector x0;
    float_vector x1;
    loader<f32_elements>::load(x, i, x0, x1);
    split(x0, x1, v0, v1);
  }
  static HWY_INLINE void load_n(const float* x, std::size_t i, std::size_t n, float_vector& v0, float_vector& v1) {
    float_vector x0;
    float_vector x1;
    loader<f32_elements>::load_n(x, i, n, x0, x1);
    split(x0, x1, v0, v1);
  }
};

template <>
struct loader<i4_elements> {
  static constexpr std::size_t value_bits = 4;
  static HWY_INLINE void merge(float_vector even, float_vector odd, float_vector& v0, float_vector& v1) {
    v0 = hn::InterleaveWholeLower(float_tag(), even, odd);
    v1 = hn::InterleaveWholeUpper(float_tag(), even, odd);
  }
  static HWY_INLINE void load(const std::uint8_t* x, std::size_t i, float_vector& v0, float_vector& v1) {
    float_vector even;
    float_vector odd;
    loader<i4_even_odd>::load(x, i, even, odd);
    merge(even, odd, v0, v1);
  }
  static HWY_INLINE void load_n(const std::uint8_t* x, std::size_t i, std::size_t n, float_vector& v0, float_vector& v1) {
    float_vector even;
    float_vector odd;
    loader<i4_even_odd>::load_n(x, i, n, even, odd);
    merge(even, odd, v0, v1);
  }
};

template <>
struct loader<b1_elements> {
  static constexpr std::size_t value_bits = 1;
  static HWY_INLINE float_vector signs(std::uint32_t from) {
    const float_tag d;
    const hn::RebindToSigned<float_tag> di;
    HWY_ALIGN static constexpr std::int32_t places[16] = {1,    2,    4,    8,    16,   32,   64,    128,
                                                          256,  512,  1024, 2048, 4096, 8192, 16384, 32768};
    const auto place = hn::Load(di, places);
    const auto is_set = hn::Eq(hn::And(hn::Set(di, static_cast<std::int32_t>(from)), place), place);
    return hn::IfThenElse(hn::RebindMask(d, is_set), hn::Set(d, 1.0f), hn::Set(d, -1.0f));
  }
  static HWY_INLINE void load_bytes(const std::uint8_t* x, std::size_t bytes, float_vector& v0, float_vector& v1) {
    std::uint32_t read = 0;
    __builtin_memcpy(&read, x, bytes);
    v0 = signs(read);
    v1 = signs(read >> float_lanes);
  }
  static HWY_INLINE void load(const std::uint8_t* x, std::size_t i, float_vector& v0, float_vector& v1) {
    load_bytes(x + i / 8, 2 * float_lanes / 8, v0, v1);
  }
  static HWY_INLINE void load_n(const std::uint8_t* x, std::size_t i, std::size_t n, float_vector& v0, float_vector& v1) {
    const std::size_t bytes = (n + 7) / 8;
    std::uint32_t read = 0;
    for (std::size_t byte = 0; byte < bytes; ++byte) read |= static_cast<std::uint32_t>(x[i / 8 + byte]) << (8 * byte);
    v0 = signs(read);
    v1 = signs(read >> float_lanes);
  }
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
