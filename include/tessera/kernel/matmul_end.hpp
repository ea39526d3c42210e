// SPDX-License-Identifier: Apache-2.0
/// The end of a matrix product, a tile of sums at a time: bias, activation and residual on the way from the tile to the result.
///
///     c[r][j] = act(sums[r][j] + bias[j]) + residual[r][j]
///
/// Part 2 only: the matrix products of every precision end here.
#if defined(TESSERA_KERNEL_PASS) && defined(TESSERA_KERNEL_MATMUL_END_PASS) == defined(HWY_TARGET_TOGGLE)
#if defined(TESSERA_KERNEL_MATMUL_END_PASS)
#undef TESSERA_KERNEL_MATMUL_END_PASS
#else
#define TESSERA_KERNEL_MATMUL_END_PASS
#endif

#include <tessera/kernel/activation.hpp>

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using matmul_tag = hn::ScalableTag<float>;

/// A vector of a tile as the tile function left it: the sums themselves.
struct plain_sums {
  HWY_INLINE hn::Vec<matmul_tag> operator()(const float* tile, std::size_t /*row*/, std::size_t /*column*/) const {
    return hn::LoadU(matmul_tag(), tile);
  }
};

template <activation Act, class Sums>
HWY_NOINLINE void finish_tile_as(const float* HWY_RESTRICT tile, std::size_t width, std::size_t rows, std::size_t columns,
                                 const float* bias, const float* residual, float* c, std::size_t ldc, const Sums& sums) noexcept {
  const matmul_tag d;
  constexpr std::size_t lanes = HWY_MAX_LANES_D(matmul_tag);
  const std::size_t whole = columns / lanes * lanes;
  for (std::size_t r = 0; r < rows; ++r, tile += width, c += ldc) {
    std::size_t j = 0;
    for (; j < whole; j += lanes) {
      auto value = sums(tile + j, r, j);
      if (bias != nullptr) value = hn::Add(value, hn::LoadU(d, bias + j));
      value = activate<Act>(d, value);
      if (residual != nullptr) value = hn::Add(value, hn::LoadU(d, residual + r * ldc + j));
      hn::StoreU(value, d, c + j);
    }
    if (j < columns) {
      auto value = sums(tile + j, r, j);
      if (bias != nullptr) value = hn::Add(value, hn::LoadN(d, bias + j, columns - j));
      value = activate<Act>(d, value);
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

}  // namespace tessera::inline TESSERA_ABI::kernel::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif
