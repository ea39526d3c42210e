// SPDX-License-Identifier: Apache-2.0
/// What the patterns of tokenizers ask about a character: letter, number, white space, line end.
///
///     if (ts::pattern_class_of(c) & ts::pattern_class::letter) ...           // \p{L}
///
/// General categories of the Unicode version of the reference's regular expressions (pattern_ranges.hpp adds what an
/// older utf8proc lacks).
#pragma once

#include <tessera/text/utf8.hpp>

#include <array>

namespace tessera::inline TESSERA_ABI {

/// Bits of a character's class in patterns.
struct pattern_class {
  static constexpr std::uint8_t letter = 1;       ///< \p{L}
  static constexpr std::uint8_t number = 2;       ///< \p{N}
  static constexpr std::uint8_t space = 4;        ///< \s, White_Space
  static constexpr std::uint8_t newline = 8;      ///< \r and \n
  static constexpr std::uint8_t not_nfc = 16;     ///< may change, or change others, under NFC
  static constexpr std::uint8_t joins = 32;       ///< may share a grapheme with a neighbour (CR and LF aside)
};

namespace detail {

inline constexpr code_point pattern_table_size = 0x20000;
/// Built once a program; beyond it every character is computed.
[[nodiscard]] const std::array<std::uint8_t, pattern_table_size>& pattern_table() noexcept;
[[nodiscard]] std::uint8_t compute_pattern_class(code_point c) noexcept;

}  // namespace detail

/// The class bits of `c`.
[[nodiscard]] inline std::uint8_t pattern_class_of(code_point c) noexcept {
  return c < detail::pattern_table_size ? detail::pattern_table()[c] : detail::compute_pattern_class(c);
}

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/pattern_class-inl.hpp>
#endif
