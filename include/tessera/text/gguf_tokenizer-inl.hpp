// SPDX-License-Identifier: Apache-2.0
/// The tokenizer in a GGUF file's metadata.
///
/// Included by text/tokenizer_file-inl.hpp alone.
#pragma once

#include <tessera/io/gguf.hpp>
#include <tessera/text/bert_parts-inl.hpp>
#include <tessera/text/gguf_patterns-inl.hpp>
#include <tessera/text/piece_parts-inl.hpp>
#include <tessera/text/tokenizer_file.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// The metadata tokenizer.ggml.*, checked against each other.
class gguf_vocabulary {
 public:
  explicit gguf_vocabulary(const gguf& file) noexcept : file_(file) {}

  /// Reads tokens, and types and scores where the file has them.
  [[nodiscard]] result<> read() {
    TESSERA_TRY(const auto tokens, file_.list<std::string_view>("tokenizer.ggml.tokens"));
    pieces.resize(tokens.size());
    for (std::size_t i = 0; i < tokens.size(); ++i) pieces[i].text = tokens[i];
    if (file_.find("tokenizer.ggml.token_type") != nullptr) {
      TESSERA_TRY(const auto types, file_.list<std::int32_t>("tokenizer.ggml.token_type"));
      TESSERA_CHECK(one_a_token("tokenizer.ggml.token_type", types.size()));
      for (std::size_t i = 0; i < types.size(); ++i) {
        if (types[i] < 1 || types[i] > 6)
          return fail({.code = error_code::malformed,
                       .thing = "tokenizer.ggml.token_type[" + std::to_string(i) + "]",
                       .wanted = "1 to 6",
                       .found = std::to_string(types[i])});
        pieces[i].type = static_cast<piece_type>(types[i]);
      }
    }
    if (file_.find("tokenizer.ggml.scores") != nullptr) {
      TESSERA_TRY(const auto scores, file_.list<float>("tokenizer.ggml.scores"));
      TESSERA_CHECK(one_a_token("tokenizer.ggml.scores", scores.size()));
      for (std::size_t i = 0; i < scores.size(); ++i) pieces[i].score = scores[i];
    }
    return {};
  }
  /// The id under a key, or nothing.
  [[nodiscard]] result<std::optional<token_id>> id(std::string_view key) const {
    if (file_.find(key) == nullptr) return std::optional<token_id>();
    TESSERA_TRY(const auto id, file_.get<token_id>(key));
    if (id < pieces.size()) return std::optional(id);
    return fail({.code = error_code::malformed,
                 .thing = std::string(key),
                 .wanted = "an id below " + std::to_string(pieces.size()),
                 .found = std::to_string(id)});
  }
  [[nodiscard]] result<bool> flag(std::string_view key, bool otherwise) const {
    if (file_.find(key) == nullptr) return otherwise;
    return file_.get<bool>(key);
  }
  /// [begin] A [end], as add_bos_token and add_eos_token say; a pair has the separator between.
  [[nodiscard]] result<template_processor> frame(bool begins, bool ends) const {
    using kind = template_piece::kind;
    TESSERA_TRY(begins, flag("tokenizer.ggml.add_bos_token", begins));
    TESSERA_TRY(ends, flag("tokenizer.ggml.add_eos_token", ends));
    TESSERA_TRY(const auto begin, id("tokenizer.ggml.bos_token_id"));
    TESSERA_TRY(const auto end, id("tokenizer.ggml.eos_token_id"));
    TESSERA_TRY(const auto separator, id("tokenizer.ggml.seperator_token_id"));  // spelled so by the format
    template_processor made;
    made.single.clear();
    if (begins && begin) made.single.push_back({kind::special, 0, {*begin}});
    made.single.push_back({kind::first, 0, {}});
    if (ends && end) made.single.push_back({kind::special, 0, {*end}});
    made.pair = made.single;
    if (ends && separator) made.pair.push_back({kind::special, 0, {*separator}});
    made.pair.push_back({kind::second, 0, {}});
    if (ends && end) made.pair.push_back({kind::special, 0, {*end}});
    return made;
  }
  [[nodiscard]] const gguf& file() const noexcept { return file_; }

  std::vector<piece> pieces;

 private:
  [[nodiscard]] result<> one_a_token(std::string_view key, std::size_t count) const {
    if (count == pieces.size()) return {};
    return fail({.code = error_code::malformed,
                 .thing = std::string(key),
                 .wanted = std::to_string(pieces.size()) + ", one a token",
                 .found = std::to_string(count)});
  }

  const gguf& file_;
};

/// WordPiece: "▁" before words there, "##" inside them here.
[[nodiscard]] inline result<tokenizer_parts> read_gguf_wordpiece(const gguf_vocabulary& from) {
  constexpr std::string_view word_start = "\u2581";
  std::vector<std::string> words(from.pieces.size());
  std::vector<vocabulary::entry> entries(words.size());
  for (std::size_t i = 0; i < words.size(); ++i) {
    const auto& [text, score, type] = from.pieces[i];
    TESSERA_CHECK(check_utf8(text, "tokenizer.ggml.tokens[" + std::to_string(i) + "]"));
    if (text.starts_with(word_start)) words[i] = text.substr(word_start.size());
    else if (type == piece_type::normal) words[i] = "##" + std::string(text);
    else words[i] = text;
    entries[i] = {words[i], static_cast<token_id>(i)};
  }
  bert_special_names names;
  const auto name = [&](std::string_view key, std::string_view& into) -> result<> {
    TESSERA_TRY(const auto id, from.id(key));
    if (id) into = words[*id];
    return {};
  };
  TESSERA_CHECK(name("tokenizer.ggml.unknown_token_id", names.unknown));
  TESSERA_CHECK(name("tokenizer.ggml.bos_token_id", names.begin));
  TESSERA_CHECK(name("tokenizer.ggml.cls_token_id", names.begin));
  TESSERA_CHECK(name("tokenizer.ggml.seperator_token_id", names.end));
  TESSERA_CHECK(name("tokenizer.ggml.padding_token_id", names.padding));
  TESSERA_CHECK(name("tokenizer.ggml.mask_token_id", names.mask));
  return bert_parts(entries, {}, names);
}

/// Byte-level BPE. llama.cpp normalises nothing.
[[nodiscard]] inline result<tokenizer_parts> read_gguf_bpe(const gguf_vocabulary& from) {
  std::string_view pre = "default";
  if (from.file().find("tokenizer.ggml.pre") != nullptr) {
    TESSERA_TRY(pre, from.file().get<std::string_view>("tokenizer.ggml.pre"));
  }
  const gguf_pattern_set* patterns = find_gguf_patterns(pre);
  if (patterns == nullptr)
    return fail({.code = error_code::unsupported,
                 .thing = "tokenizer.ggml.pre",
                 .wanted = "a way to split that this library has",
                 .found = tessera::quoted(pre)});
  TESSERA_TRY(auto words, piece_vocabulary(from.pieces));
  TESSERA_TRY(const auto list, from.file().list<std::string_view>("tokenizer.ggml.merges"));
  std::vector<bpe_merge> merges;
  merges.reserve(list.size());
  std::string joined;
  for (std::size_t i = 0; i < list.size(); ++i) {
    const auto bad = [&](error_code code, std::string wanted) {
      return fail({.code = code,
                   .thing = "tokenizer.ggml.merges[" + std::to_string(i) + "]",
                   .wanted = std::move(wanted),
                   .found = tessera::quoted(list[i])});
    };
    const std::size_t blank = list[i].find(' ', 1);
    if (blank == std::string_view::npos) return bad(error_code::malformed, "two tokens with a blank between");
    const std::string_view left = list[i].substr(0, blank), right = list[i].substr(blank + 1);
    joined.assign(left) += right;
    const auto a = words->id_of(left), b = words->id_of(right), both = words->id_of(joined);
    if (!a || !b || !both) return bad(error_code::not_found, "tokens of the vocabulary");
    merges.push_back({*a, *b, *both, static_cast<std::uint32_t>(i)});
  }
  tokenizer_parts parts;
  TESSERA_TRY(parts.model,
              bpe::make(std::move(words), merges, {.ignore_merges = patterns->ignores_merges, .byte_level = true}));
  for (const std::string_view expression : patterns->expressions) {
    if (expression.empty()) break;
    TESSERA_TRY(auto pattern, text_pattern::expression(expression));
    parts.split.steps.emplace_back(pattern_split{.pattern = std::move(pattern)});
  }
  parts.join = byte_level_decoder{};
  TESSERA_TRY(parts.process, from.frame(patterns->begins, false));
  return parts;
}

[[nodiscard]] inline result<tokenizer_parts> read_gguf_pieces(const gguf_vocabulary& from, bool is_unigram) {
  if (from.file().find("tokenizer.ggml.scores") == nullptr)
    return fail({.code = error_code::not_found, .thing = "tokenizer.ggml.scores", .wanted = "this key"});
  TESSERA_TRY(const auto unknown, from.id("tokenizer.ggml.unknown_token_id"));
  tokenizer_parts parts;
  piece_normalizer normal{.prefix_every_piece = true};
  TESSERA_TRY(normal.prefix, from.flag("tokenizer.ggml.add_space_prefix", true));
  TESSERA_TRY(normal.single_blanks, from.flag("tokenizer.ggml.remove_extra_whitespaces", false));
  if (from.file().find("tokenizer.ggml.precompiled_charsmap") != nullptr) {
    TESSERA_TRY(const gguf_value map, from.file().at("tokenizer.ggml.precompiled_charsmap"));
    std::string bytes;
    if (map.type() == gguf_type::i8) {
      TESSERA_TRY(const auto list, map.list<std::int8_t>());
      bytes.assign(list.begin(), list.end());
    } else {
      TESSERA_TRY(const auto list, map.list<std::uint8_t>());
      bytes.assign(list.begin(), list.end());
    }
    if (!bytes.empty()) {
      TESSERA_TRY(normal.map, charsmap::make(bytes));
    }
  }
  if (is_unigram) {
    TESSERA_TRY(parts.model, unigram_of_pieces(from.pieces, unknown, false));
    TESSERA_TRY(parts.process, from.frame(false, true));
  } else {
    TESSERA_TRY(parts.model, bpe_of_pieces(from.pieces, unknown));
    TESSERA_TRY(parts.process, from.frame(true, false));
  }
  parts.join = piece_decoder(normal.prefix);
  parts.normalize = std::move(normal);
  return parts;
}

/// The format cannot say that a token takes the blanks before it, as the mask of published tokenizers does: "<mask>" in each that has one
/// (RoBERTa, XLM-RoBERTa and what was made of them), "[MASK]" in ModernBERT's.
[[nodiscard]] inline result<> take_blanks_before_mask(const gguf& file, tokenizer_parts& parts) {
  std::string_view architecture;
  if (file.find("general.architecture") != nullptr) {
    TESSERA_TRY(architecture, file.get<std::string_view>("general.architecture"));
  }
  for (added_token& token : parts.added)
    if (token.content == "<mask>" || (token.content == "[MASK]" && architecture == "modern-bert")) token.lstrip = true;
  return {};
}

}  // namespace detail

TESSERA_INLINE result<tokenizer_parts> read_gguf_tokenizer(const gguf& file) {
  TESSERA_TRY(const auto model, file.get<std::string_view>("tokenizer.ggml.model"));
  detail::gguf_vocabulary words(file);
  if (model != "bert" && model != "gpt2" && model != "llama" && model != "t5")
    return fail({.code = error_code::unsupported,
                 .thing = "tokenizer.ggml.model",
                 .wanted = "a model that this library has (bert, gpt2, llama, t5)",
                 .found = tessera::quoted(model)});
  TESSERA_CHECK(words.read());
  if (model == "bert") return detail::read_gguf_wordpiece(words);
  auto parts = model == "gpt2" ? detail::read_gguf_bpe(words) : detail::read_gguf_pieces(words, model == "t5");
  if (!parts) return parts;
  detail::add_piece_tokens(words.pieces, *parts);
  TESSERA_CHECK(detail::take_blanks_before_mask(file, *parts));
  TESSERA_TRY(const auto padding, words.id("tokenizer.ggml.padding_token_id"));
  if (padding)
    parts->padding = padding_settings{.pad_id = *padding, .pad_token = std::string(words.pieces[*padding].text)};
  return parts;
}

}  // namespace tessera::inline TESSERA_ABI
