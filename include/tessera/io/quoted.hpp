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

/// `text` in double quotes; quotes, backslashes and control characters escaped; cut before a whole UTF-8 character.
[[nodiscard]] inline std::string quoted(std::string_view text) {
  constexpr std::size_t longest = 80;
  constexpr std::string_view digits = "0123456789abcdef";
  std::size_t shown = text.size();
  if (shown > longest) {
    shown = longest;
    while (shown > longest - 4 && (static_cast<unsigned char>(text[shown]) & 0xc0U) == 0x80U) --shown;
  }
  std::string out = "\"";
  for (const char c : text.substr(0, shown)) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
    } else {
      out += c;
    }
  }
  out += shown < text.size() ? "…\"" : "\"";
  return out;
}

}  // namespace tessera::inline TESSERA_ABI
