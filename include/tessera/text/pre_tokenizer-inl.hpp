// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/pre_tokenizer.hpp: the steps one after the other over all words.
#pragma once

#include <tessera/text/byte_alphabet.hpp>
#include <tessera/text/pre_tokenizer.hpp>
#include <tessera/text/unicode_scripts.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// One step over all words of a text: reads text and words, gives the next ones.
class split_pass {
 public:
  split_pass(const normalized_view& text, pre_tokenizer_scratch& scratch) : text_(text), scratch_(scratch) {
    words().clear();
    if (!text.text.empty()) words().push_back({0, text.text.size()});
  }

  /// False where a pattern's engine gave up.
  [[nodiscard]] bool run(const pre_tokenizer_step& step) {
    next().clear();
    const bool done = std::visit([this](const auto& how) { return apply(how); }, step);
    at_ ^= 1U;
    return done;
  }
  [[nodiscard]] pre_tokenizer::split_text result() const noexcept { return {text_, scratch_.words[at_]}; }

 private:
  [[nodiscard]] std::vector<word_range>& words() noexcept { return scratch_.words[at_]; }
  [[nodiscard]] std::vector<word_range>& next() noexcept { return scratch_.words[at_ ^ 1U]; }

  bool apply(const bert_pre_tokenizer& how) {
    for (const word_range word : words())
      how.for_each_word(text_.text.substr(word.begin, word.size()), [&](std::size_t begin, std::size_t end) {
        next().push_back({word.begin + begin, word.begin + end});
        return true;
      });
    return true;
  }
  bool apply(const whitespace_split&) {
    const auto& classes = pattern_table();
    return between([&](code_point c) { return c < pattern_table_size && (classes[c] & pattern_class::space) != 0; });
  }
  bool apply(const delimiter_split& how) {
    return between([&](code_point c) { return c == how.delimiter; });
  }
  bool apply(const punctuation_split& how) {
    return characters([](code_point c) { return (char_class_of(c) & char_class::punctuation) != 0; }, how.behavior);
  }
  bool apply(const digit_split& how) {
    return characters([](code_point c) { return (pattern_class_of(c) & pattern_class::number) != 0; },
                      how.individual ? split_behavior::isolated : split_behavior::contiguous);
  }
  bool apply(const length_split& how) {
    for (const word_range piece : words()) {
      std::size_t count = 0, begin = piece.begin;
      for (std::size_t at = piece.begin; at < piece.end; at += utf8_size(text_.text[at])) {
        if (count++ % how.length != 0 || at == begin) continue;
        next().push_back({begin, at});
        begin = at;
      }
      next().push_back({begin, piece.end});
    }
    return true;
  }
  bool apply(const script_split&) {
    for (const word_range piece : words()) {
      std::size_t begin = piece.end;
      unsigned open = 0;
      for (std::size_t at = piece.begin; at < piece.end;) {
        const std::size_t here = at;
        const unsigned script = script_of(decode_utf8(text_.text, at));
        if (script == 0 || script == open) continue;
        if (open != 0) next().push_back({begin, here});
        begin = here;
        open = script;
      }
      if (open != 0) next().push_back({begin, piece.end});
    }
    return true;
  }
  bool apply(const word_split&) {
    enum class kind : std::uint8_t { space, word, other };
    for (const word_range piece : words()) {
      kind open = kind::space;
      std::size_t begin = piece.begin;
      for (std::size_t at = piece.begin; at <= piece.end;) {
        kind now = kind::space;
        std::size_t after = at + 1;
        if (at < piece.end) {
          after = at;
          const code_point c = decode_utf8(text_.text, after);
          now = is_word_character(c)                              ? kind::word
                : (char_class_of(c) & char_class::space) != 0 ? kind::space
                                                              : kind::other;
        }
        if (now != open) {
          if (open != kind::space) next().push_back({begin, at});
          begin = at;
          open = now;
        }
        at = after;
      }
    }
    return true;
  }
  bool apply(const pattern_split& how) {
    for (const word_range word : words()) {
      const std::string_view piece = text_.text.substr(word.begin, word.size());
      auto& stretches = scratch_.stretches;
      stretches.clear();
      std::size_t done = 0;
      const bool finished = how.pattern.for_each_match(piece, scratch_.memory, [&](std::size_t begin, std::size_t end) {
        if (done != begin) stretches.push_back({word.begin + done, word.begin + begin, false});
        stretches.push_back({word.begin + begin, word.begin + end, true});
        done = end;
      });
      if (!finished) return false;
      if (done != piece.size()) stretches.push_back({word.begin + done, word.end, false});
      apply_behavior(how.behavior, stretches, how.invert, next());
    }
    return true;
  }

  /// Words are what stands between the characters of a kind.
  template <class Kind>
  bool between(Kind separates) {
    for (const word_range piece : words()) {
      std::size_t begin = piece.begin;
      for (std::size_t at = piece.begin; at < piece.end;) {
        std::size_t after = at + 1;
        auto c = static_cast<code_point>(static_cast<unsigned char>(text_.text[at]));
        if (c >= 0x80) c = decode_utf8(text_.text, after = at);
        if (separates(c)) {
          if (begin != at) next().push_back({begin, at});
          begin = after;
        }
        at = after;
      }
      if (begin != piece.end) next().push_back({begin, piece.end});
    }
    return true;
  }
  /// Every character of a kind is a match.
  template <class Kind>
  bool characters(Kind matches, split_behavior behavior) {
    for (const word_range piece : words()) {
      auto& stretches = scratch_.stretches;
      stretches.clear();
      for (std::size_t at = piece.begin; at < piece.end;) {
        const std::size_t begin = at;
        const bool match = matches(decode_utf8(text_.text, at));
        if (!match && !stretches.empty() && !stretches.back().match) stretches.back().end = at;
        else stretches.push_back({begin, at, match});
      }
      apply_behavior(behavior, stretches, false, next());
    }
    return true;
  }

  // Steps that write a new text.

  [[nodiscard]] normalized_text& start_text(std::size_t room) {
    normalized_text& out = scratch_.text[writes_++ & 1U];
    out.begin_aligned();
    out.make_room(room);
    return out;
  }
  bool apply(const metaspace& how) {
    const std::string_view mark = how.replacement;
    normalized_text& out = start_text(text_.text.size() * 2);
    for (const word_range word : words()) {
      std::size_t begin = out.bytes.size();
      const std::string_view piece = text_.text.substr(word.begin, word.size());
      const bool first = how.prepend == metaspace::scheme::first && text_.character_origin(word.begin).begin == 0;
      if ((how.prepend == metaspace::scheme::always || first) && piece.front() != ' ' && !piece.starts_with(mark)) {
        out.make_room(mark.size());
        out.push(mark, text_.character_origin(word.begin));
      }
      std::size_t done = word.begin;
      for (std::size_t at = word.begin; at < word.end; ++at) {
        const char c = text_.text[at];
        if (c != ' ' && c != mark.front()) continue;
        const bool marked = c != ' ' && text_.text.substr(at, word.end - at).starts_with(mark);
        if (c != ' ' && !marked) continue;
        out.append(text_, done, at);
        done = marked ? at : at + 1;
        if (how.split && out.bytes.size() != begin) {
          next().push_back({begin, out.bytes.size()});
          begin = out.bytes.size();
        }
        if (!marked) {
          out.make_room(mark.size());
          out.push(mark, text_.character_origin(at));
        } else {  // goes along with what follows; it must not be found again
          out.append(text_, at, at + mark.size());
          done = at + mark.size();
          at = done - 1;
        }
      }
      out.append(text_, done, word.end);
      next().push_back({begin, out.bytes.size()});
    }
    text_ = out.view();
    return true;
  }
  bool apply(const prefix_space&) {
    const auto has_blank = [&](const word_range& word) { return text_.text[word.begin] == ' '; };
    if (std::ranges::all_of(words(), has_blank)) {
      next() = words();
      return true;
    }
    normalized_text& out = start_text(text_.text.size() + words().size());
    for (const word_range word : words()) {
      const std::size_t begin = out.bytes.size();
      if (!has_blank(word)) out.push(' ', text_.character_origin(word.begin));
      out.append(text_, word.begin, word.end);
      next().push_back({begin, out.bytes.size()});
    }
    text_ = out.view();
    return true;
  }
  bool apply(const byte_characters&) {
    normalized_text& out = start_text(text_.text.size() * 2);
    for (const word_range word : words()) {
      const std::size_t begin = out.bytes.size();
      for (std::size_t at = word.begin; at < word.end; ++at) {
        char utf8[4];
        const auto byte = static_cast<std::uint8_t>(text_.text[at]);
        const std::size_t length = encode_utf8(byte_alphabet::character(byte), utf8);
        out.push(std::string_view(utf8, length), text_.character_origin(at));
      }
      next().push_back({begin, out.bytes.size()});
    }
    text_ = out.view();
    return true;
  }

  normalized_view text_;
  pre_tokenizer_scratch& scratch_;
  unsigned at_ = 0;
  unsigned writes_ = 0;
};

}  // namespace detail

TESSERA_INLINE result<pre_tokenizer::split_text> pre_tokenizer::split(const normalized_view& from,
                                                                      pre_tokenizer_scratch& scratch) const {
  detail::split_pass pass(from, scratch);
  for (const pre_tokenizer_step& step : steps)
    if (!pass.run(step))
      return fail({.code = error_code::unsupported,
                   .thing = "text",
                   .wanted = "one that the pre_tokenizer's regular expression can be matched in",
                   .found = "one that exceeds the engine's limit of steps"});
  return pass.result();
}

}  // namespace tessera::inline TESSERA_ABI
