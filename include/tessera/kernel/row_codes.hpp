// SPDX-License-Identifier: Apache-2.0
/// A row of k numbers as 8-bit codes and one scale, after rotation by blocks: code = round(x' · (127 / largest)), x' ≈ code · scale.
///
/// x' is the row, padded with zeros to whole blocks and transformed by kernel/hadamard.hpp, largest its largest magnitude, scale =
/// largest / 127. |x' - code · scale| <= scale · (1/2 + 2^-15). Codes are the same on every target.
#if !defined(TESSERA_KERNEL_ROW_CODES_HPP)
#define TESSERA_KERNEL_ROW_CODES_HPP

#include <tessera/kernel/hadamard.hpp>
#include <tessera/kernel/quantize.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI::kernel {

/// The numbers by which a row of largest rotated magnitude `largest` becomes codes, and codes become values. Tiny rows have
/// a step of 2^-125, so that both are finite.
struct row_scale_i8 {
  float to_code;
  float to_value;
  [[nodiscard]] static constexpr row_scale_i8 of(float largest) noexcept {
    if (!(largest < __builtin_huge_valf())) return {0.0f, __builtin_nanf("")};
    if (largest < 127 * 0x1p-125f) return {0x1p125f, 0x1p-125f};
    return {127.0f / largest, largest / 127.0f};
  }
};

namespace scalar {

/// A block of a row, rotated; zeros behind the row's k numbers.
inline void rotate_block(const float* x, std::size_t k, std::size_t begin, float* rotated) noexcept {
  for (std::size_t i = 0; i < hadamard_block; ++i) rotated[i] = begin + i < k ? x[begin + i] : 0.0f;
  hadamard(rotated);
}

[[nodiscard]] inline row_scale_i8 row_scale(const float* x, std::size_t k) noexcept {
  float rotated[hadamard_block];
  float largest[2] = {};
  for (std::size_t begin = 0; begin < k; begin += hadamard_block) {
    rotate_block(x, k, begin, rotated);
    largest[1] = max_abs(rotated, hadamard_block);
    largest[0] = max_abs(largest, 2);
  }
  return row_scale_i8::of(largest[0]);
}

}  // namespace scalar

}  // namespace tessera::inline TESSERA_ABI::kernel

#endif  // TESSERA_KERNEL_ROW_CODES_HPP

#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_ROW_CODES_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_ROW_CODES_PASS)
#undef TESSERA_KERNEL_ROW_CODES_PASS
#else
#define TESSERA_KERNEL_ROW_CODES_PASS
#endif

#include <tessera/kernel/hadamard.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

HWY_INLINE float magnitude_of(std::int32_t bits) {
  float magnitude;
  hwy::CopySameSize(&bits, &magnitude);
  return magnitude;
}

/// The rows of a matrix product on their way to codes, a slice of the depth at a time.
template <std::size_t Depth>
struct rotated_rows {
  const float* a;
  std::size_t lda, k;
  float* rotated;       ///< two rows' slices, by turns
  row_scale_i8* scale;  ///< of each row of a block

  [[nodiscard]] HWY_INLINE const float* rotated_row(std::size_t r) const { return rotated + r % 2 * Depth; }
  /// Row r of the block that begins at `row`; before the first slice its scale, that of the whole row, so that nothing depends on where
  /// slices end.
  HWY_INLINE void rotate(std::size_t row, std::size_t r, std::size_t begin, std::size_t length) const {
    const float* from = a + (row + r) * lda;
    float* to = rotated + r % 2 * Depth;
    if (begin == 0) {
      std::int32_t most = 0;
      for (std::size_t l = 0; l < k; l += Depth) most = hadamard_blocks(from + l, HWY_MIN(Depth, k - l), to, most);
      scale[r] = row_scale_i8::of(magnitude_of(most));
    }
    if (length < padded_depth(k)) hadamard_blocks(from + begin, HWY_MIN(length, k - begin), to, 0);
  }
};

/// `count` rotated numbers (whole blocks) to codes; returns their sum.
template <class Code>
HWY_INLINE std::int32_t store_codes(const float* HWY_RESTRICT rotated, std::size_t count, float to_code, Code* HWY_RESTRICT codes) {
  const float_tag d;
  const hn::RebindToUnsigned<float_tag> du;
  const hn::Rebind<hwy::MakeUnsigned<Code>, float_tag> narrow;
  if (!(to_code > 0.0f)) {
    for (std::size_t i = 0; i < count; ++i) codes[i] = 0;
    return 0;
  }
  // Added to 1.5 · 2^23 an integer's bits are the sum's low bits. It is rounded before, since g++ makes one operation, which rounds
  // once, of a product and a sum where the target has it.
  constexpr float shift = 0x1.8p23f;
  constexpr std::uint32_t shift_bits = 0x4B400000u;
  const auto factor = hn::Set(d, to_code);
  auto sum = hn::Zero(du);
  for (std::size_t i = 0; i < count; i += float_lanes) {
    const auto bits = hn::BitCast(du, hn::Add(hn::Round(hn::Mul(hn::LoadU(d, rotated + i), factor)), hn::Set(d, shift)));
    sum = hn::Add(sum, bits);
    hn::StoreU(hn::BitCast(hn::Rebind<Code, float_tag>(), hn::TruncateTo(narrow, bits)), hn::Rebind<Code, float_tag>(), codes + i);
  }
  return static_cast<std::int32_t>(hn::ReduceSum(du, sum) - static_cast<std::uint32_t>(count) * shift_bits);
}

/// The same codes without their sum.
template <class Code>
HWY_INLINE void store_row_codes(const float* HWY_RESTRICT rotated, std::size_t count, float to_code, Code* HWY_RESTRICT codes) {
  store_codes(rotated, count, to_code, codes);
}

#if HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3_DL
/// With 128 added, as unsigned bytes.
HWY_INLINE void store_row_codes(const float* HWY_RESTRICT rotated, std::size_t count, float to_code, std::uint8_t* HWY_RESTRICT codes) {
  const float_tag d;
  const hn::Repartition<std::uint8_t, float_tag> d8;
  const hn::Repartition<std::uint16_t, float_tag> d16;
  if (!(to_code > 0.0f)) {
    for (std::size_t i = 0; i < count; i += hn::Lanes(d8)) hn::StoreU(hn::Set(d8, std::uint8_t{128}), d8, codes + i);
    return;
  }
  const auto factor = hn::Set(d, to_code);
  const auto shift = hn::Set(d, 0x1.8p23f + 128.0f);
  for (std::size_t i = 0; i < count; i += 4 * float_lanes) {
    hn::Vec<hn::RebindToUnsigned<float_tag>> bits[4];
    HWY_UNROLL(4)
    for (std::size_t v = 0; v < 4; ++v) {
      // The sum rounds to an integer; the empty statement keeps the compiler from making one operation of it and the product.
      auto product = hn::Mul(hn::LoadU(d, rotated + i + v * float_lanes), factor);
      __asm__("" : "+v"(product.raw));
      bits[v] = hn::BitCast(hn::RebindToUnsigned<float_tag>(), hn::Add(product, shift));
    }
    hn::StoreU(hn::OrderedTruncate2To(d8, hn::OrderedTruncate2To(d16, bits[0], bits[1]), hn::OrderedTruncate2To(d16, bits[2], bits[3])),
               d8, codes + i);
  }
}
#endif

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
