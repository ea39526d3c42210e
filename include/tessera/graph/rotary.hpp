// SPDX-License-Identifier: Apache-2.0
/// Rotary positions of attention (arXiv:2104.09864) and the rules that stretch them over longer texts.
///
///     ts::rotary<64>                                        // over 64 of a head's components, base 10,000
///     ts::rotary<64, 160000.0, ts::ntk_scaling<2.0>>        // as gte and Stella stretch them
///
/// Component pair i of a position's vector turns by position · f_i:
///
/// | scaling                | f_i, for i of 0 .. Width/2 - 1                                                        |
/// | ---------------------- | ------------------------------------------------------------------------------------- |
/// | unscaled               | Theta^(-2i/Width)                                                                     |
/// | linear_scaling<F>      | Theta^(-2i/Width) / F                                                                 |
/// | ntk_scaling<F>         | (Theta·F)^(-2i/Width) / F^(2/Width), at every length                                  |
/// | ntk_scaling<F, B>      | Theta^(-2i/Width) / exp(a · (i + 1)^B), a = ln(F) / (Width/2)^B                       |
#pragma once

#include <tessera/graph/options.hpp>

#include <cmath>
#include <cstddef>

namespace tessera::inline TESSERA_ABI {

struct unscaled {
  [[nodiscard]] static double frequency(double theta, std::size_t i, std::size_t width) noexcept {
    return std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(width));
  }
};

template <double Factor>
struct linear_scaling {
  [[nodiscard]] static double frequency(double theta, std::size_t i, std::size_t width) noexcept {
    return unscaled::frequency(theta, i, width) / Factor;
  }
};

/// MixedB of 0: the plain rule.
template <double Factor, double MixedB = 0.0>
struct ntk_scaling {
  [[nodiscard]] static double frequency(double theta, std::size_t i, std::size_t width) noexcept {
    const double half = static_cast<double>(width) / 2.0;
    if (MixedB == 0.0) return unscaled::frequency(theta * Factor, i, width) / std::pow(Factor, 1.0 / half);
    const double a = std::log(Factor) / std::pow(half, MixedB);
    return unscaled::frequency(theta, i, width) / std::exp(a * std::pow(static_cast<double>(i + 1), MixedB));
  }
};

/// Rotary positions over the first Width components of each head, paired (i, i + Width/2).
template <std::size_t Width, double Theta = 10000.0, class Scaling = unscaled>
struct rotary {
  using option = tessera::option::rotary;
  using scaling = Scaling;
  static constexpr std::size_t width = Width;
  static constexpr double theta = Theta;
};

/// No rotation: positions come from the embedding stage.
struct no_rotary {
  using option = tessera::option::rotary;
  using scaling = unscaled;
  static constexpr std::size_t width = 0;
  static constexpr double theta = 1.0;
};

}  // namespace tessera::inline TESSERA_ABI
