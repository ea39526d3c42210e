// SPDX-License-Identifier: Apache-2.0
/// Pre-tokenisers: the words of a normalised text, which the model then cuts into tokens.
///
///     ts::bert_pre_tokenizer{}.for_each_word("don't go", each);      // each(begin, end): "don", "'", "t", "go"
///
/// Each pre-tokeniser is a type with the settings of tokenizer.json and calls `each` with the byte range of every word, in order.
#pragma once

#include <tessera/text/unicode.hpp>

#include <variant>

namespace tessera::inline TESSERA_ABI {

namespace detail {

enum class ascii_kind : std::uint8_t { word, space, punctuation, other };

/// Words, White_Space and punctuation of ASCII; `other` for bytes of longer sequences.
inline constexpr auto ascii_kinds = [] {
  std::array<ascii_kind, 256> kinds{};
  for (unsigned c = 0; c < 256; ++c) {
    const bool space = (c >= 9 && c <= 13) || c == 32;
    const bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    kinds[c] = c >= 128                             ? ascii_kind::other
               : space                              ? ascii_kind::space
               : c > 32 && c < 127 && !alphanumeric ? ascii_kind::punctuation
                                                    : ascii_kind::word;
  }
  return kinds;
}();

}  // namespace detail

/// BertPreTokenizer: white space separates, every punctuation character is a word of its own.
struct bert_pre_tokenizer {
  /// `each(begin, end)` returns false to stop. Precondition: well-formed UTF-8.
  template <class Each>
  void for_each_word(std::string_view text, Each&& each) const {
    const auto& classes = detail::class_table();
    std::size_t word = 0;  // where the open word begins; none is open while word == at
    for (std::size_t at = 0; at < text.size();) {
      detail::ascii_kind kind = detail::ascii_kinds[static_cast<unsigned char>(text[at])];
      std::size_t next = at + 1;
      if (kind == detail::ascii_kind::word) {
        at = next;
        continue;
      }
      if (kind == detail::ascii_kind::other) {
        next = at;
        const code_point c = decode_utf8(text, next);
        const unsigned bits = c < detail::class_table_size ? classes[c] : detail::compute_class(c);
        if ((bits & (char_class::space | char_class::punctuation)) == 0) {
          at = next;
          continue;
        }
        kind = (bits & char_class::space) != 0 ? detail::ascii_kind::space : detail::ascii_kind::punctuation;
      }
      if (word != at && !each(word, at)) return;
      if (kind == detail::ascii_kind::punctuation && !each(at, next)) return;
      word = at = next;
    }
    if (word != text.size()) each(word, text.size());
  }
};

/// The whole text is one word.
struct no_pre_tokenizer {
  template <class Each>
  void for_each_word(std::string_view text, Each&& each) const {
    if (!text.empty()) each(std::size_t{0}, text.size());
  }
};

using pre_tokenizer = std::variant<no_pre_tokenizer, bert_pre_tokenizer>;

}  // namespace tessera::inline TESSERA_ABI
