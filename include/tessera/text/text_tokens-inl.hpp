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

/// Appends the tokens of one text to an encoding's ids and offsets.
class text_tokens {
 public:
  text_tokens(const tokenizer_parts& parts, const added_token_finder& raw, const added_token_finder& normalized,
              std::size_t limit, encoding& out)
      : parts_(parts), raw_(raw), normalized_(normalized), limit_(limit), out_(out), work_(out.scratch.get()) {}

  [[nodiscard]] result<> append(std::string_view text) {
    raw_.for_each_piece(text, [&](const added_token* token, std::size_t begin, std::size_t end) {
      const normalized_view piece = normalized_view{text}.slice(begin, end);
      const auto* model = std::get_if<bpe>(&parts_.model);
      if (token != nullptr) emit(token->id, piece.origin(0, piece.text.size()));
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
      if (token != nullptr) emit(token->id, text.origin(begin, end));
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
  [[nodiscard]] bool more() const noexcept { return out_.ids.size() < limit_ && !failure_; }

  const tokenizer_parts& parts_;
  const added_token_finder& raw_;
  const added_token_finder& normalized_;
  std::size_t limit_;
  encoding& out_;
  encoding_scratch& work_;
  std::optional<error> failure_;
  bool lacks_unknown_ = false;
};

}  // namespace tessera::inline TESSERA_ABI::detail
