// SPDX-License-Identifier: Apache-2.0
/// The way of one text through added tokens, normaliser, pre-tokeniser and model.
///
/// Included by text/tokenizer-inl.hpp alone.
#pragma once

#include <tessera/text/encoding-inl.hpp>
#include <tessera/text/tokenizer_parts.hpp>

#include <algorithm>
#include <array>
#include <concepts>
#include <optional>

namespace tessera::inline TESSERA_ABI::detail {

[[nodiscard]] inline const vocabulary& words_of(const token_model& model) noexcept {
  return std::visit([](const auto& one) -> const vocabulary& { return one.words(); }, model);
}

/// In special_tokens_mask, until all blanks are trimmed: an added token that was found in the text, not by the model.
inline constexpr std::uint8_t found_mark = 2;

/// Where a token stands without the blanks that its name begins and ends with: so many characters of the text. One blank is the prefix
/// that was put before the text, where there may be one.
[[nodiscard]] inline byte_range without_blanks(byte_range range, std::string_view text, std::string_view name, bool may_be_prefix) {
  constexpr code_point blank_character = 0x120;
  const auto is_blank = [](code_point c) { return c == blank_character || (char_class_of(c) & char_class::space) != 0; };
  std::size_t leading = 0, trailing = 0;
  for (std::size_t at = 0; at < name.size() && is_blank(decode_utf8(name, at));) ++leading;
  for (std::size_t end = name.size(); end != 0 && is_blank(decode_utf8_before(name, end));) ++trailing;
  if (may_be_prefix && leading == 1) leading = 0;
  // Nothing is taken from a place with fewer characters before its end than the name has blanks.
  const auto begins = [](char byte) { return (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U; };
  const auto before_end = [&] { return static_cast<std::size_t>(std::ranges::count_if(text.substr(0, range.end), begins)); };
  if (range.end < 4 * trailing && before_end() < trailing) trailing = 0;
  for (; leading != 0 && range.begin < range.end; --leading) range.begin += static_cast<std::uint32_t>(utf8_size(text[range.begin]));
  for (; trailing != 0 && range.end > range.begin; --trailing) {
    std::size_t end = range.end;
    static_cast<void>(decode_utf8_before(text, end));
    range.end = static_cast<std::uint32_t>(end);
  }
  return range;
}

/// Appends the tokens of one text to an encoding's ids and offsets.
class text_tokens {
 public:
  text_tokens(const tokenizer_parts& parts, const added_token_finder& raw, const added_token_finder& normalized,
              std::size_t limit, encoding& out)
      : parts_(parts), raw_(raw), normalized_(normalized), limit_(limit), out_(out), work_(out.scratch.get()) {}

  [[nodiscard]] result<> append(std::string_view text) {
    whole_ = text;
    first_ = out_.ids.size();
    raw_.for_each_piece(text, [&](const added_token* token, std::size_t begin, std::size_t end) {
      const normalized_view piece = normalized_view{text}.slice(begin, end);
      const auto* model = std::get_if<bpe>(&parts_.model);
      if (token != nullptr) emit_found(token->id, piece);
      else if (model != nullptr && model->reads_blanks(piece.text))
        model->tokenize_blanks(
            piece.text, work_.cache, work_.pairs,
            [&](token_id id, std::size_t first, std::size_t last) { emit(id, piece.whole_origin(first, last)); }, [&] { return more(); });
      else append_normalized(normalize(parts_.normalize, piece, work_.normalizer));
      return more();
    });
    if (work_.normalizer.gave_up) {
      work_.normalizer.gave_up = false;
      return fail({.code = error_code::unsupported,
                   .thing = "text",
                   .wanted = "one that the normalizer's regular expression can be matched in",
                   .found = "one that exceeds the engine's limit of steps"});
    }
    if (work_.best.lacks_unknown || lacks_unknown_) {
      work_.best.lacks_unknown = false;
      return fail({.code = error_code::unsupported,
                   .thing = "text",
                   .wanted = "words and characters that are tokens, as the model has no unknown token",
                   .found = "another"});
    }
    if (failure_) return fail(*std::move(failure_));
    return {};
  }

 private:
  void append_normalized(const normalized_view& text) {
    normalized_.for_each_piece(text.text, [&](const added_token* token, std::size_t begin, std::size_t end) {
      if (token != nullptr) emit_found(token->id, text.slice(begin, end));
      else append_words(text.slice(begin, end));
      return more();
    });
  }
  void append_words(const normalized_view& text) {
    std::visit([&](const auto& model) { append_words(text, model); }, parts_.model);
  }
  /// What cuts a text in one pass feeds the model as it goes; steps that are more, or write, go over the whole text
  /// first.
  template <class Model>
  void append_words(const normalized_view& text, const Model& model) {
    const auto& steps = parts_.split.steps;
    if (text.text.empty()) return;
    if (steps.empty()) {
      const word_range whole{0, text.text.size()};
      return append_group(text, model, std::span(&whole, 1));
    }
    if (steps.size() == 1) {
      if (const auto* bert = std::get_if<bert_pre_tokenizer>(&steps.front())) return stream(text, model, *bert);
      if (const auto* split = std::get_if<pattern_split>(&steps.front()); split != nullptr && split->pattern.words()) {
        const auto keeps = split->invert ? split_behavior::removed : split_behavior::isolated;  // its matches are the text
        if (split->behavior == keeps) return stream(text, model, *split->pattern.words());
      }
    }
    const auto split = parts_.split.split(text, work_.splitter);
    if (!split) {
      failure_ = split.error();
      return;
    }
    for (std::span<const word_range> left = split->words; !left.empty() && more();) {
      const auto group = left.first(std::min(left.size(), most_words));
      append_group(split->text, model, group);
      left = left.subspan(group.size());
    }
  }
  template <class Model, class Splitter>
  void stream(const normalized_view& text, const Model& model, const Splitter& splitter) {
    std::array<word_range, most_words> words;
    std::size_t count = 0;
    const auto flush = [&] {
      append_group(text, model, std::span(words).first(count));
      count = 0;
      return more();
    };
    splitter.for_each_word(text.text, [&](std::size_t begin, std::size_t end) {
      words[count++] = {begin, end};
      return count < most_words || flush();
    });
    flush();
  }
  template <class Model>
  void append_group(const normalized_view& text, const Model& model, std::span<const word_range> words) {
    if constexpr (std::same_as<Model, wordpiece>) {
      model.tokenize(text.text, words,
                     [&](token_id id, std::size_t begin, std::size_t end) { emit(id, text.origin(begin, end)); });
    } else if constexpr (std::same_as<Model, word_level>) {
      const bool known = model.tokenize(text.text, words, [&](token_id id, std::size_t begin, std::size_t end) {
        emit(id, text.whole_origin(begin, end));
      });
      lacks_unknown_ = lacks_unknown_ || !known;
    } else {
      typename Model::scratch* work;
      if constexpr (std::same_as<Model, bpe>) work = &work_.pairs;
      else work = &work_.best;
      model.tokenize(text.text, words, work_.cache, *work, [&](token_id id, std::size_t begin, std::size_t end) {
        emit(id, text.whole_origin(begin, end));
      });
    }
  }
  void emit(token_id id, byte_range where) {
    out_.ids.push_back(id);
    out_.offsets.push_back(where);
  }
  /// An added token, whose name is the text that it was found in, with its blanks.
  void emit_found(token_id id, const normalized_view& where) {
    byte_range range = where.origin(0, where.text.size());
    const auto trim = parts_.process.trims_blanks;
    if (trim == template_processor::trim::none) return emit(id, range);
    const bool is_first = range.begin == 0 || out_.ids.size() == first_;
    range = without_blanks(range, whole_, where.text, trim == template_processor::trim::all_but_prefix && is_first);
    out_.special_tokens_mask.resize(out_.ids.size(), 0);
    out_.special_tokens_mask.push_back(found_mark);
    emit(id, range);
  }
  [[nodiscard]] bool more() const noexcept { return out_.ids.size() < limit_ && !failure_; }

  const tokenizer_parts& parts_;
  const added_token_finder& raw_;
  const added_token_finder& normalized_;
  std::size_t limit_;
  encoding& out_;
  encoding_scratch& work_;
  std::string_view whole_;
  std::size_t first_ = 0;  // of its tokens
  std::optional<error> failure_;
  bool lacks_unknown_ = false;
};

}  // namespace tessera::inline TESSERA_ABI::detail
