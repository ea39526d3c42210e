// SPDX-License-Identifier: Apache-2.0
/// The characters that byte-level vocabularies write for bytes, so that every token is printable text.
///
///     ts::byte_alphabet::character(0x20)        // U+0120 "Ġ"
///     ts::byte_alphabet::byte(0x120)            // 0x20
///
/// Bytes that are printable in Latin-1 stand for themselves; the other 68 take the characters from U+0100 on, in order
/// (GPT-2).
#pragma once

#include <tessera/text/utf8.hpp>

#include <array>
#include <string>

namespace tessera::inline TESSERA_ABI {

namespace detail {

struct byte_alphabet_tables {
  static constexpr code_point bound = 0x144;
  std::array<std::uint16_t, 256> characters{};
  std::array<std::int16_t, bound> bytes{};

  constexpr byte_alphabet_tables() noexcept {
    bytes.fill(-1);
    std::uint16_t next = 0x100;
    for (unsigned b = 0; b < 256; ++b) {
      const bool itself = (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b != 0xad);
      characters[b] = itself ? static_cast<std::uint16_t>(b) : next++;
      bytes[characters[b]] = static_cast<std::int16_t>(b);
    }
  }
};
inline constexpr byte_alphabet_tables byte_alphabet_table{};

}  // namespace detail

struct byte_alphabet {
  [[nodiscard]] static constexpr code_point character(std::uint8_t byte) noexcept {
    return detail::byte_alphabet_table.characters[byte];
  }
  /// The byte that `c` stands for, or -1.
  [[nodiscard]] static constexpr int byte(code_point c) noexcept {
    return c < detail::byte_alphabet_tables::bound ? detail::byte_alphabet_table.bytes[c] : -1;
  }

  /// Appends the bytes that `token` stands for; false, appending nothing, where one of its characters stands for none.
  static bool append_bytes(std::string_view token, std::string& out) {
    const std::size_t before = out.size();
    for (std::size_t at = 0; at < token.size();) {
      const int b = byte(decode_utf8(token, at));
      if (b < 0) {
        out.resize(before);
        return false;
      }
      out += static_cast<char>(static_cast<unsigned char>(b));
    }
    return true;
  }
  /// Appends the characters of `bytes`.
  static void append_characters(std::string_view bytes, std::string& out) {
    for (const char b : bytes) {
      char utf8[4];
      out.append(utf8, encode_utf8(character(static_cast<std::uint8_t>(b)), utf8));
    }
  }
};

}  // namespace tessera::inline TESSERA_ABI
