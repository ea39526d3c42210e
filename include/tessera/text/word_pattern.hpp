// SPDX-License-Identifier: Apache-2.0
/// The split patterns that most byte-level models share, as loops over character classes instead of a regular
/// expression.
///
///     ts::word_pattern{ts::word_pattern::qwen2}.for_each_word("I'm 42!", each);      // "I", "'m", " ", "4", "2", "!"
///
/// Each is the published expression, alternative by alternative; text/pattern.hpp recognises the expressions, and the
/// tests hold the loops to PCRE2's matches of them.
#pragma once

#include <tessera/text/pattern_class.hpp>

#include <bit>
#include <cstring>
#include <limits>

namespace tessera::inline TESSERA_ABI {

namespace detail {

inline constexpr std::size_t swar_bytes = 8;

/// Eight bytes of text from `at`, zeros behind its end, the first in the low bits.
[[nodiscard]] inline std::uint64_t load_eight(std::string_view text, std::size_t at) noexcept {
  std::uint64_t bytes = 0;
  if (at + swar_bytes <= text.size()) std::memcpy(&bytes, text.data() + at, swar_bytes);
  else std::memcpy(&bytes, text.data() + at, text.size() - at);
  if constexpr (std::endian::native == std::endian::big) bytes = std::byteswap(bytes);
  return bytes;
}

/// The high bit of every byte that is an ASCII letter.
[[nodiscard]] constexpr std::uint64_t ascii_letters(std::uint64_t bytes) noexcept {
  constexpr std::uint64_t ones = 0x0101010101010101U, highs = 0x8080808080808080U;
  const std::uint64_t folded = (bytes & ~highs) | 0x20 * ones;  // upper case onto lower case, and nothing else onto a letter
  return (folded + (0x80 - 'a') * ones) & ~(folded + (0x80 - 'z' - 1) * ones) & ~bytes & highs;
}

/// How many of the next 8 bytes, from the first on, are ASCII letters.
[[nodiscard]] inline std::size_t letter_run(std::string_view text, std::size_t at) noexcept {
  const std::uint64_t letters = ascii_letters(load_eight(text, at));
  return static_cast<std::size_t>(std::countr_zero(~letters & 0x8080808080808080U)) / 8;
}

}  // namespace detail

/// GPT-2's expression, which byte-level tokenizers use where they name none.
inline constexpr std::string_view gpt2_expression =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

/// The later form, with numbers alone (Qwen2) or by three (Llama 3).
inline constexpr std::string_view qwen2_expression =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
inline constexpr std::string_view llama3_expression =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

/// Contractions, words, numbers, punctuation and white space: the pattern of GPT-2, and its later form (cl100k) as
/// Qwen2 and Llama 3 have it.
struct word_pattern {
  enum class kind : std::uint8_t { gpt2, qwen2, llama3 };
  using enum kind;
  kind which = kind::gpt2;

  /// Calls `each(begin, end)` for every word; together they are the text. `each` returns false to stop. Precondition:
  /// well-formed UTF-8.
  template <class Each>
  void for_each_word(std::string_view text, Each&& each) const {
    if (which == kind::gpt2) split<true, 0>(text, each);
    else if (which == kind::qwen2) split<false, 1>(text, each);
    else split<false, 3>(text, each);
  }

 private:
  using cls = pattern_class;

  struct character {
    unsigned bits;     // class
    std::size_t next;  // where the one after it begins
  };
  [[nodiscard]] static character look(std::string_view text, std::size_t at,
                                      const std::array<std::uint8_t, detail::pattern_table_size>& classes) noexcept {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte < 0x80) return {classes[byte], at + 1};
    const code_point c = decode_utf8(text, at);
    return {c < detail::pattern_table_size ? classes[c] : detail::compute_pattern_class(c), at};
  }

  /// The end of 's, 't, 're, 've, 'm, 'll, 'd at `at`, which is an apostrophe; `at` where there is none.
  template <bool AnyCase>
  [[nodiscard]] static std::size_t contraction(std::string_view text, std::size_t at) noexcept {
    const auto letter = [&](std::size_t i) {
      if (at + i >= text.size()) return '\0';
      const char c = text[at + i];
      return AnyCase && c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
    };
    const char first = letter(1), second = letter(2);
    if (first == 's' || first == 't' || first == 'm' || first == 'd') return at + 2;
    if ((first == 'r' && second == 'e') || (first == 'v' && second == 'e') || (first == 'l' && second == 'l'))
      return at + 3;
    if (AnyCase && text.substr(at + 1).starts_with("\u017f")) return at + 3;  // the long s folds to s
    return at;
  }

  template <class Bits>
  [[nodiscard]] static std::size_t run(std::string_view text, std::size_t at, std::size_t most, const auto& classes,
                                       Bits wanted) noexcept {
    for (; most != 0 && at < text.size(); --most) {
      const character c = look(text, at, classes);
      if (!wanted(c.bits)) break;
      at = c.next;
    }
    return at;
  }
  [[nodiscard]] static std::size_t letters(std::string_view text, std::size_t at, const auto& classes) noexcept {
    while (at < text.size()) {
      const std::size_t ascii = detail::letter_run(text, at);
      at += ascii;
      if (ascii == detail::swar_bytes) continue;
      if (at == text.size()) break;
      const character c = look(text, at, classes);
      if ((c.bits & cls::letter) == 0) break;
      at = c.next;
    }
    return at;
  }

  /// `Gpt2` chooses the older pattern; `Digits` is how many numbers stand together, 0 for any.
  template <bool Gpt2, std::size_t Digits, class Each>
  void split(std::string_view text, Each& each) const {
    const auto& classes = detail::pattern_table();
    constexpr std::size_t any = std::numeric_limits<std::size_t>::max();
    constexpr std::size_t digits = Digits == 0 ? any : Digits;
    constexpr unsigned named = cls::letter | cls::number | cls::space;
    const auto is_other = [](unsigned bits) { return (bits & named) == 0; };
    const auto is_number = [](unsigned bits) { return (bits & cls::number) != 0; };
    for (std::size_t at = 0; at < text.size();) {
      const std::size_t begin = at;
      const character first = look(text, at, classes);
      if (text[at] == '\'') {
        at = contraction<!Gpt2>(text, at);
        if (at != begin) {
          if (!each(begin, at)) return;
          continue;
        }
      }
      if ((first.bits & cls::letter) != 0) {
        at = letters(text, first.next, classes);
      } else if ((first.bits & cls::number) != 0) {
        at = run(text, first.next, digits == any ? any : digits - 1, classes, is_number);
      } else {
        // What may stand before a word: a blank, or to the later pattern anything but a line end.
        const bool may_lead = Gpt2 ? text[at] == ' ' : (first.bits & cls::newline) == 0;
        const character second = first.next < text.size() ? look(text, first.next, classes) : character{cls::space, 0};
        if (may_lead && (second.bits & cls::letter) != 0) {
          at = letters(text, second.next, classes);
        } else if (Gpt2 && may_lead && (second.bits & cls::number) != 0) {
          at = run(text, second.next, any, classes, is_number);
        } else if (is_other(first.bits) || (text[at] == ' ' && is_other(second.bits))) {
          at = run(text, first.next, any, classes, is_other);
          if (!Gpt2) at = run(text, at, any, classes, [](unsigned bits) { return (bits & cls::newline) != 0; });
        } else {
          at = white_space<Gpt2>(text, at, classes);
        }
      }
      if (!each(begin, at)) return;
    }
  }

  /// A run of white space: to the later pattern up to its last line end; else all of it at the end of the text, and all
  /// but the last character, which may lead a word, before others.
  template <bool Gpt2>
  [[nodiscard]] static std::size_t white_space(std::string_view text, std::size_t at, const auto& classes) noexcept {
    std::size_t last = at, end = at, after_newline = at;
    while (end < text.size()) {
      const character c = look(text, end, classes);
      if ((c.bits & cls::space) == 0) break;
      last = end;
      end = c.next;
      if ((c.bits & cls::newline) != 0) after_newline = end;
    }
    if (!Gpt2 && after_newline != at) return after_newline;
    return end == text.size() || last == at ? end : last;
  }
};

}  // namespace tessera::inline TESSERA_ABI
