// SPDX-License-Identifier: Apache-2.0
// Parts of a tokenizer.json that few models have, against what Hugging Face tokenizers 0.23.3 gives for the same parts.
#include <tests/text/support.hpp>

#include <catch2/matchers/catch_matchers_string.hpp>

using namespace tessera_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

/// Words of a text, as "[begin,end)" in bytes: with an empty vocabulary every word is the unknown token.
std::string words_of(const std::string& split, std::string_view text) {
  const auto tokenizer = value_of(tokenizer_from(R"({"model": {"type": "WordLevel", "vocab": {"?": 0}, "unk_token": "?"}, "pre_tokenizer": )" + split + "}"));
  const ts::encoding tokens = value_of(tokenizer.encode(text));
  std::string out;
  for (const ts::byte_range where : tokens.offsets) (out += out.empty() ? "" : "|") += where.of(text);
  return out;
}

std::string decoded(const std::string& decoder, const std::vector<std::string>& tokens) {
  std::string vocab;
  std::vector<ts::token_id> ids;
  std::vector<std::string> distinct;
  for (const std::string& token : tokens) {
    const auto at = std::ranges::find(distinct, token) - distinct.begin();
    ids.push_back(static_cast<ts::token_id>(at));
    if (static_cast<std::size_t>(at) == distinct.size()) distinct.push_back(token);
  }
  for (std::size_t i = 0; i < distinct.size(); ++i)
    vocab += (i == 0 ? "\"" : ", \"") + distinct[i] + "\": " + std::to_string(i);
  const auto tokenizer = value_of(tokenizer_from(R"({"model": {"type": "WordLevel", "unk_token": "?", "vocab": {)" + vocab + R"(}}, "decoder": )" + decoder + "}"));
  return value_of(tokenizer.decode(ids));
}

}  // namespace

TEST_CASE("word level: tokens or the unknown token", "[text]") {
  const std::string vocab = R"("vocab": {"<unk>": 0, "hello": 1, "world": 2})";
  const std::string split = R"(, "pre_tokenizer": {"type": "Whitespace"}})";
  const auto tokenizer =
      value_of(tokenizer_from(R"({"model": {"type": "WordLevel", "unk_token": "<unk>", )" + vocab + "}" + split));
  const ts::encoding tokens = value_of(tokenizer.encode("hello  new world!"));
  CHECK(tokens.ids == std::vector<ts::token_id>{1, 0, 2, 0});
  CHECK(tokens.offsets == std::vector<ts::byte_range>{{0, 5}, {7, 10}, {11, 16}, {16, 17}});
  CHECK(tokenizer.unknown_id() == 0);

  const auto lacking =
      value_of(tokenizer_from(R"({"model": {"type": "WordLevel", "unk_token": "nope", )" + vocab + "}" + split));
  CHECK(value_of(lacking.encode("hello")).ids == std::vector<ts::token_id>{1});
  const auto failed = lacking.encode("hello there");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ts::error_code::unsupported);
  CHECK(value_of(lacking.encode("world")).ids == std::vector<ts::token_id>{2});

  const auto unnamed = tokenizer_from(R"({"model": {"type": "WordLevel", )" + vocab + "}" + split);
  REQUIRE_FALSE(unnamed);
  CHECK_THAT(unnamed.error().message(), ContainsSubstring("unk_token"));
}

TEST_CASE("pre-tokenizer: so many characters", "[text]") {
  const std::string three = R"({"type": "FixedLength", "length": 3})";
  CHECK(words_of(three, "Hello, w\u00f6rld! ab") == "Hel|lo,| w\u00f6|rld|! a|b");
  CHECK(words_of(three, "abc") == "abc");
  CHECK(words_of(R"({"type": "FixedLength", "length": 1})", "ab \u00e9") == "a|b| |\u00e9");
  CHECK(words_of(R"({"type": "FixedLength"})", "abcdefg") == "abcde|fg");
  CHECK_FALSE(tokenizer_from(
      R"({"model": {"type": "WordLevel", "vocab": {}, "unk_token": ""}, "pre_tokenizer": {"type": "FixedLength", "length": 0}})"));
}

TEST_CASE("pre-tokenizer: scripts", "[text]") {
  const std::string scripts = R"({"type": "UnicodeScripts"})";
  CHECK(words_of(scripts, "\u3069\u3053\u3067\u751f\u308c\u3002Yes") == "\u3069\u3053\u3067\u751f\u308c|\u3002|Yes");
  CHECK(words_of(scripts, "Apples are \u308a\u3093\u3054 \u6797\u6a8e") == "Apples are |\u308a\u3093\u3054 \u6797\u6a8e");
  CHECK(words_of(scripts, "  a b") == "a b");
  CHECK(words_of(scripts, " ") == "");
  CHECK(words_of(scripts, "\u30e9\u30fc\u30e1\u30f3\u30fc a1\u00e9") == "\u30e9\u30fc\u30e1\u30f3\u30fc |a|1|\u00e9");
  CHECK(words_of(scripts, "\u03b3a") == "\u03b3|a");
}

TEST_CASE("decoder: CTC", "[text]") {
  const auto both = [](const std::vector<std::string>& tokens) {
    const std::string settings = R"({"type": "CTC", "pad_token": "<pad>", "word_delimiter_token": "|", "cleanup": )";
    return decoded(settings + "true}", tokens) + "/" + decoded(settings + "false}", tokens);
  };
  CHECK(both({"<pad>", "<pad>", "h", "e", "e", "l", "l", "<pad>", "l", "o", "o", "o", "<pad>"}) == "hello/hello");
  CHECK(both({"h", "|", "|", "a", "<pad>", "a", " .", "x", "<pad>y"}) == "h aa.xy/h|aa .xy");
  CHECK(both({"|", " n't", "do", " do not"}) == " n'tdo don't/| n'tdo do not");
  // What was all padding is gone before the next one looks for repetitions.
  const std::string one = R"({"type": "CTC", "pad_token": "e", "word_delimiter_token": "|", "cleanup": false})";
  CHECK(decoded(one, {"i", "t", "e", "t", "i"}) == "itti");
  CHECK(decoded(R"({"type": "Sequence", "decoders": [)" + one + ", " + one + "]}", {"i", "t", "e", "t", "i"}) == "iti");
}
