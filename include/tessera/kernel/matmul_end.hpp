// SPDX-License-Identifier: Apache-2.0
/// The end of a matrix product, a tile of sums at a time: bias, activation and residual, or a gate, on the way from the tile to the result.
///
///     c[r][j] = act(sums[r][j] + bias[j]) + residual[r][j]
///     c[r][j] = act(sums[r][gate j] + bias[gate j]) · (sums[r][up j] + bias[up j])
///     c[r] = norm(sums[r] + bias + residual[r])
///
/// For a gate, columns of W stand in turns: a vector of gate, the same vector of up (matmul_kernels::gate_columns). So both are in one
/// tile, and neither is ever written. A norm follows when a block of rows has its last column, while the rows are in the cache.
///
/// Part 2 only: the matrix products of every precision end here.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MATMUL_END_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MATMUL_END_PASS)
#undef TESSERA_KERNEL_MATMUL_END_PASS
#else
#define TESSERA_KERNEL_MATMUL_END_PASS
#endif

#include <tessera/kernel/activation.hpp>
#include <tessera/kernel/norm.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using matmul_tag = hn::ScalableTag<float>;

/// A vector of a tile as the tile function left it: the sums themselves.
struct plain_sums {
  static constexpr bool scaled = false;
  HWY_INLINE hn::Vec<matmul_tag> operator()(const float* tile, std::size_t /*row*/, std::size_t /*column*/) const {
    return hn::LoadU(matmul_tag(), tile);
  }
};

template <activation Act, class Sums>
HWY_NOINLINE void finish_tile_as(const float* HWY_RESTRICT tile, std::size_t width, std::size_t rows, std::size_t columns,
                                 const float* bias, const float* residual, float* c, std::size_t ldc, const Sums& sums) noexcept {
  const matmul_tag d;
  const activator<Act, matmul_tag> activated;
  constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
  const std::size_t whole = columns / lanes * lanes;
  for (std::size_t r = 0; r < rows; ++r, tile += width, c += ldc) {
    std::size_t j = 0;
    for (; j < whole; j += lanes) {
      auto value = sums(tile + j, r, j);
      if (bias != nullptr) value = hn::Add(value, hn::LoadU(d, bias + j));
      value = activated(value);
      if (residual != nullptr) value = hn::Add(value, hn::LoadU(d, residual + r * ldc + j));
      hn::StoreU(value, d, c + j);
    }
    if (j < columns) {
      auto value = sums(tile + j, r, j);
      if (bias != nullptr) value = hn::Add(value, hn::LoadN(d, bias + j, columns - j));
      value = activated(value);
      if (residual != nullptr) value = hn::Add(value, hn::LoadN(d, residual + r * ldc + j, columns - j));
      hn::StoreN(value, d, c + j, columns - j);
    }
  }
}

/// One tile's way from sums to c: bias, activation, residual, in one pass. `tile` is [rows][width], of which the first `columns`
/// count; `sums` reads a vector of it.
template <class Sums = plain_sums>
HWY_INLINE void finish_tile(const float* tile, std::size_t width, std::size_t rows, std::size_t columns, const float* bias,
                            activation act, const float* residual, float* c, std::size_t ldc, const Sums& sums = {}) {
  const auto finish = [&]<activation Act>() {
    finish_tile_as<Act>(tile, width, rows, columns, bias, residual, c, ldc, sums);
  };
  switch (act) {
    case activation::none: return finish.template operator()<activation::none>();
    case activation::gelu_erf: return finish.template operator()<activation::gelu_erf>();
    case activation::gelu_tanh: return finish.template operator()<activation::gelu_tanh>();
    case activation::relu: return finish.template operator()<activation::relu>();
    case activation::silu: return finish.template operator()<activation::silu>();
    case activation::tanh: return finish.template operator()<activation::tanh>();
    case activation::sigmoid: return finish.template operator()<activation::sigmoid>();
  }
}

template <activation Act>
HWY_NOINLINE void finish_gate_as(const float* HWY_RESTRICT tile, std::size_t width, std::size_t rows, std::size_t columns,
                                 const float* bias, float* c, std::size_t ldc) noexcept {
  const matmul_tag d;
  const activator<Act, matmul_tag> activated;
  constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
  for (std::size_t r = 0; r < rows; ++r, tile += width, c += ldc) {
    for (std::size_t j = 0; j < columns; j += lanes) {
      auto gate = hn::LoadU(d, tile + 2 * j);
      auto up = hn::LoadU(d, tile + 2 * j + lanes);
      if (bias != nullptr) {
        gate = hn::Add(gate, hn::LoadU(d, bias + 2 * j));
        up = hn::Add(up, hn::LoadU(d, bias + 2 * j + lanes));
      }
      const auto value = hn::Mul(activated(gate), up);
      if (columns - j >= lanes) hn::StoreU(value, d, c + j);
      else hn::StoreN(value, d, c + j, columns - j);
    }
  }
}

/// One tile's way from sums to c through a gate; `columns` of c.
HWY_INLINE void finish_gate(const float* tile, std::size_t width, std::size_t rows, std::size_t columns, const float* bias, activation act,
                            float* c, std::size_t ldc) {
  switch (act) {
    case activation::none: return finish_gate_as<activation::none>(tile, width, rows, columns, bias, c, ldc);
    case activation::gelu_erf: return finish_gate_as<activation::gelu_erf>(tile, width, rows, columns, bias, c, ldc);
    case activation::gelu_tanh: return finish_gate_as<activation::gelu_tanh>(tile, width, rows, columns, bias, c, ldc);
    case activation::relu: return finish_gate_as<activation::relu>(tile, width, rows, columns, bias, c, ldc);
    case activation::silu: return finish_gate_as<activation::silu>(tile, width, rows, columns, bias, c, ldc);
    case activation::tanh: return finish_gate_as<activation::tanh>(tile, width, rows, columns, bias, c, ldc);
    case activation::sigmoid: return finish_gate_as<activation::sigmoid>(tile, width, rows, columns, bias, c, ldc);
  }
}

/// -0, which added to any number is that number.
struct no_addend {
  float values[128];
};
[[nodiscard]] constexpr no_addend make_no_addend() {
  no_addend nothing{};
  for (float& value : nothing.values) value = -0.0f;
  return nothing;
}
alignas(64) inline constexpr no_addend no_addends = make_no_addend();

/// The product that a sum follows, rounded by itself: the compiler would make one operation of both where the target has it, here and not
/// there.
HWY_INLINE hn::Vec<matmul_tag> rounded_product(hn::Vec<matmul_tag> product) {
#if HWY_ARCH_X86
  __asm__("" : "+v"(product.raw));
#elif HWY_ARCH_ARM_A64
  __asm__("" : "+w"(product.raw));
#endif
  return product;
}

/// Where a tile of whole vectors goes straight from its registers, without activation: c = sums + bias + residual. That takes 2 % less time
/// for a product in bf16 with a depth of 384, and 4 % less in i8, than by way of memory.
struct tile_end {
  float* c = nullptr;  ///< of the tile's first row and column; null: the sums stay a tile
  std::size_t ldc = 0;
  const float* bias = no_addends.values;
  const float* residual = nullptr;

  /// `value(r, v)` is vector v of row r, of [Rows][Width].
  template <std::size_t Rows, std::size_t Width, class Value>
  HWY_INLINE void finish(const Value& value) const {
    if (residual != nullptr) finish_rows<Rows, Width, true>(value);
    else finish_rows<Rows, Width, false>(value);
  }
  template <std::size_t Rows, std::size_t Width, bool Residual, class Value>
  HWY_INLINE void finish_rows(const Value& value) const {
    const matmul_tag d;
    constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
    hn::Vec<matmul_tag> added[Width];
    HWY_UNROLL(8)
    for (std::size_t v = 0; v < Width; ++v) added[v] = hn::LoadU(d, bias + v * lanes);
    float* to = c;
    const float* more = residual;
    HWY_UNROLL(16)
    for (std::size_t r = 0; r < Rows; ++r, to += ldc) {
      HWY_UNROLL(8)
      for (std::size_t v = 0; v < Width; ++v) {
        auto sum = hn::Add(value(r, v), added[v]);
        if constexpr (Residual) sum = hn::Add(sum, hn::LoadU(d, more + v * lanes));
        hn::StoreU(sum, d, to + v * lanes);
      }
      if constexpr (Residual) more += ldc;
      // Row by row: in the compiler's order, step by step for all rows, the next tile begins later (2 % in i8 with a depth of 384).
      __asm__ volatile("" : : : "memory");
    }
  }
};

/// Values of a tile [..][Width] that are ready.
template <std::size_t Width>
struct ready_values {
  const hn::Vec<matmul_tag>* values;
  HWY_INLINE hn::Vec<matmul_tag> operator()(std::size_t r, std::size_t v) const { return values[r * Width + v]; }
};

/// What follows the sums of a product.
struct matmul_end {
  const float* bias;
  activation act;
  const float* residual;
  float* c;
  std::size_t ldc;
  std::size_t gated = 0;  ///< columns of c behind a gate; 0: there is no gate
  row_norm norm = {};

  /// Columns of the product whose result has n, gate and up together.
  [[nodiscard]] static std::size_t gate_and_up(std::size_t n) {
    constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
    return (n + lanes - 1) / lanes * 2 * lanes;
  }

  /// For a tile at `row` and `column` of an [.., n] product that is `width` columns wide.
  [[nodiscard]] HWY_INLINE tile_end of_tile(std::size_t row, std::size_t column, std::size_t width, std::size_t n) const {
    if (act != activation::none || gated != 0 || column + width > n) return {};
    const std::size_t at = row * ldc + column;
    tile_end end = {.c = c + at, .ldc = ldc};
    if (bias != nullptr) end.bias = bias + column;
    if (residual != nullptr) end.residual = residual + at;
    return end;
  }

  /// What is left to do for `rows` rows of n from `row` on whose columns are all there.
  HWY_INLINE void complete(std::size_t row, std::size_t rows, std::size_t n) const {
    if (norm.of != row_norm::kind::none) normalize_in_place(norm, c + row * ldc, ldc, rows, n);
  }

  /// `tile` holds sums of `rows` rows from `row` on, and `columns` columns from `column` on.
  template <class Sums = plain_sums>
  HWY_INLINE void finish(float* tile, std::size_t width, std::size_t row, std::size_t rows, std::size_t column, std::size_t columns,
                         const Sums& sums = {}) const {
    const float* added = bias != nullptr ? bias + column : nullptr;
    if (gated == 0) {
      const float* old = residual != nullptr ? residual + row * ldc + column : nullptr;
      return finish_tile(tile, width, rows, columns, added, act, old, c + row * ldc + column, ldc, sums);
    }
    // In place, in the first-level cache: a gate for every kind of sums would be as many functions more.
    if constexpr (Sums::scaled) {
      constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t j = 0; j < columns; j += lanes)
          hn::StoreU(sums(tile + r * width + j, r, j), matmul_tag(), tile + r * width + j);
    }
    finish_gate(tile, width, rows, HWY_MIN(columns / 2, gated - column / 2), added, act, c + row * ldc + column / 2, ldc);
  }
};

template <class Element>
using multiply_function = void (*)(const float* a, std::size_t lda, const Element* packed, const matmul_end& end, std::size_t m,
                                   std::size_t n, std::size_t k) noexcept;

/// The products of a table of kernels, from one that ends as it is told.
template <class Element, multiply_function<Element> Multiply>
struct products_by {
  static void matmul(const float* a, std::size_t lda, const Element* packed, const float* bias, activation act, const float* residual,
                     float* c, std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept {
    Multiply(a, lda, packed, {bias, act, residual, c, ldc}, m, n, k);
  }
  static void gated(const float* a, std::size_t lda, const Element* packed, const float* bias, activation act, float* c, std::size_t ldc,
                    std::size_t m, std::size_t n, std::size_t k) noexcept {
    Multiply(a, lda, packed, {bias, act, nullptr, c, ldc, n}, m, matmul_end::gate_and_up(n), k);
  }
  static void normed(const float* a, std::size_t lda, const Element* packed, const float* bias, const float* residual, const row_norm& norm,
                     float* c, std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept {
    Multiply(a, lda, packed, {bias, activation::none, residual, c, ldc, 0, norm}, m, n, k);
  }
};

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
