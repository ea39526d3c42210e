// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/tokenizer_file.hpp.
#pragma once

#include <tessera/io/gguf.hpp>
#include <tessera/io/json.hpp>
#include <tessera/io/mapped_file.hpp>
#include <tessera/io/quoted.hpp>
#include <tessera/text/bert_parts-inl.hpp>
#include <tessera/text/gguf_tokenizer-inl.hpp>
#include <tessera/text/sentencepiece-inl.hpp>
#include <tessera/text/tokenizer_file.hpp>
#include <tessera/text/tokenizer_json.hpp>

#include <filesystem>

namespace tessera::inline TESSERA_ABI {

namespace detail {

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
  if (path.ends_with(".model")) return read_sentencepiece(file.bytes());
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
               .wanted = "tokenizer.json, a sentencepiece .model, vocab.txt or a GGUF file",
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

TESSERA_INLINE result<tokenizer_parts> read_tokenizer(std::string_view path) {
  namespace fs = std::filesystem;
  std::string file(path);
  std::error_code failure;
  if (fs::is_directory(fs::path(file), failure)) {
    const auto found = [&](const char* name) { return fs::exists(fs::path(path) / name, failure); };
    // sentencepiece.bpe.model is not among them: those who publish under that name give its pieces other ids.
    const char* name = nullptr;
    for (const char* known : {"tokenizer.json", "tokenizer.model", "spiece.model", "vocab.txt"})
      if (name == nullptr && found(known)) name = known;
    if (name == nullptr)
      return fail({.code = error_code::not_found,
                   .thing = "tokenizer",
                   .wanted = "tokenizer.json, tokenizer.model, spiece.model or vocab.txt",
                   .path = file});
    file = (fs::path(path) / name).string();
  }
  auto parts = detail::read_tokenizer_file(file);
  if (!parts) return fail(std::move(parts).error().in(file));
  return parts;
}

}  // namespace tessera::inline TESSERA_ABI
