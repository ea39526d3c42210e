// SPDX-License-Identifier: Apache-2.0
// Scans of one bit a component: estimates beside products in double, answers beside flat, what changes, calibration, and the file.
#include <tests/index/damage.hpp>
#include <tests/index/support.hpp>

#include <tessera/index/one_bit.hpp>
#include <tessera/index/similarity_index.hpp>

#include <cmath>

using namespace tessera_tests;

namespace {

using space = ts::space<"small", 100, ts::pooling::mean, ts::unit_length>;
using scan = ts::one_bit<space>;
using half_scan = ts::one_bit<space, ts::f16, ts::squared_l2, ts::centred_bits>;
using plain_scan = ts::one_bit<space, ts::f32, ts::inner_product, ts::plain_bits>;

static_assert(ts::similarity_index<scan>);
static_assert(ts::similarity_index<half_scan>);
static_assert(ts::similarity_index<plain_scan>);
static_assert(ts::one_bit<ts::space<"usual", 384, ts::pooling::mean>>::code_bytes == 56);

/// Rows and queries of one distribution: a mean, and variance that falls along the components, as embeddings have it.
template <class Space = space>
ts::embedding_matrix<Space> falling(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  auto rows = value_of(ts::embedding_matrix<Space>::make(count));
  for (std::size_t i = 0; i < count; ++i) {
    auto values = rows.values(i);
    for (std::size_t j = 0; j < values.size(); ++j) values[j] = 0.6f + normal(random) * 3.0f / (1.0f + 0.3f * static_cast<float>(j));
    if (Space::unit_length) ts::kernel::kernels().norm.l2_normalize_f32(rows.row(i).data(), values.data(), Space::dimension);
  }
  return rows;
}

template <class Index>
Index filled(std::size_t count, ts::thread_pool* threads = nullptr) {
  Index index;
  succeed(index.add_rows(some_ids(count), in_precision<typename Index::precision>(falling<typename Index::space>(count, 1)), threads));
  return index;
}

template <class Index>
double recall_of(const Index& index, const ts::search_options& options, std::size_t k = 10, unsigned seed = 77, std::size_t count = 100) {
  const auto queries = in_precision<typename Index::precision>(falling<typename Index::space>(count, seed));
  std::size_t found = 0;
  std::size_t wanted = 0;
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    const auto truth = by_definition(index, queries.row(q), k);
    const auto hits = value_of(index.search(queries.row(q), k, options));
    REQUIRE(hits.size() == truth.size());
    REQUIRE(std::is_sorted(hits.begin(), hits.end(), ts::ranks_before<Index::metric::larger_is_nearer>));
    for (const ts::hit& one : hits) {
      REQUIRE(typename Index::metric{}(queries.row(q), value_of(index.get(one.id))) == one.score);
      found += Index::metric::larger_is_nearer ? one.score >= truth.back().score : one.score <= truth.back().score;
    }
    wanted += truth.size();
  }
  return static_cast<double>(found) / static_cast<double>(wanted);
}

template <class Index>
std::string file_of(const Index& index) {
  const scratch_directory scratch;
  succeed(index.save((scratch / "bits.tsi").string()));
  return read_file(scratch / "bits.tsi");
}
template <class Index>
ts::result<Index> read(const std::string& file) {
  return Index::read(std::as_bytes(std::span(file)), "bits.tsi");
}

}  // namespace

TEST_CASE("spread: lengths and products stay, and no component is much larger than others", "[index]") {
  for (const std::size_t n : {1u, 20u, 128u, 384u, 1000u}) {
    const ts::spread_map map(n, 3);
    CHECK(map.width() == (n + 127) / 128 * 128);
    std::vector<float> x(n, 0.0f), other(n);
    x[n / 2] = 2.0f;  // one component holds all of it
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    for (float& value : other) value = normal(random);
    std::vector<float> y(map.width()), z(map.width());
    map(x.data(), y.data());
    map(other.data(), z.data());
    double square = 0.0, product = 0.0, length = 0.0;
    float largest = 0.0f;
    for (std::size_t i = 0; i < y.size(); ++i) {
      square += static_cast<double>(y[i]) * static_cast<double>(y[i]);
      product += static_cast<double>(y[i]) * static_cast<double>(z[i]);
      length += static_cast<double>(z[i]) * static_cast<double>(z[i]);
      largest = std::max(largest, std::fabs(y[i]));
    }
    const double bound = 64.0 * 0x1p-24;
    CHECK(std::fabs(square - 4.0) <= 4.0 * bound);
    CHECK(std::fabs(product - 2.0 * static_cast<double>(other[n / 2])) <= 2.0 * std::sqrt(length) * bound);
    CHECK(static_cast<double>(largest) < 2.0 * 6.0 / std::sqrt(static_cast<double>(y.size())));
  }
}

TEST_CASE("bit codes: keys follow the products they estimate", "[index]") {
  // Over many pairs: the error of y·p has no bias to speak of and the size that the paper gives, |y|·|p|·sqrt((1-a²)/a²/(n-1)).
  const auto rows = falling(2000, 4);
  const auto queries = falling(20, 5);
  ts::detail::bit_frame<ts::rotated_bits, 100> frame;
  frame.learn(rows.rows(), [&](std::size_t i, float* x) { std::copy_n(rows.row(i).data(), 100, x); });
  double bias = 0.0, square = 0.0, expected = 0.0;
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    ts::detail::bit_query<4, 2> query;
    frame.prepare(queries.row(q).data(), query);
    REQUIRE(query.usable);
    double p_square = 0.0;
    for (std::size_t j = 0; j < 100; ++j) p_square += std::pow(static_cast<double>(queries.row(q).data()[j] - frame.centre()[j]), 2);
    for (std::size_t r = 0; r < rows.rows(); ++r) {
      const auto code = frame.encode(rows.row(r).data(), 0.0);
      std::vector<std::uint64_t> panel(2 * ts::kernel::sign_rows);
      for (std::size_t w = 0; w < 2; ++w) panel[w * ts::kernel::sign_rows] = code.bits[w];
      const double key = ts::kernel::scalar::sign_estimate(query.view(), {panel.data(), &code.factor, &code.offset}, 0);
      double exact = 0.0, y_square = 0.0;
      for (std::size_t j = 0; j < 100; ++j) {
        const double y = static_cast<double>(rows.row(r).data()[j]) - static_cast<double>(frame.centre()[j]);
        exact -= static_cast<double>(queries.row(q).data()[j]) * y;
        y_square += y * y;
      }
      bias += key - exact;
      square += (key - exact) * (key - exact);
      expected += y_square * p_square * 0.571 / 127.0;  // a² is near 2/pi
    }
  }
  const double pairs = static_cast<double>(queries.rows() * rows.rows());
  CHECK(std::fabs(bias / pairs) < 0.2 * std::sqrt(square / pairs));
  CHECK(square < 1.3 * expected);
  CHECK(square > 0.5 * expected);
}

TEST_CASE("one_bit: finds what the metric says, and more the more is scored", "[index]") {
  const auto check = [](const auto& index, double least) {
    const double some = recall_of(index, {.effort = 20});
    const double most = recall_of(index, {});
    CHECK(some > 0.5);
    CHECK(most > least);
    CHECK(some <= most);
    CHECK(recall_of(index, {}, 400) == 1.0);  // every row is scored
  };
  check(filled<scan>(3000), 0.97);
  // Components of unequal weight are what spreading is for.
  CHECK(recall_of(filled<half_scan>(3000), {}) < recall_of(filled<scan>(3000), {}));
}

TEST_CASE("one_bit: signs without spreading, of components alike", "[index]") {
  const auto check = [](auto index, double least) {
    using index_type = decltype(index);
    using precision = typename index_type::precision;
    succeed(index.add_rows(some_ids(3000), in_precision<precision>(some_rows<space>(3000))));
    const auto queries = in_precision<precision>(some_rows<space>(50, 3));
    std::size_t found = 0;
    for (std::size_t q = 0; q < queries.rows(); ++q) {
      const auto truth = by_definition(index, queries.row(q), 10);
      for (const ts::hit& one : value_of(index.search(queries.row(q), 10)))
        found += index_type::metric::larger_is_nearer ? one.score >= truth.back().score : one.score <= truth.back().score;
    }
    CHECK(static_cast<double>(found) / 500.0 > least);
  };
  check(half_scan(), 0.7);
  check(plain_scan(), 0.7);
}

TEST_CASE("one_bit: batches, threads, filters, bounds and stops", "[index]") {
  ts::thread_pool pool(2);
  const auto index = filled<scan>(3000, &pool);
  CHECK((file_of(index) == file_of(filled<scan>(3000))));
  const auto queries = falling(37, 8);
  const auto batch = value_of(index.search(queries, 10, {.threads = &pool}));
  for (std::size_t q = 0; q < queries.rows(); ++q) CHECK(batch[q] == value_of(index.search(queries.row(q), 10)));
  for (const std::uint64_t every : {2u, 50u, 700u, 100'000u}) {
    const auto filter = [every](std::uint64_t id) { return id % every == 0; };
    const auto hits = value_of(index.search(queries.row(0), 10, {.filter = filter}));
    const auto passing = static_cast<std::size_t>(std::ranges::count_if(index.ids(), filter));
    CHECK(hits.size() == std::min<std::size_t>(10, passing));
    CHECK(std::ranges::all_of(hits, [&](const ts::hit& one) { return filter(one.id); }));
  }
  ts::flat<space> all;
  succeed(all.add_rows(some_ids(3000), falling(3000, 1)));
  CHECK(same_hits(value_of(index.within(queries.row(0), 0.8f)), value_of(all.within(queries.row(0), 0.8f))));
  const auto past = std::chrono::steady_clock::now() - std::chrono::seconds(1);
  CHECK(index.search(queries.row(0), 10, {.deadline = past}).error().code == ts::error_code::stopped);
  CHECK(index.search(queries, 10, {.deadline = past}).error().code == ts::error_code::stopped);
  CHECK(value_of(index.search(queries.row(0), 0)).empty());
  CHECK(scan().search(queries.row(0), 10).value().empty());
  CHECK(scan::make({.oversampling = 0}).error().code == ts::error_code::invalid_argument);
  // More than oversampling allows is not scored.
  auto narrow = value_of(scan::make({.oversampling = 2}));
  succeed(narrow.add_rows(some_ids(3000), falling(3000, 1)));
  CHECK(value_of(narrow.search(queries, 10, {.effort = 1000})) == value_of(narrow.search(queries, 10)));
  CHECK(value_of(narrow.search(queries, 10)) == value_of(index.search(queries, 10, {.effort = 20})));
}

TEST_CASE("one_bit: rows come, change and go, and what is no vector is last", "[index]") {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  scan index;
  auto rows = falling(1500, 1);
  for (std::size_t i = 0; i < rows.rows(); i += 50) rows.values(i)[3] = nan;
  for (std::size_t i = 10; i < rows.rows(); i += 50) std::ranges::fill(rows.values(i), 0.0f);
  for (std::size_t i = 0; i < rows.rows(); ++i) succeed(index.add(some_ids(1500)[i], rows.row(i)));
  for (std::size_t i = 0; i < 300; ++i) succeed(index.remove(some_ids(1500)[3 * i]));
  for (std::size_t i = 0; i < 300; ++i) succeed(index.update(some_ids(1500)[3 * i + 1], rows.row(3 * i + 2)));
  CHECK(index.size() == 1200);
  CHECK(recall_of(index, {}) > 0.95);
  CHECK(index.remove(3).error().code == ts::error_code::not_found);
  CHECK(index.add(some_ids(1500)[1], rows.row(0)).error().code == ts::error_code::invalid_argument);
  ts::embedding<space> query;
  query[0] = nan;
  CHECK(value_of(index.search(query, 10)).size() == 10);
  const auto back = value_of(read<scan>(file_of(index)));
  CHECK((file_of(back) == file_of(index)));
  const auto queries = falling(5, 9);
  CHECK(value_of(back.search(queries, 10)) == value_of(index.search(queries, 10)));
}

TEST_CASE("one_bit: a recall that is asked for holds for queries never seen", "[index]") {
  auto index = filled<scan>(6000);
  const auto query = falling(1, 9);
  CHECK(index.search(query.row(0), 10, {.recall = 0.9}).error().code == ts::error_code::invalid_argument);
  const auto report = value_of(index.calibrate({.queries = 400}));
  CHECK(report.queries == 400);
  CHECK(report.reachable > 0.95);
  for (const double wanted : {0.8, 0.9, 0.95}) CHECK(recall_of(index, {.recall = wanted}, 10, 123, 1000) >= wanted);
  const auto refused = index.search(query.row(0), 10, {.recall = 0.99999});
  CHECK(refused.error().code == ts::error_code::invalid_argument);
  CHECK(refused.error().message().find("at most 0.9") != std::string::npos);
  CHECK(index.search(query.row(0), 11, {.recall = 0.8}).error().code == ts::error_code::invalid_argument);
  CHECK(index.search(query.row(0), 10, {.recall = 1.5}).error().code == ts::error_code::invalid_argument);
  CHECK(index.search(query.row(0), 3, {.recall = 0.8}).has_value());
  const auto back = value_of(read<scan>(file_of(index)));
  CHECK(value_of(back.search(query.row(0), 10, {.recall = 0.9})) == value_of(index.search(query.row(0), 10, {.recall = 0.9})));
  // On queries of the caller's the same is measured.
  CHECK(value_of(index.calibrate(falling(300, 55))).queries == 300);
  CHECK(recall_of(index, {.recall = 0.9}, 10, 124, 1000) >= 0.9);
  // Half of the rows are another index.
  for (std::size_t i = 0; i < 3000; ++i) succeed(index.remove(some_ids(6000)[i]));
  CHECK(index.search(query.row(0), 10, {.recall = 0.8}).error().code == ts::error_code::invalid_argument);
  CHECK(scan().calibrate().error().code == ts::error_code::invalid_argument);
}

TEST_CASE("one_bit: a damaged file is refused or answers", "[index]") {
  auto index = filled<scan>(900);
  static_cast<void>(value_of(index.calibrate({.queries = 50})));
  const std::string file = file_of(index);
  CHECK(ts::one_bit<space, ts::f32, ts::cosine, ts::centred_bits>::read(std::as_bytes(std::span(file)), "bits.tsi").error().code ==
        ts::error_code::mismatch);
  std::mt19937 random(12);
  const std::size_t sections = get<std::uint32_t>(file, 168);
  std::size_t refused = 0;
  for (std::size_t i = 0; i < 400; ++i) {
    const std::size_t entry = 176 + 24 * (2 + random() % (sections - 2));
    const auto at = get<std::uint64_t>(file, entry + 8);
    const auto size = get<std::uint64_t>(file, entry + 16);
    std::string damaged = file;
    put(damaged, at + random() % size / 4 * 4, static_cast<std::uint32_t>(random()));
    const auto outcome = read<scan>(with_right_checksums(damaged));
    if (!outcome) {
      ++refused;
      CHECK(outcome.error().path == "bits.tsi");
      continue;
    }
    CHECK(value_of(outcome->search(falling(1, 5).row(0), 10)).size() == 10);
  }
  CHECK(refused > 50);
}
