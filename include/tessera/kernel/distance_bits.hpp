// SPDX-License-Identifier: Apache-2.0
/// Distances over single bits: Hamming and Jaccard. Their scalar truth and table stand in kernel/distance.hpp.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_DISTANCE_BITS_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_DISTANCE_BITS_PASS)
#undef TESSERA_KERNEL_DISTANCE_BITS_PASS
#else
#define TESSERA_KERNEL_DISTANCE_BITS_PASS
#endif

#include <tessera/kernel/distance_integer.hpp>

#include <hwy/highway.h>

// Whether the bits of 64-bit lanes are counted by one instruction.
#undef TESSERA_KERNEL_COUNTS_BITS
#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
#define TESSERA_KERNEL_COUNTS_BITS 1
#else
#define TESSERA_KERNEL_COUNTS_BITS 0
#endif

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

/// Bits set in each 64-bit lane.
template <class V>
HWY_INLINE hn::Vec<hn::ScalableTag<std::uint64_t>> count_bits(V bytes) {
#if TESSERA_KERNEL_COUNTS_BITS
  return hn::PopulationCount(hn::BitCast(hn::ScalableTag<std::uint64_t>(), bytes));
#elif HWY_TARGET == HWY_SSE2  // without a byte shuffle Highway counts one lane after the other; sums of 2, 4 and 8 bits instead
  const hn::Repartition<std::uint16_t, int_tag> d;
  const auto ones = hn::Set(d, std::uint16_t{0x5555});
  const auto pairs = hn::Set(d, std::uint16_t{0x3333});
  const auto halves = hn::Set(d, std::uint16_t{0x0F0F});
  auto bits = hn::BitCast(d, bytes);
  bits = hn::Sub(bits, hn::And(hn::ShiftRight<1>(bits), ones));
  bits = hn::Add(hn::And(bits, pairs), hn::And(hn::ShiftRight<2>(bits), pairs));
  bits = hn::And(hn::Add(bits, hn::ShiftRight<4>(bits)), halves);
  return hn::SumsOf8(hn::BitCast(byte_tag(), bits));
#else
  return hn::SumsOf8(hn::PopulationCount(bytes));
#endif
}

inline std::uint32_t hamming_b1(const std::uint8_t* a, const std::uint8_t* b, std::size_t n_bytes) noexcept {
  const byte_tag d;
  const hn::ScalableTag<std::uint64_t> wide;
  auto differ = hn::Zero(wide);
  std::size_t i = 0;
  for (; i + HWY_MAX_BYTES <= n_bytes; i += HWY_MAX_BYTES)
    differ = hn::Add(differ, count_bits(hn::Xor(hn::LoadU(d, a + i), hn::LoadU(d, b + i))));
  if (i < n_bytes)
    differ = hn::Add(differ, count_bits(hn::Xor(hn::LoadN(d, a + i, n_bytes - i), hn::LoadN(d, b + i, n_bytes - i))));
  return static_cast<std::uint32_t>(hn::ReduceSum(wide, differ));
}

inline float jaccard_b1(const std::uint8_t* a, const std::uint8_t* b, std::size_t n_bytes) noexcept {
  const byte_tag d;
  const hn::ScalableTag<std::uint64_t> wide;
  auto differ = hn::Zero(wide);
  auto either = hn::Zero(wide);
  for (std::size_t i = 0; i < n_bytes; i += HWY_MAX_BYTES) {
    const auto x = load_at_most(d, a + i, n_bytes - i);
    const auto y = load_at_most(d, b + i, n_bytes - i);
    differ = hn::Add(differ, count_bits(hn::Xor(x, y)));
    either = hn::Add(either, count_bits(hn::Or(x, y)));
  }
  const auto bits = static_cast<std::uint32_t>(hn::ReduceSum(wide, either));
  return bits == 0 ? 0.0f
                   : static_cast<float>(static_cast<std::uint32_t>(hn::ReduceSum(wide, differ))) / static_cast<float>(bits);
}

#if TESSERA_KERNEL_COUNTS_BITS
using count_vector = hn::Vec<hn::ScalableTag<std::uint64_t>>;

/// The sums of the lanes of eight vectors, in the order of the vectors. Eight at once take half as long as one by one, which is most of the
/// time of short rows.
HWY_INLINE count_vector sums_of_eight(const count_vector* v) {
  const hn::ScalableTag<std::uint64_t> d;
  count_vector halves[4], quarters[2];
  HWY_UNROLL(4)
  for (std::size_t i = 0; i < 4; ++i)
    halves[i] = hn::Add(hn::ConcatLowerLower(d, v[i + 4], v[i]), hn::ConcatUpperUpper(d, v[i + 4], v[i]));
  HWY_UNROLL(2)
  for (std::size_t i = 0; i < 2; ++i)
    quarters[i] = hn::Add(hn::OddEvenBlocks(hn::SwapAdjacentBlocks(halves[i + 2]), halves[i]),
                          hn::OddEvenBlocks(halves[i + 2], hn::SwapAdjacentBlocks(halves[i])));
  return hn::Add(hn::InterleaveLower(d, quarters[0], quarters[1]), hn::InterleaveUpper(d, quarters[0], quarters[1]));
}

/// Bits that differ from eight rows; returns how many rows were done, which are all but a few.
HWY_INLINE std::size_t hamming_by_eight(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                                        std::size_t n_bytes, std::uint32_t* out) {
  const byte_tag d;
  const hn::ScalableTag<std::uint64_t> wide;
  const hn::Rebind<std::uint32_t, decltype(wide)> narrow;
  std::size_t r = 0;
  for (; r + 8 <= count; r += 8, rows += 8 * stride) {
    count_vector differ[8];
    HWY_UNROLL(8)
    for (std::size_t i = 0; i < 8; ++i) differ[i] = hn::Zero(wide);
    std::size_t at = 0;
    for (; at + HWY_MAX_BYTES <= n_bytes; at += HWY_MAX_BYTES) {
      const auto q = hn::LoadU(d, query + at);
      HWY_UNROLL(8)
      for (std::size_t i = 0; i < 8; ++i) differ[i] = hn::Add(differ[i], count_bits(hn::Xor(q, hn::LoadU(d, rows + i * stride + at))));
    }
    if (at < n_bytes) {
      const auto q = hn::LoadN(d, query + at, n_bytes - at);
      HWY_UNROLL(8)
      for (std::size_t i = 0; i < 8; ++i)
        differ[i] = hn::Add(differ[i], count_bits(hn::Xor(q, hn::LoadN(d, rows + i * stride + at, n_bytes - at))));
    }
    hn::StoreU(hn::TruncateTo(narrow, sums_of_eight(differ)), narrow, out + r);
  }
  return r;
}
#endif

inline void hamming_rows_b1(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                            std::size_t n_bytes, std::uint32_t* out) noexcept {
  std::size_t done = 0;
#if TESSERA_KERNEL_COUNTS_BITS
  done = hamming_by_eight(query, rows, stride, count, n_bytes, out);
#endif
  for (std::size_t r = done; r < count; ++r) out[r] = hamming_b1(query, rows + r * stride, n_bytes);
}
inline void jaccard_rows_b1(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride, std::size_t count,
                            std::size_t n_bytes, float* out) noexcept {
  for (std::size_t r = 0; r < count; ++r) out[r] = jaccard_b1(query, rows + r * stride, n_bytes);
}

inline void hamming_gathered_b1(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride,
                                const std::uint32_t* at, std::size_t count, std::size_t n_bytes, std::uint32_t* out) noexcept {
  const gathered<std::uint8_t> list(rows, stride, at, count, n_bytes, 1);
  for (std::size_t r = 0; r < count; ++r) {
    list.ask_for(list.later(r));
    out[r] = hamming_b1(query, list[r], n_bytes);
  }
}
inline void jaccard_gathered_b1(const std::uint8_t* query, const std::uint8_t* rows, std::size_t stride,
                                const std::uint32_t* at, std::size_t count, std::size_t n_bytes, float* out) noexcept {
  const gathered<std::uint8_t> list(rows, stride, at, count, n_bytes, 1);
  for (std::size_t r = 0; r < count; ++r) {
    list.ask_for(list.later(r));
    out[r] = jaccard_b1(query, list[r], n_bytes);
  }
}

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#undef TESSERA_KERNEL_COUNTS_BITS

#endif
