// SPDX-License-Identifier: Apache-2.0
/// Dot products of i4 codes. Their scalar truth and table stand in kernel/distance.hpp, the sums in kernel/distance_integer.hpp.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_DISTANCE_I4_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_DISTANCE_I4_PASS)
#undef TESSERA_KERNEL_DISTANCE_I4_PASS
#else
#define TESSERA_KERNEL_DISTANCE_I4_PASS
#endif

#include <tessera/kernel/distance_integer.hpp>
#include <tessera/kernel/elements.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

/// The product of the last value where n is odd; whole bytes are summed without it, so the spare half byte is never used.
HWY_INLINE std::int32_t last_i4(const std::uint8_t* a, const std::uint8_t* b, std::size_t n) {
  return n % 2 == 0 ? 0 : i4_elements::at(a, n - 1) * i4_elements::at(b, n - 1);
}
inline std::int32_t dot_i4(const std::uint8_t* a, const std::uint8_t* b, std::size_t n) noexcept {
  return sum_code_row<i4_dot>(a, b, n / 2) + last_i4(a, b, n);
}

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL

/// A query whose halves were taken apart, once for all rows.
inline constexpr std::size_t halves_room = 2048;  // bytes of the query
struct halved_query {
  const std::int8_t* halves;  // [blocks, 2, 64]: the low halves of 64 bytes, the high ones
  int_vector start;           // -8·(their sum)
};
HWY_INLINE halved_query take_halves(const std::uint8_t* query, std::size_t bytes, std::int8_t* to) {
  const byte_tag d;
  const auto eight = hn::Set(d, std::uint8_t{8});
  auto sum = hn::Zero(int_tag());
  for (std::size_t i = 0; i < bytes; i += 64) {
    const auto both = load_at_most(d, query + i, bytes - i);
    const auto low = i4_dot::sign(i4_dot::low(both));
    const auto high = i4_dot::sign(i4_dot::high(both));
    sum = add_four_products(eight, high, add_four_products(eight, low, sum));
    hn::StoreU(low, signed_byte_tag(), to + 2 * i);
    hn::StoreU(high, signed_byte_tag(), to + 2 * i + 64);
  }
  return {to, hn::Neg(sum)};
}

/// 64 bytes of each row meet their halves.
template <std::size_t Rows>
HWY_INLINE void add_halves(const std::int8_t* halves, const hn::Vec<byte_tag> (&row)[Rows], int_vector (&sum)[Rows][2]) {
  const auto low = in_register(hn::LoadU(signed_byte_tag(), halves));
  const auto high = in_register(hn::LoadU(signed_byte_tag(), halves + 64));
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) {
    const auto codes = hn::Xor(row[r], hn::Set(byte_tag(), std::uint8_t{0x88}));
    sum[r][0] = add_four_products(i4_dot::low(codes), low, sum[r][0]);
    sum[r][1] = add_four_products(i4_dot::high(codes), high, sum[r][1]);
  }
}
/// Vectors whose lanes sum to the rows' products.
template <std::size_t Rows>
HWY_INLINE void sum_halves(const halved_query& query, const std::uint8_t* const (&row)[Rows], std::size_t bytes, int_vector (&sums)[Rows]) {
  const byte_tag d;
  int_vector sum[Rows][2];
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) sum[r][0] = query.start, sum[r][1] = hn::Zero(int_tag());
  std::size_t i = 0;
  hn::Vec<byte_tag> codes[Rows];
  for (; i + 64 <= bytes; i += 64) {
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) codes[r] = hn::LoadU(d, row[r] + i);
    add_halves(query.halves + 2 * i, codes, sum);
  }
  if (i < bytes) {
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) codes[r] = hn::LoadN(d, row[r] + i, bytes - i);
    add_halves(query.halves + 2 * i, codes, sum);
  }
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) sums[r] = hn::Add(sum[r][0], sum[r][1]);
}

/// Four rows at a time, all but the last few; the number of them. Short rows from memory come one after the other: for those the
/// processor's own prefetching is better (up to 384 bytes, by up to a twentieth; from 512 on prefetches of ours are, by 5 to 20 %).
inline constexpr std::size_t short_row_bytes = 384;
template <bool Cached>
HWY_NOINLINE std::size_t sum_halves_in_order(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                                             std::size_t bytes, std::int32_t* out) {
  HWY_ALIGN std::int8_t halves[2 * halves_room];
  const halved_query halved = take_halves(query, bytes, halves);
  std::size_t r = 0;
  for (; r + 4 <= count; r += 4) {
    const std::uint8_t* const row[] = {rows + r * stride, rows + (r + 1) * stride, rows + (r + 2) * stride, rows + (r + 3) * stride};
    int_vector sums[4];
    if constexpr (Cached) {
      sum_halves<4>(halved, row, bytes, sums);
    } else {
      HWY_UNROLL(4)
      for (std::size_t i = 0; i < 4; ++i) {
        const std::uint8_t* const one[] = {row[i]};
        int_vector sum[1];
        sum_halves<1>(halved, one, bytes, sum);
        sums[i] = sum[0];
      }
    }
    hn::StoreU(four_sums(sums[0], sums[1], sums[2], sums[3]), hn::CappedTag<std::int32_t, 4>(), out + r);
  }
  return r;
}
HWY_INLINE std::size_t first_rows_i4(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                                     std::size_t bytes, std::int32_t* out) {
  if (count < 4 || bytes > halves_room) return 0;
  if (count * stride <= cached_rows_bytes) return sum_halves_in_order<true>(query, rows, stride, count, bytes, out);
  return bytes <= short_row_bytes ? sum_halves_in_order<false>(query, rows, stride, count, bytes, out) : 0;
}

#else

HWY_INLINE std::size_t first_rows_i4(const std::uint8_t* /*query*/, const std::uint8_t* /*rows*/, std::size_t /*stride*/,
                                     std::size_t /*count*/, std::size_t /*bytes*/, std::int32_t* /*out*/) {
  return 0;
}

#endif

inline void dot_rows_i4(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                        std::size_t n, std::int32_t* out) noexcept {
  const std::size_t done = first_rows_i4(query, rows, stride, count, n / 2, out);
  sum_codes<i4_dot>(query, rows + done * stride, stride, count - done, n / 2, out + done);
  if (n % 2 != 0)
    for (std::size_t r = 0; r < count; ++r) out[r] += last_i4(query, rows + r * stride, n);
}

inline void dot_gathered_i4(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, const std::uint32_t* at,
                            std::size_t count, std::size_t n, std::int32_t* out) noexcept {
  sum_gathered_codes<i4_dot>(query, rows, stride, at, count, n / 2, out);
  if (n % 2 != 0)
    for (std::size_t r = 0; r < count; ++r) out[r] += last_i4(query, rows + at[r] * stride, n);
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
