// SPDX-License-Identifier: Apache-2.0
/// Dot products of an f32 query with rows of i8 or i4 codes, in fixed point where the processor multiplies four pairs of bytes at once
/// (VNNI; other targets widen the codes, kernel/distance_float.hpp). Their scalar truth and tables stand in kernel/distance.hpp, the
/// query's way into digits in kernel/fixed_query.hpp.
///
/// Each of a query's four digits meets the codes in whole numbers. The four sums come together in double, still exactly (|sum| < 2^51),
/// and are rounded to f32 once. So four products a vector of bytes take the place of widening, converting and four multiply-adds each.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_DISTANCE_FIXED_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_DISTANCE_FIXED_PASS)
#undef TESSERA_KERNEL_DISTANCE_FIXED_PASS
#else
#define TESSERA_KERNEL_DISTANCE_FIXED_PASS
#endif

#include <tessera/kernel/distance_float.hpp>
#include <tessera/kernel/distance_integer.hpp>
#include <tessera/kernel/fixed_query.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL

/// 64 bytes of each row meet the digits of their values.
template <class Codes, std::size_t Rows>
HWY_INLINE void add_fixed(const std::int8_t* digits, hn::Vec<byte_tag> (&row)[Rows], int_vector (&sum)[Rows][4]) {
  const byte_tag d8;
  hn::Vec<byte_tag> shifted[Rows];
  constexpr bool halves = Codes::values == 128;
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) {
    row[r] = hn::Xor(row[r], hn::Set(d8, halves ? std::uint8_t{0x88} : Codes::shift));
    shifted[r] = halves ? i4_dot::low(row[r]) : row[r];
  }
  HWY_UNROLL(4)
  for (std::size_t j = 0; j < 4; ++j) {
    const auto digit = in_register(hn::LoadU(signed_byte_tag(), digits + 64 * j));
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) sum[r][j] = add_four_products(shifted[r], digit, sum[r][j]);
  }
  if constexpr (halves) {
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) shifted[r] = i4_dot::high(row[r]);
    HWY_UNROLL(4)
    for (std::size_t j = 0; j < 4; ++j) {
      const auto digit = in_register(hn::LoadU(signed_byte_tag(), digits + 256 + 64 * j));
      HWY_UNROLL(4)
      for (std::size_t r = 0; r < Rows; ++r) sum[r][j] = add_four_products(shifted[r], digit, sum[r][j]);
    }
  }
}

/// Loads a little of each line of `bytes` from `from` on, in their order. Where four rows are summed together out of memory, the next four
/// are touched so, a part before each part of the arithmetic: the processor's own prefetching follows one order of loads, not four rows at
/// once, nor prefetches of ours (384 to 1536 dimensions: 0.88 to 0.93 of plain reading, with those 0.74 to 0.67).
HWY_INLINE void touch_lines(const void* from, std::size_t bytes) {
  const auto* at = static_cast<const std::uint8_t*>(from);
  for (std::size_t byte = 0; byte + 64 <= bytes; byte += 64) {
    const auto line = hn::LoadU(byte_tag(), at + byte);
#if HWY_COMPILER_MSVC
    (void)line;
#else
    __asm__ volatile("" : : "v"(line.raw));
#endif
  }
}
inline constexpr std::size_t bytes_before_touch = 192;  // of each row

/// In each block of four lanes of sums[r]: the block's part of the sums of digits 0 to 3. With `Onward`, the Rows · bytes from `next`
/// on are touched meanwhile; with `Listed`, the lines of the rows `later` are asked for.
template <class Codes, std::size_t Rows, bool Onward = false, bool Listed = false>
HWY_INLINE void sum_fixed(const fixed_query& query, const typename Codes::storage* const (&row)[Rows], std::size_t n,
                          int_vector (&sums)[Rows], [[maybe_unused]] const typename Codes::storage* next = nullptr,
                          [[maybe_unused]] const typename Codes::storage* const* later = nullptr) {
  const byte_tag d8;
  int_vector sum[Rows][4];
  HWY_UNROLL(4)
  for (std::size_t j = 0; j < 4; ++j) {
    const auto start = hn::LoadU(int_tag(), query.start + 16 * j);
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) sum[r][j] = start;
  }
  const std::size_t bytes = Codes::bytes(n);
  const std::int8_t* digits = query.digits;
  hn::Vec<byte_tag> codes[Rows];
  std::size_t i = 0;
  while (i + 64 <= bytes) {
    std::size_t end = bytes;
    if constexpr (Onward) {
      end = i + bytes_before_touch < bytes ? i + bytes_before_touch : bytes;
      touch_lines(next + i * Rows, (end - i) * Rows);
    }
    for (; i + 64 <= end; i += 64, digits += 4 * Codes::values) {
      HWY_UNROLL(4)
      for (std::size_t r = 0; r < Rows; ++r) {
        codes[r] = hn::LoadU(d8, reinterpret_cast<const std::uint8_t*>(row[r] + i));
        if constexpr (Listed) hwy::Prefetch(later[r] + i);
      }
      add_fixed<Codes, Rows>(digits, codes, sum);
    }
  }
  if (i < bytes) {
    HWY_UNROLL(4)
    for (std::size_t r = 0; r < Rows; ++r) codes[r] = hn::LoadN(d8, reinterpret_cast<const std::uint8_t*>(row[r] + i), bytes - i);
    add_fixed<Codes, Rows>(digits, codes, sum);
  }
  HWY_UNROLL(4)
  for (std::size_t r = 0; r < Rows; ++r) sums[r] = quarter_sums(sum[r][0], sum[r][1], sum[r][2], sum[r][3]);
}

using fixed_tag = hn::Repartition<double, int_tag>;
/// What a digit is worth, twice.
HWY_INLINE hn::Vec<fixed_tag> digit_weights(const fixed_query& query) {
  const fixed_tag d;
  HWY_ALIGN static constexpr double places[8] = {1.0, 256.0, 65536.0, 16777216.0, 1.0, 256.0, 65536.0, 16777216.0};
  return hn::Mul(hn::Load(d, places), hn::Set(d, static_cast<double>(query.unit)));
}

/// The dot products of four rows from what `sum_fixed` made of them.
HWY_INLINE hn::Vec<hn::FixedTag<float, 4>> finish_fixed(const fixed_query& query, int_vector r0, int_vector r1, int_vector r2,
                                                        int_vector r3) {
  const fixed_tag d;
  const auto sums = four_rows(r0, r1, r2, r3);
  const auto weights = digit_weights(query);
  const auto first = hn::Mul(hn::PromoteLowerTo(d, sums), weights);   // rows 0 and 1
  const auto second = hn::Mul(hn::PromoteUpperTo(d, sums), weights);  // rows 2 and 3
  auto pairs = hn::Add(hn::InterleaveLower(d, first, second), hn::InterleaveUpper(d, first, second));
  pairs = hn::Add(pairs, hn::SwapAdjacentBlocks(pairs));  // rows 0, 2, 0, 2, 1, 3, 1, 3
  const hn::Rebind<float, fixed_tag> df;
  HWY_ALIGN static constexpr std::int32_t in_order[8] = {0, 4, 1, 5, 0, 4, 1, 5};
  return hn::LowerHalf(hn::TableLookupLanes(hn::DemoteTo(df, pairs), hn::SetTableIndices(df, in_order)));
}

template <class Codes>
HWY_INLINE void four_fixed(const fixed_query& query, const typename Codes::storage* const (&row)[4], std::size_t n, float* out) {
  int_vector sums[4];
  sum_fixed<Codes, 4>(query, row, n, sums);
  hn::StoreU(finish_fixed(query, sums[0], sums[1], sums[2], sums[3]), hn::FixedTag<float, 4>(), out);
}

template <class Codes>
HWY_INLINE float one_fixed(const fixed_query& query, const typename Codes::storage* one, std::size_t n) {
  const hn::Half<int_tag> d256;
  const hn::Half<decltype(d256)> d128;
  const hn::Half<fixed_tag> d4;
  const typename Codes::storage* const row[] = {one};
  int_vector sums[1];
  sum_fixed<Codes, 1>(query, row, n, sums);
  const auto half = hn::Add(hn::LowerHalf(d256, sums[0]), hn::UpperHalf(d256, sums[0]));
  const auto digits = hn::PromoteTo(d4, hn::Add(hn::LowerHalf(d128, half), hn::UpperHalf(d128, half)));
  return static_cast<float>(hn::ReduceSum(d4, hn::Mul(digits, hn::LowerHalf(d4, digit_weights(query)))));
}

/// Rows from memory, all but the last few; the number of them. A function of its own: inlined beside the loop for cached rows it lost up to
/// half of its speed under g++.
template <class Codes>
HWY_NOINLINE std::size_t fixed_from_memory(const fixed_query& query, const typename Codes::storage* rows, std::size_t stride,
                                           std::size_t count, std::size_t n, float* out) {
  using storage = typename Codes::storage;
  std::size_t r = 0;
  for (; r + 8 <= count; r += 4) {
    const storage* const row[] = {rows + r * stride, rows + (r + 1) * stride, rows + (r + 2) * stride, rows + (r + 3) * stride};
    int_vector sums[4];
    sum_fixed<Codes, 4, true>(query, row, n, sums, row[3] + stride);
    hn::StoreU(finish_fixed(query, sums[0], sums[1], sums[2], sums[3]), hn::FixedTag<float, 4>(), out + r);
  }
  return r;
}
template <class Codes>
HWY_INLINE void fixed_in_order(const fixed_query& query, const typename Codes::storage* rows, std::size_t stride, std::size_t count,
                               std::size_t n, float* out) {
  using storage = typename Codes::storage;
  std::size_t r = count * stride <= cached_rows_bytes ? 0 : fixed_from_memory<Codes>(query, rows, stride, count, n, out);
  for (; r + 4 <= count; r += 4) {
    const storage* const row[] = {rows + r * stride, rows + (r + 1) * stride, rows + (r + 2) * stride, rows + (r + 3) * stride};
    four_fixed<Codes>(query, row, n, out + r);
  }
  for (; r < count; ++r) out[r] = one_fixed<Codes>(query, rows + r * stride, n);
}

template <class Codes>
inline void dot_rows_fixed(const float* query, const typename Codes::storage* rows, std::size_t stride, std::size_t count, std::size_t n,
                           float* out) noexcept {
  HWY_ALIGN std::int8_t digits[4 * fixed_room];
  HWY_ALIGN std::int32_t start[64];
  fixed_query fixed = {start, digits, 1.0f};
  if (count == 0) return;
  if (fix_query<Codes>(query, n, start, digits, fixed.unit)) fixed_in_order<Codes>(fixed, rows, stride, count, n, out);
  else sum_many<dot_step, typename Codes::query, typename Codes::row>(query, rows, stride, count, n, out);
}

template <class Codes>
inline float dot_fixed(const float* query, const typename Codes::storage* row, std::size_t n) noexcept {
  HWY_ALIGN std::int8_t digits[4 * fixed_room];
  HWY_ALIGN std::int32_t start[64];
  fixed_query fixed = {start, digits, 1.0f};
  if (!fix_query<Codes>(query, n, start, digits, fixed.unit))
    return sum_one<dot_step, typename Codes::query, typename Codes::row>(query, row, n);
  return one_fixed<Codes>(fixed, row, n);
}

template <class Codes>
inline void dot_gathered_fixed(const float* query, const typename Codes::storage* rows, std::size_t stride, const std::uint32_t* at,
                               std::size_t count, std::size_t n, float* out) noexcept {
  using storage = typename Codes::storage;
  HWY_ALIGN std::int8_t digits[4 * fixed_room];
  HWY_ALIGN std::int32_t start[64];
  fixed_query fixed = {start, digits, 1.0f};
  if (count == 0) return;
  if (!fix_query<Codes>(query, n, start, digits, fixed.unit))
    return sum_gathered<dot_step, typename Codes::query, typename Codes::row>(query, rows, stride, at, count, n, out);
  const gathered<storage> list(rows, stride, at, count, Codes::bytes(n), 4);
  std::size_t r = 0;
  for (; r + 4 <= count; r += 4) {
    const storage* const later[] = {list.later(r), list.later(r + 1), list.later(r + 2), list.later(r + 3)};
    const storage* const row[] = {list[r], list[r + 1], list[r + 2], list[r + 3]};
    int_vector sums[4];
    sum_fixed<Codes, 4, false, true>(fixed, row, n, sums, nullptr, later);
    hn::StoreU(finish_fixed(fixed, sums[0], sums[1], sums[2], sums[3]), hn::FixedTag<float, 4>(), out + r);
  }
  for (; r < count; ++r) out[r] = one_fixed<Codes>(fixed, list[r], n);
}

#else

template <class Codes>
inline float dot_fixed(const float* query, const typename Codes::storage* row, std::size_t n) noexcept {
  return sum_one<dot_step, typename Codes::query, typename Codes::row>(query, row, n);
}
template <class Codes>
inline void dot_rows_fixed(const float* query, const typename Codes::storage* rows, std::size_t stride, std::size_t count, std::size_t n,
                           float* out) noexcept {
  sum_many<dot_step, typename Codes::query, typename Codes::row>(query, rows, stride, count, n, out);
}
template <class Codes>
inline void dot_gathered_fixed(const float* query, const typename Codes::storage* rows, std::size_t stride, const std::uint32_t* at,
                               std::size_t count, std::size_t n, float* out) noexcept {
  sum_gathered<dot_step, typename Codes::query, typename Codes::row>(query, rows, stride, at, count, n, out);
}

#endif

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
