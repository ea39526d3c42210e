// SPDX-License-Identifier: Apache-2.0
// Certified search beside the definition in double: the same rows in the same order, whatever the rows are like.
#include <tests/index/support.hpp>

#include <tessera/index/certified.hpp>
#include <tessera/index/similarity_index.hpp>

#include <cmath>

using namespace tessera_tests;

namespace {

using space = ts::space<"certain", 96, ts::pooling::mean, ts::unit_length>;
using by_cosine = ts::certified<space>;
using by_l2 = ts::certified<ts::anonymous<96>, ts::f32, ts::squared_l2>;
static_assert(ts::similarity_index<by_cosine>);
static_assert(ts::similarity_index<by_l2>);

/// Rows around a common mean whose spread falls from component to component (`fall` = 1: not at all), turned by a few mixings.
template <class Space>
ts::embedding_matrix<Space> spread_rows(std::size_t count, float fall, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  auto rows = value_of(ts::embedding_matrix<Space>::make(count));
  for (std::size_t i = 0; i < count; ++i) {
    const auto row = rows.values(i);
    float width = 1.0f;
    for (float& value : row) value = width * normal(random), width *= fall;
    for (std::size_t turn = 1; turn < Space::dimension; turn *= 2)
      for (std::size_t j = 0; j + turn < Space::dimension; j += 2 * turn) {
        const float a = row[j], b = row[j + turn];
        row[j] = 0.6f * a - 0.8f * b, row[j + turn] = 0.8f * a + 0.6f * b;
      }
    for (float& value : row) value += 0.3f;
    if (Space::unit_length) ts::kernel::kernels().norm.l2_normalize_f32(row.data(), row.data(), Space::dimension);
    if (i % 7 == 6) std::copy_n(rows.row(i - 1).data(), Space::dimension, row.data());
  }
  return rows;
}

template <class Index, class Query>
std::vector<ts::hit> in_double(const Index& index, const Query& query, std::size_t k) {
  struct one_row {
    double score;
    std::uint64_t id;
  };
  std::vector<one_row> all;
  for (std::size_t row = 0; row < index.size(); ++row) {
    double sum = 0.0;
    for (std::size_t j = 0; j < Index::dimension; ++j) {
      const double a = static_cast<double>(query.data()[j]);
      const double b = static_cast<double>(index.rows().row(row).data()[j]);
      sum += Index::metric::larger_is_nearer ? a * b : (a - b) * (a - b);
    }
    all.push_back({Index::metric::larger_is_nearer ? -sum : sum, index.ids()[row]});
  }
  std::sort(all.begin(), all.end(), [](const one_row& a, const one_row& b) {
    if (std::isnan(a.score) != std::isnan(b.score)) return std::isnan(b.score);
    return a.score != b.score && !std::isnan(a.score) ? a.score < b.score : a.id < b.id;
  });
  std::vector<ts::hit> hits;
  for (std::size_t i = 0; i < std::min(k, all.size()); ++i)
    hits.push_back({all[i].id, static_cast<float>(Index::metric::larger_is_nearer ? -all[i].score : all[i].score)});
  return hits;
}

/// Equal ids; scores equal to what different orders of summation in double leave after rounding to f32.
bool agree(const std::vector<ts::hit>& a, const std::vector<ts::hit>& b) {
  return std::ranges::equal(a, b, [](const ts::hit& x, const ts::hit& y) {
    if (std::isnan(x.score) || x.score == y.score) return x.id == y.id && std::isnan(x.score) == std::isnan(y.score);
    return x.id == y.id && std::fabs(x.score - y.score) <= 1e-6f * std::fabs(y.score);
  });
}

template <class Index>
void is_exact(const Index& index, float fall) {
  const auto queries = spread_rows<typename Index::space>(21, fall, 5);
  for (const std::size_t k : {std::size_t{1}, std::size_t{10}, std::size_t{200}, index.size() + 1}) {
    const auto batch = value_of(index.search(queries, k));
    for (std::size_t q = 0; q < (k > 300 ? 2 : queries.rows()); ++q) {
      const auto expected = in_double(index, queries.row(q), k);
      CHECK(agree(batch[q], expected));
      CHECK(value_of(index.search(queries.row(q), k)) == batch[q]);
    }
  }
  const auto expected = in_double(index, queries.row(0), index.size());
  const float bound = expected[40].score * (Index::metric::larger_is_nearer ? 1.0f - 1e-6f : 1.0f + 1e-6f);  // scores are rounded
  const auto near = value_of(index.within(queries.row(0), bound));
  CHECK(near.size() >= 41);
  CHECK(agree(near, std::vector(expected.begin(), expected.begin() + static_cast<std::ptrdiff_t>(near.size()))));
}

}  // namespace

TEST_CASE("certified: exact, and most rows are proved away where variance falls", "[index]") {
  const float fall = GENERATE(0.9f, 0.97f, 1.0f);
  by_cosine index;
  succeed(index.add_rows(some_ids(3000), spread_rows<space>(3000, fall, 1)));
  is_exact(index, fall);
  const auto proof = value_of(index.search_with_proof(spread_rows<space>(1, fall, 9).row(0), 10)).proof;
  if (fall < 0.95f) {
    CHECK(index.code_bytes() > 0);
    CHECK(proof.bounded == 3000);
    CHECK(proof.scored < 300);
  }
  by_l2 other;
  succeed(other.add_rows(some_ids(3000), spread_rows<ts::anonymous<96>>(3000, fall, 2)));
  is_exact(other, fall);
}

TEST_CASE("certified: of few scored rows the certain hits are the nearest", "[index]") {
  const float fall = GENERATE(0.9f, 0.97f);
  by_cosine index;
  succeed(index.add_rows(some_ids(3000), spread_rows<space>(3000, fall, 1)));
  by_l2 other;
  succeed(other.add_rows(some_ids(3000), spread_rows<ts::anonymous<96>>(3000, fall, 2)));
  const auto check = [&](const auto& one) {
    const auto queries = spread_rows<typename std::remove_cvref_t<decltype(one)>::space>(40, fall, 5);
    std::size_t before = 0, fewer = 0;
    for (const std::size_t effort : {std::size_t{10}, std::size_t{14}, std::size_t{40}, std::size_t{3000}}) {
      std::size_t certain = 0;
      for (std::size_t q = 0; q < queries.rows(); ++q) {
        const auto expected = in_double(one, queries.row(q), 10);
        const auto found = value_of(one.search_with_proof(queries.row(q), 10, {.effort = effort}));
        REQUIRE(found.hits.size() == 10);
        REQUIRE(found.proof.certain <= 10);
        CHECK(found.proof.scored <= effort);
        certain += found.proof.certain, fewer += found.proof.certain < 10 ? 1u : 0u;
        const auto end = static_cast<std::ptrdiff_t>(found.proof.certain);
        CHECK(agree(std::vector(found.hits.begin(), found.hits.begin() + end), std::vector(expected.begin(), expected.begin() + end)));
        CHECK(agree(value_of(one.search(queries.row(q), 10, {.effort = effort})), expected));  // exact all the same
      }
      CHECK(certain >= before);
      before = certain;
    }
    CHECK(before == 10 * queries.rows());  // nothing was left unscored that could be near
    CHECK(fewer > 0);
  };
  check(index);
  check(other);
}

TEST_CASE("certified: stays exact as rows come, change and go", "[index]") {
  by_l2 index;
  const auto rows = spread_rows<ts::anonymous<96>>(6000, 0.93f, 3);
  const auto ids = some_ids(6000);
  for (std::size_t i = 0; i < 2500; ++i) succeed(index.add(ids[i], rows.row(i)));
  std::mt19937 random(4);
  for (std::size_t i = 2500; i < 3000; ++i) {
    succeed(index.update(index.ids()[random() % index.size()], rows.row(i)));
    succeed(index.remove(index.ids()[random() % index.size()]));
    succeed(index.add(ids[i], rows.row(i + 3000)));
  }
  is_exact(index, 0.93f);
  const scratch_directory scratch;
  succeed(index.save((scratch / "c.tsi").string()));
  const auto back = value_of(by_l2::open((scratch / "c.tsi").string()));
  is_exact(back, 0.93f);
}

TEST_CASE("certified: rows and queries that no bound holds for", "[index]") {
  auto rows = spread_rows<ts::anonymous<96>>(2600, 0.9f, 3);
  for (std::size_t i = 0; i < 2600; i += 40) rows.values(i)[7] = std::numeric_limits<float>::quiet_NaN();
  for (std::size_t i = 3; i < 2600; i += 90) rows.values(i)[7] = 1e30f;
  for (std::size_t i = 5; i < 2600; i += 90) std::ranges::fill(rows.values(i), 0.0f);
  for (std::size_t i = 8; i < 2600; i += 90)
    for (float& value : rows.values(i)) value *= 1e4f;
  for (std::size_t i = 9; i < 2600; i += 90)
    for (float& value : rows.values(i)) value *= 1e-30f;
  ts::certified<ts::anonymous<96>, ts::f32, ts::inner_product> index;
  succeed(index.add_rows(some_ids(2600), rows));
  auto queries = spread_rows<ts::anonymous<96>>(6, 0.9f, 8);
  queries.values(1)[0] = std::numeric_limits<float>::quiet_NaN();
  std::ranges::fill(queries.values(2), 0.0f);
  for (float& value : queries.values(3)) value *= 1e20f;
  for (float& value : queries.values(4)) value *= -1.0f;
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    CAPTURE(q);
    const auto found = value_of(index.search(queries.row(q), 12));
    const auto expected = in_double(index, queries.row(q), 12);
    for (std::size_t i = 0; i < 12; ++i) {
      CAPTURE(i, found[i].id, expected[i].id, found[i].score, expected[i].score);
      CHECK(agree({found[i]}, {expected[i]}));
    }
  }
  const auto filter = [](std::uint64_t id) { return id % 9 == 0; };
  for (const ts::hit& one : value_of(index.search(queries.row(0), 12, {.filter = filter}))) CHECK(filter(one.id));
  std::stop_source source;
  source.request_stop();
  CHECK(index.search(queries.row(0), 3, {.stop = source.get_token()}).error().code == ts::error_code::stopped);
}
