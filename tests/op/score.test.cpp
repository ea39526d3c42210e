// SPDX-License-Identifier: Apache-2.0
// Scores of many rows, or of many queries with many rows: the bits of the metric on each pair.
#include <tests/op/support/oracle.hpp>
#include <tests/support/result.hpp>

#include <tessera/op/convert.hpp>
#include <tessera/op/scan_rows.hpp>

#include <bit>
#include <limits>

namespace ts = tessera;
using tessera_tests::random_values;
using tessera_tests::value_of;

namespace {

constexpr float untouched = -7.0f;

using named = ts::space<"named", 45>;  // no multiple of a vector register
using unit = ts::space<"unit", 96, ts::pooling::mean, ts::unit_length>;

template <class Space>
ts::embedding_matrix<Space> random_rows(std::size_t count, std::uint32_t seed) {
  random_values random(seed);
  auto rows = value_of(ts::embedding_matrix<Space>::make(count));
  for (std::size_t i = 0; i < count; ++i)
    for (float& value : rows.values(i)) value = i == 3 ? 0.0f : random.unit();
  return rows;
}

template <class Precision, class Space>
ts::embedding_matrix<Space, Precision> narrowed(const ts::embedding_matrix<Space>& rows) {
  if constexpr (ts::floating_precision<Precision>) return value_of(ts::cast<Precision>(rows));
  else return value_of(ts::quantize<Precision>(rows));
}

/// The same bits, or both NaN.
bool same_bits(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (a != a && b != b);
}

template <class Metric, class QueryPrecision, class Precision, class Space>
void check() {
  INFO(std::string(Metric::label) << ", " << std::string(QueryPrecision::label) << " queries, " << std::string(Precision::label)
                                  << " rows");
  constexpr std::size_t first = 2;
  const auto rows = narrowed<Precision>(random_rows<Space>(29, 1));
  const auto queries = narrowed<QueryPrecision>(random_rows<Space>(9, 2));
  for (const std::size_t count : {0u, 1u, 5u, 27u}) {
    std::vector<float> out(count + 1, untouched);
    for (std::size_t q = 0; q < queries.rows(); ++q) {
      ts::score_rows<Metric>(queries.row(q), rows, first, count, out.data());
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < count; ++i)
        if (!same_bits(out[i], Metric{}(queries.row(q), rows.row(first + i)))) ++wrong;
      CHECK(wrong == 0);
      CHECK(out[count] == untouched);
    }
    std::vector<std::uint32_t> at(count);
    for (std::size_t i = 0; i < count; ++i) at[i] = static_cast<std::uint32_t>(i * 7 % rows.rows());
    for (std::size_t q = 0; q < queries.rows(); ++q) {
      ts::score_listed<Metric>(queries.row(q), rows, at, out.data());
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < count; ++i)
        if (!same_bits(out[i], Metric{}(queries.row(q), rows.row(at[i])))) ++wrong;
      CHECK(wrong == 0);
      CHECK(out[count] == untouched);
    }
    if constexpr (ts::many_to_many_metric<Metric, QueryPrecision, Space, Precision>) {
      const ts::packed_queries<Metric, QueryPrecision, Space, Precision> packed(queries, 1, 7);
      CHECK(packed.size() == 7);
      std::vector<float> panel(packed.panel_size(count));
      const std::size_t stride = count + 3;
      std::vector<float> scores(7 * stride, untouched);
      packed.score(rows, first, count, panel.data(), scores.data(), stride);
      std::size_t wrong = 0;
      for (std::size_t q = 0; q < 7; ++q)
        for (std::size_t i = 0; i < stride; ++i)
          if (!same_bits(scores[q * stride + i], i < count ? Metric{}(queries.row(1 + q), rows.row(first + i)) : untouched)) ++wrong;
      CHECK(wrong == 0);
    }
  }
}

template <class QueryPrecision, class Precision>
void check_metrics() {
  check<ts::cosine, QueryPrecision, Precision, named>();
  check<ts::cosine, QueryPrecision, Precision, unit>();
  check<ts::inner_product, QueryPrecision, Precision, named>();
  check<ts::squared_l2, QueryPrecision, Precision, named>();
}

}  // namespace

TEST_CASE("scores of many have the bits of the metric on each pair", "[op][score]") {
  SECTION("f32") { check_metrics<ts::f32, ts::f32>(); }
  SECTION("f16") { check_metrics<ts::f16, ts::f16>(); }
  SECTION("bf16") { check_metrics<ts::bf16, ts::bf16>(); }
  SECTION("i8") { check_metrics<ts::i8, ts::i8>(); }
  SECTION("i4") { check_metrics<ts::i4, ts::i4>(); }
  SECTION("f32 against f16") { check_metrics<ts::f32, ts::f16>(); }
  SECTION("f32 against bf16") { check_metrics<ts::f32, ts::bf16>(); }
  SECTION("f32 against i8") { check_metrics<ts::f32, ts::i8>(); }
  SECTION("f32 against i4") { check_metrics<ts::f32, ts::i4>(); }
  SECTION("b1") {
    check<ts::hamming, ts::b1, ts::b1, named>();
    check<ts::jaccard, ts::b1, ts::b1, named>();
    check<ts::sign_product, ts::f32, ts::b1, named>();
    check<ts::sign_product, ts::f32, ts::b1, unit>();
  }
}

namespace {

/// Rows around a common mean, some twice, and some that no bound holds for.
template <class Space>
ts::embedding_matrix<Space> awkward_rows(std::size_t count, std::uint32_t seed, bool with_specials) {
  random_values random(seed);
  auto rows = value_of(ts::embedding_matrix<Space>::make(count));
  constexpr float specials[] = {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 1e30f, 1e-30f, 0.0f,
                                -1e17f, 0x1p-149f};
  for (std::size_t i = 0; i < count; ++i) {
    for (float& value : rows.values(i)) value = 0.3f + 0.2f * random.unit();
    if (with_specials && i % 61 == 13)
      for (std::size_t j = 0; j < Space::dimension; j += i % 2 == 0 ? 1 : 17) rows.values(i)[j] = specials[i / 61 % std::size(specials)];
    if (Space::unit_length) ts::kernel::kernels().norm.l2_normalize_f32(rows.row(i).data(), rows.values(i).data(), Space::dimension);
    if (i % 9 == 8) std::copy_n(rows.row(i - 1).data(), Space::dimension, rows.values(i).data());
  }
  return rows;
}

bool same_hits(const std::vector<ts::hit>& a, const std::vector<ts::hit>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ts::hit& x, const ts::hit& y) {
    return x.id == y.id && same_bits(x.score, y.score);
  });
}

/// Many queries together (in tiles, through a sieve where there is one) find what each finds alone.
template <class Metric, class QueryPrecision, class Precision, class Space>
void finds_the_same(std::size_t row_count, std::size_t query_count, bool with_specials) {
  INFO(std::string(Metric::label) << ", " << std::string(QueryPrecision::label) << " queries, " << std::string(Precision::label)
                                  << " rows" << (with_specials ? ", with what is not finite" : ""));
  const auto rows = value_of(ts::cast<Precision>(awkward_rows<Space>(row_count, 3, with_specials)));
  const auto queries = value_of(ts::cast<QueryPrecision>(awkward_rows<Space>(query_count, 4, with_specials)));
  std::vector<std::uint64_t> ids(rows.rows());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = 1000 + i;
  ts::thread_pool pool(3);
  const auto even = [](std::uint64_t id) { return id % 2 == 0; };
  for (const std::size_t k : {std::size_t{1}, std::size_t{10}, row_count}) {
    const auto together = value_of(ts::scan_rows<Metric>(queries, rows, ids, k));
    const auto shared = value_of(ts::scan_rows<Metric>(queries, rows, ids, k, {.threads = &pool}));
    const auto filtered = value_of(ts::scan_rows<Metric>(queries, rows, ids, k, {.filter = even}));
    std::size_t wrong = 0;
    for (std::size_t q = 0; q < queries.rows(); ++q) {
      const auto row = queries.row(q);
      const auto alone = value_of(ts::scan_rows<Metric>(std::span(&row, 1), rows, ids, k))[0];
      const auto alone_filtered = value_of(ts::scan_rows<Metric>(std::span(&row, 1), rows, ids, k, {.filter = even}))[0];
      if (!same_hits(together[q], alone) || !same_hits(shared[q], alone) || !same_hits(filtered[q], alone_filtered)) ++wrong;
    }
    CHECK(wrong == 0);
  }
}

}  // namespace

TEST_CASE("the k nearest do not depend on the other queries, the threads or the place in a block", "[op][score]") {
  for (const bool specials : {false, true}) {
    finds_the_same<ts::cosine, ts::f32, ts::f32, unit>(1500, 70, specials);
    finds_the_same<ts::cosine, ts::f32, ts::f32, named>(1500, 70, specials);
    finds_the_same<ts::inner_product, ts::f32, ts::f32, named>(1500, 70, specials);
    finds_the_same<ts::squared_l2, ts::f32, ts::f32, named>(1500, 70, specials);
    finds_the_same<ts::cosine, ts::f32, ts::f16, named>(1500, 70, specials);
    finds_the_same<ts::squared_l2, ts::f16, ts::f16, unit>(1500, 70, specials);
    finds_the_same<ts::cosine, ts::bf16, ts::bf16, unit>(1500, 70, specials);
    finds_the_same<ts::inner_product, ts::f32, ts::bf16, named>(1500, 70, specials);
  }
  finds_the_same<ts::cosine, ts::f32, ts::f32, unit>(700, 300, false);
}
