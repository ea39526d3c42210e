// SPDX-License-Identifier: Apache-2.0
// Codes that are learned from rows: ranges for each dimension, signs around the mean, RaBitQ. What each promises, in double.
#include <tests/op/support/oracle.hpp>
#include <tests/support/result.hpp>

#include <tessera/op/centred_signs.hpp>
#include <tessera/op/dimension_ranges.hpp>
#include <tessera/op/rabitq.hpp>

namespace ts = tessera;
using tessera_tests::components;
using tessera_tests::random_values;
using tessera_tests::value_of;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

using small = ts::space<"small", 61>;
using unit = ts::space<"unit", 128, ts::pooling::mean, ts::unit_length>;

/// Rows around a common mean, with a spread of its own in each dimension, as embeddings lie.
template <class Space>
ts::embedding_matrix<Space> some_rows(std::size_t count, std::uint32_t seed) {
  random_values random(seed);
  auto rows = value_of(ts::embedding_matrix<Space>::make(count));
  for (std::size_t i = 0; i < count; ++i) {
    double square = 0.0;
    for (std::size_t j = 0; j < Space::dimension; ++j) {
      const float spread = j % 5 == 0 ? 0.01f : 0.3f;
      rows.values(i)[j] = (j % 3 == 0 ? 0.2f : -0.1f) + spread * (random.unit() + random.unit());
      square += static_cast<double>(rows.values(i)[j]) * static_cast<double>(rows.values(i)[j]);
    }
    if (Space::unit_length)
      for (float& value : rows.values(i)) value = static_cast<float>(static_cast<double>(value) / std::sqrt(square));
  }
  rows.set_made_by({42});
  return rows;
}

struct exact_scores {
  double dot = 0.0, squared_l2 = 0.0, cosine = 0.0, lengths = 0.0;
};
exact_scores exact(const std::vector<double>& a, const std::vector<double>& b) {
  exact_scores made;
  double aa = 0.0;
  double bb = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    made.dot += a[i] * b[i];
    made.squared_l2 += (a[i] - b[i]) * (a[i] - b[i]);
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  made.lengths = std::sqrt(aa) * std::sqrt(bb);
  made.cosine = made.lengths == 0.0 ? 0.0 : made.dot / made.lengths;
  return made;
}

template <class Metric>
double exact_of(const exact_scores& scores) {
  if constexpr (std::is_same_v<Metric, ts::cosine>) return scores.cosine;
  else if constexpr (std::is_same_v<Metric, ts::squared_l2>) return scores.squared_l2;
  else return scores.dot;
}

/// What is not finite is an error that names the row; no rows to learn from are one too.
template <class Coder>
void refuses_what_has_no_code(const Coder& coder) {
  for (const float bad : {nan_value, infinity, -infinity}) {
    auto rows = some_rows<small>(5, 9);
    rows.values(3)[60] = bad;
    const auto trained = Coder::train(rows);
    REQUIRE(!trained);
    CHECK(trained.error().code == ts::error_code::not_finite);
    const auto codes = coder.quantize(rows);
    REQUIRE(!codes);
    CHECK(codes.error().code == ts::error_code::not_finite);
    CHECK(codes.error().thing == "vector 3");
  }
  const auto none = Coder::train(ts::embedding_matrix<small>());
  REQUIRE(!none);
  CHECK(none.error().code == ts::error_code::invalid_argument);
  CHECK(value_of(coder.quantize(ts::embedding_matrix<small>())).rows() == 0);
}

}  // namespace

TEST_CASE("ranges: a component in its trained range is decoded within the worst error", "[op][codes]") {
  const auto rows = some_rows<small>(200, 1);
  const auto ranges = value_of(ts::dimension_ranges<small>::train(rows));
  const auto codes = value_of(ranges.quantize(rows));
  double mean_error = 0.0;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto decoded = ranges.dequantize(codes.row(i));
    const auto alone = value_of(ranges.quantize(rows.row(i)));
    CHECK(std::equal(alone.begin(), alone.end(), codes.row(i).begin()));
    for (std::size_t j = 0; j < small::dimension; ++j) {
      const double error = std::fabs(static_cast<double>(decoded[j]) - static_cast<double>(rows.row(i)[j]));
      if (error > ranges.worst_error(j)) FAIL("row " << i << ", dimension " << j << ": " << error);
      mean_error += error / ranges.worst_error(j) / (200.0 * small::dimension);
    }
  }
  CHECK(mean_error < 0.6);  // a uniform error has half the worst in the mean, so the bound is not idle
  CHECK(mean_error > 0.4);
}

TEST_CASE("ranges: what lies outside is clamped, a constant dimension is exact", "[op][codes]") {
  auto rows = some_rows<small>(20, 2);
  for (std::size_t i = 0; i < rows.rows(); ++i) rows.values(i)[7] = 0.1f;
  const auto ranges = value_of(ts::dimension_ranges<small>::train(rows));
  ts::embedding<small> far;
  for (float& value : far.values()) value = 1e30f;
  const auto codes = value_of(ranges.quantize(far));
  for (std::size_t j = 0; j < small::dimension; ++j) CHECK(codes[j] == (j == 7 ? 0 : 127));
  CHECK(ranges.dequantize(codes)[7] == 0.1f);
  CHECK(ranges.steps()[7] == 0.0f);
}

TEST_CASE("ranges: scores are those of the decoded rows, and within the worst error of the rows themselves", "[op][codes]") {
  const auto rows = some_rows<small>(60, 3);
  const auto queries = some_rows<small>(6, 4);
  const auto ranges = value_of(ts::dimension_ranges<small>::train(rows));
  const auto codes = value_of(ranges.quantize(rows));
  const std::vector<std::uint32_t> at = {59, 0, 7, 7, 31};
  const auto check = [&]<class Metric>(Metric) {
    for (std::size_t q = 0; q < queries.rows(); ++q) {
      const auto prepared = ranges.template prepare<Metric>(queries.row(q));
      std::vector<float> scores(rows.rows());
      prepared.score_rows(codes, 0, rows.rows(), scores.data());
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        const auto decoded = ranges.dequantize(codes.row(i));
        const exact_scores truth = exact(components(queries.row(q)), components(decoded));
        const double scale = std::is_same_v<Metric, ts::cosine> ? 1.0 : 3.0 * truth.lengths + truth.squared_l2;
        CHECK(std::fabs(static_cast<double>(scores[i]) - exact_of<Metric>(truth)) <= 8.0 * (small::dimension + 8.0) * 0x1p-24 * scale);
        if constexpr (std::is_same_v<Metric, ts::inner_product>) {
          const double original = exact(components(queries.row(q)), components(rows.row(i))).dot;
          CHECK(std::fabs(static_cast<double>(scores[i]) - original) <= static_cast<double>(prepared.worst_error()));
        }
      }
      std::vector<float> listed(at.size());
      prepared.score_listed(codes, at, listed.data());
      for (std::size_t i = 0; i < at.size(); ++i) CHECK(listed[i] == scores[at[i]]);
    }
  };
  check(ts::cosine{});
  check(ts::inner_product{});
  check(ts::squared_l2{});
}

TEST_CASE("ranges: finer than one scale a vector where dimensions differ", "[op][codes]") {
  const auto rows = some_rows<small>(200, 5);
  const auto ranges = value_of(ts::dimension_ranges<small>::train(rows));
  double learned = 0.0;
  double plain = 0.0;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const auto truth = components(rows.row(i));
    learned += exact(truth, components(ranges.dequantize(value_of(ranges.quantize(rows.row(i)))))).squared_l2;
    plain += exact(truth, components(ts::dequantize(value_of(ts::quantize<ts::i8>(rows.row(i)))))).squared_l2;
  }
  CHECK(learned < plain);
}

TEST_CASE("ranges: errors and fingerprints", "[op][codes]") {
  const auto ranges = value_of(ts::dimension_ranges<small>::train(some_rows<small>(20, 6)));
  refuses_what_has_no_code(ranges);
  const auto other = value_of(ts::dimension_ranges<small>::train(some_rows<small>(20, 7)));
  const auto rows = some_rows<small>(3, 8);
  const auto made_by = value_of(ranges.quantize(rows)).made_by();
  CHECK(made_by);
  CHECK(made_by == value_of(ranges.quantize(rows.row(1))).made_by());
  CHECK(made_by != value_of(other.quantize(rows)).made_by());
}

TEST_CASE("signs around the mean: each bit is exact, and tells half of the rows from the others", "[op][codes]") {
  const auto rows = some_rows<small>(300, 10);
  const auto signs = value_of(ts::centred_signs<small>::train(rows));
  const auto codes = value_of(signs.quantize(rows));
  for (std::size_t j = 0; j < small::dimension; ++j) {
    double mean = 0.0;
    std::size_t set = 0;
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      mean += static_cast<double>(rows.row(i)[j]) / 300.0;
      const bool bit = (codes.row(i)[j / 8] >> (j % 8) & 1) != 0;
      if (bit) ++set;
      if (bit != (rows.row(i)[j] > signs.mean()[j])) FAIL("row " << i << ", dimension " << j);
    }
    CHECK(std::fabs(static_cast<double>(signs.mean()[j]) - mean) < 1e-6);
    CHECK(set > 90);
    CHECK(set < 210);
  }
  const auto alone = value_of(signs.quantize(rows.row(4)));
  CHECK(std::equal(alone.begin(), alone.end(), codes.row(4).begin()));
  CHECK(alone.made_by() == codes.made_by());
  CHECK(ts::hamming_distance(alone, codes.row(4)) == 0);
  refuses_what_has_no_code(signs);
}

TEST_CASE("signs around the mean: an f32 query meets them as +1 and -1", "[op][codes]") {
  const auto rows = some_rows<small>(30, 11);
  const auto signs = value_of(ts::centred_signs<small>::train(rows));
  const auto codes = value_of(signs.quantize(rows));
  const auto query = signs.centre(rows.row(0));
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    double exact_sum = 0.0;
    double magnitude = 0.0;
    for (std::size_t j = 0; j < small::dimension; ++j) {
      const double value = static_cast<double>(query[j]);
      exact_sum += (codes.row(i)[j / 8] >> (j % 8) & 1) != 0 ? value : -value;
      magnitude += std::fabs(value);
    }
    CHECK(std::fabs(static_cast<double>(ts::sign_dot(query, codes.row(i))) - exact_sum) <= 2.0 * small::dimension * 0x1p-24 * magnitude);
  }
}

TEST_CASE("a random rotation is orthogonal, and no direction is preferred", "[op][codes]") {
  constexpr std::size_t n = 96;
  const auto rotation = ts::random_rotation(n, 7);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = 0.0;
      for (std::size_t k = 0; k < n; ++k) sum += static_cast<double>(rotation[i * n + k]) * static_cast<double>(rotation[j * n + k]);
      if (std::fabs(sum - (i == j ? 1.0 : 0.0)) > 1e-6) FAIL("rows " << i << " and " << j << ": " << sum);
    }
  CHECK(ts::random_rotation(n, 7) == rotation);
  CHECK(ts::random_rotation(n, 8) != rotation);
  // Entry (i, j) over many rotations: mean 0, variance 1/n. The corners would show a sign or an axis that the build prefers.
  constexpr std::size_t m = 8;
  constexpr std::size_t times = 4000;
  for (const std::size_t entry : {std::size_t{0}, m - 1, (m - 1) * m, m * m - 1, 3 * m + 4}) {
    double mean = 0.0;
    double square = 0.0;
    for (std::size_t seed = 0; seed < times; ++seed) {
      const double value = static_cast<double>(ts::random_rotation(m, seed)[entry]);
      mean += value / times;
      square += value * value / times;
    }
    CHECK(std::fabs(mean) < 5.0 / std::sqrt(static_cast<double>(m * times)));
    CHECK(std::fabs(square * m - 1.0) < 5.0 * std::sqrt(2.0 / times));
  }
}

TEST_CASE("rabitq: over rotations the estimate has no bias", "[op][codes]") {
  const auto rows = some_rows<small>(40, 12);
  const auto query = some_rows<small>(1, 13);
  const double truth = exact(components(query.row(0)), components(rows.row(5))).dot;
  constexpr std::size_t times = 600;
  double mean = 0.0;
  double square = 0.0;
  for (std::size_t seed = 0; seed < times; ++seed) {
    const auto coder = value_of(ts::rabitq<small>::train(rows, seed));
    const auto codes = value_of(coder.quantize(rows));
    float value = 0.0f;
    value_of(coder.prepare(query.row(0))).template estimate<ts::inner_product>(codes, 5, 1, &value);
    const double error = static_cast<double>(value) - truth;
    mean += error / times;
    square += error * error / times;
  }
  CHECK(std::fabs(mean) < 4.0 * std::sqrt(square / times));
  CHECK(square > 0.0);
}

TEST_CASE("rabitq: the bound fails as rarely as it says, and with certainty never", "[op][codes]") {
  const auto check = [&]<class Metric, class Space>(Metric, Space) {
    const auto rows = some_rows<Space>(300, 14);
    const auto queries = some_rows<Space>(10, 15);
    const auto coder = value_of(ts::rabitq<Space>::train(rows, 3));
    const auto codes = value_of(coder.quantize(rows));
    std::size_t outside = 0;
    double tightness = 0.0;
    for (std::size_t q = 0; q < queries.rows(); ++q) {
      const auto prepared = value_of(coder.prepare(queries.row(q)));
      std::vector<float> values(rows.rows());
      std::vector<float> bounds(rows.rows());
      std::vector<float> certain(rows.rows());
      prepared.template estimate<Metric>(codes, 0, rows.rows(), values.data(), certain, prepared.certain());
      prepared.template estimate<Metric>(codes, 0, rows.rows(), values.data(), bounds);
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        const double truth = exact_of<Metric>(exact(components(queries.row(q)), components(rows.row(i))));
        const double error = std::fabs(static_cast<double>(values[i]) - truth);
        CHECK(error <= static_cast<double>(certain[i]));
        if (error > static_cast<double>(bounds[i])) ++outside;
        tightness += error / static_cast<double>(bounds[i]) / static_cast<double>(rows.rows() * queries.rows());
      }
      const std::vector<std::uint32_t> at = {299, 3, 3, 150};
      std::vector<float> listed(at.size());
      std::vector<float> listed_bounds(at.size());
      prepared.template estimate_listed<Metric>(codes, at, listed.data(), listed_bounds);
      for (std::size_t i = 0; i < at.size(); ++i) CHECK((listed[i] == values[at[i]] && listed_bounds[i] == bounds[at[i]]));
    }
    CHECK(outside < 3000 * 9 / 100);  // 5.7 % in the mean over rotations; rows and queries of one rotation are not independent
    CHECK(tightness > 0.2);           // a bound at 1.9 deviations has 0.42 in the mean
  };
  check(ts::inner_product{}, small{});
  check(ts::squared_l2{}, small{});
  check(ts::cosine{}, small{});
  check(ts::cosine{}, unit{});
}

TEST_CASE("rabitq: the centre itself, and what has no code", "[op][codes]") {
  auto rows = value_of(ts::embedding_matrix<small>::make(3));
  for (std::size_t i = 0; i < 3; ++i)
    for (float& value : rows.values(i)) value = 0.5f;
  const auto coder = value_of(ts::rabitq<small>::train(rows));
  const auto codes = value_of(coder.quantize(rows));
  float value = -1.0f;
  float bound = -1.0f;
  const auto prepared = value_of(coder.prepare(rows.row(1)));
  prepared.estimate<ts::squared_l2>(codes, 0, 1, &value, std::span(&bound, 1));
  CHECK(value == 0.0f);
  CHECK(bound == 0.0f);
  prepared.estimate<ts::cosine>(codes, 0, 1, &value, std::span(&bound, 1));
  CHECK(std::fabs(value - 1.0f) <= bound);

  refuses_what_has_no_code(coder);
  ts::embedding<small> huge;
  for (float& component : huge.values()) component = 3e38f;
  const auto refused = coder.prepare(huge);
  REQUIRE(!refused);
  CHECK(refused.error().code == ts::error_code::not_finite);
}
