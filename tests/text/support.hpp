// SPDX-License-Identifier: Apache-2.0
/// What the tests of the tokenizers share: reference lines, and encodings in a form that compares.
#pragma once

#include <tests/io/support.hpp>

#include <tessera/text/tokenizer.hpp>
#include <tessera/text/tokenizer_file.hpp>
#include <tessera/text/tokenizer_json.hpp>
#include <tessera/text/tokenizer_parts.hpp>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace tessera_tests {

namespace ts = tessera;

/// The complete fixture where it is at hand, else the thinned copy in tests/data, else the test is skipped.
inline std::filesystem::path full_fixture(const std::string& name) {
  const auto full = source_tree().parent_path() / "shared/fixtures" / name;
  std::error_code ignored;
  return std::filesystem::exists(full, ignored) ? full : fixture(name);
}

/// The documents of a .jsonl file; lines end at LF only.
inline std::vector<ts::json> json_lines(const std::filesystem::path& path) {
  std::vector<ts::json> lines;
  const std::string text = read_file(path);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    lines.push_back(
        value_of(ts::parse_json(rest.substr(0, end), path.string() + " line " + std::to_string(lines.size() + 1))));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return lines;
}

template <class T = std::uint32_t>
std::vector<T> numbers(ts::json_value list) {
  std::vector<T> out;
  for (const ts::json_value number : value_of(list.elements())) out.push_back(value_of(number.get<T>()));
  return out;
}

/// Byte ranges as the reference counts them: code points of the text, or of the pair for its tokens.
inline std::vector<std::vector<std::uint32_t>> code_point_offsets(const ts::encoding& tokens, std::string_view text,
                                                                  std::string_view pair) {
  const auto points = [](std::string_view part) {
    return static_cast<std::uint32_t>(
        std::ranges::count_if(part, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
  };
  std::vector<std::vector<std::uint32_t>> out;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    const bool second = i >= tokens.texts[1].begin && i < tokens.texts[1].end;
    const std::string_view from = second ? pair : text;
    out.push_back({points(from.substr(0, tokens.offsets[i].begin)), points(from.substr(0, tokens.offsets[i].end))});
  }
  return out;
}

/// The options that a reference line was made with.
inline ts::encode_options options_of(ts::json_value line) {
  ts::encode_options options;
  options.overflowing = true;
  options.max_length = value_of(line.get_optional<std::size_t>("max_length"));
  options.stride = value_of(line.get_or<std::size_t>("stride", 0));
  options.add_special_tokens = value_of(line.get_or<bool>("add_special_tokens", true));
  const auto strategy = value_of(line.get_or<std::string>("strategy", "longest_first"));
  options.strategy = strategy == "only_first"    ? ts::truncation_strategy::only_first
                     : strategy == "only_second" ? ts::truncation_strategy::only_second
                                                 : ts::truncation_strategy::longest_first;
  if (value_of(line.get_or<std::string>("direction", "right")) == "left") options.direction = ts::text_side::left;
  return options;
}

inline ts::encoding encode_line(const ts::tokenizer& tokenizer, ts::json_value line) {
  const auto text = value_of(line.get<std::string_view>("text"));
  const auto pair = value_of(line.get_optional<std::string_view>("pair"));
  return value_of(pair ? tokenizer.encode(text, *pair, options_of(line)) : tokenizer.encode(text, options_of(line)));
}

/// Compares everything that a reference line says.
inline void check_line(const ts::tokenizer& tokenizer, ts::json_value line) {
  INFO(line.path());
  const ts::encoding tokens = encode_line(tokenizer, line);
  const auto text = value_of(line.get<std::string_view>("text"));
  CHECK(tokens.ids == numbers(value_of(line.at("ids"))));
  CHECK(tokens.type_ids == numbers(value_of(line.at("type_ids"))));
  CHECK(tokens.special_tokens_mask == numbers<std::uint8_t>(value_of(line.at("special_tokens_mask"))));
  std::vector<std::vector<std::uint32_t>> offsets;
  for (const ts::json_value range : value_of(value_of(line.at("offsets")).elements()))
    offsets.push_back(numbers(range));
  CHECK(code_point_offsets(tokens, text, value_of(line.get_or<std::string>("pair", ""))) == offsets);
  CHECK(value_of(tokenizer.decode(tokens.ids)) == value_of(line.get<std::string>("decoded")));
  CHECK(value_of(tokenizer.decode(tokens.ids, false)) == value_of(line.get<std::string>("decoded_with_special")));
  std::vector<std::vector<std::uint32_t>> expected, overflowing;
  if (const auto rows = line.find("overflowing_ids"); rows && !rows->is_null())
    for (const ts::json_value row : value_of(rows->elements())) expected.push_back(numbers(row));
  for (const ts::encoding& window : tokens.overflowing) overflowing.push_back(window.ids);
  CHECK(overflowing == expected);
}

/// The words of `tokens` joined by '|', to read in a test.
inline std::string joined(const ts::tokenizer& tokenizer, const ts::encoding& tokens) {
  std::string out;
  for (const ts::token_id id : tokens.ids)
    (out += out.empty() ? "" : "|") += std::string(tokenizer.token_of(id).value_or("?"));
  return out;
}

/// A tokenizer.json over some WordPiece tokens, ids in order; `settings` are further members of the file.
inline std::string wordpiece_json(const std::vector<std::string>& tokens, const std::string& settings = "") {
  std::string vocab;
  for (std::size_t i = 0; i < tokens.size(); ++i) vocab += (i ? ", \"" : "\"") + tokens[i] + "\": " + std::to_string(i);
  return R"({"version": "1.0", "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",)"
         R"( "max_input_chars_per_word": 100, "vocab": {)" +
         vocab + "}}" + settings + "}";
}

inline const std::string bert_parts =
    R"(, "normalizer": {"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": true})"
    R"(, "pre_tokenizer": {"type": "BertPreTokenizer"})";

inline ts::result<ts::tokenizer> tokenizer_from(std::string_view text) {
  TESSERA_TRY(const ts::json file, ts::parse_json(text, "tokenizer.json"));
  TESSERA_TRY(ts::tokenizer_parts parts, ts::read_tokenizer_json(file));
  return ts::tokenizer::make(std::move(parts));
}

}  // namespace tessera_tests
