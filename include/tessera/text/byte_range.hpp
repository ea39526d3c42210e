// SPDX-License-Identifier: Apache-2.0
/// Where something stands in a text.
///
///     encoding.offsets[i].of(text)       // "Hello"
#pragma once

#include <tessera/base/config.hpp>

#include <cstdint>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// Bytes [begin, end) of a text; of the pair's text for its tokens; [0, 0) for tokens that stand in no text.
struct byte_range {
  std::uint32_t begin = 0;
  std::uint32_t end = 0;

  [[nodiscard]] constexpr std::string_view of(std::string_view text) const noexcept {
    return text.substr(begin, end - begin);
  }
  [[nodiscard]] constexpr bool operator==(const byte_range&) const = default;
};

}  // namespace tessera::inline TESSERA_ABI
