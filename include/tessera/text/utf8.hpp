// SPDX-License-Identifier: Apache-2.0
/// UTF-8 at the library's boundary: where a text stops being valid, and code points of text already known to be valid.
///
///     if (auto bad = ts::find_invalid_utf8(text)) ...      // byte offset of the first ill-formed sequence
///     for (std::size_t at = 0; at < text.size();) { const ts::code_point c = ts::decode_utf8(text, at); ... }
///
/// Well-formed is table 3-7 of the Unicode standard: no surrogates, nothing above U+10FFFF, no overlong form.
#pragma once

#include <tessera/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

using code_point = std::uint32_t;

/// The number of bytes from the front of `text` that are ASCII.
[[nodiscard]] inline std::size_t ascii_prefix(std::string_view text) noexcept {
  constexpr std::uint64_t high = 0x8080808080808080U;
  std::size_t at = 0;
  for (; at + 32 <= text.size(); at += 32) {
    std::uint64_t words[4];
    std::memcpy(words, text.data() + at, sizeof words);
    if ((words[0] | words[1] | words[2] | words[3]) & high) break;
  }
  while (at < text.size() && static_cast<unsigned char>(text[at]) < 0x80) ++at;
  return at;
}

/// Bytes of the well-formed sequence at `at`, or 0 where there is none.
[[nodiscard]] constexpr std::size_t utf8_sequence(std::string_view text, std::size_t at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const std::size_t left = text.size() - at;
  const auto within = [&](std::size_t i, unsigned low, unsigned high) { return byte(i) >= low && byte(i) <= high; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first < 0xc2 || first > 0xf4) return 0;
  if (first < 0xe0) return left >= 2 && within(1, 0x80, 0xbf) ? 2 : 0;
  if (first < 0xf0) {
    const unsigned low = first == 0xe0 ? 0xa0 : 0x80;
    const unsigned high = first == 0xed ? 0x9f : 0xbf;
    return left >= 3 && within(1, low, high) && within(2, 0x80, 0xbf) ? 3 : 0;
  }
  const unsigned low = first == 0xf0 ? 0x90 : 0x80;
  const unsigned high = first == 0xf4 ? 0x8f : 0xbf;
  return left >= 4 && within(1, low, high) && within(2, 0x80, 0xbf) && within(3, 0x80, 0xbf) ? 4 : 0;
}

/// Whether `text` is one code point, well-formed, and nothing else.
[[nodiscard]] constexpr bool is_one_character(std::string_view text) noexcept {
  return !text.empty() && utf8_sequence(text, 0) == text.size();
}

/// The byte offset of the first ill-formed sequence, or nothing where `text` is well-formed.
[[nodiscard]] inline std::optional<std::size_t> find_invalid_utf8(std::string_view text) noexcept {
  std::size_t at = 0;
  while (at < text.size()) {
    if (static_cast<unsigned char>(text[at]) < 0x80) {
      at += ascii_prefix(text.substr(at));
      continue;
    }
    const std::size_t length = utf8_sequence(text, at);
    if (length == 0) return at;
    at += length;
  }
  return std::nullopt;
}

/// Nothing, or `invalid_text` with the offset of the first ill-formed byte. `thing` names the text in the error.
[[nodiscard]] inline result<> check_utf8(std::string_view text, std::string_view thing = "text") {
  const auto bad = find_invalid_utf8(text);
  if (!bad) return {};
  constexpr std::string_view digits = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(text[*bad]);
  return fail({.code = error_code::invalid_text,
               .thing = std::string(thing),
               .wanted = "UTF-8",
               .found = std::string("byte 0x") + digits[byte >> 4U] + digits[byte & 15U],
               .offset = *bad});
}

/// Bytes of the sequence that `lead` begins, in well-formed text.
[[nodiscard]] constexpr std::size_t utf8_size(char lead) noexcept {
  const auto byte = static_cast<unsigned char>(lead);
  return byte < 0x80 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}

/// The code point at `at`, which moves behind it. Precondition: well-formed text, `at` on a boundary before the end.
[[nodiscard]] constexpr code_point decode_utf8(std::string_view text, std::size_t& at) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<code_point>(static_cast<unsigned char>(text[at + i])); };
  const std::size_t length = utf8_size(text[at]);
  code_point c = byte(0);
  if (length == 2) c = (c & 0x1fU) << 6U | (byte(1) & 0x3fU);
  if (length == 3) c = (c & 0x0fU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU);
  if (length == 4) c = (c & 0x07U) << 18U | (byte(1) & 0x3fU) << 12U | (byte(2) & 0x3fU) << 6U | (byte(3) & 0x3fU);
  at += length;
  return c;
}

/// The code point that ends at `end`, which moves before it. Precondition: well-formed text, `end` on a boundary after
/// the start.
[[nodiscard]] constexpr code_point decode_utf8_before(std::string_view text, std::size_t& end) noexcept {
  do --end;
  while ((static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U);
  std::size_t at = end;
  return decode_utf8(text, at);
}

/// Writes `c` at `out` (4 bytes of room); returns the bytes written.
constexpr std::size_t encode_utf8(code_point c, char* out) noexcept {
  const auto put = [&](std::size_t i, code_point value) {
    out[i] = static_cast<char>(static_cast<unsigned char>(value));
  };
  if (c < 0x80) {
    put(0, c);
    return 1;
  }
  if (c < 0x800) {
    put(0, 0xc0U | c >> 6U);
    put(1, 0x80U | (c & 0x3fU));
    return 2;
  }
  if (c < 0x10000) {
    put(0, 0xe0U | c >> 12U);
    put(1, 0x80U | (c >> 6U & 0x3fU));
    put(2, 0x80U | (c & 0x3fU));
    return 3;
  }
  put(0, 0xf0U | c >> 18U);
  put(1, 0x80U | (c >> 12U & 0x3fU));
  put(2, 0x80U | (c >> 6U & 0x3fU));
  put(3, 0x80U | (c & 0x3fU));
  return 4;
}

}  // namespace tessera::inline TESSERA_ABI
