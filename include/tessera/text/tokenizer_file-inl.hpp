// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/tokenizer_file.hpp.
#pragma once

#include <tessera/io/gguf.hpp>
#include <tessera/io/json.hpp>
#include <tessera/io/mapped_file.hpp>
#include <tessera/io/quoted.hpp>
#include <tessera/text/tokenizer_file.hpp>
#include <tessera/text/tokenizer_json.hpp>

#include <filesystem>

namespace tessera::inline TESSERA_ABI {

namespace detail {

struct bert_special_names {
  std::string_view unknown = "[UNK]", begin = "[CLS]", end = "[SEP]", padding = "[PAD]", mask = "[MASK]";
};

/// BERT's tokenizer over a vocabulary in "##" form.
[[nodiscard]] inline result<tokenizer_parts> bert_parts(std::span<const vocabulary::entry> entries,
                                                        const bert_normalizer& how, const bert_special_names& names) {
  using kind = template_piece::kind;
  TESSERA_TRY(auto made, vocabulary::make(entries));
  const auto words = std::make_shared<const vocabulary>(std::move(made));
  const auto id_of = [&](std::string_view name) -> result<token_id> {
    if (const auto id = words->id_of(name)) return *id;
    return fail({.code = error_code::not_found, .thing = "vocabulary", .wanted = tessera::quoted(name)});
  };
  TESSERA_TRY(const token_id begin, id_of(names.begin));
  TESSERA_TRY(const token_id end, id_of(names.end));
  tokenizer_parts parts;
  parts.normalize = how;
  parts.split = bert_pre_tokenizer{};
  parts.join = wordpiece_decoder{};
  TESSERA_TRY(parts.model, wordpiece::make(words, {.unknown_token = std::string(names.unknown)}));
  parts.process.single = {{kind::special, 0, {begin}}, {kind::first, 0, {}}, {kind::special, 0, {end}}};
  parts.process.pair = parts.process.single;
  parts.process.pair.push_back({kind::second, 1, {}});
  parts.process.pair.push_back({kind::special, 1, {end}});
  for (const std::string_view name : {names.padding, names.unknown, names.begin, names.end, names.mask})
    if (const auto id = words->id_of(name))
      parts.added.push_back({.id = *id, .content = std::string(name), .special = true});
  return parts;
}

[[nodiscard]] inline result<tokenizer_parts> read_tokenizer_file(const std::string& path) {
  if (path.ends_with(".json")) {
    TESSERA_TRY(const json file, read_json(path));
    return read_tokenizer_json(file);
  }
  TESSERA_TRY(const mapped_file file, mapped_file::open(path));
  if (file.text().starts_with("GGUF")) {
    TESSERA_TRY(const gguf data, gguf::view(file.bytes(), path));
    return read_gguf_tokenizer(data);
  }
  if (path.ends_with(".txt")) {
    bert_normalizer how;
    const auto config_path = (std::filesystem::path(path).parent_path() / "tokenizer_config.json").string();
    std::error_code ignored;
    if (std::filesystem::exists(config_path, ignored)) {
      TESSERA_TRY(const json config, read_json(config_path));
      TESSERA_TRY(how.lowercase, config.root().get_or<bool>("do_lower_case", true));
      TESSERA_TRY(how.strip_accents, config.root().get_optional<bool>("strip_accents"));
      TESSERA_TRY(how.handle_chinese_chars, config.root().get_or<bool>("tokenize_chinese_chars", true));
    }
    return read_vocabulary_text(file.text(), how);
  }
  return fail({.code = error_code::unsupported,
               .thing = "tokenizer",
               .wanted = "tokenizer.json, vocab.txt or a GGUF file",
               .found = tessera::quoted(std::filesystem::path(path).filename().string())});
}

}  // namespace detail

TESSERA_INLINE result<tokenizer_parts> read_vocabulary_text(std::string_view text, const bert_normalizer& how) {
  TESSERA_CHECK(check_utf8(text, "vocabulary"));
  std::vector<vocabulary::entry> entries;
  for (token_id id = 0; !text.empty(); ++id) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (!line.empty()) {  // the reference trims the end of a line of all White_Space
      std::size_t at = line.size();
      if ((char_class_of(decode_utf8_before(line, at)) & char_class::space) == 0) break;
      line = line.substr(0, at);
    }
    if (!line.empty()) entries.push_back({line, id});  // a blank line takes an id and stands for nothing
  }
  return detail::bert_parts(entries, how, {});
}

TESSERA_INLINE result<tokenizer_parts> read_gguf_tokenizer(const gguf& file) {
  constexpr std::string_view word_start = "\u2581";
  constexpr std::int32_t normal = 1;
  TESSERA_TRY(const auto model, file.get<std::string_view>("tokenizer.ggml.model"));
  if (model != "bert")
    return fail({.code = error_code::unsupported,
                 .thing = "tokenizer.ggml.model",
                 .wanted = "a model that this library has (bert)",
                 .found = tessera::quoted(model)});
  TESSERA_TRY(const auto tokens, file.list<std::string_view>("tokenizer.ggml.tokens"));
  std::vector<std::int32_t> types(tokens.size(), normal);
  if (file.find("tokenizer.ggml.token_type") != nullptr) {
    TESSERA_TRY(types, file.list<std::int32_t>("tokenizer.ggml.token_type"));
    if (types.size() != tokens.size())
      return fail({.code = error_code::malformed,
                   .thing = "tokenizer.ggml.token_type",
                   .wanted = std::to_string(tokens.size()) + " types, one a token",
                   .found = std::to_string(types.size())});
  }
  std::vector<std::string> words(tokens.size());
  std::vector<vocabulary::entry> entries(tokens.size());
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    TESSERA_CHECK(check_utf8(tokens[i], "tokenizer.ggml.tokens[" + std::to_string(i) + "]"));
    if (tokens[i].starts_with(word_start)) words[i] = tokens[i].substr(word_start.size());
    else if (types[i] == normal) words[i] = "##" + std::string(tokens[i]);
    else words[i] = tokens[i];
    entries[i] = {words[i], static_cast<token_id>(i)};
  }
  detail::bert_special_names names;
  const auto name = [&](std::string_view key, std::string_view& into) -> result<> {
    if (file.find(key) == nullptr) return {};
    TESSERA_TRY(const auto id, file.get<token_id>(key));
    if (id >= words.size())
      return fail({.code = error_code::malformed,
                   .thing = std::string(key),
                   .wanted = "an id below " + std::to_string(words.size()),
                   .found = std::to_string(id)});
    into = words[id];
    return {};
  };
  TESSERA_CHECK(name("tokenizer.ggml.unknown_token_id", names.unknown));
  TESSERA_CHECK(name("tokenizer.ggml.bos_token_id", names.begin));
  TESSERA_CHECK(name("tokenizer.ggml.cls_token_id", names.begin));
  TESSERA_CHECK(name("tokenizer.ggml.seperator_token_id", names.end));  // spelled so by the format
  TESSERA_CHECK(name("tokenizer.ggml.padding_token_id", names.padding));
  TESSERA_CHECK(name("tokenizer.ggml.mask_token_id", names.mask));
  return detail::bert_parts(entries, {}, names);
}

TESSERA_INLINE result<tokenizer_parts> read_tokenizer(std::string_view path) {
  namespace fs = std::filesystem;
  std::string file(path);
  std::error_code failure;
  if (fs::is_directory(fs::path(file), failure)) {
    const auto found = [&](const char* name) { return fs::exists(fs::path(path) / name, failure); };
    const char* name = found("tokenizer.json") ? "tokenizer.json" : found("vocab.txt") ? "vocab.txt" : nullptr;
    if (name == nullptr)
      return fail(
          {.code = error_code::not_found, .thing = "tokenizer", .wanted = "tokenizer.json or vocab.txt", .path = file});
    file = (fs::path(path) / name).string();
  }
  auto parts = detail::read_tokenizer_file(file);
  if (!parts) return fail(std::move(parts).error().in(file));
  return parts;
}

}  // namespace tessera::inline TESSERA_ABI
