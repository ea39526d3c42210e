// SPDX-License-Identifier: Apache-2.0
/// What a tokenizer asks about a character: its class, its canonical decomposition, its lower case.
///
///     if (ts::char_class_of(0x00e9) & ts::char_class::decomposes) ...      // é = e + U+0301
///
/// Classes and case follow the reference tokenizers, whose Unicode version is fixed (unicode_ranges.hpp), so ids do not depend on
/// the machine's Unicode library.
#pragma once

#include <tessera/text/utf8.hpp>

#include <array>
#include <span>

namespace tessera::inline TESSERA_ABI {

/// Bits of a character's class.
struct char_class {
  static constexpr std::uint8_t removed = 1;      ///< dropped by BERT's cleaning
  static constexpr std::uint8_t space = 2;        ///< White_Space
  static constexpr std::uint8_t punctuation = 4;  ///< a word of its own to BERT
  static constexpr std::uint8_t ideograph = 8;    ///< BERT puts spaces around it
  static constexpr std::uint8_t mark = 16;        ///< nonspacing mark, removed with the accents
  static constexpr std::uint8_t decomposes = 32;  ///< canonical decomposition or a combining class other than 0
  static constexpr std::uint8_t cased = 64;       ///< has another lower case
};

/// At most this many code points in a full canonical decomposition.
inline constexpr std::size_t longest_decomposition = 4;
/// At most this many code points in a lower case.
inline constexpr std::size_t longest_lower_case = 2;

namespace detail {

/// Classes of the first two planes, built once a program (under 1 ms): the rest is rare enough to be computed.
inline constexpr code_point class_table_size = 0x20000;
[[nodiscard]] const std::array<std::uint8_t, class_table_size>& class_table() noexcept;
[[nodiscard]] std::uint8_t compute_class(code_point c) noexcept;

/// What is left of an accented letter, as a letter ("é": "e"); 0 where its decomposition is not one starter and marks
/// that go with the accents. One table keeps the case, one lowers it.
inline constexpr code_point fold_table_size = 0x2000;
struct fold_tables {
  std::array<std::uint16_t, fold_table_size> same_case{}, lower{};
};
[[nodiscard]] const fold_tables& folds() noexcept;

}  // namespace detail

/// The class bits of `c`.
[[nodiscard]] inline std::uint8_t char_class_of(code_point c) noexcept {
  return c < detail::class_table_size ? detail::class_table()[c] : detail::compute_class(c);
}

/// The full canonical decomposition (NFD before ordering) of `c` into `out`; returns its length, at least 1.
std::size_t decompose(code_point c, std::span<code_point, longest_decomposition> out) noexcept;
/// The canonical combining class.
[[nodiscard]] std::uint8_t combining_class(code_point c) noexcept;
/// The lower case of `c` alone (no context, no language) into `out`; returns its length.
std::size_t lower_case(code_point c, std::span<code_point, longest_lower_case> out) noexcept;

/// Whether regular expressions call `c` a word character (\w of UTS 18): letters, marks, decimal digits, connectors, joiners.
[[nodiscard]] bool is_word_character(code_point c) noexcept;

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/unicode-inl.hpp>
#endif
