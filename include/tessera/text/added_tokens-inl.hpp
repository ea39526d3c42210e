// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/added_tokens.hpp.
#pragma once

#include <tessera/text/added_tokens.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE added_token_finder::added_token_finder(std::vector<added_token> tokens,
                                                      std::span<const std::string_view> patterns)
    : tokens_(std::move(tokens)), patterns_(trie::build(patterns)) {
  for (const std::string_view pattern : patterns) starts_.set(static_cast<unsigned char>(pattern.front()));
  if (starts_.count() == 1) only_start_ = static_cast<unsigned char>(patterns.front().front());
}

TESSERA_INLINE bool added_token_finder::ends_with_word(std::string_view text) noexcept {
  std::size_t end = text.size();
  return end != 0 && is_word_character(decode_utf8_before(text, end));
}

TESSERA_INLINE bool added_token_finder::starts_with_word(std::string_view text) noexcept {
  std::size_t at = 0;
  return !text.empty() && is_word_character(decode_utf8(text, at));
}

TESSERA_INLINE std::size_t added_token_finder::before_space(std::string_view text, std::size_t end) noexcept {
  while (end != 0) {
    std::size_t at = end;
    if ((char_class_of(decode_utf8_before(text, at)) & char_class::space) == 0) break;
    end = at;
  }
  return end;
}

TESSERA_INLINE std::size_t added_token_finder::after_space(std::string_view text, std::size_t begin) noexcept {
  while (begin < text.size()) {
    std::size_t at = begin;
    if ((char_class_of(decode_utf8(text, at)) & char_class::space) == 0) break;
    begin = at;
  }
  return begin;
}

}  // namespace tessera::inline TESSERA_ABI
