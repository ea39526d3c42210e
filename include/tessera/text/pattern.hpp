// SPDX-License-Identifier: Apache-2.0
/// Patterns of tokenizer files: a literal text or a regular expression, and where it matches.
///
///     TESSERA_TRY(const ts::text_pattern pattern, ts::text_pattern::expression("\\p{N}{1,3}"));
///     pattern.for_each_match(text, memory, [](std::size_t begin, std::size_t end) { ... });
///
/// Expressions that published models share run as hand-written loops; others run in PCRE2, compiled once, with Unicode
/// classes as the reference's engine has them (text/pattern_syntax-inl.hpp). What cannot be said to PCRE2 in that engine's sense
/// (\h, \G, (?m), }+) is refused.
#pragma once

#include <tessera/base/result.hpp>
#include <tessera/text/match_memory.hpp>
#include <tessera/text/word_pattern.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace tessera::inline TESSERA_ABI {

namespace detail {

struct compiled_expression;  // of PCRE2; immutable, shared by copies

}  // namespace detail

class text_pattern {
 public:
  /// The text itself; an empty one never matches.
  [[nodiscard]] static text_pattern literal(std::string text) {
    text_pattern made;
    made.literal_ = std::move(text);
    return made;
  }
  /// Errors: malformed with PCRE2's message and its place in the expression; unsupported.
  [[nodiscard]] static result<text_pattern> expression(std::string_view pattern);
  /// The same, always in PCRE2.
  [[nodiscard]] static result<text_pattern> engine_expression(std::string_view pattern);

  /// The text that it looks for; nothing where it is an expression.
  [[nodiscard]] std::optional<std::string_view> text() const noexcept {
    if (words_ || blanks_ != 0 || engine_ != nullptr) return std::nullopt;
    return literal_;
  }
  /// The hand-written loop that stands for the expression, whose matches cover every text.
  [[nodiscard]] const std::optional<word_pattern>& words() const noexcept { return words_; }

  /// Calls `each(begin, end)` for every match in order; matches do not overlap and may be empty. False where the engine
  /// gave up on the text.
  template <class Each>
  [[nodiscard]] bool for_each_match(std::string_view text, detail::match_memory& memory, Each&& each) const {
    if (words_) {
      words_->for_each_word(text, [&](std::size_t begin, std::size_t end) {
        each(begin, end);
        return true;
      });
      return true;
    }
    if (blanks_ != 0) {
      for (std::size_t at = text.find("  "); at != std::string_view::npos; at = text.find("  ", at)) {
        const std::size_t end = std::min(text.find_first_not_of(' ', at), text.size());
        if (end - at >= blanks_) each(at, end);
        at = end;
      }
      return true;
    }
    if (engine_ == nullptr) {
      if (literal_.empty()) return true;
      for (std::size_t at = text.find(literal_); at != std::string_view::npos;
           at = text.find(literal_, at + literal_.size()))
        each(at, at + literal_.size());
      return true;
    }
    std::size_t from = 0;
    std::optional<std::size_t> last_end;
    while (from <= text.size()) {
      std::size_t begin = 0, end = 0;
      const outcome found = search(text, from, memory, begin, end);
      if (found == outcome::gave_up) return false;
      if (found == outcome::none) break;
      if (begin == end && last_end == end) {  // no empty match right behind the last one: go on by a character
        from += from < text.size() ? utf8_size(text[from]) : 1;
        continue;
      }
      each(begin, end);
      from = end;
      last_end = end;
    }
    return true;
  }

 private:
  enum class outcome : std::uint8_t { found, none, gave_up };
  [[nodiscard]] outcome search(std::string_view text, std::size_t from, detail::match_memory& memory,
                               std::size_t& begin, std::size_t& end) const;

  std::string literal_;
  std::optional<word_pattern> words_;
  std::size_t blanks_ = 0;  // " {n,}", n at least 2
  std::shared_ptr<const detail::compiled_expression> engine_;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/pattern-inl.hpp>
#endif
