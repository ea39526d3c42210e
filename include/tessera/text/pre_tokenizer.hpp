// SPDX-License-Identifier: Apache-2.0
/// Pre-tokenisers: the words of a normalised text, which the model then cuts into tokens.
///
///     ts::bert_pre_tokenizer{}.for_each_word("don't go", each);      // each(begin, end): "don", "'", "t", "go"
///
/// Each pre-tokeniser is a type with the settings of tokenizer.json and calls `each` with the byte range of every word, in order.
#pragma once

#include <tessera/text/unicode.hpp>

#include <bit>
#include <cstring>
#include <variant>

namespace tessera::inline TESSERA_ABI {

/// Bytes [begin, end) of a text that are one word.
struct word_range {
  std::size_t begin = 0;
  std::size_t end = 0;
  [[nodiscard]] constexpr std::size_t size() const noexcept { return end - begin; }
};

/// Words are given to a model in groups of at most so many.
inline constexpr std::size_t most_words = 32;

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

inline constexpr std::size_t swar_bytes = 8;

/// How many of the next 8 bytes, from the first on, are ASCII letters and digits: 8 bytes at once within one register.
[[nodiscard]] inline std::size_t alphanumeric_run(std::string_view text, std::size_t at) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;
  std::uint64_t bytes = 0;  // zeros end the run where the text ends
  if (at + swar_bytes <= text.size()) std::memcpy(&bytes, text.data() + at, swar_bytes);
  else std::memcpy(&bytes, text.data() + at, text.size() - at);
  if constexpr (std::endian::native == std::endian::big) bytes = std::byteswap(bytes);
  const std::uint64_t low = bytes & ~highs;
  const std::uint64_t folded = low | 0x20 * ones;  // upper case onto lower case, and nothing else onto a letter
  const auto from = [](std::uint64_t x, unsigned least) {
    return x + (0x80 - least) * ones;
  };  // high bit: byte >= least
  const std::uint64_t digit = from(low, '0') & ~from(low, '9' + 1);
  const std::uint64_t letter = from(folded, 'a') & ~from(folded, 'z' + 1);
  const std::uint64_t others = (~(digit | letter) | bytes) & highs;
  return static_cast<std::size_t>(std::countr_zero(others)) / 8;
}

}  // namespace detail

/// BertPreTokenizer: white space separates, every punctuation character is a word of its own.
struct bert_pre_tokenizer {
  /// `each(begin, end)` returns false to stop. Precondition: well-formed UTF-8.
  template <class Each>
  void for_each_word(std::string_view text, Each&& each) const {
    using detail::ascii_kind;
    const auto& classes = detail::class_table();
    std::size_t word = 0;  // where the open word begins; none is open while word == at
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t run = detail::alphanumeric_run(text, at);
      at += run;
      if (run == detail::swar_bytes) continue;
      if (at == text.size()) break;
      ascii_kind kind = detail::ascii_kinds[static_cast<unsigned char>(text[at])];
      std::size_t next = at + 1;
      if (kind == ascii_kind::other) {
        next = at;
        const code_point c = decode_utf8(text, next);
        const unsigned bits = c < detail::class_table_size ? classes[c] : detail::compute_class(c);
        kind = (bits & char_class::space) != 0         ? ascii_kind::space
               : (bits & char_class::punctuation) != 0 ? ascii_kind::punctuation
                                                       : ascii_kind::word;
      }
      if (kind != ascii_kind::word) {
        if (word != at && !each(word, at)) return;
        if (kind == ascii_kind::punctuation && !each(at, next)) return;
        word = next;
      }
      at = next;
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
