// SPDX-License-Identifier: Apache-2.0
/// Pre-tokenisers: the words of a normalised text, which the model then cuts into tokens.
///
///     ts::bert_pre_tokenizer{}.for_each_word("don't go", each);      // each(begin, end): "don", "'", "t", "go"
///
/// Each step is a type with the settings of tokenizer.json; a `pre_tokenizer` is a list of them. Steps cut words into
/// words; some also rewrite the text (Metaspace, ByteLevel), so that what they give is a text and the words in it.
#pragma once

#include <tessera/text/normalized.hpp>
#include <tessera/text/pattern.hpp>
#include <tessera/text/split_behavior.hpp>
#include <tessera/text/unicode.hpp>

#include <concepts>
#include <variant>

namespace tessera::inline TESSERA_ABI {

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

/// How many of the next 8 bytes, from the first on, are ASCII letters and digits: 8 bytes at once within one register.
[[nodiscard]] inline std::size_t alphanumeric_run(std::string_view text, std::size_t at) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;
  const std::uint64_t bytes = load_eight(text, at);
  const std::uint64_t low = bytes & ~highs;
  const std::uint64_t digit = (low + (0x80 - '0') * ones) & ~(low + (0x80 - '9' - 1) * ones) & ~bytes;
  const std::uint64_t others = ~(digit | ascii_letters(bytes)) & highs;
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
struct no_pre_tokenizer {};

/// WhitespaceSplit: what stands between White_Space.
struct whitespace_split {};
/// Whitespace: runs of word characters, and runs of what is neither those nor white space.
struct word_split {};
/// Punctuation: BERT's punctuation characters.
struct punctuation_split {
  split_behavior behavior = split_behavior::isolated;
};
/// Digits: numbers (general category N), each alone or in runs.
struct digit_split {
  bool individual = false;
};
/// CharDelimiterSplit: what stands between one character.
struct delimiter_split {
  code_point delimiter = ' ';
};
/// FixedLength: so many characters each, the last word what is left.
struct length_split {
  std::size_t length = 5;  ///< at least 1
};
/// UnicodeScripts: runs of one script; blanks go along with what stands before them, and are dropped at the front.
struct script_split {};
/// Split: a pattern and what becomes of its matches.
struct pattern_split {
  text_pattern pattern;
  split_behavior behavior = split_behavior::isolated;
  bool invert = false;
};

/// Metaspace: blanks become `replacement`, which also stands before a word that does not begin with it, and begins a
/// new word.
struct metaspace {
  enum class scheme : std::uint8_t { always, first, never };
  std::string replacement = "\u2581";
  scheme prepend = scheme::always;  ///< first: only before the word at the beginning of the source
  bool split = true;
};

/// ByteLevel with add_prefix_space: a blank before a word that has none.
struct prefix_space {};
/// ByteLevel's alphabet: every byte becomes the character that stands for it.
struct byte_characters {};

using pre_tokenizer_step =
    std::variant<bert_pre_tokenizer, whitespace_split, word_split, punctuation_split, digit_split, delimiter_split,
                 length_split, script_split, pattern_split, metaspace, prefix_space, byte_characters>;

/// Working memory of splitting, reused from call to call.
struct pre_tokenizer_scratch {
  normalized_text text[2];            ///< steps that write use them in turn
  std::vector<word_range> words[2];
  std::vector<detail::matched_range> stretches;
  detail::match_memory memory;
};

struct pre_tokenizer {
  std::vector<pre_tokenizer_step> steps = {};

  pre_tokenizer() = default;
  pre_tokenizer(no_pre_tokenizer) {}
  template <class Step>
    requires std::constructible_from<pre_tokenizer_step, Step> && (!std::same_as<std::remove_cvref_t<Step>, pre_tokenizer>)
  pre_tokenizer(Step&& step) : steps(1, pre_tokenizer_step(std::forward<Step>(step))) {}

  struct split_text {
    normalized_view text;
    std::span<const word_range> words;
  };
  /// The words of `from`, after every step. The result lives in `from` and `scratch`. Error: unsupported where a
  /// regular expression is too costly on the text.
  [[nodiscard]] result<split_text> split(const normalized_view& from, pre_tokenizer_scratch& scratch) const;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/pre_tokenizer-inl.hpp>
#endif
