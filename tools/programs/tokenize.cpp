// SPDX-License-Identifier: Apache-2.0
/// tools/tokenize: token ids of the texts in a .jsonl file, with offsets, types, what truncation cut off, and the decoded text.
#include <tessera/io/atomic_file.hpp>
#include <tessera/io/quoted.hpp>
#include <tessera/text/tokenizer.hpp>
#include <tools/programs/jsonl.hpp>

#include <CLI/CLI.hpp>

#include <charconv>
#include <cstdio>

namespace ts = tessera;

namespace {

struct request {
  std::string text;
  std::optional<std::string> pair;
  ts::encode_options options;
};

ts::result<request> read_request(const ts::json_value& line, bool special) {
  request made;
  TESSERA_TRY(made.text, line.get<std::string>("text"));
  TESSERA_TRY(made.pair, line.get_optional<std::string>("pair"));
  TESSERA_TRY(made.options.max_length, line.get_optional<std::size_t>("max_length"));
  TESSERA_TRY(made.options.stride, line.get_or<std::size_t>("stride", 0));
  TESSERA_TRY(made.options.add_special_tokens, line.get_or<bool>("add_special_tokens", true));
  made.options.add_special_tokens = made.options.add_special_tokens && special;
  made.options.overflowing = true;
  TESSERA_TRY(const auto strategy, line.get_or<std::string_view>("strategy", "longest_first"));
  using enum ts::truncation_strategy;
  if (strategy == "longest_first") made.options.strategy = longest_first;
  else if (strategy == "only_first") made.options.strategy = only_first;
  else if (strategy == "only_second") made.options.strategy = only_second;
  else
    return ts::fail(line.find("strategy")->mismatch("longest_first, only_first or only_second", ts::quoted(strategy)));
  TESSERA_TRY(const auto direction, line.get_or<std::string_view>("direction", "right"));
  if (direction != "left" && direction != "right")
    return ts::fail(line.find("direction")->mismatch("left or right", ts::quoted(direction)));
  made.options.direction = direction == "left" ? ts::text_side::left : ts::text_side::right;
  return made;
}

/// Code points before each byte of a text, and of its end.
std::vector<std::uint32_t> code_point_index(std::string_view text) {
  std::vector<std::uint32_t> index;
  index.reserve(text.size() + 1);
  std::uint32_t count = 0;
  for (const char byte : text) {
    const bool starts = (static_cast<unsigned char>(byte) & 0xc0U) != 0x80U;
    index.push_back(count);
    if (starts) ++count;
  }
  index.push_back(count);
  return index;
}

void write_number(std::string& out, std::uint64_t number) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, number).ptr;
  out.append(digits, end);
}

template <class List, class Write>
void write_list(std::string& out, const List& list, Write write) {
  out += '[';
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i != 0) out += ", ";
    write(list[i], i);
  }
  out += ']';
}

void write_numbers(std::string& out, std::string_view key, const auto& list) {
  out.append("\"").append(key).append("\": ");
  write_list(out, list, [&](auto number, std::size_t) { write_number(out, number); });
}

void write_string(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') (out += '\\') += c;
    else if (byte < 0x20 || byte == 0x7f) ((out += "\\u00") += digits[byte >> 4U]) += digits[byte & 15U];
    else out += c;
  }
  out += '"';
}

ts::result<> write_answer(const ts::tokenizer& tokenizer, const request& asked, const ts::encoding& tokens,
                          std::string& out) {
  const std::vector<std::uint32_t> index[] = {code_point_index(asked.text), code_point_index(asked.pair.value_or(""))};
  out += '{';
  write_numbers(out, "ids", tokens.ids);
  out += ", ";
  write_numbers(out, "type_ids", tokens.type_ids);
  out += ", \"offsets\": ";
  write_list(out, tokens.offsets, [&](ts::byte_range range, std::size_t i) {
    const auto& points = index[i >= tokens.texts[1].begin && i < tokens.texts[1].end ? 1 : 0];
    out += '[';
    write_number(out, points[range.begin]);
    out += ", ";
    write_number(out, points[range.end]);
    out += ']';
  });
  out += ", ";
  write_numbers(out, "special_tokens_mask", tokens.special_tokens_mask);
  TESSERA_TRY(const std::string decoded, tokenizer.decode(tokens.ids));
  out += ", \"decoded\": ";
  write_string(out, decoded);
  if (!tokens.overflowing.empty()) {
    out += ", \"overflowing_ids\": ";
    write_list(out, tokens.overflowing, [&](const ts::encoding& window, std::size_t) {
      write_list(out, window.ids, [&](ts::token_id id, std::size_t) { write_number(out, id); });
    });
  }
  out += "}\n";
  return {};
}

ts::result<> run(const std::string& tokenizer_path, const std::string& input, const std::string& output, bool special) {
  TESSERA_TRY(const ts::tokenizer tokenizer, ts::tokenizer::open(tokenizer_path));
  TESSERA_TRY(ts::atomic_file answers, ts::atomic_file::create(output));
  ts::encoding tokens;
  std::string answer;
  const auto answer_line = [&](ts::json_value line, const std::string& place) -> ts::result<> {
    TESSERA_TRY(const request asked, read_request(line, special));
    const auto done = asked.pair ? tokenizer.encode_into(asked.text, *asked.pair, asked.options, tokens)
                                 : tokenizer.encode_into(asked.text, asked.options, tokens);
    if (!done) return ts::fail(ts::error(done.error()).in(place));
    answer.clear();
    TESSERA_CHECK(write_answer(tokenizer, asked, tokens, answer));
    return answers.write(std::string_view(answer));
  };
  TESSERA_CHECK(programs::for_each_line(input, answer_line));
  return answers.commit();
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Tokenizes the texts of a .jsonl file: ids, types, offsets in code points, decoded text, one line each.",
               "tokenize");
  std::string tokenizer, input, output;
  bool no_special = false;
  app.add_option("TOKENIZER", tokenizer, "tokenizer.json, a model directory, a sentencepiece .model, vocab.txt or a GGUF file")->required();
  app.add_option("--input", input,
                 "lines {\"text\", \"pair\"?, \"max_length\"?, \"strategy\"?, \"direction\"?, \"stride\"?, "
                 "\"add_special_tokens\"?}")
      ->required();
  app.add_option(
         "--output", output,
         "lines {\"ids\", \"type_ids\", \"offsets\", \"special_tokens_mask\", \"decoded\", \"overflowing_ids\"?}")
      ->required();
  app.add_flag("--no-special", no_special, "add no special tokens to any line");
  CLI11_PARSE(app, argc, argv);
  if (const auto done = run(tokenizer, input, output, !no_special); !done) {
    std::fprintf(stderr, "error: %s\n", done.error().message().c_str());
    return 1;
  }
  return 0;
}
