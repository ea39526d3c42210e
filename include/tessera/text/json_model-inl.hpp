// SPDX-License-Identifier: Apache-2.0
/// The model of a tokenizer.json: WordPiece, BPE, Unigram or WordLevel.
///
/// Included by text/tokenizer_json-inl.hpp alone.
#pragma once

#include <tessera/text/byte_alphabet.hpp>
#include <tessera/text/json_components-inl.hpp>
#include <tessera/text/tokenizer_parts.hpp>

#include <charconv>
#include <cmath>

namespace tessera::inline TESSERA_ABI::detail {

/// {"token": id, ...}.
[[nodiscard]] inline result<std::shared_ptr<const vocabulary>> read_vocabulary(const json_value& from) {
  TESSERA_TRY(const json_members members, from.members());
  std::vector<vocabulary::entry> entries;
  entries.reserve(members.size());
  for (const auto& [key, value] : members) {
    TESSERA_TRY(const token_id id, value.get<token_id>());
    entries.push_back({key, id});
  }
  auto made = vocabulary::make(entries);
  if (!made) return placed_at(from, std::move(made).error());
  return std::make_shared<const vocabulary>(*std::move(made));
}

[[nodiscard]] inline result<token_model> read_wordpiece(const json_value& from) {
  TESSERA_CHECK(
      expect_members(from, {"type", "unk_token", "continuing_subword_prefix", "max_input_chars_per_word", "vocab"}));
  wordpiece_settings settings;
  TESSERA_TRY(settings.unknown_token, from.get<std::string>("unk_token"));
  TESSERA_TRY(settings.continuing_prefix, from.get<std::string>("continuing_subword_prefix"));
  TESSERA_TRY(settings.longest_word, from.get<std::size_t>("max_input_chars_per_word"));
  TESSERA_TRY(const json_value words, from.at("vocab"));
  TESSERA_TRY(auto vocab, read_vocabulary(words));
  auto model = wordpiece::make(std::move(vocab), std::move(settings));
  if (!model) return placed_at(words, std::move(model).error());
  return token_model(*std::move(model));
}

[[nodiscard]] inline result<token_model> read_word_level(const json_value& from) {
  TESSERA_CHECK(expect_members(from, {"type", "unk_token", "vocab"}));
  TESSERA_TRY(const auto unknown, from.get<std::string_view>("unk_token"));
  TESSERA_TRY(const json_value words, from.at("vocab"));
  TESSERA_TRY(auto vocab, read_vocabulary(words));
  return token_model(word_level(std::move(vocab), unknown));
}

/// Merges as ["a", "b"] or, in older files, "a b".
[[nodiscard]] inline result<std::vector<bpe_merge>> read_merges(const json_value& from, const vocabulary& words,
                                                                std::string_view prefix) {
  TESSERA_TRY(const json_elements elements, from.elements());
  std::vector<bpe_merge> merges;
  merges.reserve(elements.size());
  std::string joined;
  for (const json_value element : elements) {
    std::string_view left, right;
    if (element.is_array()) {
      TESSERA_TRY(const json_elements both, element.elements());
      if (both.size() != 2) return fail(element.mismatch("two tokens", std::to_string(both.size())));
      auto part = both.begin();
      TESSERA_TRY(left, (*part).get<std::string_view>());
      TESSERA_TRY(right, (*++part).get<std::string_view>());
    } else {
      TESSERA_TRY(const auto both, element.get<std::string_view>());
      if (merges.empty() && both.starts_with("#version")) continue;
      const std::size_t blank = both.find(' ');
      if (blank == std::string_view::npos || both.find(' ', blank + 1) != std::string_view::npos)
        return fail(element.mismatch("two tokens with a blank between", tessera::quoted(both)));
      left = both.substr(0, blank);
      right = both.substr(blank + 1);
    }
    const auto id_of = [&](std::string_view token) -> result<token_id> {
      if (const auto id = words.id_of(token)) return *id;
      return fail(json_error(error_code::not_found, element, "tokens of the vocabulary", tessera::quoted(token)));
    };
    bpe_merge merge{.rank = static_cast<std::uint32_t>(merges.size())};
    TESSERA_TRY(merge.left, id_of(left));
    TESSERA_TRY(merge.right, id_of(right));
    joined.assign(left) += right.substr(std::min(prefix.size(), right.size()));
    TESSERA_TRY(merge.result, id_of(joined));
    merges.push_back(merge);
  }
  return merges;
}

[[nodiscard]] inline result<token_model> read_bpe(const json_value& from, pre_tokenizer& split) {
  TESSERA_CHECK(expect_members(from, {"type", "dropout", "unk_token", "continuing_subword_prefix",
                                      "end_of_word_suffix", "fuse_unk", "byte_fallback", "ignore_merges", "vocab",
                                      "merges"}));
  TESSERA_TRY(const double dropout, from.get_or<double>("dropout", 0.0));
  if (dropout != 0.0) return fail(from.find("dropout")->unsupported("no dropout"));
  bpe_settings settings;
  TESSERA_TRY(settings.unknown_token, from.get_optional<std::string>("unk_token"));
  TESSERA_TRY(settings.continuing_prefix, from.get_or<std::string>("continuing_subword_prefix", ""));
  TESSERA_TRY(settings.end_suffix, from.get_or<std::string>("end_of_word_suffix", ""));
  TESSERA_TRY(settings.fuse_unknown, from.get_or<bool>("fuse_unk", false));
  TESSERA_TRY(settings.byte_fallback, from.get_or<bool>("byte_fallback", false));
  TESSERA_TRY(settings.ignore_merges, from.get_or<bool>("ignore_merges", false));
  TESSERA_TRY(const json_value words, from.at("vocab"));
  TESSERA_TRY(auto vocab, read_vocabulary(words));
  TESSERA_TRY(const json_value list, from.at("merges"));
  TESSERA_TRY(const auto merges, read_merges(list, *vocab, settings.continuing_prefix));
  // Words that were written in the byte alphabet last are read as the bytes they are, without the writing.
  settings.byte_level = !split.steps.empty() && std::holds_alternative<byte_characters>(split.steps.back()) &&
                        !settings.byte_fallback && settings.continuing_prefix.empty() && settings.end_suffix.empty();
  if (settings.byte_level) split.steps.pop_back();
  auto model = bpe::make(std::move(vocab), merges, std::move(settings));
  if (!model) return placed_at(words, std::move(model).error());
  return token_model(*std::move(model));
}

/// A score as the reference reads it: the digits as one number, divided by a power of ten. That is not always the
/// nearest double, and where two cuts of a word score the same but for the last bit, the last bit decides.
[[nodiscard]] inline double score_as_read(double score) noexcept {
  constexpr int most_digits = 17;
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, std::abs(score), std::chars_format::scientific).ptr;
  std::uint64_t digits = 0;
  int count = 0, exponent = 0;
  const char* at = text;
  for (; at != end && *at != 'e'; ++at) {
    if (*at == '.') continue;
    digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
    ++count;
  }
  if (at != end) std::from_chars(at[1] == '+' ? at + 2 : at + 1, end, exponent);
  exponent -= count - 1;
  if (count > most_digits || exponent >= 0 || exponent < -22) return score;  // 10^22 is the last exact power
  double power = 1;
  for (int i = 0; i < -exponent; ++i) power *= 10;
  return std::copysign(static_cast<double>(digits) / power, score);
}

[[nodiscard]] inline result<token_model> read_unigram(const json_value& from) {
  TESSERA_CHECK(expect_members(from, {"type", "unk_id", "byte_fallback", "vocab"}));
  unigram_settings settings;
  TESSERA_TRY(settings.unknown, from.get_optional<token_id>("unk_id"));
  TESSERA_TRY(settings.byte_fallback, from.get_or<bool>("byte_fallback", false));
  TESSERA_TRY(const json_value words, from.at("vocab"));
  TESSERA_TRY(const json_elements elements, words.elements());
  std::vector<vocabulary::entry> entries;
  std::vector<double> scores;
  entries.reserve(elements.size());
  scores.reserve(elements.size());
  for (const json_value element : elements) {
    TESSERA_TRY(const json_elements both, element.elements());
    if (both.size() != 2) return fail(element.mismatch("a token and its score", std::to_string(both.size())));
    auto part = both.begin();
    TESSERA_TRY(const auto token, (*part).get<std::string_view>());
    TESSERA_TRY(const double score, (*++part).get<double>());
    entries.push_back({token, static_cast<token_id>(entries.size())});
    scores.push_back(score_as_read(score));
  }
  auto made = vocabulary::make(entries);
  if (!made) return placed_at(words, std::move(made).error());
  auto model = unigram::make(std::make_shared<const vocabulary>(*std::move(made)), std::move(scores), settings);
  if (!model) return placed_at(from, std::move(model).error());
  return token_model(*std::move(model));
}

/// The model; where it takes the byte alphabet upon itself, the step that writes it is taken out of `split`.
[[nodiscard]] inline result<token_model> read_model(const json_value& from, pre_tokenizer& split) {
  std::string_view type;
  if (const auto named = from.find("type")) {
    TESSERA_TRY(type, named->get<std::string_view>());
  } else {  // files from before the type was written are told by their settings
    const auto words = from.find("vocab");
    if (from.find("merges")) type = "BPE";
    else if (from.find("max_input_chars_per_word")) type = "WordPiece";
    else if (words && words->is_array()) type = "Unigram";
    else return fail(json_error(error_code::not_found, from, "a type", "none"));
  }
  if (type == "WordPiece") return read_wordpiece(from);
  if (type == "BPE") return read_bpe(from, split);
  if (type == "Unigram") return read_unigram(from);
  if (type == "WordLevel") return read_word_level(from);
  return unsupported_type(from, type, "a model that this library has (BPE, Unigram, WordLevel, WordPiece)");
}

}  // namespace tessera::inline TESSERA_ABI::detail
