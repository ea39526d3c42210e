// SPDX-License-Identifier: Apache-2.0
// Every line that the reference tokenizers gave: ids, types, masks, offsets, decoded texts, truncation, padding.
#include <tests/text/support.hpp>

#include <sstream>

using namespace tessera_tests;

namespace {

const std::vector<std::string> reference_tokenizers{"minilm_wordpiece", "wordpiece_cased", "bpe_qwen2",       "bpe_qwen2_eos",
                                                    "bpe_gemma",        "bpe_llama",       "unigram_seqnorm", "unigram_xlmr"};

}  // namespace

TEST_CASE("tokenizer: the reference's lines", "[text]") {
  const std::string name = GENERATE(from_range(reference_tokenizers));
  const auto folder = full_fixture("text/tokenizers/" + name);
  const ts::tokenizer tokenizer = value_of(ts::tokenizer::open((folder / "tokenizer.json").string()));
  const auto lines = json_lines(folder / "golden.jsonl");
  REQUIRE(lines.size() > 40);
  for (const ts::json& line : lines) check_line(tokenizer, line.root());
}

TEST_CASE("tokenizer: the reference's padded batches", "[text]") {
  const std::string name = GENERATE(from_range(reference_tokenizers));
  const auto folder = full_fixture("text/tokenizers/" + name);
  const ts::tokenizer tokenizer = value_of(ts::tokenizer::open(folder.string()));
  const auto lines = json_lines(folder / "golden_padding.jsonl");
  REQUIRE_FALSE(lines.empty());
  for (const ts::json& document : lines) {
    const ts::json_value line = document.root();
    INFO(line.path());
    const ts::json_value asked = value_of(line.at("padding"));
    ts::padding_settings settings;
    settings.length = value_of(asked.get_optional<std::size_t>("length"));
    settings.multiple_of = value_of(asked.get_or<std::size_t>("pad_to_multiple_of", 0));
    settings.pad_id = value_of(asked.get<ts::token_id>("pad_id"));
    settings.pad_type_id = value_of(asked.get<std::uint32_t>("pad_type_id"));
    if (value_of(asked.get<std::string>("direction")) == "left") settings.direction = ts::text_side::left;
    std::vector<ts::encoding> rows;
    for (const ts::json_value text : value_of(value_of(line.at("texts")).elements()))
      rows.push_back(
          value_of(tokenizer.encode(value_of(text.get<std::string_view>()),
                                    {.max_length = value_of(line.get_optional<std::size_t>("max_length"))})));
    ts::pad(rows, settings);
    std::size_t i = 0;
    for (const ts::json_value row : value_of(value_of(line.at("ids")).elements()))
      CHECK(rows.at(i++).ids == numbers(row));
    i = 0;
    for (const ts::json_value row : value_of(value_of(line.at("type_ids")).elements()))
      CHECK(rows.at(i++).type_ids == numbers(row));
    i = 0;
    for (const ts::json_value row : value_of(value_of(line.at("attention_mask")).elements()))
      CHECK(rows.at(i++).attention_mask == numbers<std::uint8_t>(row));
    CHECK(i == rows.size());
    for (const ts::encoding& row : rows) CHECK(row.offsets.size() == row.ids.size());
  }
}

TEST_CASE("tokenizer: a vocab.txt gives what its tokenizer.json gives", "[text]") {
  const auto folder = full_fixture("text/tokenizers/minilm_wordpiece");
  const ts::tokenizer reference = value_of(ts::tokenizer::open((folder / "tokenizer.json").string()));
  std::string lines;
  for (ts::token_id id = 0; id < reference.vocabulary_size(); ++id) (lines += reference.token_of(id).value()) += '\n';
  const scratch_directory scratch;
  write_file(scratch / "vocab.txt", lines);
  const ts::tokenizer plain = value_of(ts::tokenizer::open(scratch.path().string()));
  CHECK(plain.vocabulary_size() == 30522);
  for (const ts::json& line : json_lines(folder / "golden.jsonl")) check_line(plain, line.root());
}

TEST_CASE("tokenizer: a vocab.txt follows tokenizer_config.json", "[text]") {
  const scratch_directory scratch;
  write_file(scratch / "vocab.txt", "[UNK]\n[CLS]\n[SEP]\nA\na\n\xc3\xa9\ne\r\n##b \n");
  const auto words = [&](const std::string& config) {
    write_file(scratch / "tokenizer_config.json", config);
    const ts::tokenizer tokenizer = value_of(ts::tokenizer::open((scratch / "vocab.txt").string()));
    return joined(tokenizer, value_of(tokenizer.encode("A \xc3\xa9 ab", {.add_special_tokens = false})));
  };
  CHECK(words("{}") == "a|e|a|##b");
  CHECK(words(R"({"do_lower_case": false})") == "A|\xc3\xa9|a|##b");
  CHECK(words(R"({"do_lower_case": true, "strip_accents": false})") == "a|\xc3\xa9|a|##b");
}

TEST_CASE("tokenizer: llama.cpp's vocabularies and tests", "[text]") {
  const std::string name = GENERATE("bert-bge", "llama-spm", "qwen2");
  const auto path = fixture("gguf/ggml-vocab-" + name + ".gguf");
  const ts::tokenizer tokenizer = value_of(ts::tokenizer::open(path.string()));
  const std::string inputs = read_file(path.string() + ".inp"), outputs = read_file(path.string() + ".out");
  std::string_view texts = inputs, rows = outputs;
  constexpr std::string_view between = "\n__ggml_vocab_test__\n";
  std::size_t count = 0;
  while (!rows.empty()) {
    const std::size_t end = std::min(texts.find(between), texts.size());
    const std::string_view text = texts.substr(0, end);
    texts.remove_prefix(std::min(end + between.size(), texts.size()));
    const std::size_t line_end = std::min(rows.find('\n'), rows.size());
    std::istringstream line{std::string(rows.substr(0, line_end))};
    rows.remove_prefix(std::min(line_end + 1, rows.size()));
    std::vector<ts::token_id> expected;
    for (ts::token_id id = 0; line >> id;) expected.push_back(id);
    INFO(text);
    const ts::encoding tokens = value_of(tokenizer.encode(text, {.add_special_tokens = false}));
    CHECK(tokens.ids == expected);
    // These vocabularies lose nothing; a blank before the first word aside.
    if (name == "qwen2") CHECK(value_of(tokenizer.decode(tokens.ids)) == text);
    if (name == "llama-spm") CHECK(value_of(tokenizer.decode(tokens.ids)) == text);
    ++count;
  }
  CHECK(count == 46);
}

TEST_CASE("tokenizer: a Unigram vocabulary of GGUF", "[text]") {
  const ts::tokenizer tokenizer =
      value_of(ts::tokenizer::open(fixture("gguf/ggml-vocab-nomic-bert-moe.gguf").string()));
  CHECK(tokenizer.vocabulary_size() == 250048);
  // The vocabulary is XLM-RoBERTa's, whose ids of this sentence are published with the model.
  const ts::encoding tokens = value_of(tokenizer.encode("Hello  world"));
  CHECK(joined(tokenizer, tokens) == "<s>|\u2581Hello|\u2581world|</s>");
  CHECK(value_of(tokenizer.decode(tokens.ids)) == "Hello world");
}
