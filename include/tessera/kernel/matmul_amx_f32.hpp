// SPDX-License-Identifier: Apache-2.0
/// Matrix products of f32 by AMX's tiles of bf16: each number as the sum of two, each product as three.
///
///     x = high + low + rest      high = bf16(x), low = bf16(x - high), |rest| <= 2^-18 |x|
///     Σ a·w ≈ Σ a_high·w_high + a_low·w_high + a_high·w_low
///
/// Same operands and results as kernel/matmul.hpp, weights in as many bytes. What is left out is at most 3 · 2^-18 · Σ|a_i w_i|. With the
/// rounding of sums, whose chains are sixteen products long, that is within the error of every product of f32, k · 2^-23 · Σ|a_i w_i|, from
/// a depth of 110 on; products of less depth are the vector target's. Subnormal numbers are zero in tiles, high and low parts too:
/// 2^-124 · (k + Σ|a_i| + Σ|w_i|) more.
///
/// Infinity is (±1, ±infinity), so that times a number, and times another, it is infinity of the right sign; NaN stays NaN.
///
/// Order of sums: in each step of 32 along k the three products in the order above, each as kernel/matmul_amx.hpp says. For every number of
/// rows, so a row's bits do not depend on the rows beside it.
///
/// Part 2 only, and only beside AVX3_ZEN4, as there. Tested by emulation of the instructions and never timed; by counting, a step of two by
/// two tiles takes 12 products of 16 cycles where vectors take 512 of multiply-adds: 2.7 times as long.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MATMUL_AMX_F32_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MATMUL_AMX_F32_PASS)
#undef TESSERA_KERNEL_MATMUL_AMX_F32_PASS
#else
#define TESSERA_KERNEL_MATMUL_AMX_F32_PASS
#endif

#include <tessera/kernel/matmul_amx.hpp>

#include <hwy/highway.h>
#include <cstring>

#if HWY_ARCH_X86_64 && HWY_TARGET == HWY_AVX3_ZEN4

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

/// The depth from which on products are those of tiles.
inline constexpr std::size_t amx_f32_depth = 128;
/// A step of a panel: high parts, then low ones.
inline constexpr std::size_t amx_split_bytes = 2 * amx_step_bytes;

/// Two vectors of f32 as bf16, and what is left of them.
struct split_pair {
  using tag = hn::Repartition<hwy::bfloat16_t, matmul_tag>;
  hn::Vec<tag> high, low;

  HWY_INLINE split_pair(hn::Vec<matmul_tag> first, hn::Vec<matmul_tag> second) {
    const matmul_tag d;
    const tag d_bf16;
    high = hn::OrderedDemote2To(d_bf16, near(first), near(second));
    low = hn::OrderedDemote2To(d_bf16, hn::Sub(first, hn::PromoteLowerTo(d, high)), hn::Sub(second, hn::PromoteUpperTo(d, high)));
  }

 private:
  /// What bf16 can hold: the largest for what would round to infinity.
  HWY_INLINE static hn::Vec<matmul_tag> near(hn::Vec<matmul_tag> x) {
    const matmul_tag d;
    const auto most = hn::Set(d, 0x1.FEp127f);
    const auto held = hn::Min(hn::Max(x, hn::Neg(most)), most);
    return hn::IfThenElse(hn::IsInf(x), hn::CopySign(hn::Set(d, 1.0f), x), held);
  }
};

/// `count` values as steps of high parts, and behind all of them as many of low ones; zeros up to a whole step.
HWY_INLINE void copy_split(const float* from, std::size_t count, bf16_row_word* to) {
  const matmul_tag d;
  constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
  static_assert(2 * lanes == 32);
  bf16_row_word* low = to + (count + 31) / 32 * amx_rows;
  for (std::size_t i = 0; i < count; i += 2 * lanes, to += lanes, low += lanes) {
    const std::size_t left = count - i;
    const auto first = load_at_most(d, from + i, left);
    const auto second = left >= 2 * lanes ? hn::LoadU(d, from + i + lanes)
                        : left > lanes    ? hn::LoadN(d, from + i + lanes, left - lanes)
                                          : hn::Zero(d);
    const split_pair parts(first, second);
    hn::StoreU(hn::BitCast(pair_tag(), parts.high), pair_tag(), to);
    hn::StoreU(hn::BitCast(pair_tag(), parts.low), pair_tag(), low);
  }
}

inline std::size_t packed_size_f32_amx(std::size_t k, std::size_t n) noexcept {
  if (k < amx_f32_depth) return packed_size_f32(k, n);
  return (n + panel_width - 1) / panel_width * panel_width * amx_pairs(k) * 2;
}
/// [panel][step][high, low][16 pairs][columns][2]
inline void pack_f32_amx(const float* weight, std::size_t k, std::size_t n, float* packed) noexcept {
  if (k < amx_f32_depth) return pack_f32(weight, k, n, packed);
  auto* to = reinterpret_cast<std::uint8_t*>(packed);
  const std::size_t panel_bytes = amx_pairs(k) / amx_rows * amx_split_bytes;
  for (std::size_t first = 0; first < n; first += panel_width, to += panel_bytes)
    for (std::size_t j = 0; j < panel_width; ++j)
      for (std::size_t begin = 0; begin < k; begin += 32) {
        alignas(64) bf16_row_word parts[2 * amx_rows] = {};
        if (first + j < n) copy_split(weight + (first + j) * k + begin, HWY_MIN(k - begin, std::size_t{32}), parts);
        std::uint8_t* const step = to + begin / 32 * amx_split_bytes + j * sizeof(bf16_row_word);
        for (std::size_t i = 0; i < 2 * amx_rows; ++i) std::memcpy(step + i * amx_panel_row, &parts[i], sizeof(bf16_row_word));
      }
}

/// One product of a step: what tiles 4 and 5 hold of the rows by 6 and 7.
template <bool Lower>
HWY_INLINE void add_amx() {
  amx_bf16_dot::add<0, 4, 6>();
  amx_bf16_dot::add<1, 4, 7>();
  if constexpr (Lower) amx_bf16_dot::add<2, 5, 6>();
  if constexpr (Lower) amx_bf16_dot::add<3, 5, 7>();
}

/// out[row][column] = Σ over `steps` of a[row] · b[column], from zero, or from `out` if `onward`; the rest as multiply_amx. Rows' low parts
/// are `low` bytes behind their high ones.
template <bool Lower>
HWY_NOINLINE void multiply_split_amx(const void* rows, std::size_t low, const void* panel, std::size_t steps, float* out, bool onward,
                                     const void* ahead) noexcept {
  const auto* a = static_cast<const std::uint8_t*>(rows);
  const auto* b = static_cast<const std::uint8_t*>(panel);
  const auto* next = static_cast<const std::uint8_t*>(ahead);
  begin_amx<Lower>(out, onward);
  for (std::size_t step = 0; step < steps; ++step, a += amx_row_bytes, b += amx_split_bytes) {
    const std::uint8_t* const a_lower = a + amx_rows * amx_slice_row;
    load_amx<4>(a, amx_slice_row);
    load_amx<6>(b, amx_panel_row);
    load_amx<7>(b + amx_row_bytes, amx_panel_row);
    if constexpr (Lower) load_amx<5>(a_lower, amx_slice_row);
    add_amx<Lower>();
    load_amx<4>(a + low, amx_slice_row);
    if constexpr (Lower) load_amx<5>(a_lower + low, amx_slice_row);
    add_amx<Lower>();
    load_amx<4>(a, amx_slice_row);
    load_amx<6>(b + amx_step_bytes, amx_panel_row);
    load_amx<7>(b + amx_step_bytes + amx_row_bytes, amx_panel_row);
    if constexpr (Lower) load_amx<5>(a_lower, amx_slice_row);
    add_amx<Lower>();
    if (next != nullptr)
      for (const std::uint8_t* end = next + amx_split_bytes / 2; next != end; next += 64) __builtin_prefetch(next, 0, 2);
  }
  end_amx<Lower>(out);
}

struct split_product {
  const float* a;
  std::size_t lda;
  const std::uint8_t* packed;
  std::size_t k;
  matmul_end end;
  bf16_row_word* slice;

  HWY_INLINE void finish(float* tile, std::size_t width, std::size_t row, std::size_t rows, std::size_t column, std::size_t columns) const {
    end.finish(tile, width, row, rows, column, columns);
  }
};

/// What multiply_blocks asks of a form of weights.
struct amx_f32_product : amx_blocks<split_product> {
  static constexpr std::size_t depth = tile_depth;
  static constexpr std::size_t row_depth = amx_height * slice_stride;
  static_assert(depth % 32 == 0 && depth <= slice_stride && row_depth % 32 == 0);
  [[nodiscard]] HWY_INLINE std::size_t panel_bytes() const { return amx_pairs(k) / amx_rows * amx_split_bytes; }

  HWY_INLINE void fill(std::size_t row, std::size_t rows, std::size_t begin, std::size_t length) const {
    configure(rows);
    for (std::size_t r = 0; r < rows; ++r) copy_split(a + (row + r) * lda + begin, length, slice + r * slice_stride);
  }
  HWY_INLINE void multiply(std::size_t rows, bool /*several*/, std::size_t panel, std::size_t begin, std::size_t length, float* tile,
                           const tile_end& /*to*/, std::size_t ahead_panels, std::size_t ahead_step) const {
    const std::uint8_t* b = packed + panel * panel_bytes() + begin / 32 * amx_split_bytes;
    const std::size_t steps = (length + 31) / 32;
    const std::uint8_t* ahead = ahead_panels == 0 ? nullptr : b + ahead_panels * panel_bytes() + ahead_step * steps * (amx_split_bytes / 2);
    const std::size_t low = steps * amx_row_bytes;
    if (rows > amx_rows) multiply_split_amx<true>(slice, low, b, steps, tile, begin != 0, ahead);
    else multiply_split_amx<false>(slice, low, b, steps, tile, begin != 0, ahead);
  }
};

inline void multiply_f32_amx(const float* a, std::size_t lda, const float* packed, const matmul_end& end, std::size_t m, std::size_t n,
                             std::size_t k) noexcept {
  if (k < amx_f32_depth) return multiply_f32(a, lda, packed, end, m, n, k);
  if (m == 0 || n == 0) return;
  HWY_ALIGN bf16_row_word slice[amx_height * slice_stride];
  std::size_t configured = 0;
  multiply_blocks(amx_f32_product{{{a, lda, reinterpret_cast<const std::uint8_t*>(packed), k, end, slice}, &configured}}, m, n, k);
  release_amx();
}

using amx_f32_products = products_by<float, multiply_f32_amx>;
inline constexpr matmul_kernels matmul_amx_table = {
    .packed_size_f32 = packed_size_f32_amx,
    .pack_f32 = pack_f32_amx,
    .matmul_f32 = amx_f32_products::matmul,
    .gated = amx_f32_products::gated,
    .gate_columns = matmul_table.gate_columns,
    .normed = amx_f32_products::normed,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AVX3_ZEN4
#endif
