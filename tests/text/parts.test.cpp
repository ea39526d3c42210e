// SPDX-License-Identifier: Apache-2.0
// The parts that tokenizers are made of, each against a plain second way to the same answer.
#include <tests/text/support.hpp>

#include <map>
#include <random>

using namespace tessera_tests;

namespace {

std::string random_word(std::mt19937& random, std::size_t longest, int letters) {
  std::string word(std::uniform_int_distribution<std::size_t>(1, longest)(random), '\0');
  for (char& c : word)
    c = static_cast<char>(std::uniform_int_distribution<int>(0, letters - 1)(random) * (256 / letters));
  return word;
}

ts::wordpiece make_wordpiece(const std::vector<std::string>& tokens, ts::wordpiece_settings settings = {}) {
  std::vector<ts::vocabulary::entry> entries;
  for (const std::string& token : tokens) entries.push_back({token, static_cast<ts::token_id>(entries.size())});
  return value_of(ts::wordpiece::make(std::make_shared<const ts::vocabulary>(value_of(ts::vocabulary::make(entries))),
                                      std::move(settings)));
}

struct piece {
  ts::token_id id;
  std::size_t begin, end;
  bool operator==(const piece&) const = default;
};

std::vector<piece> pieces_of(const ts::wordpiece& model, std::string_view word, std::size_t around = 0) {
  std::vector<piece> out;
  // Inside other text, so that what stands around a word is seen not to matter.
  const std::string text = std::string(around, 'a') + std::string(word) + std::string(around, 'b');
  const ts::word_range words[] = {{around, around + word.size()}};
  model.tokenize(text, words, [&](ts::token_id id, std::size_t begin, std::size_t end) {
    out.push_back({id, begin - around, end - around});
  });
  return out;
}

/// The definition: longest prefix first, by asking the vocabulary for every substring.
std::vector<piece> pieces_by_definition(const ts::vocabulary& words, std::string_view word, std::string_view prefix,
                                        ts::token_id unknown) {
  std::vector<piece> out;
  for (std::size_t at = 0; at < word.size();) {
    std::size_t end = word.size();
    std::optional<ts::token_id> id;
    for (; end > at && !id; --end)
      id = words.id_of((at == 0 ? "" : std::string(prefix)) + std::string(word.substr(at, end - at)));
    if (!id) return {{unknown, 0, word.size()}};
    out.push_back({*id, at, end + 1});
    at = end + 1;
  }
  return out;
}

std::string normal(const ts::bert_normalizer& how, std::string_view text,
                   std::vector<ts::byte_range>* origins = nullptr) {
  ts::normalizer_scratch scratch;
  ts::normalized_text out;
  how.normalize({text}, out, scratch);
  const ts::normalized_view view = out.view();
  if (origins != nullptr)
    for (std::size_t i = 0; i < view.text.size(); ++i) origins->push_back(view.origin(i, i + 1));
  return std::string(view.text);
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  ts::bert_pre_tokenizer{}.for_each_word(text, [&](std::size_t begin, std::size_t end) {
    words.emplace_back(text.substr(begin, end - begin));
    return true;
  });
  return words;
}

}  // namespace

TEST_CASE("trie: finds what a map finds", "[text]") {
  const int letters = GENERATE(2, 16, 256);
  std::mt19937 random(static_cast<unsigned>(letters));
  std::map<std::string, std::uint32_t> expected;
  for (std::uint32_t i = 0; i < 3000; ++i) expected.emplace(random_word(random, letters == 2 ? 20 : 6, letters), i * 7);
  std::vector<std::string_view> keys;
  std::vector<std::uint32_t> values;
  for (const auto& [key, value] : expected) {
    keys.push_back(key);
    values.push_back(value);
  }
  const ts::trie made = ts::trie::build(keys, values);
  for (const auto& [key, value] : expected) CHECK(made.longest(key).value == value);
  for (int i = 0; i < 20000; ++i) {
    const std::string text = random_word(random, letters == 2 ? 24 : 8, letters);
    ts::trie::match wanted;
    for (std::size_t n = 1; n <= text.size(); ++n)
      if (const auto found = expected.find(text.substr(0, n)); found != expected.end()) wanted = {n, found->second};
    const ts::trie::match found = made.longest(text);
    if (found.length != wanted.length || found.value != wanted.value) FAIL(i);
  }
}

TEST_CASE("trie: small and odd key sets", "[text]") {
  CHECK(ts::trie{}.longest("a").value == ts::trie::no_value);
  CHECK(ts::trie::build({}).longest("a").value == ts::trie::no_value);
  const std::string zero(1, '\0'), high = "\xff";
  const std::string_view keys[] = {"", zero, high, "\xff\xff"};
  const ts::trie made = ts::trie::build(keys);
  CHECK(made.value(ts::trie::root()) == 0);
  CHECK(made.longest(zero).value == 1);
  CHECK(made.longest("\xff\xff\xff").value == 3);
  CHECK(made.longest("\xff\xff\xff").length == 2);
  CHECK(made.longest("a").value == ts::trie::no_value);
}

TEST_CASE("trie: memory stays near the keys' bytes", "[text]") {
  std::mt19937 random(5);
  std::vector<std::string> words;
  for (int i = 0; i < 20000; ++i) words.push_back(random_word(random, 12, 64));
  std::ranges::sort(words);
  words.erase(std::unique(words.begin(), words.end()), words.end());
  std::size_t bytes = 0;
  for (const std::string& word : words) bytes += word.size();
  const std::vector<std::string_view> keys(words.begin(), words.end());
  CHECK(ts::trie::build(keys).bytes() < 12 * 2 * bytes);
}

TEST_CASE("vocabulary: both directions, holes, contradictions", "[text]") {
  const ts::vocabulary::entry entries[] = {{"b", 7}, {"a", 2}, {"", 4000000000U}, {"longer than eight bytes", 3}};
  const ts::vocabulary words = value_of(ts::vocabulary::make(entries));
  CHECK(words.size() == 4);
  CHECK(words.id_bound() == 4000000001U);
  CHECK(words.id_of("a") == 2);
  CHECK(words.id_of("longer than eight bytes") == 3);
  CHECK(words.id_of("") == 4000000000U);
  CHECK_FALSE(words.id_of("c"));
  CHECK(words.token_of(7) == "b");
  CHECK_FALSE(words.token_of(0));
  CHECK_FALSE(words.token_of(4000000001U));
  CHECK(words[0].token == "a");
  CHECK(ts::vocabulary{}.id_bound() == 0);
  CHECK_FALSE(ts::vocabulary{}.id_of("a"));
  CHECK_FALSE(ts::vocabulary{}.token_of(0));
  const ts::vocabulary::entry one_id_twice[] = {{"a", 1}, {"b", 1}};
  CHECK(message_of(ts::vocabulary::make(one_id_twice)) == R"(id 1: wanted one token, found "a" and "b")");
  const ts::vocabulary::entry one_token_twice[] = {{"a", 1}, {"a", 2}};
  CHECK(message_of(ts::vocabulary::make(one_token_twice)) == R"(token "a": wanted one id, found 1 and 2)");
}

TEST_CASE("wordpiece: cuts as its definition says", "[text]") {
  std::mt19937 random(1);
  const auto word = [&](std::size_t longest) {
    std::string text = random_word(random, longest, 3);
    for (char& c : text) c = static_cast<char>('a' + static_cast<unsigned char>(c) / 85);
    return text;
  };
  const std::string prefix = GENERATE("##", "", "a");
  std::vector<std::string> tokens{"[UNK]"};
  for (int i = 0; i < 60; ++i) tokens.push_back((i % 2 ? prefix : "") + word(5));
  std::ranges::sort(tokens);
  tokens.erase(std::unique(tokens.begin(), tokens.end()), tokens.end());
  const ts::wordpiece model = make_wordpiece(tokens, {.continuing_prefix = prefix});
  for (int i = 0; i < 5000; ++i) {
    const std::string text = word(14);
    INFO(text);
    CHECK(pieces_of(model, text, static_cast<std::size_t>(i % 20)) ==
          pieces_by_definition(model.words(), text, prefix, model.unknown()));
  }
}

TEST_CASE("wordpiece: limits and unknown words", "[text]") {
  const ts::wordpiece model = make_wordpiece({"[UNK]", "a", "##a", "\xc3\xa9", "##\xc3\xa9"}, {.longest_word = 4});
  CHECK(pieces_of(model, "aaaa").size() == 4);
  CHECK(pieces_of(model, "aaaaa") == std::vector<piece>{{0, 0, 5}});
  CHECK(pieces_of(model, "\xc3\xa9\xc3\xa9\xc3\xa9\xc3\xa9").size() == 4);  // counted in code points
  CHECK(pieces_of(model, "aab") == std::vector<piece>{{0, 0, 3}});
  CHECK(pieces_of(model, "b") == std::vector<piece>{{0, 0, 1}});
  CHECK(pieces_of(make_wordpiece({"[UNK]", "a"}), "aa") == std::vector<piece>{{0, 0, 2}});
  using namespace std::string_literals;
  using namespace std::string_view_literals;
  const ts::wordpiece zeros = make_wordpiece({"[UNK]", "a", "b\0"s, "fifteen letters", "sixteen letters!"});
  CHECK(pieces_of(zeros, "a\0"sv) == std::vector<piece>{{0, 0, 2}});
  CHECK(pieces_of(zeros, "b\0"sv) == std::vector<piece>{{2, 0, 2}});
  CHECK(pieces_of(zeros, "b") == std::vector<piece>{{0, 0, 1}});
  for (const std::size_t around : {std::size_t{0}, std::size_t{1}, std::size_t{20}}) {
    CHECK(pieces_of(zeros, "fifteen letters", around) == std::vector<piece>{{3, 0, 15}});
    CHECK(pieces_of(zeros, "sixteen letters!", around) == std::vector<piece>{{4, 0, 16}});
    CHECK(pieces_of(zeros, "a", around) == std::vector<piece>{{1, 0, 1}});
  }
  const ts::vocabulary::entry entries[] = {{"a", 0}};
  CHECK(message_of(ts::wordpiece::make(std::make_shared<const ts::vocabulary>(value_of(ts::vocabulary::make(entries))),
                                       {})) == R"(unknown token: wanted "[UNK]" in the vocabulary)");
}

TEST_CASE("normalizer: what BERT does to a text", "[text]") {
  const ts::bert_normalizer uncased;
  CHECK(normal(uncased, "Hello\tWORLD\n") == "hello world ");
  CHECK(normal(uncased,
               "a\x01"
               "b\x7f") == "ab");
  CHECK(normal(uncased, "Caf\u00e9 CAFE\u0301") == "cafe cafe");
  CHECK(normal(uncased, "\u0130\u03a3") == "i\u03c3");
  CHECK(normal(uncased, "a\u4e2d\u56fdb") == "a \u4e2d  \u56fd b");
  CHECK(normal(uncased, "\uf900") == " \u8c48 ");
  CHECK(normal(uncased, "\u200b\ufeff\ufffd") == "");
  CHECK(normal({.clean_text = false, .lowercase = false}, "A\tB\u200b") == "A\tB\u200b");
  CHECK(normal({.strip_accents = false}, "\u0130\u00c9") == "i\u0307\u00e9");
  CHECK(normal({.strip_accents = true, .lowercase = false}, "\u00c9") == "E");
  CHECK(normal({.handle_chinese_chars = false}, "a\u4e2d") == "a\u4e2d");
  CHECK(normal(uncased, "") == "");
}

TEST_CASE("normalizer: every byte knows where it came from", "[text]") {
  std::vector<ts::byte_range> origins;
  CHECK(normal({}, "Ab", &origins) == "ab");
  CHECK(origins == std::vector<ts::byte_range>{{0, 1}, {1, 2}});
  origins.clear();
  CHECK(normal({}, "e\u0301\u00e9x", &origins) == "eex");  // the accent of its own stands for nothing
  CHECK(origins == std::vector<ts::byte_range>{{0, 1}, {3, 5}, {5, 6}});
  origins.clear();
  CHECK(normal({}, "\u4e2d", &origins) == " \u4e2d ");
  CHECK(origins == std::vector<ts::byte_range>(5, {0, 3}));
  origins.clear();
  // Marks are ordered by class; what stands k-th then stands for the k-th character. U+302E (224) is kept, U+0301 (230) is not.
  CHECK(normal({}, "a\u0301\u302e", &origins) == "a\u302e");
  CHECK(origins == std::vector<ts::byte_range>{{0, 1}, {1, 3}, {1, 3}, {1, 3}});
}

TEST_CASE("normalizer: long texts come out as their pieces do", "[text]") {
  // Blocks, runs that cross them, and the change from plain to aligned must not show.
  const ts::bert_normalizer how =
      GENERATE(ts::bert_normalizer{}, ts::bert_normalizer{.clean_text = false, .strip_accents = false});
  const std::string_view parts[] = {
      "Word ", "\u00c9t\u00e9 ", "\u4e2d\u6587", "\u0130\uac01 ", "a\u0301\u0316\u0301 ", "\U0001d160 ", "\x02 "};
  std::mt19937 random(3);
  for (int round = 0; round < 20; ++round) {
    std::string text, expected;
    if (round % 2 == 1) text = expected = std::string(997, 'x') + ' ';
    while (text.size() < 5000) {
      const std::string_view part = parts[random() % std::size(parts)];
      text += part;
      expected += normal(how, part);
    }
    std::vector<ts::byte_range> origins;
    CHECK(normal(how, text, &origins) == expected);
    CHECK(std::ranges::is_sorted(origins, {}, &ts::byte_range::begin));
    CHECK(origins.back().end <= text.size());
  }
  CHECK(normal({}, "a" + std::string(20000, ' ') + std::string(3, 'B')).size() == 20004);
  std::string marks = "a";
  for (int i = 0; i < 4000; ++i) marks += i % 2 ? "\u0301" : "\u0316";
  CHECK(normal({}, marks) == "a");
}

TEST_CASE("pre_tokenizer: white space separates, punctuation stands alone", "[text]") {
  using strings = std::vector<std::string>;
  CHECK(words_of("don't  go\u3000now!") == strings{"don", "'", "t", "go", "now", "!"});
  CHECK(words_of("") == strings{});
  CHECK(words_of(" \u2028 ") == strings{});
  CHECK(words_of("\u3001a\u3002") == strings{"\u3001", "a", "\u3002"});
  CHECK(words_of("a$b") == strings{"a", "$", "b"});
  CHECK(words_of("\u20ac5") == strings{"\u20ac5"});
}

TEST_CASE("truncate: lengths that are kept", "[text]") {
  using enum ts::truncation_strategy;
  const auto keep = [](std::size_t first, std::size_t second, std::size_t most, ts::truncation_strategy how) {
    return value_of(ts::keep_lengths(first, second, true, most, how));
  };
  using lengths = std::pair<std::size_t, std::size_t>;
  CHECK(keep(3, 4, 7, longest_first) == lengths{3, 4});
  CHECK(keep(7, 12, 10, longest_first) == lengths{5, 5});
  CHECK(keep(2, 12, 10, longest_first) == lengths{2, 8});
  CHECK(keep(12, 2, 10, longest_first) == lengths{8, 2});
  CHECK(keep(12, 12, 5, longest_first) == lengths{2, 3});
  CHECK(keep(13, 12, 5, longest_first) == lengths{3, 2});
  CHECK(keep(5, 5, 0, longest_first) == lengths{0, 0});
  CHECK(keep(5, 9, 10, only_first) == lengths{1, 9});
  CHECK(keep(5, 9, 10, only_second) == lengths{5, 5});
  CHECK(message_of(ts::keep_lengths(5, 10, true, 10, only_first)) ==
        "truncation: wanted a first text of more than 5 tokens to cut, found 5 tokens");
  CHECK(message_of(ts::keep_lengths(5, 0, false, 4, only_second)) ==
        "truncation: wanted a second text of more than 1 tokens to cut, found no second text");
}

TEST_CASE("truncate: windows cover everything and share what was asked", "[text]") {
  for (const ts::text_side cut : {ts::text_side::left, ts::text_side::right})
    for (std::size_t length = 0; length < 20; ++length)
      for (std::size_t keep = 1; keep < 22; ++keep)
        for (std::size_t stride = 0; stride < keep; ++stride) {
          const auto parts = value_of(ts::windows(length, keep, stride, cut));
          std::vector<int> seen(length);
          for (const ts::token_range& part : parts)
            for (std::size_t i = part.begin; i < part.end; ++i) ++seen[i];
          CHECK(std::ranges::all_of(seen, [](int count) { return count > 0; }));
          CHECK(parts.front().size() == std::min(keep, length));
          for (std::size_t i = 1; i < parts.size(); ++i) {
            const std::size_t shared =
                cut == ts::text_side::right ? parts[i - 1].end - parts[i].begin : parts[i].end - parts[i - 1].begin;
            CHECK(shared == stride);
          }
        }
  CHECK(value_of(ts::windows(3, 0, 0, ts::text_side::right)) == std::vector<ts::token_range>{{0, 0}, {0, 3}});
  CHECK(message_of(ts::windows(9, 4, 4, ts::text_side::right)) ==
        "stride: wanted less than the 4 tokens kept of a text, found 4");
}
