// SPDX-License-Identifier: Apache-2.0
// Patterns: the hand-written loops against PCRE2 running the published expressions, what is refused, what becomes of matches.
#include <tests/text/support.hpp>

#include <random>

using namespace tessera_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

std::vector<std::string> matches(const ts::text_pattern& pattern, std::string_view text) {
  std::vector<std::string> out;
  ts::detail::match_memory memory;
  CHECK(pattern.for_each_match(text, memory, [&](std::size_t begin, std::size_t end) {
    out.emplace_back(text.substr(begin, end - begin));
  }));
  return out;
}

std::vector<std::string> split(ts::pre_tokenizer_step step, std::string_view text) {
  ts::pre_tokenizer_scratch scratch;
  const ts::pre_tokenizer splitter(std::move(step));
  const auto done = value_of(splitter.split({text}, scratch));
  std::vector<std::string> out;
  for (const ts::word_range word : done.words) out.emplace_back(done.text.text.substr(word.begin, word.size()));
  return out;
}

using strings = std::vector<std::string>;

}  // namespace

TEST_CASE("pattern: the loops match what PCRE2 matches", "[text]") {
  const std::string_view expression =
      GENERATE(as<std::string_view>{}, ts::gpt2_expression, ts::qwen2_expression, ts::llama3_expression);
  const ts::text_pattern loop = value_of(ts::text_pattern::expression(expression));
  const ts::text_pattern engine = value_of(ts::text_pattern::engine_expression(expression));
  REQUIRE(loop.words());
  REQUIRE_FALSE(engine.words());
  // Every kind of character, those that the alternatives name, and those on which readers of \s, \p{L} and case have differed.
  const std::string_view parts[] = {"a",      "Zq",     "the",    "'s",     "'S",     "'ll",     "'Re",     "'",      "'\u017f",
                                    " ",      "  ",     "\t",     "\n",     "\r\n",   "\u00a0",  "\u3000",  "\u180e", "\u2028",
                                    "1",      "234",    "\u0663", "\u00bd", "\u2167", "!",       "...",     "-",      "_",
                                    "\u00e9", "\u4e2d", "\u0301", "\u200b", "\u00aa", "\U0001f600", "\U00020000", "\x01", "\x7f"};
  std::mt19937 random(11);
  for (int round = 0; round < 1500; ++round) {
    std::string text;
    for (std::size_t n = random() % 24; n != 0; --n) text += parts[random() % std::size(parts)];
    INFO(text);
    const auto found = matches(loop, text);
    REQUIRE(found == matches(engine, text));
    std::string all;
    for (const std::string& word : found) all += word;
    CHECK(all == text);
  }
}

TEST_CASE("pattern: classes of the loops are those of PCRE2, character by character", "[text]") {
  const auto among = [](std::string_view expression) { return value_of(ts::text_pattern::engine_expression(expression)); };
  const ts::text_pattern letter = among("\\p{L}"), number = among("\\p{N}"), space = among("\\s");
  std::size_t different = 0;
  for (ts::code_point c = 1; c < 0x3000; ++c) {
    char bytes[4];
    const std::string text(bytes, ts::encode_utf8(c, bytes));
    const unsigned bits = ts::pattern_class_of(c);
    const bool same = ((bits & ts::pattern_class::letter) != 0) == !matches(letter, text).empty() &&
                      ((bits & ts::pattern_class::number) != 0) == !matches(number, text).empty() &&
                      ((bits & ts::pattern_class::space) != 0) == !matches(space, text).empty();
    different += same ? 0U : 1U;
  }
  CHECK(different <= 2);  // letters of Unicode 16, which an older PCRE2 does not know
}

TEST_CASE("pattern: literals, runs of blanks, nested sets, empty matches", "[text]") {
  CHECK(matches(ts::text_pattern::literal("ab"), "abab cab") == strings{"ab", "ab", "ab"});
  CHECK(matches(ts::text_pattern::literal(""), "abc").empty());
  CHECK(matches(value_of(ts::text_pattern::expression(" {2,}")), "a  b c   ") == strings{"  ", "   "});
  CHECK(matches(value_of(ts::text_pattern::expression("[^(\\s|[.,])]+")), "a.b,(c d") == strings{"a", "b", "c", "d"});
  CHECK(matches(value_of(ts::text_pattern::expression("x*")), "axb") == strings{"", "x", ""});
  CHECK(matches(value_of(ts::text_pattern::expression("^b$")), "a\nb\nc") == strings{"b"});
}

TEST_CASE("pattern: classes of characters are those of the reference's engine", "[text]") {
  // What Hugging Face's Split finds in this text.
  const std::string_view text = "e\u0301_a \u00b2x\u203f\u20ac\u0903 \u4e2d\u3001\u3042 +\u00a9\u180e\u0345y";
  const auto found = [&](std::string_view expression) { return matches(value_of(ts::text_pattern::expression(expression)), text); };
  CHECK(found("\\w+") == strings{"e\u0301_a", "\u00b2x\u203f", "\u0903", "\u4e2d", "\u3042", "\u0345y"});
  CHECK(found("[\\w]+") == strings{"e\u0301_a", "x\u203f", "\u0903", "\u4e2d", "\u3042", "\u0345y"});
  CHECK(found("\\W+") == strings{" ", "\u20ac", " ", "\u3001", " +\u00a9\u180e"});
  CHECK(found("[^\\W_]+") == strings{"e\u0301", "a", "x\u203f", "\u0903", "\u4e2d", "\u3042", "\u0345y"});
  CHECK(found("[\\W_]+") == strings{"_", " \u00b2", "\u20ac", " ", "\u3001", " +\u00a9\u180e"});
  CHECK(found("\\b\\w") == strings{"e", "\u00b2", "\u0903", "\u4e2d", "\u3042", "\u0345"});
  CHECK(found("\\w\\B\\w") == strings{"e\u0301", "_a", "\u00b2x", "\u0345y"});
  CHECK(found("[[:punct:]]+") == strings{"_", "\u203f\u20ac", "\u3001", "+\u00a9"});
  CHECK(found("[[:^punct:]x]+") == strings{"e\u0301", "a \u00b2x", "\u0903 \u4e2d", "\u3042 ", "\u180e\u0345y"});
  CHECK(found("[[:alpha:]]+") == strings{"e", "a", "x", "\u0903", "\u4e2d", "\u3042", "\u0345y"});
  CHECK(found("[[:space:]]+") == strings{" ", " ", " "});
  CHECK(found("\\p{Han}+") == strings{"\u4e2d"});
  CHECK(found("\\P{Han}+") == strings{"e\u0301_a \u00b2x\u203f\u20ac\u0903 ", "\u3001\u3042 +\u00a9\u180e\u0345y"});
  CHECK(found("[^\\p{Hiragana}\\s]+") == strings{"e\u0301_a", "\u00b2x\u203f\u20ac\u0903", "\u4e2d\u3001", "+\u00a9\u180e\u0345y"});
  CHECK(found("[\\Sx]+") == strings{"e\u0301_a", "\u00b2x\u203f\u20ac\u0903", "\u4e2d\u3001\u3042", "+\u00a9\u180e\u0345y"});
  CHECK(found("\\u0061") == strings{"a"});
  CHECK(matches(value_of(ts::text_pattern::expression("a{,2}x")), "aaax x ax") == strings{"aax", "x", "ax"});
  CHECK(matches(value_of(ts::text_pattern::expression("\\v")), "a\x0b""b\nc") == strings{"\x0b"});
  CHECK(matches(value_of(ts::text_pattern::expression("\\pL+")), "pLL L") == strings{"pLL"});
}

TEST_CASE("pattern: what the engine would read otherwise is refused", "[text]") {
  for (const std::string_view pattern : {"\\h", "a\\Gb", "(?m).", "[a&&b]", "[a[^b]]", "a{1,2}+", "\\Qa\\E", "\\u12"}) {
    const auto made = ts::text_pattern::expression(pattern);
    INFO(pattern);
    REQUIRE_FALSE(made);
    CHECK(made.error().code == ts::error_code::unsupported);
  }
  const auto broken = ts::text_pattern::expression("a(b");
  REQUIRE_FALSE(broken);
  CHECK(broken.error().code == ts::error_code::malformed);
  CHECK_THAT(broken.error().message(), ContainsSubstring("at 3"));
}

TEST_CASE("pattern: a costly search ends as an error", "[text]") {
  const ts::text_pattern costly = value_of(ts::text_pattern::expression("(a|aa|b)*c"));
  ts::detail::match_memory memory;
  const std::string text = std::string(200, 'a') + "dc";
  CHECK_FALSE(costly.for_each_match(text, memory, [](std::size_t, std::size_t) {}));
}

TEST_CASE("pre_tokenizer: what becomes of matches", "[text]") {
  const auto dashes = [](ts::split_behavior behavior, bool invert = false) {
    return split(ts::pattern_split{ts::text_pattern::literal("-"), behavior, invert}, "the-final--countdown");
  };
  using enum ts::split_behavior;
  CHECK(dashes(isolated) == strings{"the", "-", "final", "-", "-", "countdown"});
  CHECK(dashes(removed) == strings{"the", "final", "countdown"});
  CHECK(dashes(removed, true) == strings{"-", "-", "-"});
  CHECK(dashes(contiguous) == strings{"the", "-", "final", "--", "countdown"});
  CHECK(dashes(merged_with_previous) == strings{"the-", "final-", "-", "countdown"});
  CHECK(dashes(merged_with_next) == strings{"the", "-final", "-", "-countdown"});
  CHECK(split(ts::digit_split{true}, "a12b") == strings{"a", "1", "2", "b"});
  CHECK(split(ts::digit_split{false}, "a12b") == strings{"a", "12", "b"});
  CHECK(split(ts::word_split{}, "it's 3\u20ac!") == strings{"it", "'", "s", "3", "\u20ac!"});
  CHECK(split(ts::delimiter_split{'_'}, "_a__b") == strings{"a", "b"});
  CHECK(split(ts::metaspace{}, "a b  c") == strings{"\u2581a", "\u2581b", "\u2581", "\u2581c"});
  CHECK(split(ts::metaspace{.prepend = ts::metaspace::scheme::never}, "a b") == strings{"a", "\u2581b"});
  CHECK(split(ts::metaspace{}, "\u2581a\u2581b") == strings{"\u2581a", "\u2581b"});
  CHECK(split(ts::byte_characters{}, "a \u00e9") == strings{"a\u0120\u00c3\u00a9"});
}
