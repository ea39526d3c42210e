// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/pattern_class.hpp over utf8proc.
#pragma once

#include <tessera/text/pattern_class.hpp>
#include <tessera/text/unicode_forms.hpp>
#include <tessera/text/unicode_ranges.hpp>

#include <utf8proc.h>

namespace tessera::inline TESSERA_ABI::detail {

/// Whether `c` alone is its own NFC, which for a decomposing character means that its parts compose to it again.
[[nodiscard]] inline bool composes_again(code_point c) noexcept {
  std::array<code_point, longest_decomposition> parts{};
  const std::size_t n = decompose(c, parts);
  code_point whole = parts[0];
  for (std::size_t i = 1; i < n; ++i) {
    const code_point next = compose_pair(whole, parts[i]);
    if (next == 0) return false;
    whole = next;
  }
  return whole == c;
}

TESSERA_INLINE std::uint8_t compute_pattern_class(code_point c) noexcept {
  const utf8proc_property_t& property = *utf8proc_get_property(static_cast<utf8proc_int32_t>(c));
  unsigned bits = 0;
  bool mark = false;
  switch (property.category) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO: bits |= pattern_class::letter; break;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO: bits |= pattern_class::number; break;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME: mark = true; break;
    default: break;
  }
  if (in_ranges(c, recent_letter_ranges)) bits |= pattern_class::letter;
  if (in_ranges(c, recent_number_ranges)) bits |= pattern_class::number;
  if (is_white_space(c)) bits |= pattern_class::space;
  if (c == '\r' || c == '\n') bits |= pattern_class::newline;
  const bool jamo = c >= 0x1160 && c <= 0x11ff;
  const bool syllable = c >= 0xac00 && c <= 0xd7a3;
  if (mark || jamo || (c >= 0xc0 && !syllable && !composes_again(c))) bits |= pattern_class::not_nfc;
  switch (property.boundclass) {
    case UTF8PROC_BOUNDCLASS_START:
    case UTF8PROC_BOUNDCLASS_OTHER:
    case UTF8PROC_BOUNDCLASS_CR:
    case UTF8PROC_BOUNDCLASS_LF:
    case UTF8PROC_BOUNDCLASS_CONTROL: break;
    default: bits |= pattern_class::joins;
  }
  return static_cast<std::uint8_t>(bits);
}

TESSERA_INLINE const std::array<std::uint8_t, pattern_table_size>& pattern_table() noexcept {
  static const auto table = [] {
    std::array<std::uint8_t, pattern_table_size> classes{};
    for (code_point c = 0; c < pattern_table_size; ++c) classes[c] = compute_pattern_class(c);
    return classes;
  }();
  return table;
}

}  // namespace tessera::inline TESSERA_ABI::detail
