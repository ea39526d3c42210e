// SPDX-License-Identifier: Apache-2.0
/// Outside text made safe for an error message: quoted, control characters escaped, cut at 80 bytes.
///
///     found = ts::quoted(name);   // "encoder.layer.0.attention.self.query.weight"
#pragma once

#include <tessera/base/config.hpp>

#include <cstddef>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Bytes of the well-formed UTF-8 character that `text` begins with (Unicode 16, table 3-7), or 0.
[[nodiscard]] constexpr std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const auto follows = [&](std::size_t i) { return (byte(i) & 0xc0U) == 0x80U; };
  const unsigned first = byte(0);
  if (text.empty()) return 0;
  if (first < 0x80) return 1;
  if (first >= 0xc2 && first <= 0xdf) return follows(1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool second = follows(1) && (first != 0xe0 || byte(1) >= 0xa0) && (first != 0xed || byte(1) < 0xa0);
    return second && follows(2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool second = follows(1) && (first != 0xf0 || byte(1) >= 0x90) && (first != 0xf4 || byte(1) < 0x90);
    return second && follows(2) && follows(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace detail

/// `text` in double quotes; quotes and backslashes escaped, control characters and bytes that are not UTF-8 as \x1f;
/// cut at 80 bytes, between characters.
[[nodiscard]] inline std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 80;
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out = "\"";
  while (!text.empty() && out.size() < longest) {
    const std::size_t length = detail::utf8_length(text);
    const auto byte = static_cast<unsigned char>(text.front());
    if (length == 0 || byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    } else {
      if (byte == '"' || byte == '\\') out += '\\';
      out += text.substr(0, length);
    }
    text.remove_prefix(length == 0 ? 1 : length);
  }
  out += text.empty() ? "\"" : "…\"";
  return out;
}

}  // namespace tessera::inline TESSERA_ABI
