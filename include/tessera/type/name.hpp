// SPDX-License-Identifier: Apache-2.0
/// A string that can be a template argument, so that `space<"minilm_l6", 384>` is a type.
#pragma once

#include <tessera/base/config.hpp>

#include <cstddef>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// The characters of a string literal. Size counts the terminating zero.
template <std::size_t Size>
struct name {
  char text[Size]{};

  consteval name(const char (&literal)[Size]) noexcept {  // NOLINT: a literal is a name
    for (std::size_t i = 0; i < Size; ++i) text[i] = literal[i];
  }
  [[nodiscard]] constexpr std::string_view view() const noexcept { return {text, Size - 1}; }
  template <std::size_t Other>
  [[nodiscard]] constexpr bool operator==(const name<Other>& other) const noexcept {
    return view() == other.view();
  }
};

}  // namespace tessera::inline TESSERA_ABI
