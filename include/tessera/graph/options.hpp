// SPDX-License-Identifier: Apache-2.0
/// Options of stages: each says by its `option` what it decides, so they may stand in any order and only where they differ from the
/// default.
///
///     ts::self_attention<48, ts::heads<6, ts::kv_heads<2>>, ts::causal, ts::biases<true, false>>
#pragma once

#include <tessera/base/config.hpp>

#include <type_traits>

namespace tessera::inline TESSERA_ABI {

namespace option {
struct biases {};
struct rotary {};
struct order {};
struct window {};
struct head_norm {};
struct scores {};
struct adapters {};
}  // namespace option

/// Which maps of a block add a bias: those that read the token states (query, key, value; up, gate), and the one that writes them.
template <bool Inner, bool Outer>
struct biases {
  using option = tessera::option::biases;
  static constexpr bool inner = Inner;
  static constexpr bool outer = Outer;
};

/// Whether a single map, or a norm, adds a bias.
struct with_bias {
  static constexpr bool value = true;
};
struct without_bias {
  static constexpr bool value = false;
};

namespace detail {

template <class Kind, class Option>
inline constexpr bool decides = false;
template <class Kind, class Option>
  requires requires { typename Option::option; }
inline constexpr bool decides<Kind, Option> = std::is_same_v<typename Option::option, Kind>;

/// The first of Options that decides Kind, or Default.
template <class Kind, class Default, class... Options>
struct option_of {
  using type = Default;
};
template <class Kind, class Default, class First, class... Rest>
struct option_of<Kind, Default, First, Rest...> : option_of<Kind, Default, Rest...> {};
template <class Kind, class Default, class First, class... Rest>
  requires(decides<Kind, First>)
struct option_of<Kind, Default, First, Rest...> {
  using type = First;
};

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
