// SPDX-License-Identifier: Apache-2.0
/// Activation functions as types, so that `feed_forward<1536, gelu>` says which one; the formulas are in kernel/activation.hpp.
#pragma once

#include <tessera/dispatch.hpp>

#include <concepts>

namespace tessera::inline TESSERA_ABI {

struct identity { static constexpr auto kernel = kernel::activation::none; };
struct gelu { static constexpr auto kernel = kernel::activation::gelu_erf; };        ///< x·Φ(x), exact
struct gelu_tanh { static constexpr auto kernel = kernel::activation::gelu_tanh; };  ///< its tanh approximation
struct relu { static constexpr auto kernel = kernel::activation::relu; };
struct silu { static constexpr auto kernel = kernel::activation::silu; };
struct tanh { static constexpr auto kernel = kernel::activation::tanh; };
struct sigmoid { static constexpr auto kernel = kernel::activation::sigmoid; };

template <class T>
concept activation_function = requires {
  { T::kernel } -> std::convertible_to<kernel::activation>;
};

}  // namespace tessera::inline TESSERA_ABI
