// SPDX-License-Identifier: Apache-2.0
// BPE and Unigram against their definitions, sentencepiece files against that library's ids.
#include <tests/text/support.hpp>

#include <tessera/io/quoted.hpp>

#include <map>
#include <random>

using namespace tessera_tests;

namespace {

using vocabulary_pointer = std::shared_ptr<const ts::vocabulary>;

vocabulary_pointer make_vocabulary(const std::vector<std::string>& tokens) {
  std::vector<ts::vocabulary::entry> entries;
  for (const std::string& token : tokens) entries.push_back({token, static_cast<ts::token_id>(entries.size())});
  return std::make_shared<const ts::vocabulary>(value_of(ts::vocabulary::make(entries)));
}

struct random_bpe {
  std::vector<std::string> tokens;
  std::vector<ts::bpe_merge> merges;
};

/// Merges of random tokens that are there already; `shuffled` puts them into an order that no training gives.
random_bpe make_random(std::mt19937& random, std::size_t letters, bool shuffled) {
  random_bpe made;
  for (std::size_t i = 0; i < letters; ++i) made.tokens.push_back(std::string(1, static_cast<char>('a' + i)));
  std::map<std::string, ts::token_id> ids;
  for (const std::string& token : made.tokens) ids[token] = static_cast<ts::token_id>(ids.size());
  while (made.merges.size() < (letters == 1 ? 12U : 40U)) {
    const auto pick = [&] { return static_cast<ts::token_id>(random() % made.tokens.size()); };
    const ts::token_id left = pick(), right = pick();
    const std::string joined = made.tokens[left] + made.tokens[right];
    if (joined.size() > (letters == 1 ? 24U : 12U)) continue;
    if (!ids.contains(joined)) {
      ids[joined] = static_cast<ts::token_id>(made.tokens.size());
      made.tokens.push_back(joined);
    }
    const auto same = [&](const ts::bpe_merge& m) { return m.left == left && m.right == right; };
    if (std::ranges::any_of(made.merges, same)) continue;
    made.merges.push_back({left, right, ids[joined], 0});
  }
  if (shuffled) std::ranges::shuffle(made.merges, random);
  for (std::uint32_t i = 0; i < made.merges.size(); ++i) made.merges[i].rank = i;
  return made;
}

/// The definition: the merge of lowest rank, leftmost first, until there is none.
std::vector<ts::token_id> merge_by_definition(const random_bpe& from, std::string_view word) {
  std::vector<ts::token_id> ids;
  for (const char c : word) ids.push_back(static_cast<ts::token_id>(c - 'a'));
  for (;;) {
    const ts::bpe_merge* best = nullptr;
    std::size_t where = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i)
      for (const ts::bpe_merge& m : from.merges)
        if (m.left == ids[i] && m.right == ids[i + 1] && (best == nullptr || m.rank < best->rank)) {
          best = &m;
          where = i;
        }
    if (best == nullptr) return ids;
    ids[where] = best->result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(where) + 1);
  }
}

template <class Model>
std::vector<ts::token_id> tokens_of(const Model& model, std::string_view text, ts::word_cache& cache) {
  typename Model::scratch work;
  std::vector<ts::token_id> ids;
  std::size_t reached = 0;
  bool in_a_row = true;
  const ts::word_range word{0, text.size()};
  model.tokenize(text, std::span(&word, 1), cache, work, [&](ts::token_id id, std::size_t begin, std::size_t end) {
    in_a_row = in_a_row && begin == reached;
    reached = end;
    ids.push_back(id);
  });
  CHECK((in_a_row && reached == text.size()));
  return ids;
}

}  // namespace

TEST_CASE("bpe: short words, long words, known words and remembered words are merged by the definition", "[text]") {
  const bool shuffled = GENERATE(false, true);
  std::mt19937 random(5);
  for (int round = 0; round < 12; ++round) {
    const std::size_t letters = 1U << (round % 3);  // one letter: nothing but ties
    const random_bpe from = make_random(random, letters, shuffled);
    const ts::bpe model = value_of(ts::bpe::make(make_vocabulary(from.tokens), from.merges, {}));
    ts::word_cache none, cache;
    for (int i = 0; i < 2; ++i) cache.prepare(model.number(), 1 << 20);
    REQUIRE(cache.ready());
    for (int i = 0; i < 40; ++i) {
      std::string word(1 + random() % (i % 10 == 0 ? 150 : 14), 'a');
      for (char& c : word) c = static_cast<char>('a' + random() % letters);
      INFO(word);
      const auto expected = merge_by_definition(from, word);
      CHECK(tokens_of(model, word, none) == expected);
      CHECK(tokens_of(model, word, cache) == expected);
      CHECK(tokens_of(model, word, cache) == expected);
    }
    for (const std::string& token : from.tokens) CHECK(tokens_of(model, token, none) == merge_by_definition(from, token));
  }
}

TEST_CASE("bpe: unknown characters stand between words of their own", "[text]") {
  std::vector<std::string> tokens{"<unk>", "a", "b", "ab", "abab"};
  constexpr std::string_view digits = "0123456789ABCDEF";
  for (unsigned b = 0; b < 256; ++b) tokens.push_back(std::string("<0x") + digits[b >> 4U] + digits[b & 15U] + ">");
  const ts::bpe_merge merges[] = {{1, 2, 3, 0}, {3, 3, 4, 1}};
  const auto text_of = [&](ts::bpe_settings settings, std::string_view text) {
    const ts::bpe model = value_of(ts::bpe::make(make_vocabulary(tokens), merges, std::move(settings)));
    ts::bpe_scratch work;
    std::string out;
    for (const auto [id, end] : model.cut(text, work)) out += tokens[id] + "-" + std::to_string(end) + " ";
    return out;
  };
  CHECK(text_of({.byte_fallback = true}, "abab\u00e9aba") == "abab-4 <0xC3>-5 <0xA9>-6 ab-8 a-9 ");
  CHECK(text_of({.unknown_token = "<unk>"}, "ab??ab") == "ab-2 <unk>-3 <unk>-4 ab-6 ");
  CHECK(text_of({.unknown_token = "<unk>", .fuse_unknown = true}, "?ab\u00e9?ab?") == "<unk>-1 ab-3 <unk>-6 ab-8 <unk>-9 ");
  CHECK(text_of({}, "ab?ab") == "abab-4 ");  // dropped, and what is beside it meets
}

TEST_CASE("bpe: blanks are read as what a normaliser makes of them", "[text]") {
  const std::string name = GENERATE("bpe_llama", "bpe_gemma");
  const auto path = full_fixture("text/tokenizers/" + name + "/tokenizer.json").string();
  const ts::tokenizer direct = value_of(ts::tokenizer::open(path));
  // A step that finds nothing keeps the way over the normaliser.
  ts::tokenizer_parts parts = value_of(ts::read_tokenizer(path));
  parts.normalize.steps.emplace_back(ts::replace_pattern{.pattern = ts::text_pattern::literal("~never~"), .content = "x"});
  const ts::tokenizer normalised = value_of(ts::tokenizer::make(std::move(parts)));
  REQUIRE(std::get<ts::bpe>(direct.parts().model).reads_blanks("a b"));
  REQUIRE_FALSE(std::get<ts::bpe>(normalised.parts().model).reads_blanks("a b"));

  const std::string_view pieces[] = {" ", " ", " ", "  ", "      ", "a", "the", " cat", "ing", "\n", "\n    ", "\t", "\u2581", "\u2581s", "\u00e9", "\u65e5\u672c",
                                     "\U0001f600", "\u0301", "(", "::", "<s>", "_", "0", "tokenizers", "std::vector<int>"};
  std::mt19937 random(11);
  ts::encoding found, wanted;
  for (int round = 0; round < 2000; ++round) {
    std::string text;
    for (std::size_t count = random() % 24; count != 0; --count) text += pieces[random() % std::size(pieces)];
    ts::encode_options options;
    if (random() % 4 == 0) options.max_length = 2 + random() % 8;
    INFO(ts::quoted(text));
    REQUIRE(direct.encode_into(text, options, found));
    REQUIRE(normalised.encode_into(text, options, wanted));
    REQUIRE(found.ids == wanted.ids);
    REQUIRE(found.offsets == wanted.offsets);
  }
}

TEST_CASE("models: a word of a megabyte", "[text]") {
  // What is not linear would not come to an end.
  const std::string model =
      GENERATE("minilm_wordpiece", "bpe_qwen2", "bpe_llama", "bpe_gemma", "unigram_xlmr", "unigram_seqnorm");
  const auto path = full_fixture("text/tokenizers/" + model + "/tokenizer.json");
  const ts::tokenizer tokenizer = value_of(ts::tokenizer::open(path.string()));
  std::mt19937 random(3);
  std::string letters(1'000'000, 'a');
  for (char& c : letters) c = static_cast<char>('a' + random() % 26);
  std::string faces;
  while (faces.size() < 1'000'000) faces += "\U0001f600";
  ts::encoding tokens;
  for (const std::string& word : {letters, std::string(1'000'000, 'e'), std::string(1'000'000, '-'), faces}) {
    REQUIRE(tokenizer.encode_into(word, {.add_special_tokens = false}, tokens));
    std::size_t reached = 0;
    bool in_a_row = true;
    for (const ts::byte_range range : tokens.offsets) {
      in_a_row = in_a_row && (range.begin <= reached && range.end >= reached);
      reached = range.end;
    }
    CHECK((in_a_row && reached == word.size()));
  }
}

TEST_CASE("bpe: a word of a megabyte where merges are in no order", "[text]") {
  std::mt19937 random(5);
  const random_bpe from = make_random(random, 4, true);
  const ts::bpe model = value_of(ts::bpe::make(make_vocabulary(from.tokens), from.merges, {}));
  std::string word(1'000'000, 'a');
  for (char& c : word) c = static_cast<char>('a' + random() % 4);
  ts::bpe_scratch work;
  const auto pieces = model.cut(word, work);
  CHECK(pieces.size() > 100'000);
  CHECK(pieces.back().end == word.size());
}

TEST_CASE("bpe: what is no token", "[text]") {
  const auto ids = [](ts::bpe_settings settings, std::string_view text) {
    const auto words = make_vocabulary({"<unk>", "a", "b", "<0xC3>", "<0xA9>"});
    const ts::bpe model = value_of(ts::bpe::make(words, {}, std::move(settings)));
    ts::bpe_scratch work;
    std::string out;
    for (const auto [id, end] : model.cut(text, work)) out += std::to_string(id) + "-" + std::to_string(end) + " ";
    return out;
  };
  CHECK(ids({.unknown_token = "<unk>"}, "axyb") == "1-1 0-2 0-3 2-4 ");
  CHECK(ids({.unknown_token = "<unk>", .fuse_unknown = true}, "axyb") == "1-1 0-3 2-4 ");
  CHECK(ids({}, "axyb") == "1-1 2-2 ");
  CHECK(ids({.byte_fallback = true}, "a\u00e9") == "1-1 3-2 4-3 ");
  CHECK(ids({.unknown_token = "<unk>", .byte_fallback = true}, "\u00e8") == "0-2 ");
  CHECK_FALSE(ts::bpe::make(make_vocabulary({"a"}), {}, {.unknown_token = "<unk>"}));
}

TEST_CASE("bpe: bytes of a suffix or prefix stand within the word that has it", "[text]") {
  const auto words = make_vocabulary({"a", "<0xC3>", "<0xA9>", "<0x3C>", "<0x23>"});
  for (const auto& [prefix, suffix] : {std::pair("", "<<<<<<"), std::pair("#####", ""), std::pair("##", "<<")}) {
    const ts::bpe model = value_of(ts::bpe::make(words, {}, {.continuing_prefix = prefix, .end_suffix = suffix, .byte_fallback = true}));
    for (const std::string_view word : {"\u00e9", "\u00e9\u00e9", "a\u00e9", "\u00e9a"}) {
      ts::bpe_scratch work;
      ts::word_cache cache;
      const std::string text = "a" + std::string(word) + "a";
      const ts::word_range whole{1, 1 + word.size()};
      std::string ids;
      model.tokenize(text, std::span(&whole, 1), cache, work, [&](ts::token_id id, std::size_t begin, std::size_t end) {
        ids += std::to_string(id);
        REQUIRE(begin < end);
        REQUIRE(begin >= 1);
        REQUIRE(end <= whole.end);
      });
      if (word == "\u00e9") CHECK(ids == "12" + std::string(std::string_view(suffix).size(), '3'));
    }
  }
}

TEST_CASE("unigram: the best of all cuts", "[text]") {
  std::mt19937 random(9);
  for (int round = 0; round < 10; ++round) {
    std::vector<std::string> tokens{"<unk>", "a", "b"};  // "c" is no token
    std::vector<double> scores{0.0, -3.0, -4.0};
    while (tokens.size() < 20) {
      std::string token(2 + random() % 4, 'a');
      for (char& c : token) c = static_cast<char>('a' + random() % 3);
      if (std::ranges::find(tokens, token) != tokens.end()) continue;
      tokens.push_back(token);
      scores.push_back(-1.0 - static_cast<double>(random() % 10000) / 1000.0);
    }
    const ts::unigram model =
        value_of(ts::unigram::make(make_vocabulary(tokens), scores, {.unknown = ts::token_id{0}}));
    const double unknown = std::ranges::min(scores) - ts::unigram_settings::unknown_penalty;
    ts::unigram_scratch work;
    for (int i = 0; i < 12; ++i) {
      std::string word(1 + random() % 9, 'a');
      for (char& c : word) c = static_cast<char>('a' + random() % 3);
      // By brute force over the 2^(n-1) cuts; an unknown character counts alone.
      double best = -1e300;
      for (unsigned cuts = 0; cuts < 1U << (word.size() - 1); ++cuts) {
        double sum = 0;
        for (std::size_t begin = 0, end = 1; end <= word.size(); ++end) {
          if (end != word.size() && (cuts >> (end - 1) & 1U) == 0) continue;
          const auto found = std::ranges::find(tokens, word.substr(begin, end - begin));
          if (found != tokens.end()) sum += scores[static_cast<std::size_t>(found - tokens.begin())];
          else sum += end - begin == 1 ? unknown : -1e200;
          begin = end;
        }
        best = std::max(best, sum);
      }
      double sum = 0;
      for (const auto& piece : model.cut(word, work))
        sum += piece.id == 0 ? unknown * (piece.end - piece.begin) : scores[piece.id];
      INFO(word);
      CHECK(std::abs(sum - best) < 1e-9);
    }
  }
}

TEST_CASE("unigram: a model without an unknown token says so", "[text]") {
  const auto tokenizer = value_of(tokenizer_from(R"({"model": {"type": "Unigram", "vocab": [["a", -1.0]]}})"));
  CHECK(value_of(tokenizer.encode("aa")).ids == std::vector<ts::token_id>{0, 0});
  const auto failed = tokenizer.encode("ab");
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == ts::error_code::unsupported);
}

TEST_CASE("sentencepiece: ids of the library's own reader", "[text]") {
  const auto path = full_fixture("text/tokenizers/unigram_xlmr/tokenizer.json").parent_path() / "sentencepiece.bpe.model";
  if (!std::filesystem::exists(path)) SKIP("no sentencepiece model at hand");
  const ts::tokenizer tokenizer = value_of(ts::tokenizer::open(path.string()));
  CHECK(tokenizer.vocabulary_size() == 3998);
  CHECK(tokenizer.unknown_id() == 0);
  // From sentencepiece 0.2.3.
  CHECK(value_of(tokenizer.encode("Hello world")).ids == std::vector<ts::token_id>{651, 693, 25, 485, 72, 704});
  CHECK(value_of(tokenizer.encode("")).empty());
  CHECK(value_of(tokenizer.decode(value_of(tokenizer.encode("  Hello \t world ")).ids)) == "Hello world");
}

TEST_CASE("sentencepiece: damaged files", "[text]") {
  const auto refused = [](std::string_view bytes) {
    const auto made = ts::read_sentencepiece(std::as_bytes(std::span(bytes)));
    REQUIRE_FALSE(made);
    return made.error();
  };
  using namespace std::string_view_literals;
  CHECK(refused("").code == ts::error_code::malformed);
  CHECK(refused("\x0a\x7f"sv).offset == 2);                       // a piece longer than the file
  CHECK(refused("\x0a\x04\x0a\x09"sv).code == ts::error_code::malformed);  // a text longer than its piece
  CHECK(refused("\x0a\x02\x18\x09"sv).message() == "byte 2: type of a piece: wanted 1 to 6, found 9");
  CHECK(refused("\x0a\x03\x0a\x01\x61"sv).code == ts::error_code::not_found);  // no unknown piece
  CHECK(refused("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"sv).code == ts::error_code::malformed);
}
