// SPDX-License-Identifier: Apache-2.0
// What a tokenizer promises beyond the reference's lines: errors, options, lookups, the readers' refusals.
#include <tests/text/support.hpp>

#include <thread>

using namespace tessera_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

const std::vector<std::string> small{"[UNK]", "[CLS]", "[SEP]", "a", "b", "##b", "c", "[PAD]"};

std::string bert_template() {
  return R"(, "post_processor": {"type": "BertProcessing", "cls": ["[CLS]", 1], "sep": ["[SEP]", 2]})"
         R"(, "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true})"
         R"(, "added_tokens": [{"id": 1, "content": "[CLS]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},)"
         R"( {"id": 2, "content": "[SEP]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}])";
}

ts::tokenizer small_tokenizer() {
  return value_of(tokenizer_from(wordpiece_json(small, bert_parts + bert_template())));
}

std::string added(const std::string& content, int id, const std::string& flags) {
  std::string entry = "{\"id\": " + std::to_string(id) + ", \"content\": \"" + content + "\"";
  for (const std::string name : {"single_word", "lstrip", "rstrip", "normalized", "special"})
    entry += ", \"" + name + "\": " + (flags.find(name) != std::string::npos ? "true" : "false");
  return entry + "}";
}

std::string tokens_of(const std::string& settings, std::string_view text) {
  const ts::tokenizer tokenizer =
      value_of(tokenizer_from(wordpiece_json({"[UNK]", "a", "b", "##b"}, bert_parts + settings)));
  const ts::encoding tokens = value_of(tokenizer.encode(text));
  std::string out;
  for (std::size_t i = 0; i < tokens.size(); ++i)
    out += std::string(tokenizer.token_of(tokens.ids[i]).value()) + "<" + std::string(tokens.offsets[i].of(text)) + ">";
  return out;
}

}  // namespace

TEST_CASE("tokenizer: templates, types, masks, offsets", "[text]") {
  const ts::tokenizer tokenizer = small_tokenizer();
  const ts::encoding tokens = value_of(tokenizer.encode("AB", "c x"));
  CHECK(joined(tokenizer, tokens) == "[CLS]|a|##b|[SEP]|c|[UNK]|[SEP]");
  CHECK(tokens.type_ids == std::vector<std::uint32_t>{0, 0, 0, 0, 1, 1, 1});
  CHECK(tokens.special_tokens_mask == std::vector<std::uint8_t>{1, 0, 0, 1, 0, 0, 1});
  CHECK(tokens.offsets == std::vector<ts::byte_range>{{0, 0}, {0, 1}, {1, 2}, {0, 0}, {0, 1}, {2, 3}, {0, 0}});
  CHECK(tokens.texts[0] == ts::token_range{1, 3});
  CHECK(tokens.texts[1] == ts::token_range{4, 6});
  CHECK(value_of(tokenizer.decode(tokens.ids)) == "ab c [UNK]");
  CHECK(value_of(tokenizer.decode(tokens.ids, false)) == "[CLS] ab [SEP] c [UNK] [SEP]");
  CHECK(joined(tokenizer, value_of(tokenizer.encode("AB", "c", {.add_special_tokens = false}))) == "a|##b|c");
  CHECK(joined(tokenizer, value_of(tokenizer.encode(""))) == "[CLS]|[SEP]");
  CHECK(joined(tokenizer, value_of(tokenizer.encode("a[SEP]b"))) == "[CLS]|a|[SEP]|b|[SEP]");
}

TEST_CASE("tokenizer: lookups", "[text]") {
  const ts::tokenizer tokenizer = small_tokenizer();
  CHECK(tokenizer.vocabulary_size() == 8);
  CHECK(tokenizer.unknown_id() == 0);
  CHECK(tokenizer.begin_id() == 1);
  CHECK(tokenizer.end_id() == 2);
  CHECK(tokenizer.padding_id() == 7);
  CHECK(tokenizer.id_of("##b") == 5);
  CHECK_FALSE(tokenizer.id_of("zebra"));
  CHECK_FALSE(tokenizer.token_of(8));
  CHECK(tokenizer.is_special(1));
  CHECK_FALSE(tokenizer.is_special(3));
  CHECK(tokenizer.special_tokens_added() == 2);
  CHECK(tokenizer.special_tokens_added(true) == 3);
  CHECK_FALSE(tokenizer.truncation());
  CHECK_FALSE(tokenizer.padding());
  const ts::tokenizer bare = value_of(tokenizer_from(wordpiece_json({"[UNK]", "a"})));
  CHECK_FALSE(bare.begin_id());
  CHECK_FALSE(bare.padding_id());
  CHECK(joined(bare, value_of(bare.encode("a", "b"))) == "a|[UNK]");
  CHECK(value_of(bare.encode("a", "b")).type_ids == std::vector<std::uint32_t>{0, 1});
  CHECK(value_of(bare.decode(std::vector<ts::token_id>{1, 1})) == "a a");
}

TEST_CASE("tokenizer: what the file says about truncation and padding is data", "[text]") {
  const ts::tokenizer tokenizer = value_of(tokenizer_from(wordpiece_json(
      small,
      bert_parts +
          R"(, "truncation": {"direction": "Left", "max_length": 1, "strategy": "OnlyFirst", "stride": 3})"
          R"(, "padding": {"strategy": {"Fixed": 16}, "direction": "Left", "pad_to_multiple_of": 8, "pad_id": 7, "pad_type_id": 1, "pad_token": "[PAD]"})")));
  REQUIRE(tokenizer.truncation());
  CHECK(tokenizer.truncation()->max_length == 1);
  CHECK(tokenizer.truncation()->stride == 3);
  CHECK(tokenizer.truncation()->direction == ts::text_side::left);
  CHECK(tokenizer.truncation()->strategy == ts::truncation_strategy::only_first);
  REQUIRE(tokenizer.padding());
  CHECK(tokenizer.padding()->length == 16);
  CHECK(tokenizer.padding()->multiple_of == 8);
  CHECK(tokenizer.padding()->pad_type_id == 1);
  CHECK(tokenizer.padding_id() == 7);
  CHECK(value_of(tokenizer.encode("a b c")).size() == 3);
}

TEST_CASE("tokenizer: errors of a call", "[text]") {
  const ts::tokenizer tokenizer = small_tokenizer();
  const auto bad = tokenizer.encode("ab \xff");
  REQUIRE_FALSE(bad);
  CHECK(bad.error().code == ts::error_code::invalid_text);
  CHECK(bad.error().offset == 3);
  CHECK(message_of(tokenizer.encode("a", "\xc3")) == "byte 0: pair: wanted UTF-8, found byte 0xc3");
  CHECK(message_of(tokenizer.encode("a", {.max_length = 1})) ==
        "max_length: wanted at least the 2 special tokens, found 1");
  CHECK(value_of(tokenizer.encode("a", {.max_length = 2})).size() == 2);
  CHECK(message_of(tokenizer.encode("a b c", {.max_length = 4, .stride = 2})) ==
        "stride: wanted less than the 2 tokens kept of a text, found 2");
  CHECK_THAT(message_of(tokenizer.encode("a b c", {.max_length = 4, .strategy = ts::truncation_strategy::only_second})),
             ContainsSubstring("no second text"));
  CHECK(message_of(tokenizer.decode(std::vector<ts::token_id>{3, 99})) == "ids[1]: wanted the id of a token, found 99");
}

TEST_CASE("tokenizer: truncation keeps the same tokens with and without windows", "[text]") {
  const ts::tokenizer tokenizer = small_tokenizer();
  const std::string text = "a b c ab x a[SEP]c b ab ab";
  for (std::size_t most = 2; most < 16; ++most)
    for (const ts::text_side side : {ts::text_side::left, ts::text_side::right}) {
      const ts::encoding plain = value_of(tokenizer.encode(text, {.max_length = most, .direction = side}));
      const ts::encoding full =
          value_of(tokenizer.encode(text, {.max_length = most, .direction = side, .overflowing = true}));
      CHECK(plain.ids == full.ids);
      CHECK(plain.offsets == full.offsets);
      CHECK(plain.type_ids == full.type_ids);
      CHECK(plain.special_tokens_mask == full.special_tokens_mask);
      CHECK(plain.texts == full.texts);
      CHECK(plain.overflowing.empty());
      CHECK(plain.size() <= most);
    }
}

TEST_CASE("tokenizer: a reused encoding holds only the last text", "[text]") {
  const ts::tokenizer tokenizer = small_tokenizer();
  ts::encoding reused;
  for (const std::string text : {"a b c ab ab ab", "\u00e9a \u4e2d", "", "c"}) {
    succeed(tokenizer.encode_into(text, {.max_length = 5, .overflowing = true}, reused));
    const ts::encoding fresh = value_of(tokenizer.encode(text, {.max_length = 5, .overflowing = true}));
    CHECK(reused.ids == fresh.ids);
    CHECK(reused.offsets == fresh.offsets);
    CHECK(reused.overflowing.size() == fresh.overflowing.size());
  }
  const ts::encoding copy = reused;
  CHECK(copy.ids == reused.ids);
}

TEST_CASE("tokenizer: added tokens", "[text]") {
  const auto list = [](std::initializer_list<std::string> entries) {
    std::string all;
    for (const std::string& entry : entries) all += (all.empty() ? "" : ", ") + entry;
    return ", \"added_tokens\": [" + all + "]";
  };
  CHECK(tokens_of(list({added("<x>", 4, ""), added("<x", 5, "")}), "a<x><x a") == "a<a><x><<x>><x<<x>a<a>");
  CHECK(tokens_of(list({added("<x>", 4, "lstrip")}), "a \t<x> b") == "a<a><x>< \t<x>>b<b>");
  CHECK(tokens_of(list({added("<x>", 4, "rstrip")}), "a <x> \u3000b") == "a<a><x><<x> \u3000>b<b>");
  CHECK(tokens_of(list({added("ab", 4, "single_word")}), "ab abb _ab ab") ==
        "ab<ab>a<a>##b<b>##b<b>[UNK]<_>a<a>##b<b>ab<ab>");
  CHECK(tokens_of(list({added("\u00c9x", 4, "normalized")}), "ex \u00c9X") == "\u00c9x<ex>\u00c9x<\u00c9X>");
  CHECK(tokens_of(list({added("\u00c9x", 4, "")}), "ex \u00c9X") == "[UNK]<ex>[UNK]<\u00c9X>");
  CHECK(tokens_of(list({added("", 9, ""), added("b", 2, "special")}), "ab") == "a<a>b<b>");
  // Blanks that the token before has taken are no token once more.
  CHECK(tokens_of(list({added("\\n", 4, "lstrip rstrip")}), "a\n \nb") == "a<a>\n<\n \n>b<b>");
  CHECK(tokens_of(list({added("<x>", 4, "rstrip"), added(" ", 5, "lstrip")}), "a<x>  b") == "a<a><x><<x>  >b<b>");
  const auto refused = [&](const std::string& settings) {
    return message_of(tokenizer_from(wordpiece_json({"[UNK]", "a"}, bert_parts + settings)));
  };
  CHECK_THAT(refused(list({added("a", 7, "")})), ContainsSubstring(R"(added token "a": wanted id 1)"));
  CHECK_THAT(refused(list({added("new", 1, "")})),
             ContainsSubstring(R"(wanted an id of its own, found id 1, which is "a")"));
  CHECK_THAT(refused(list({added("X", 7, "normalized"), added("x", 8, "normalized")})),
             ContainsSubstring(R"(both found as "x")"));
  CHECK_THAT(refused(list({added("X", 7, ""), added("Y", 7, "")})), ContainsSubstring("id 7"));
  const ts::tokenizer beyond =
      value_of(tokenizer_from(wordpiece_json({"[UNK]", "a"}, bert_parts + list({added("<m>", 40, "normalized")}))));
  CHECK(beyond.vocabulary_size() == 41);
  CHECK(beyond.token_of(40) == "<m>");
}

TEST_CASE("tokenizer: blanks are trimmed where a token's name has them", "[text]") {
  // As Hugging Face gives them: the model's tokens have their names, a token that was found in the text has that text for a name.
  const auto offsets = [](const std::string& normalizer, const std::string& tokens, std::string_view text) {
    const ts::tokenizer tokenizer = value_of(tokenizer_from(wordpiece_json(
        {"[UNK]", "a"}, R"(, "post_processor": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true})"
                        R"(, "normalizer": )" + normalizer + R"(, "added_tokens": [)" + tokens + "]")));
    std::string out;
    for (const ts::byte_range range : value_of(tokenizer.encode(text)).offsets) out += "<" + std::string(range.of(text)) + ">";
    return out;
  };
  const std::string unknown = added("[UNK]", 0, "special");
  CHECK(offsets("null", unknown, "@ ") == "<@ >");
  CHECK(offsets("null", unknown, "[UNK]") == "<[UNK]>");
  CHECK(offsets("null", unknown + ", " + added("<m>", 2, "lstrip rstrip special"), "a  <m>  a") == "<a><<m>><a>");
  const std::string mark_to_blank = R"({"type": "Replace", "pattern": {"String": "_"}, "content": " "})";
  CHECK(offsets(mark_to_blank, added("<m>", 2, "lstrip normalized"), "a__<m>a") == "<a><<m>><a>");
}

TEST_CASE("tokenizer: a special token whose normal form is another text is decoded", "[text]") {
  const ts::tokenizer tokenizer = value_of(tokenizer_from(wordpiece_json(
      {"[UNK]", "a"},
      R"(, "normalizer": {"type": "Lowercase"}, "added_tokens": [)" + added("X", 2, "normalized special") + ", " + added("Y", 3, "special") + "]")));
  CHECK(value_of(tokenizer.decode(std::vector<ts::token_id>{2, 3, 1})) == "x a");
  CHECK(value_of(tokenizer.decode(std::vector<ts::token_id>{2, 3, 1}, false)) == "x Y a");
}

TEST_CASE("decoder: spaces that splitting made are undone", "[text]") {
  const ts::wordpiece_decoder clean, raw{.prefix = "##", .cleanup = false};
  const auto text = [](const ts::wordpiece_decoder& how, std::initializer_list<std::string_view> tokens) {
    std::string out;
    bool first = true;
    for (const std::string_view token : tokens) {
      how.append(out, token, first);
      first = false;
    }
    return out;
  };
  CHECK(text(clean, {"it", "'s", "fine", ",", "is", "n't", "it", "?"}) == "it's fine, isn't it?");
  CHECK(text(raw, {"fine", ",", "is"}) == "fine , is");
  CHECK(text(clean, {"##a", "##b", "c"}) == "##ab c");
  CHECK(text(clean, {"i", "do not", "."}) == "i don't.");
}

TEST_CASE("tokenizer_json: what is lacking or wrong is named with its place", "[text]") {
  const auto refused = [](const std::string& settings) {
    return message_of(tokenizer_from(wordpiece_json({"[UNK]"}, settings)));
  };
  CHECK_THAT(refused(R"(, "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Mystery"}]})"),
             ContainsSubstring(R"(tokenizer.json: normalizer.normalizers[1].type: wanted a normalizer)") &&
                 ContainsSubstring(R"(found "Mystery")"));
  CHECK_THAT(refused(R"(, "pre_tokenizer": {"type": "Scripts"})"), ContainsSubstring(R"(pre_tokenizer.type: )"));
  CHECK_THAT(refused(R"(, "decoder": {"type": "Mystery"})"), ContainsSubstring(R"(decoder.type: )"));
  CHECK_THAT(refused(R"(, "post_processor": {"type": "Mystery"})"), ContainsSubstring(R"(post_processor.type: )"));
  CHECK_THAT(
      refused(
          R"(, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "a(b"}, "behavior": "Isolated", "invert": false})"),
      ContainsSubstring(R"(pre_tokenizer.pattern: expression "a(b": wanted a regular expression)"));
  CHECK_THAT(
      refused(
          R"(, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "\\h"}, "behavior": "Isolated", "invert": false})"),
      ContainsSubstring("wanted what this library's engine reads as the reference does"));
  CHECK_THAT(refused(R"(, "novelty": 1)"),
             ContainsSubstring(R"(wanted a setting that this library knows, found "novelty")"));
  CHECK_THAT(refused(R"(, "pre_tokenizer": {"type": "BertPreTokenizer", "extra": true})"),
             ContainsSubstring("pre_tokenizer.extra"));
  CHECK_THAT(refused(R"(, "normalizer": {"type": "BertNormalizer", "clean_text": 1})"),
             ContainsSubstring("clean_text"));
  CHECK_THAT(refused(R"(, "truncation": {"max_length": 5, "strategy": "Sideways", "stride": 0})"),
             ContainsSubstring("truncation.strategy"));
  CHECK_THAT(refused(R"(, "truncation": {"direction": "Up", "max_length": 5, "strategy": "OnlyFirst", "stride": 0})"),
             ContainsSubstring("truncation.direction: wanted Left or Right"));
  CHECK_THAT(refused(R"(, "padding": {"strategy": "Longest"})"), ContainsSubstring("padding.strategy"));
  CHECK_THAT(refused(R"(, "added_tokens": [{"id": -1}])"), ContainsSubstring("added_tokens[0].id"));
  const auto template_error = [&](const std::string& single, const std::string& special) {
    return refused(R"(, "post_processor": {"type": "TemplateProcessing", "single": )" + single +
                   R"(, "pair": [], "special_tokens": )" + special + "}");
  };
  CHECK_THAT(template_error(R"([{"SpecialToken": {"id": "[X]", "type_id": 0}}])", "{}"),
             ContainsSubstring(R"(found "[X]")"));
  CHECK_THAT(template_error(R"([{"Sequence": {"id": "C", "type_id": 0}}])", "{}"),
             ContainsSubstring("wanted the text A or B"));
  CHECK_THAT(template_error(R"([{"Sequence": {"id": "B", "type_id": 0}}])", "{}"),
             ContainsSubstring("a template of the text A alone"));
  CHECK_THAT(
      template_error(R"([{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}])", "{}"),
      ContainsSubstring(R"(post_processor.single[1].Sequence: wanted each text once, found "A" again)"));
  CHECK_THAT(template_error(R"([{}])", "{}"), ContainsSubstring("wanted one of Sequence and SpecialToken"));
  CHECK_THAT(template_error("[]", R"({"x": {"id": "x", "ids": [1, 2], "tokens": ["x"]}})"),
             ContainsSubstring("as many ids as tokens"));
  CHECK_THAT(message_of(tokenizer_from(R"({"version": "2.0", "model": {}})")),
             ContainsSubstring("version: wanted 1.0"));
  CHECK_THAT(message_of(tokenizer_from(R"({"model": {"vocab": {}}})")), ContainsSubstring("model: wanted a type"));
  CHECK_THAT(message_of(tokenizer_from(wordpiece_json({"a"}))),
             ContainsSubstring(R"(wanted "[UNK]" in the vocabulary)"));
  CHECK_THAT(
      message_of(tokenizer_from(
          R"({"model": {"type": "WordPiece", "unk_token": "a", "continuing_subword_prefix": "##", "max_input_chars_per_word": 9, "vocab": {"a": 0, "b": 0}}})")),
      ContainsSubstring("tokenizer.json: model.vocab: id 0: wanted one token"));
}

TEST_CASE("tokenizer: the damaged files", "[text]") {
  const ts::json manifest = value_of(ts::read_json(fixture("text/bad/manifest.json").string()));
  std::size_t seen = 0;
  for (const ts::json_value one : value_of(value_of(manifest.root().at("cases")).elements())) {
    if (value_of(one.get<std::string_view>("kind")) != "tokenizer") continue;
    const auto path = value_of(one.get<std::string>("path"));
    const auto opened = ts::tokenizer::open(fixture("text/bad/" + path).string());
    INFO(path << ": " << (opened ? "loads" : opened.error().message()));
    ++seen;
    if (value_of(one.get<std::string_view>("expect")) == "reject") {
      REQUIRE_FALSE(opened);
      CHECK_THAT(opened.error().message(), ContainsSubstring(path));
      continue;
    }
    REQUIRE(opened);
    if (const auto text = one.find("text"))
      CHECK(value_of(opened->encode(value_of(text->get<std::string_view>()))).ids == numbers(value_of(one.at("ids"))));
  }
  CHECK(seen > 10);
}

TEST_CASE("tokenizer: paths that hold no tokenizer", "[text]") {
  const scratch_directory scratch;
  CHECK_THAT(message_of(ts::tokenizer::open(scratch.path().string())),
             ContainsSubstring("wanted tokenizer.json, tokenizer.model"));
  CHECK_THAT(message_of(ts::tokenizer::open((scratch / "none.json").string())), ContainsSubstring("none.json"));
  write_file(scratch / "what.bin", "????");
  CHECK_THAT(message_of(ts::tokenizer::open((scratch / "what.bin").string())),
             ContainsSubstring(R"(found "what.bin")"));
  write_file(scratch / "vocab.txt", "[UNK]\n\xff\n");
  CHECK_THAT(message_of(ts::tokenizer::open((scratch / "vocab.txt").string())), ContainsSubstring("wanted UTF-8"));
  write_file(scratch / "vocab.txt", "[UNK]\n[CLS]\n");
  CHECK_THAT(message_of(ts::tokenizer::open((scratch / "vocab.txt").string())), ContainsSubstring(R"(wanted "[SEP]")"));
  write_file(scratch / "vocab.txt", "[UNK]\n[CLS]\n[SEP]\na\na\n");
  CHECK_THAT(message_of(ts::tokenizer::open((scratch / "vocab.txt").string())),
             ContainsSubstring("wanted one id, found 3 and 4"));
  write_file(scratch / "vocab.txt", "[UNK]\n[CLS]\n\n[SEP]\n\n");
  CHECK(value_of(ts::tokenizer::open((scratch / "vocab.txt").string())).end_id() == 3);
}

TEST_CASE("tokenizer: many threads, one tokenizer", "[text][threads]") {
  const auto folder = full_fixture("text/tokenizers/wordpiece_cased");
  const ts::tokenizer tokenizer = value_of(ts::tokenizer::open(folder.string()));
  const auto lines = json_lines(folder / "golden.jsonl");
  std::vector<std::string> texts;
  std::vector<ts::encoding> expected;
  for (const ts::json& line : lines) {
    texts.push_back(value_of(line.root().get<std::string>("text")));
    expected.push_back(value_of(tokenizer.encode(texts.back())));
  }
  std::vector<std::size_t> wrong(4);
  std::vector<std::thread> threads;
  for (std::size_t t = 0; t < wrong.size(); ++t)
    threads.emplace_back([&, t, mine = tokenizer] {
      ts::encoding tokens;
      for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::size_t at = (i * (2 * t + 1)) % texts.size();
        if (!mine.encode_into(texts[at], {}, tokens) || tokens.ids != expected[at].ids ||
            tokens.offsets != expected[at].offsets)
          ++wrong[t];
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == std::vector<std::size_t>(4));
}
