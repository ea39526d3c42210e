// SPDX-License-Identifier: Apache-2.0
// Centring, principal components, recall and correlation against what numpy and scipy computed (tests/data/search/make.py).
#include <tests/support/catch.hpp>
#include <tests/support/fixtures.hpp>
#include <tests/support/result.hpp>

#include <tessera/evaluate/centre.hpp>
#include <tessera/evaluate/correlation.hpp>
#include <tessera/evaluate/pca.hpp>
#include <tessera/evaluate/recall.hpp>
#include <tessera/io/json.hpp>
#include <tessera/io/npy_rows.hpp>
#include <tessera/op/convert.hpp>

#include <limits>
#include <numeric>

namespace ts = tessera;
using namespace tessera_tests;

namespace {

using plain = ts::anonymous<24>;

ts::embedding_matrix<plain> reference_rows() {
  return value_of(ts::read_npy_rows<plain>((fixture("search") / "rows.npy").string()));
}
std::vector<double> numbers(const ts::json_value& list) {
  std::vector<double> values;
  const auto elements = value_of(list.elements());
  for (const ts::json_value item : elements) values.push_back(value_of(item.get<double>()));
  return values;
}
double number(const ts::json& file, std::string_view name) { return value_of(file.root().get<double>(name)); }
std::vector<double> list(const ts::json& file, std::string_view name) { return numbers(value_of(file.root().at(name))); }
ts::json references() { return value_of(ts::read_json((fixture("search") / "references.json").string())); }

bool near(double a, double b, double tolerance) { return std::abs(a - b) <= tolerance * std::max(1.0, std::abs(b)); }

}  // namespace

TEST_CASE("centring: numpy's mean, and rows without it", "[evaluate]") {
  auto rows = reference_rows();
  const auto mean = list(references(), "mean");
  const auto centring = value_of(ts::centring<plain>::fit(rows));
  REQUIRE(centring.mean().size() == mean.size());
  for (std::size_t j = 0; j < mean.size(); ++j) CHECK(near(centring.mean()[j], mean[j], 1e-14));
  const auto centred = value_of(centring.apply(rows));
  static_assert(!std::is_same_v<decltype(centred)::space, plain>);
  for (std::size_t i = 0; i < rows.rows(); ++i)
    for (std::size_t j = 0; j < plain::dimension; ++j)
      REQUIRE(centred.row(i)[j] == rows.row(i)[j] - static_cast<float>(centring.mean()[j]));
  const auto one = centring.apply(rows.row(17));
  CHECK(std::ranges::equal(one, centred.row(17)));
  // rows that are already about zero keep a mean of (rounding of) zero
  const auto again = value_of(ts::centring<ts::centred<plain>>::fit(centred));
  for (const double value : again.mean()) CHECK(std::abs(value) < 1e-7);
}

TEST_CASE("centring: two means are told apart by the fingerprint", "[evaluate]") {
  auto rows = reference_rows();
  const auto centring = value_of(ts::centring<plain>::fit(rows));
  CHECK_FALSE(value_of(centring.apply(rows)).made_by());
  rows.set_made_by({5});
  const ts::fingerprint mine = value_of(centring.apply(rows)).made_by();
  CHECK(mine);
  CHECK(mine != ts::fingerprint{5});
  CHECK(centring.apply(rows.row(0)).made_by() == mine);
  rows.values(0)[0] += 1.0f;
  CHECK(value_of(value_of(ts::centring<plain>::fit(rows)).apply(rows)).made_by() != mine);
}

TEST_CASE("centring: no rows, no numbers", "[evaluate]") {
  CHECK(message_of(ts::centring<plain>::fit({})) == "rows: wanted at least one, found none");
  auto rows = reference_rows();
  rows.values(8)[3] = std::numeric_limits<float>::infinity();
  CHECK(message_of(ts::centring<plain>::fit(rows)) == "row 8: wanted finite components, found NaN or infinity");
  CHECK(message_of(ts::pca<plain>::fit(rows)) == "row 8: wanted finite components, found NaN or infinity");
}

TEST_CASE("pca: numpy's variances and axes", "[evaluate]") {
  const auto rows = reference_rows();
  const auto file = references();
  const auto pca = value_of(ts::pca<plain>::fit(rows));
  const auto variances = list(file, "variances");
  double total = 0.0;
  double first_six = 0.0;
  for (std::size_t i = 0; i < plain::dimension; ++i) {
    CHECK(near(pca.variances()[i], variances[i], 1e-13));
    total += variances[i];
    if (i < 6) first_six += variances[i];
  }
  CHECK(near(pca.explained(6), first_six / total, 1e-13));
  CHECK(pca.explained(0) == 0.0);
  CHECK(near(pca.explained(24), 1.0, 1e-15));
  CHECK(near(pca.explained(1000), 1.0, 1e-15));
  std::size_t axis = 0;
  const auto components = value_of(value_of(file.root().at("components")).elements());
  for (const ts::json_value component : components) {
    const auto expected = numbers(component);
    double along = 0.0;  // numpy's signs are its own
    for (std::size_t j = 0; j < expected.size(); ++j) along += expected[j] * pca.axis(axis)[j];
    CHECK(near(std::abs(along), 1.0, 1e-12));
    CHECK(*std::ranges::max_element(pca.axis(axis), {}, [](double x) { return std::abs(x); }) > 0.0);
    ++axis;
  }
  CHECK(axis == 4);
}

TEST_CASE("pca: coordinates", "[evaluate]") {
  const auto rows = reference_rows();
  const auto pca = value_of(ts::pca<plain>::fit(rows));
  const auto all = value_of(pca.project<24>(rows));
  const auto few = value_of(pca.project<5>(rows));
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    for (std::size_t m = 0; m < 24; ++m) {
      double along = 0.0;
      for (std::size_t j = 0; j < 24; ++j)
        along += (static_cast<double>(rows.row(i)[j]) - pca.mean()[j]) * pca.axis(m)[j];
      REQUIRE(near(static_cast<double>(all.row(i)[m]), along, 0x1p-23));
      if (m < 5) REQUIRE(few.row(i)[m] == all.row(i)[m]);
    }
    // a rotation keeps distances
    double before = 0.0;
    double after = 0.0;
    for (std::size_t j = 0; j < 24; ++j) {
      before += std::pow(static_cast<double>(rows.row(i)[j] - rows.row(0)[j]), 2);
      after += std::pow(static_cast<double>(all.row(i)[j] - all.row(0)[j]), 2);
    }
    CHECK(near(after, before, 1e-5));
  }
  CHECK(std::ranges::equal(pca.project<5>(rows.row(33)), few.row(33)));
  // the coordinates' own principal axes are the coordinate axes: their variances are the same
  const auto again = value_of(ts::pca<ts::projected<plain, 24>>::fit(all));
  for (std::size_t i = 0; i < 24; ++i) CHECK(near(again.variances()[i], pca.variances()[i], 1e-6));
}

TEST_CASE("pca: rows that do not vary", "[evaluate]") {
  auto rows = value_of(ts::embedding_matrix<plain>::make(4));
  for (std::size_t i = 0; i < 4; ++i) rows.values(i)[3] = 2.5f;
  const auto pca = value_of(ts::pca<plain>::fit(rows));
  for (const double variance : pca.variances()) CHECK(variance == 0.0);
  CHECK(pca.explained(1) == 1.0);
}

TEST_CASE("recall: by definition", "[evaluate]") {
  const std::vector<std::vector<ts::hit>> truth = {{{1, 0}, {2, 0}, {3, 0}, {4, 0}}, {{5, 0}, {6, 0}}, {}, {{7, 0}, {8, 0}, {9, 0}, {10, 0}}};
  const std::vector<std::vector<ts::hit>> found = {{{4, 0}, {1, 0}, {3, 0}, {2, 0}}, {{6, 0}, {6, 0}, {5, 0}}, {{1, 0}}, {{1, 0}, {7, 0}}};
  const auto at = [&](std::size_t k) {
    const auto recalls = value_of(ts::recalls_at(k, found, truth));
    return std::vector<double>(recalls.begin(), recalls.end());
  };
  CHECK(at(1) == std::vector<double>{0.0, 0.0, 1.0, 0.0});
  CHECK(at(2) == std::vector<double>{0.5, 0.5, 1.0, 0.5});
  CHECK(at(4) == std::vector<double>{1.0, 1.0, 1.0, 0.25});
  CHECK(value_of(ts::recall_at(2, found, truth)) == 0.625);
  CHECK(value_of(ts::recall_at(10, truth, truth)) == 1.0);
  CHECK(message_of(ts::recall_at(0, found, truth)) == "k: wanted at least 1, found 0");
  CHECK(message_of(ts::recall_at(1, ts::hit_lists(found).first(2), truth)) == "queries answered: wanted 4, found 2");
  CHECK(message_of(ts::recall_at(1, {}, {})) == "queries: wanted at least one, found none");
}

TEST_CASE("recall: of coarser codes against exact answers", "[evaluate]") {
  const auto rows = reference_rows();
  const auto queries = value_of(ts::read_npy_rows<plain>((fixture("search") / "queries.npy").string()));
  std::vector<std::uint64_t> ids(rows.rows());
  std::iota(ids.begin(), ids.end(), 0u);
  const auto truth = value_of(ts::scan_rows<ts::cosine>(queries, rows, ids, 10));
  const auto recall = [&](const auto& coarse) {
    return value_of(ts::recall_at(10, value_of(ts::scan_rows<ts::cosine>(queries, coarse, ids, 10)), truth));
  };
  const double i8 = recall(value_of(ts::quantize<ts::i8>(rows)));
  const double i4 = recall(value_of(ts::quantize<ts::i4>(rows)));
  CHECK(recall(rows) == 1.0);
  CHECK(i8 > 0.9);
  CHECK(i4 < i8);
  CHECK(i4 > 0.5);
}

TEST_CASE("correlation: scipy's Pearson and Spearman, with ties", "[evaluate]") {
  const auto file = references();
  const auto a = list(file, "a");
  const auto b = list(file, "b");
  const auto c = list(file, "c");
  CHECK(near(value_of(ts::pearson(a, b)), number(file, "pearson_ab"), 1e-14));
  CHECK(near(value_of(ts::pearson(a, c)), number(file, "pearson_ac"), 1e-14));
  CHECK(near(value_of(ts::spearman(a, b)), number(file, "spearman_ab"), 1e-14));
  CHECK(near(value_of(ts::spearman(a, c)), number(file, "spearman_ac"), 1e-14));
  const auto ranked = value_of(ts::ranks(a));
  CHECK(std::ranges::equal(ranked, list(file, "ranks_a")));
}

TEST_CASE("correlation: lines, any numbers, any scale", "[evaluate]") {
  const std::array<float, 4> x{1, 2, 3, 4};
  const std::vector<int> falling{40, 30, 20, -7};
  CHECK(value_of(ts::spearman(x, falling)) == -1.0);
  CHECK(near(value_of(ts::pearson(x, x)), 1.0, 1e-15));
  std::vector<double> huge;
  std::vector<double> tiny;
  std::vector<double> shifted;
  for (const float value : x) {
    huge.push_back(static_cast<double>(value) * 4e307);
    tiny.push_back(static_cast<double>(value * value) * 1e-310);
    shifted.push_back(static_cast<double>(value * value) * 0x1p-40 + 1.0);
  }
  const std::vector<double> squares{1, 4, 9, 16};
  const double expected = value_of(ts::pearson(x, squares));
  CHECK(near(expected, 0.98437404, 1e-8));  // 25 / sqrt(5 * 129)
  CHECK(near(value_of(ts::pearson(huge, squares)), expected, 1e-14));
  CHECK(near(value_of(ts::pearson(x, tiny)), expected, 1e-10));  // subnormal numbers have fewer digits
  CHECK(near(value_of(ts::pearson(x, shifted)), expected, 1e-12));
}

TEST_CASE("correlation: what has none", "[evaluate]") {
  const std::vector<double> x{1, 2, 3};
  CHECK(message_of(ts::pearson(x, std::vector<double>{1, 2})) == "values to correlate: wanted 3, found 2");
  CHECK(message_of(ts::spearman(x, std::vector<double>{2, 2, 2})) == "values to correlate: wanted values that differ, found equal ones");
  CHECK(message_of(ts::pearson(std::vector<float>{1}, x)) == "values to correlate: wanted at least 2, found 1");
  CHECK(message_of(ts::spearman(x, std::vector<double>{1, std::numeric_limits<double>::quiet_NaN(), 3})) ==
        "value 1: wanted a finite number, found NaN or infinity");
}
