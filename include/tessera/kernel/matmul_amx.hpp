// SPDX-License-Identifier: Apache-2.0
/// Matrix products in bf16 and 8-bit integers by the tiles of Intel's AMX (Sapphire Rapids on): 16 rows by 16 columns by 64 bytes of depth
/// in one instruction. Same operands, results and error bounds as kernel/matmul_bf16.hpp and kernel/matmul_i8.hpp.
///
///     C [rows, 32] += A [rows, 64 bytes] · B [64 bytes, 32], rows <= 32: four tiles of C, two of A, two of B, which are all there are
///
/// B is a step of a panel as it lies: sixteen rows of [columns][neighbours along k] are a tile, so that AVX-512's panels serve here too;
/// only the depth is padded with zeros to whole steps (32 in bf16, 64 in i8), where AVX-512 pads to pairs.
///
/// Order of sums (the instruction's, Intel's manual under TDPBF16PS): in each step of 32 along k one chain of fused multiply-adds over the
/// even and one over the odd places, each from zero, their sum, added to the sum so far; subnormal numbers are zero before and after each
/// of these. That is another order than VDPBF16PS has, so this target takes tiles for every number of rows: a row's bits do not depend on
/// the rows beside it. Integer sums are exact, and their bits those of every other target.
///
/// Tiles take their heights from the block of rows. Their configuration is loaded when that height changes, twice at most in each group of
/// panels, and released at the end of a call: the thread's state then is as small as before.
///
/// Part 2 only, and only beside AVX3_ZEN4: a processor with tiles has its instructions. Written as assembly text, one instruction at a
/// time: no compiler flag is needed, and no access of memory moves past them.
///
/// Tested by emulation of the instructions (tests/kernel/support/amx.hpp) and never timed: no machine at hand had them.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MATMUL_AMX_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MATMUL_AMX_PASS)
#undef TESSERA_KERNEL_MATMUL_AMX_PASS
#else
#define TESSERA_KERNEL_MATMUL_AMX_PASS
#endif

#include <tessera/kernel/matmul_bf16.hpp>
#include <tessera/kernel/matmul_i8.hpp>

#include <hwy/highway.h>

#if HWY_ARCH_X86_64 && HWY_TARGET == HWY_AVX3_ZEN4

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

/// Rows of one tile, and bytes of one of its rows.
inline constexpr std::size_t amx_rows = 16;
inline constexpr std::size_t amx_row_bytes = 64;
/// Rows of a block: two tiles.
inline constexpr std::size_t amx_height = 2 * amx_rows;
/// Bytes between neighbours: rows of B, rows of C, rows of A, steps of B.
inline constexpr std::size_t amx_panel_row = panel_width * 4;
inline constexpr std::size_t amx_slice_row = slice_stride * 4;
inline constexpr std::size_t amx_step_bytes = amx_rows * amx_panel_row;
static_assert(panel_width == 2 * amx_rows && 2 * tile_depth % 32 == 0 && sizeof(bf16_row_word) == 4 && i8_slice_stride == amx_slice_row);

template <int Tile>
HWY_INLINE void zero_amx() {
  __asm__ volatile("tilezero {%%|}tmm%c0" : : "i"(Tile));
}
template <int Tile>
HWY_INLINE void load_amx(const void* from, std::size_t stride) {
  __asm__ volatile("{tileloadd (%1,%2,1), %%tmm%c0|tileloadd tmm%c0, [%1+%2*1]}" : : "i"(Tile), "r"(from), "r"(stride) : "memory");
}
template <int Tile>
HWY_INLINE void store_amx(void* to, std::size_t stride) {
  __asm__ volatile("{tilestored %%tmm%c0, (%1,%2,1)|tilestored [%1+%2*1], tmm%c0}" : : "i"(Tile), "r"(to), "r"(stride) : "memory");
}
HWY_INLINE void release_amx() { __asm__ volatile("tilerelease" : : : "memory"); }

/// The instructions that add a step's products: pairs of bf16, and unsigned bytes of rows by signed ones of weights.
struct amx_bf16_dot {
  template <int Sum, int Rows, int Columns>
  HWY_INLINE static void add() {
    __asm__ volatile("{tdpbf16ps %%tmm%c2, %%tmm%c1, %%tmm%c0|tdpbf16ps tmm%c0, tmm%c1, tmm%c2}"
                     :
                     : "i"(Sum), "i"(Rows), "i"(Columns));
  }
};
struct amx_i8_dot {
  static_assert(i8_shifted && i8_step == 4);
  template <int Sum, int Rows, int Columns>
  HWY_INLINE static void add() {
    __asm__ volatile("{tdpbusd %%tmm%c2, %%tmm%c1, %%tmm%c0|tdpbusd tmm%c0, tmm%c1, tmm%c2}"
                     :
                     : "i"(Sum), "i"(Rows), "i"(Columns));
  }
};

/// Tiles of C (0 to 3) and A (4, 5) for the upper and lower half of a block of `rows`, and B's (6, 7); see LDTILECFG.
HWY_INLINE void configure_amx(std::size_t rows) {
  struct {
    std::uint8_t palette = 1, start_row = 0, reserved[14] = {};
    std::uint16_t row_bytes[16] = {};
    std::uint8_t rows[16] = {};
  } shapes;
  static_assert(sizeof(shapes) == 64);
  const std::size_t upper = HWY_MIN(rows, amx_rows);
  const std::size_t heights[8] = {upper, upper, rows - upper, rows - upper, upper, rows - upper, amx_rows, amx_rows};
  for (std::size_t tile = 0; tile < 8; ++tile) {
    shapes.rows[tile] = static_cast<std::uint8_t>(heights[tile]);
    shapes.row_bytes[tile] = heights[tile] == 0 ? 0 : amx_row_bytes;
  }
  __asm__ volatile("ldtilecfg %0" : : "m"(shapes));
}

/// The four tiles of C: zero, or from `out` if `onward`. `Lower`: there are rows in the lower half.
template <bool Lower>
HWY_INLINE void begin_amx(const float* out, bool onward) {
  const float* lower = out + amx_rows * panel_width;
  if (onward) {
    load_amx<0>(out, amx_panel_row);
    load_amx<1>(out + amx_rows, amx_panel_row);
    if constexpr (Lower) load_amx<2>(lower, amx_panel_row);
    if constexpr (Lower) load_amx<3>(lower + amx_rows, amx_panel_row);
  } else {
    zero_amx<0>();
    zero_amx<1>();
    if constexpr (Lower) zero_amx<2>();
    if constexpr (Lower) zero_amx<3>();
  }
}
template <bool Lower>
HWY_INLINE void end_amx(float* out) {
  float* lower = out + amx_rows * panel_width;
  store_amx<0>(out, amx_panel_row);
  store_amx<1>(out + amx_rows, amx_panel_row);
  if constexpr (Lower) store_amx<2>(lower, amx_panel_row);
  if constexpr (Lower) store_amx<3>(lower + amx_rows, amx_panel_row);
}

/// out[row][column] = Σ over `steps` of a[row] · b[column], from zero, or from `out` if `onward`. `ahead` is what to fetch into the
/// second-level cache meanwhile, half as much as is read of b (null: nothing).
template <class Dot, bool Lower>
HWY_NOINLINE void multiply_amx(const void* rows, const void* panel, std::size_t steps, float* out, bool onward,
                               const void* ahead) noexcept {
  const auto* a = static_cast<const std::uint8_t*>(rows);
  const auto* b = static_cast<const std::uint8_t*>(panel);
  const auto* next = static_cast<const std::uint8_t*>(ahead);
  begin_amx<Lower>(out, onward);
  for (std::size_t step = 0; step < steps; ++step, a += amx_row_bytes, b += amx_step_bytes) {
    load_amx<4>(a, amx_slice_row);
    load_amx<6>(b, amx_panel_row);
    Dot::template add<0, 4, 6>();
    load_amx<7>(b + amx_row_bytes, amx_panel_row);
    Dot::template add<1, 4, 7>();
    if constexpr (Lower) {
      load_amx<5>(a + amx_rows * amx_slice_row, amx_slice_row);
      Dot::template add<2, 5, 6>();
      Dot::template add<3, 5, 7>();
    }
    if (next != nullptr)
      for (const std::uint8_t* end = next + amx_step_bytes / 2; next != end; next += 64) __builtin_prefetch(next, 0, 2);
  }
  end_amx<Lower>(out);
}

template <class Dot>
HWY_INLINE void multiply_amx(std::size_t rows, const void* slice, const std::uint8_t* panel, std::size_t steps, float* tile, bool onward,
                             const void* ahead) {
  if (rows > amx_rows) multiply_amx<Dot, true>(slice, panel, steps, tile, onward, ahead);
  else multiply_amx<Dot, false>(slice, panel, steps, tile, onward, ahead);
}

/// Pairs that packed weights of depth k have: whole steps.
[[nodiscard]] constexpr std::size_t amx_pairs(std::size_t k) noexcept { return (k + 31) / 32 * 16; }

inline std::size_t packed_size_bf16_amx(std::size_t k, std::size_t n) noexcept {
  return (n + panel_width - 1) / panel_width * panel_width * amx_pairs(k) * 2;
}
inline void pack_bf16_amx(const float* weight, std::size_t k, std::size_t n, std::uint16_t* packed) noexcept {
  pack_bf16_pairs(weight, k, n, amx_pairs(k), packed);
}

/// How tiles go through the blocks of a product whose operands `Form` has, by the vector target's way of filling and finishing.
template <class Form>
struct amx_blocks : Form {
  std::size_t* configured;  ///< rows of the block that tiles are configured for

  static constexpr std::size_t height = amx_height;
  static constexpr std::size_t kept_blocks = 1;
  static constexpr std::size_t panels(std::size_t /*rows*/) { return 1; }
  static constexpr std::size_t group_bytes = std::size_t{1} << 20;  // half the second-level cache of such a processor
  [[nodiscard]] HWY_INLINE tile_end straight(std::size_t, std::size_t, std::size_t, std::size_t) const { return {}; }
  HWY_INLINE void configure(std::size_t rows) const {
    if (*configured != rows) configure_amx(*configured = rows);
  }
};

/// What multiply_blocks asks of a form of weights.
struct amx_bf16_product : amx_blocks<bf16_product> {
  static constexpr std::size_t depth = 2 * tile_depth;
  static constexpr std::size_t row_depth = 2 * amx_height * slice_stride;
  [[nodiscard]] HWY_INLINE std::size_t panel_bytes() const { return amx_pairs(k) * amx_panel_row; }

  HWY_INLINE void fill(std::size_t row, std::size_t rows, std::size_t begin, std::size_t length) const {
    configure(rows);
    // Up to whole vectors, which are steps.
    for (std::size_t r = 0; r < rows; ++r) copy_rounded(a + (row + r) * lda + begin, length, slice + r * slice_stride);
  }
  HWY_INLINE void multiply(std::size_t rows, bool /*several*/, std::size_t panel, std::size_t begin, std::size_t length, float* tile,
                           const tile_end& /*to*/, std::size_t ahead_panels, std::size_t ahead_step) const {
    const std::uint8_t* b = reinterpret_cast<const std::uint8_t*>(packed) + panel * panel_bytes() + begin / 2 * amx_panel_row;
    const std::size_t steps = (length + 31) / 32;
    const std::uint8_t* ahead = b + ahead_panels * panel_bytes() + ahead_step * steps * (amx_step_bytes / 2);
    multiply_amx<amx_bf16_dot>(rows, slice, b, steps, tile, begin != 0, ahead_panels == 0 ? nullptr : ahead);
  }
};

inline void multiply_bf16_amx(const float* a, std::size_t lda, const std::uint16_t* packed, const matmul_end& end, std::size_t m,
                              std::size_t n, std::size_t k) noexcept {
  if (m == 0 || n == 0) return;
  HWY_ALIGN bf16_row_word slice[amx_height * slice_stride];
  std::size_t configured = 0;
  multiply_blocks(amx_bf16_product{{{a, lda, packed, k, end, slice}, &configured}}, m, n, k);
  release_amx();
}

struct amx_i8_product : amx_blocks<i8_product> {
  static constexpr std::size_t row_depth = amx_height * i8_slice_stride / hadamard_block * hadamard_block;

  HWY_INLINE void fill(std::size_t row, std::size_t rows, std::size_t begin, std::size_t length) const {
    configure(rows);
    i8_product::fill(row, rows, begin, length);
  }
  HWY_INLINE void multiply(std::size_t rows, bool /*several*/, std::size_t panel, std::size_t begin, std::size_t length, float* tile,
                           const tile_end& /*to*/, std::size_t ahead_panels, std::size_t ahead_step) const {
    // What sums begin with stands in the tiles before the first step.
    const i8_sums sums = sums_from(panel);
    for (std::size_t i = 0; i < rows * 2 && begin == 0; ++i)
      hn::StoreU(hn::BitCast(matmul_tag(), sums.start_of_column(i % 2 * amx_rows)), matmul_tag(), tile + i * amx_rows);
    const std::uint8_t* b = packed + panel * panel_bytes() + begin * panel_width;
    const std::size_t steps = length / amx_row_bytes;
    const std::uint8_t* ahead = b + ahead_panels * panel_bytes() + ahead_step * steps * (amx_step_bytes / 2);
    multiply_amx<amx_i8_dot>(rows, slice, b, steps, tile, true, ahead_panels == 0 ? nullptr : ahead);
  }
};

inline void multiply_i8_amx(const float* a, std::size_t lda, const std::uint8_t* packed, const matmul_end& end, std::size_t m,
                            std::size_t n, std::size_t k) noexcept {
  if (m == 0 || n == 0) return;
  HWY_ALIGN i8_row_code slice[amx_height * i8_slice_stride];
  HWY_ALIGN float rotated[2 * i8_depth];
  row_scale_i8 scale[amx_height];
  std::size_t configured = 0;
  multiply_blocks(amx_i8_product{{{{a, lda, k, rotated, scale}, packed, k, end, slice}, &configured}}, m, n, padded_depth(k));
  release_amx();
}

using amx_bf16_products = products_by<std::uint16_t, multiply_bf16_amx>;
inline constexpr matmul_bf16_kernels matmul_bf16_amx_table = {
    .packed_size = packed_size_bf16_amx,
    .pack = pack_bf16_amx,
    .matmul = amx_bf16_products::matmul,
    .gated = amx_bf16_products::gated,
    .normed = amx_bf16_products::normed,
};
using amx_i8_products = products_by<std::uint8_t, multiply_i8_amx>;
inline constexpr matmul_i8_kernels matmul_i8_amx_table = {
    .packed_size = packed_size_i8,
    .pack = pack_i8,
    .matmul = amx_i8_products::matmul,
    .gated = amx_i8_products::gated,
    .normed = amx_i8_products::normed,
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // AVX3_ZEN4
#endif
