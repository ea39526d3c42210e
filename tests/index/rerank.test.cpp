// SPDX-License-Identifier: Apache-2.0
// The stages after a search: another scorer's order, and hits that differ from each other, beside their definitions.
#include <tests/index/support.hpp>

#include <tessera/index/mmr.hpp>
#include <tessera/index/rerank.hpp>

#include <cmath>
#include <string>

using namespace tessera_tests;

namespace {

using space = ts::space<"small", 20>;
const float no_number = std::numeric_limits<float>::quiet_NaN();

template <class Index>
Index filled(std::size_t count) {
  Index index;
  succeed(index.add_rows(some_ids(count), in_precision<typename Index::precision>(some_rows<typename Index::space>(count))));
  return index;
}

/// A model's shape: a text is where its letters are.
struct letter_encoder {
  ts::result<ts::embedding<space>> encode(std::string_view text) const {
    if (text.empty()) return ts::fail({.code = ts::error_code::invalid_argument, .thing = "text"});
    ts::embedding<space> made;
    for (const char letter : text) made[static_cast<unsigned char>(letter) % 20] += 1.0f;
    return made;
  }
};
static_assert(ts::query_encoder<letter_encoder, ts::flat<space>>);
static_assert(!ts::query_encoder<letter_encoder, ts::flat<ts::space<"other", 20>>>);  // vectors of another space

/// A reranker's shape, as model/reranker.hpp has it.
struct word_counter {
  struct input {
    std::string_view query, text;
  };
  struct answer {
    float score;
  };
  ts::result<std::vector<answer>> scores(std::span<const input> pairs) const {
    std::vector<answer> made;
    for (const input& one : pairs) {
      if (one.text == "bad") return ts::fail({.code = ts::error_code::invalid_argument, .thing = "text"});
      made.push_back({one.text.empty() ? no_number : static_cast<float>(one.text.size()) * (one.query == "long" ? 1.0f : -1.0f)});
    }
    return made;
  }
};

/// Whether each hit is, after those before it, the greedy choice from the formula, all in double; the values compared are of scores in f32.
template <class Index, class Query>
bool is_choice_of_formula(const Index& index, const Query& query, double diversity, const std::vector<ts::hit>& given) {
  using metric = typename Index::metric;
  const double sign = metric::larger_is_nearer ? 1.0 : -1.0;
  const auto hits = by_definition(index, query, index.size());
  const auto near = [&](std::uint64_t a, std::uint64_t b) {
    return sign * static_cast<double>(metric{}(value_of(index.get(a)), value_of(index.get(b))));
  };
  std::vector<ts::hit> chosen;
  for (const ts::hit& next : given) {
    double most = -std::numeric_limits<double>::infinity();
    double of_next = most;
    for (const ts::hit& one : hits) {
      if (std::ranges::count(chosen, one) > 0) continue;
      double crowded = -std::numeric_limits<double>::infinity();
      for (const ts::hit& before : chosen) crowded = std::max(crowded, near(before.id, one.id));
      const double value = chosen.empty() ? sign * static_cast<double>(one.score)
                                          : (1.0 - diversity) * sign * static_cast<double>(one.score) - diversity * crowded;
      most = std::max(most, value);
      if (one == next) of_next = value;
    }
    if (!(of_next >= most - 1e-6 * std::max(1.0, std::fabs(most)))) return false;
    chosen.push_back(next);
  }
  return true;
}

}  // namespace

TEST_CASE("query_encoder: an input is encoded and searched in one call", "[index]") {
  const auto index = filled<ts::flat<space>>(100);
  const letter_encoder encoder;
  const auto query = value_of(encoder.encode("some words"));
  const auto odd = [](std::uint64_t id) { return id % 2 == 1; };
  const std::string_view text = "some words";
  CHECK(value_of(ts::search(index, encoder, text, 5, {.filter = odd})) == value_of(index.search(query, 5, {.filter = odd})));
  CHECK(ts::search(index, encoder, std::string_view(), 5).error().code == ts::error_code::invalid_argument);
}

TEST_CASE("rerank: another order, stable, without what has no score", "[index]") {
  const std::vector<ts::hit> hits = {{7, 0.9f}, {3, 0.8f}, {9, 0.7f}, {1, 0.6f}, {4, 0.5f}};
  const auto by_id = value_of(ts::rerank(hits, [](const ts::hit& one) { return static_cast<float>(one.id); }));
  CHECK(by_id.hits == std::vector<ts::hit>{{9, 9.0f}, {7, 7.0f}, {4, 4.0f}, {3, 3.0f}, {1, 1.0f}});
  CHECK(by_id.unscored == 0);
  const auto parity = value_of(ts::rerank(hits, [](const ts::hit& one) { return one.id == 9 ? no_number : static_cast<float>(one.id % 2); }));
  CHECK(parity.hits == std::vector<ts::hit>{{7, 1.0f}, {3, 1.0f}, {1, 1.0f}, {4, 0.0f}});
  CHECK(parity.unscored == 1);
  CHECK(value_of(ts::rerank(hits, [](const ts::hit& one) { return one.score; }, {.top = 2, .least = 0.65f})).hits ==
        std::vector<ts::hit>{{7, 0.9f}, {3, 0.8f}});
  const auto all_at_once = [](std::span<const ts::hit> some) { return std::vector<float>(some.size(), 2.0f); };
  CHECK(value_of(ts::rerank(hits, all_at_once)).hits[4] == ts::hit{4, 2.0f});
  const auto too_few = [](std::span<const ts::hit>) { return std::vector<float>{1.0f}; };
  CHECK(ts::rerank(hits, too_few).error().code == ts::error_code::mismatch);
  const auto failing = [](const ts::hit& one) -> ts::result<float> {
    if (one.id == 1) return ts::fail({.code = ts::error_code::not_found, .thing = "text"});
    return 1.0f;
  };
  CHECK(ts::rerank(hits, failing).error().code == ts::error_code::not_found);
  CHECK(ts::rerank(hits, all_at_once, {.least = no_number}).error().code == ts::error_code::invalid_argument);
  CHECK(value_of(ts::rerank({}, all_at_once)).hits.empty());
}

TEST_CASE("rerank: a model reads the texts of hits", "[index]") {
  const std::vector<ts::hit> hits = {{0, 0.9f}, {1, 0.8f}, {2, 0.7f}};
  std::vector<std::string> texts = {"short", "rather long", ""};
  const auto text_of = [&](std::uint64_t id) { return texts[id]; };
  const auto read = value_of(ts::rerank(hits, ts::read_by(word_counter(), "long", text_of)));
  CHECK(read.hits == std::vector<ts::hit>{{1, 11.0f}, {0, 5.0f}});
  CHECK(read.unscored == 1);
  texts[0] = "bad";
  CHECK(ts::rerank(hits, ts::read_by(word_counter(), "long", text_of)).error().code == ts::error_code::invalid_argument);

  const auto index = filled<ts::flat<space>>(100);
  const auto query = some_rows<space>(1, 3);
  const auto best = value_of(ts::search_reranked(index, query.row(0), 5, 20, [](const ts::hit& one) { return -one.score; }));
  const auto nearest = value_of(index.search(query.row(0), 20));
  REQUIRE(best.hits.size() == 5);
  for (std::size_t i = 0; i < 5; ++i) CHECK(best.hits[i].id == nearest[19 - i].id);
}

TEST_CASE("mmr: the choice of the formula", "[index]") {
  const auto check = [](const auto& index) {
    using index_type = std::remove_cvref_t<decltype(index)>;
    const auto queries = in_precision<typename index_type::precision>(some_rows<typename index_type::space>(4, 9));
    std::size_t same = 0;
    for (std::size_t q = 0; q < queries.rows(); ++q) {
      for (const float diversity : {0.0f, 0.1f, 0.3f, 0.7f}) {
        const auto exact = value_of(ts::search_diverse_exactly(index, queries.row(q), 8, {.diversity = diversity}));
        REQUIRE(exact.size() == 8);
        CHECK(is_choice_of_formula(index, queries.row(q), static_cast<double>(diversity), exact));
        const auto fast = value_of(ts::search_diverse(index, queries.row(q), 8, {.diversity = diversity, .candidates = 100}));
        REQUIRE(fast.size() == 8);
        for (const ts::hit& one : fast) same += static_cast<std::size_t>(std::ranges::count(exact, one));
      }
      CHECK(value_of(ts::search_diverse(index, queries.row(q), 8, {.diversity = 0.0f})) == value_of(index.search(queries.row(q), 8)));
    }
    CHECK(same > 4 * 4 * 8 / 2);  // bounded candidates: much the same
  };
  check(filled<ts::flat<space>>(300));
  check(filled<ts::flat<space, ts::f16, ts::squared_l2>>(300));
  check(filled<ts::flat<ts::space<"bits", 96>, ts::b1, ts::hamming>>(300));
}

TEST_CASE("mmr: weights, repeated rows, rows that are no vectors", "[index]") {
  auto rows = some_rows<space>(40);
  for (std::size_t i = 0; i < 10; ++i) std::copy_n(rows.row(0).data(), 20, rows.values(i).data());
  rows.values(39)[0] = no_number;
  ts::flat<space> index;
  succeed(index.add_rows(some_ids(40), rows));
  for (const float wrong : {-0.1f, 1.1f, no_number})
    CHECK(ts::search_diverse(index, rows.row(0), 3, {.diversity = wrong}).error().code == ts::error_code::invalid_argument);
  // Of ten equal rows one is chosen before all others have been.
  const auto hits = value_of(ts::search_diverse_exactly(index, rows.row(0), 5, {.diversity = 0.6f}));
  std::size_t repeated = 0;
  for (const ts::hit& one : hits) repeated += std::ranges::count(std::span(index.ids()).first(10), one.id) > 0;
  CHECK(repeated == 1);
  const auto all = value_of(ts::search_diverse_exactly(index, rows.row(0), 100, {}));
  CHECK(all.size() == 39);
  CHECK(std::ranges::none_of(all, [&](const ts::hit& one) { return one.id == index.ids()[39]; }));
  CHECK(value_of(ts::search_diverse(index, rows.row(0), 0)).empty());
  CHECK(value_of(ts::search_diverse(ts::flat<space>(), rows.row(0), 3)).empty());
  const auto past = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  CHECK(ts::search_diverse(index, rows.row(0), 3, {.search = {.deadline = past}}).error().code == ts::error_code::stopped);
}
