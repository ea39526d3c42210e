// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/unicode.hpp over utf8proc, with the reference's Unicode versions where they differ.
#pragma once

#include <tessera/text/unicode.hpp>
#include <tessera/text/unicode_ranges.hpp>

#include <utf8proc.h>

#include <algorithm>
#include <iterator>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// BERT's list of CJK blocks. U+2B820 to U+2B91F is missing in it, and so here.
[[nodiscard]] constexpr bool is_bert_ideograph(code_point c) noexcept {
  return (c >= 0x4e00 && c <= 0x9fff) || (c >= 0x3400 && c <= 0x4dbf) || (c >= 0x20000 && c <= 0x2a6df) ||
         (c >= 0x2a700 && c <= 0x2b81f) || (c >= 0x2b920 && c <= 0x2ceaf) || (c >= 0xf900 && c <= 0xfaff) ||
         (c >= 0x2f800 && c <= 0x2fa1f);
}

TESSERA_INLINE std::uint8_t compute_class(code_point c) noexcept {
  unsigned bits = 0;
  if (c == 0 || c == 0xfffd || in_ranges(c, control_ranges)) bits |= char_class::removed;
  if (is_white_space(c)) bits |= char_class::space;
  if (in_ranges(c, punctuation_ranges)) bits |= char_class::punctuation;
  if (is_bert_ideograph(c)) bits |= char_class::ideograph;
  if (in_ranges(c, nonspacing_mark_ranges)) bits |= char_class::mark;
  std::array<code_point, longest_decomposition> parts{};
  if (combining_class(c) != 0 || decompose(c, parts) > 1 || parts[0] != c) bits |= char_class::decomposes;
  std::array<code_point, longest_lower_case> lower{};
  if (lower_case(c, lower) > 1 || lower[0] != c) bits |= char_class::cased;
  return static_cast<std::uint8_t>(bits);
}

TESSERA_INLINE const std::array<std::uint8_t, class_table_size>& class_table() noexcept {
  static const auto table = [] {
    std::array<std::uint8_t, class_table_size> classes{};
    for (code_point c = 0; c < class_table_size; ++c) classes[c] = compute_class(c);
    return classes;
  }();
  return table;
}

/// The case pairs of Unicode 16 and 17, which the reference knows and an older utf8proc does not.
[[nodiscard]] constexpr code_point recent_lower_case(code_point c) noexcept {
  if (c >= 0x10d50 && c <= 0x10d65) return c + 0x20;
  if (c >= 0x16ea0 && c <= 0x16eb8) return c + 0x1b;
  switch (c) {
    case 0x1c89:
    case 0xa7cc:
    case 0xa7ce:
    case 0xa7d2:
    case 0xa7d4:
    case 0xa7da: return c + 1;
    case 0xa7cb: return 0x264;
    case 0xa7dc: return 0x19b;
    default: return c;
  }
}

[[nodiscard]] inline const utf8proc_property_t& properties(code_point c) noexcept {
  return *utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
}

TESSERA_INLINE const fold_tables& folds() noexcept {
  static const auto tables = [] {
    fold_tables made;
    for (code_point c = 0x80; c < fold_table_size; ++c) {
      std::array<code_point, longest_decomposition> parts{};
      const std::size_t n = decompose(c, parts);
      bool simple = combining_class(parts[0]) == 0 && !in_ranges(parts[0], nonspacing_mark_ranges);
      for (std::size_t i = 1; i < n; ++i) simple = simple && in_ranges(parts[i], nonspacing_mark_ranges);
      std::array<code_point, longest_lower_case> lower{};
      if (!simple || lower_case(parts[0], lower) != 1) continue;
      made.same_case[c] = static_cast<std::uint16_t>(parts[0]);
      made.lower[c] = static_cast<std::uint16_t>(lower[0]);
    }
    return made;
  }();
  return tables;
}

}  // namespace detail

TESSERA_INLINE std::uint8_t combining_class(code_point c) noexcept {
  if (!detail::in_ranges(c, detail::combining_ranges)) return 0;
  return static_cast<std::uint8_t>(detail::properties(c).combining_class);
}

TESSERA_INLINE std::size_t decompose(code_point c, std::span<code_point, longest_decomposition> out) noexcept {
  if (c < 0xc0 || (c >= 0x10000 && !detail::in_ranges(c, detail::supplementary_decomposition_ranges))) {
    out[0] = c;
    return 1;
  }
  utf8proc_int32_t parts[longest_decomposition];
  int boundary = 0;
  const auto length = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(c), parts, longest_decomposition,
                                              UTF8PROC_DECOMPOSE, &boundary);
  TESSERA_ASSERT(length >= 1 && static_cast<std::size_t>(length) <= longest_decomposition);
  for (std::size_t i = 0; i < static_cast<std::size_t>(length); ++i) out[i] = static_cast<code_point>(parts[i]);
  return static_cast<std::size_t>(length);
}

TESSERA_INLINE std::size_t lower_case(code_point c, std::span<code_point, longest_lower_case> out) noexcept {
  if (c == 0x130) {  // the one letter whose lower case, without context, is two code points
    out[0] = 'i';
    out[1] = 0x307;
    return 2;
  }
  out[0] = detail::recent_lower_case(c);
  if (out[0] == c) out[0] = static_cast<code_point>(utf8proc_tolower(static_cast<utf8proc_int32_t>(c)));
  return 1;
}

TESSERA_INLINE bool is_word_character(code_point c) noexcept {
  switch (detail::properties(c).category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_PC: return true;
    default:  // Other_Alphabetic outside those categories, Join_Control, and what is younger than utf8proc
      return (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) || (c >= 0x1f150 && c <= 0x1f169) ||
             (c >= 0x1f170 && c <= 0x1f189) || c == 0x200c || c == 0x200d ||
             detail::in_ranges(c, detail::recent_word_ranges);
  }
}

}  // namespace tessera::inline TESSERA_ABI
