// SPDX-License-Identifier: Apache-2.0
/// An f32 query in fixed point, for dot products with i8 or i4 codes (kernel/distance_fixed.hpp): written once a call.
///
/// Component i is written as k_i = q_i / unit in whole numbers of 32 bits, unit a power of two that just leaves them room, and
/// k_i as four digits -128 .. 127 of base 256.
///
/// |unit·k_i - q_i| is at most t·|q_i| for each i, with t = (2·n - 9/8)·2^-24: the error of the exact sum is at most t·sum|q_i·r_i|, and
/// with the last rounding below the 2·n·2^-24·sum|q_i·r_i| of kernel/distance.hpp. A query with a component for which that does not
/// hold (at 384 dimensions, one that is not zero and below 2^-17 of the largest: three random queries in a thousand have it), with NaN or
/// infinity, with more than 4096 components, or whose largest is below 2^-90 or from 2^30 on, is taken as on other targets. Which way a
/// query goes depends on it and n alone, so that every shape of call has the same bits.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_FIXED_QUERY_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_FIXED_QUERY_PASS)
#undef TESSERA_KERNEL_FIXED_QUERY_PASS
#else
#define TESSERA_KERNEL_FIXED_QUERY_PASS
#endif

#include <tessera/kernel/distance_integer.hpp>
#include <tessera/kernel/elements.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

/// The elements with which a query and rows meet in f32; those of rows say how they meet in fixed point.
struct i8_in_fixed_point {
  using storage = std::int8_t;
  using query = f32_elements;
  using row = i8_elements;
  static constexpr std::size_t values = 64;  // in 64 bytes of a row
  static constexpr std::uint8_t shift = 128;  // makes codes unsigned
  static HWY_INLINE std::size_t bytes(std::size_t n) { return n; }
};
struct i4_in_fixed_point {
  using storage = std::uint8_t;
  using query = f32_even_odd;
  using row = i4_even_odd;
  static constexpr std::size_t values = 128;
  static constexpr std::uint8_t shift = 8;
  static HWY_INLINE std::size_t bytes(std::size_t n) { return (n + 1) / 2; }
};

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL

inline constexpr std::size_t fixed_room = 4096;

/// A query that was written in digits.
struct fixed_query {
  const std::int32_t* start;  // [4, 16]: -shift·(sum of the digits), by lanes
  const std::int8_t* digits;  // [blocks, 4, 64]; of i4 codes, blocks of even values and of odd ones by turns
  float unit;
};

struct fixing {
  float_vector scale, tolerance, beyond;  // beyond: > 0 where a component left the tolerance
  int_vector sum[4];
};

/// The digits of 64 values: byte 4·v + j of two vectors goes to place v of digit j.
HWY_INLINE void fix_digits(const float_vector (&value)[4], std::uint8_t shift, fixing& state, std::int8_t* digits) {
  const float_tag d;
  const int_tag di;
  const byte_tag d8;
  const signed_byte_tag ds;
  HWY_ALIGN static constexpr std::uint8_t first_two[64] = {
      0, 4, 8,  12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64, 68, 72, 76, 80, 84, 88, 92, 96, 100, 104, 108, 112, 116, 120, 124,
      1, 5, 9,  13, 17, 21, 25, 29, 33, 37, 41, 45, 49, 53, 57, 61, 65, 69, 73, 77, 81, 85, 89, 93, 97, 101, 105, 109, 113, 117, 121, 125};
  const auto places = hn::Load(d8, first_two);
  const auto half = hn::Set(di, static_cast<std::int32_t>(0x80808080u));
  hn::Vec<signed_byte_tag> bytes[4];
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < 4; ++i) {
    const auto x = hn::Mul(value[i], state.scale);
    const auto k = hn::NearestIntInRange(di, x);
    const auto error = hn::Abs(hn::Sub(x, hn::ConvertTo(d, k)));
    state.beyond = hn::Max(state.beyond, hn::NegMulAdd(state.tolerance, hn::Abs(x), error));
    bytes[i] = hn::BitCast(ds, hn::Xor(hn::Add(k, half), half));  // k + sum of 128·256^j has the bytes digit + 128
  }
  const auto low = hn::IndicesFromVec(ds, places);
  const auto high = hn::IndicesFromVec(ds, hn::Add(places, hn::Set(d8, std::uint8_t{2})));
  const auto a01 = hn::TwoTablesLookupLanes(ds, bytes[0], bytes[1], low);
  const auto a23 = hn::TwoTablesLookupLanes(ds, bytes[2], bytes[3], low);
  const auto b01 = hn::TwoTablesLookupLanes(ds, bytes[0], bytes[1], high);
  const auto b23 = hn::TwoTablesLookupLanes(ds, bytes[2], bytes[3], high);
  const hn::Vec<signed_byte_tag> digit[4] = {hn::ConcatLowerLower(ds, a23, a01), hn::ConcatUpperUpper(ds, a23, a01),
                                             hn::ConcatLowerLower(ds, b23, b01), hn::ConcatUpperUpper(ds, b23, b01)};
  HWY_UNROLL(4)
  for (std::size_t j = 0; j < 4; ++j) {
    state.sum[j] = add_four_products(hn::Set(d8, shift), digit[j], state.sum[j]);
    hn::StoreU(digit[j], ds, digits + 64 * j);
  }
}

/// 2 · float_lanes values of the query from i on, zeros behind the last.
template <class Query>
HWY_INLINE void load_query(const float* query, std::size_t i, std::size_t n, float_vector& v0, float_vector& v1) {
  if (i + 2 * float_lanes <= n) {
    loader<Query>::load(query, i, v0, v1);
  } else if (i < n) {
    loader<Query>::load_n(query, i, n - i, v0, v1);
  } else {
    v0 = v1 = hn::Zero(float_tag());
  }
}

/// Whether the query goes in digits. Room: 64 for `start`, 4 for each of the values of whole blocks for `digits`.
template <class Codes>
HWY_INLINE bool fix_query(const float* query, std::size_t n, std::int32_t* start, std::int8_t* digits, float& unit) {
  const float_tag d;
  const int_tag di;
  if (n > fixed_room) return false;
  auto most = hn::Zero(di);
  const auto magnitude = hn::Set(di, 0x7FFFFFFF);
  for (std::size_t i = 0; i < n; i += float_lanes)
    most = hn::Max(most, hn::And(hn::BitCast(di, load_at_most(d, query + i, n - i)), magnitude));
  const std::int32_t largest = hn::ReduceMax(di, most);
  if (largest != 0 && (largest < (127 - 90) << 23 || largest >= (127 + 30) << 23)) return false;
  // The largest number of four digits is 0x7F7F7F7F: mantissas up to 0xFEFEFE go with 2^30, those above with 2^29.
  const std::int32_t power = largest == 0 ? 0 : 30 - (((largest + 0x010101) >> 23) - 127);
  const std::int32_t up = (127 + power) << 23;
  const std::int32_t down = (127 - power) << 23;
  float scale;
  __builtin_memcpy(&scale, &up, 4);
  __builtin_memcpy(&unit, &down, 4);
  fixing state;
  state.scale = hn::Set(d, scale);
  state.tolerance = hn::Set(d, (2.0f * static_cast<float>(n) - 1.125f) * 0x1p-24f);
  state.beyond = hn::Zero(d);
  state.sum[0] = state.sum[1] = state.sum[2] = state.sum[3] = hn::Zero(di);
  for (std::size_t i = 0; i < n; i += Codes::values, digits += 4 * Codes::values) {
    float_vector a[4];
    if constexpr (Codes::values == 64) {
      load_query<typename Codes::query>(query, i, n, a[0], a[1]);
      load_query<typename Codes::query>(query, i + 2 * float_lanes, n, a[2], a[3]);
      fix_digits(a, Codes::shift, state, digits);
    } else {
      float_vector b[4];
      HWY_UNROLL(4)
      for (std::size_t j = 0; j < 4; ++j) load_query<typename Codes::query>(query, i + 2 * float_lanes * j, n, a[j], b[j]);
      fix_digits(a, Codes::shift, state, digits);
      fix_digits(b, Codes::shift, state, digits + 256);
    }
  }
  HWY_UNROLL(4)
  for (std::size_t j = 0; j < 4; ++j) hn::StoreU(hn::Neg(state.sum[j]), di, start + 16 * j);
  return hn::AllTrue(d, hn::Le(state.beyond, hn::Zero(d)));
}

#endif

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
