// SPDX-License-Identifier: Apache-2.0
// Late interaction beside its definition in double.
#include <tests/support/catch.hpp>
#include <tests/support/result.hpp>

#include <tessera/op/convert.hpp>
#include <tessera/op/max_sim.hpp>

#include <cmath>
#include <random>

using namespace tessera_tests;
namespace ts = tessera;

namespace {

using space = ts::space<"tokens", 48, ts::pooling::mean, ts::unit_length>;

ts::embedding_matrix<space> some_vectors(std::size_t count, std::mt19937& random) {
  std::normal_distribution<float> normal;
  auto made = value_of(ts::embedding_matrix<space>::make(count));
  for (std::size_t i = 0; i < count; ++i) {
    for (float& value : made.values(i)) value = normal(random);
    ts::kernel::kernels().norm.l2_normalize_f32(made.row(i).data(), made.values(i).data(), 48);
  }
  return made;
}

template <class Query, class Documents>
double by_definition(const Query& query, const Documents& documents, std::size_t d) {
  double sum = 0.0;
  for (std::size_t q = 0; q < query.rows(); ++q) {
    double best = -std::numeric_limits<double>::infinity();
    for (std::size_t t = documents.begin(d); t < documents.begin(d + 1); ++t) {
      double product = 0.0;
      for (std::size_t i = 0; i < 48; ++i)
        product += static_cast<double>(ts::cast<ts::f32>(query.row(q))[i]) * static_cast<double>(ts::cast<ts::f32>(documents.vectors().row(t))[i]);
      best = std::max(best, product);
    }
    sum += best;
  }
  return sum;
}

template <ts::precision QueryPrecision, ts::precision Precision>
void check_precisions() {
  std::mt19937 random(3);
  ts::token_rows<space, Precision> documents;
  std::vector<std::size_t> lengths = {1, 0, 200, 63, 64, 65, 1, 1, 0};
  for (std::size_t i = 0; i < 300; ++i) lengths.push_back(random() % 40);
  lengths.push_back(0);
  for (const std::size_t length : lengths) succeed(documents.append(value_of(ts::cast<Precision>(some_vectors(length, random)))));
  REQUIRE(documents.documents() == lengths.size());
  ts::thread_pool pool(2);
  for (const std::size_t queries : {1u, 5u, 32u}) {
    const auto query = value_of(ts::cast<QueryPrecision>(some_vectors(queries, random)));
    std::vector<float> scores(documents.documents()), shared(documents.documents());
    succeed(ts::max_sim(query, documents, scores));
    succeed(ts::max_sim(query, documents, shared, &pool));
    CHECK(scores == shared);
    for (std::size_t d = 0; d < scores.size(); ++d) {
      const double truth = by_definition(query, documents, d);
      if (lengths[d] == 0) CHECK(scores[d] == -std::numeric_limits<float>::infinity());
      // Each product of unit vectors is off by at most 2·(n + 2)·u (kernel/distance.hpp), the sum rounded once.
      else CHECK(std::fabs(static_cast<double>(scores[d]) - truth) <= static_cast<double>(queries) * 2.0 * 50.0 * 0x1p-24 * 1.01 + std::fabs(truth) * 0x1p-24);
    }
    const auto hits = value_of(ts::max_sim_search(query, documents, 7, {.threads = &pool}));
    REQUIRE(hits.size() == 7);
    for (const ts::hit& one : hits) CHECK(scores[one.id] == one.score);
    CHECK(static_cast<std::size_t>(std::ranges::count_if(scores, [&](float score) { return score > hits.back().score; })) < 7);
  }
}

}  // namespace

TEST_CASE("max_sim: the sum of largest products, for documents of any lengths", "[op]") {
  check_precisions<ts::f32, ts::f32>();
  check_precisions<ts::f32, ts::f16>();
  check_precisions<ts::bf16, ts::bf16>();
}

TEST_CASE("max_sim: what is missing, not a number, or another model's", "[op]") {
  std::mt19937 random(4);
  ts::token_rows<space> documents;
  succeed(documents.append(some_vectors(3, random)));
  auto broken = some_vectors(3, random);
  broken.values(1)[7] = std::numeric_limits<float>::quiet_NaN();
  succeed(documents.append(broken));
  succeed(documents.append(some_vectors(3, random)));
  auto query = some_vectors(4, random);
  const auto hits = value_of(ts::max_sim_search(query, documents, 5));
  REQUIRE(hits.size() == 3);
  CHECK(hits[2].id == 1);
  CHECK(std::isnan(hits[2].score));
  CHECK(value_of(ts::max_sim_search(query, documents, 5, {.filter = [](std::uint64_t d) { return d == 2; }})).size() == 1);
  std::vector<float> scores(3, 1.0f);
  succeed(ts::max_sim(ts::embedding_matrix<space>(), documents, scores));
  CHECK(scores == std::vector<float>(3, 0.0f));
  CHECK(ts::max_sim(query, documents, std::span(scores).first(2)).error().code == ts::error_code::mismatch);
  CHECK(value_of(ts::max_sim_search(query, ts::token_rows<space>(), 5)).empty());
  auto foreign = some_vectors(2, random);
  foreign.set_made_by({7});
  succeed(documents.append(foreign));
  foreign.set_made_by({8});
  CHECK(documents.append(foreign).error().code == ts::error_code::mismatch);
  CHECK(documents.documents() == 4);
  query.set_made_by({8});
  CHECK(ts::max_sim_search(query, documents, 5).error().code == ts::error_code::mismatch);
}
