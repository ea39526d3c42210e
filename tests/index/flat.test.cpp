// SPDX-License-Identifier: Apache-2.0
// Exact search: what it finds, in every precision and metric, and what it refuses.
#include <tests/index/support.hpp>

#include <tessera/index/id_bitmap.hpp>
#include <tessera/io/npy_rows.hpp>

#include <cmath>
#include <functional>
#include <set>
#include <thread>

using namespace tessera_tests;

namespace {

using named = ts::space<"named", 45>;                                             // no multiple of a vector register
using unit = ts::space<"unit", 384, ts::pooling::mean, ts::unit_length>;
using plain = ts::anonymous<24>;

template <class Precision, class Metric, class Space>
void finds_what_the_metric_says() {
  using index_type = ts::flat<Space, Precision, Metric>;
  const auto wide = some_rows<Space>(2500);
  const auto ids = some_ids(wide.rows());
  index_type index;
  succeed(index.add_rows(ids, in_precision<Precision>(wide)));
  const auto wide_queries = some_rows<Space>(5, 2);
  const auto queries = in_precision<Precision>(wide_queries);
  ts::thread_pool pool(3);
  for (const std::size_t k : {std::size_t{1}, std::size_t{10}, std::size_t{2600}}) {
    CAPTURE(k);
    const auto batch = value_of(index.search(queries, k));
    REQUIRE(batch.size() == queries.rows());
    for (std::size_t q = 0; q < queries.rows(); ++q) {
      const auto expected = by_definition(index, queries.row(q), k);
      CHECK(same_hits(value_of(index.search(queries.row(q), k)), expected));
      CHECK(same_hits(value_of(index.search(queries.row(q), k, {.threads = &pool})), expected));
      CHECK(same_hits(batch[q], expected));
      if constexpr (!std::is_same_v<Precision, ts::b1>)
        CHECK(same_hits(value_of(index.search(wide_queries.row(q), k)), by_definition(index, wide_queries.row(q), k)));
    }
    CHECK(value_of(index.search(queries, k, {.threads = &pool})) == batch);
  }
}

/// Rows 1, 2, 3 ... of dimension 24 with the given first component and zeros behind.
ts::flat<plain, ts::f32, ts::inner_product> line(std::span<const float> firsts) {
  ts::flat<plain, ts::f32, ts::inner_product> index;
  for (std::size_t i = 0; i < firsts.size(); ++i) {
    ts::embedding<plain> row;
    row[0] = firsts[i];
    succeed(index.add(i + 1, row));
  }
  return index;
}

ts::embedding<plain> along_the_line() {
  ts::embedding<plain> query;
  query[0] = 1.0f;
  return query;
}

std::vector<std::uint64_t> ids_of(const std::vector<ts::hit>& hits) {
  std::vector<std::uint64_t> ids;
  for (const ts::hit& found : hits) ids.push_back(found.id);
  return ids;
}

}  // namespace

TEST_CASE("flat: the hits are those of the metric, in order, with the same bits", "[index]") {
  SECTION("f32") {
    finds_what_the_metric_says<ts::f32, ts::cosine, named>();
    finds_what_the_metric_says<ts::f32, ts::cosine, unit>();
    finds_what_the_metric_says<ts::f32, ts::inner_product, named>();
    finds_what_the_metric_says<ts::f32, ts::squared_l2, named>();
  }
  SECTION("f16") {
    finds_what_the_metric_says<ts::f16, ts::cosine, unit>();
    finds_what_the_metric_says<ts::f16, ts::inner_product, named>();
    finds_what_the_metric_says<ts::f16, ts::squared_l2, named>();
  }
  SECTION("bf16") {
    finds_what_the_metric_says<ts::bf16, ts::cosine, named>();
    finds_what_the_metric_says<ts::bf16, ts::inner_product, unit>();
    finds_what_the_metric_says<ts::bf16, ts::squared_l2, named>();
  }
  SECTION("i8") {
    finds_what_the_metric_says<ts::i8, ts::cosine, unit>();
    finds_what_the_metric_says<ts::i8, ts::inner_product, named>();
    finds_what_the_metric_says<ts::i8, ts::squared_l2, named>();
  }
  SECTION("i4") {
    finds_what_the_metric_says<ts::i4, ts::cosine, named>();
    finds_what_the_metric_says<ts::i4, ts::inner_product, unit>();
    finds_what_the_metric_says<ts::i4, ts::squared_l2, named>();
  }
  SECTION("b1") {
    finds_what_the_metric_says<ts::b1, ts::hamming, unit>();
    finds_what_the_metric_says<ts::b1, ts::jaccard, named>();
  }
}

TEST_CASE("flat: f32 queries against binary codes", "[index]") {
  ts::flat<named, ts::b1, ts::sign_product> index;
  const auto wide = some_rows<named>(900);
  succeed(index.add_rows(some_ids(900), in_precision<ts::b1>(wide)));
  const auto queries = some_rows<named>(7, 2);
  const auto batch = value_of(index.search(queries, 10));
  for (std::size_t q = 0; q < queries.rows(); ++q) {
    const auto expected = by_definition(index, queries.row(q), 10);
    CHECK(same_hits(value_of(index.search(queries.row(q), 10)), expected));
    CHECK(same_hits(batch[q], expected));
  }
}

TEST_CASE("flat: numpy's ten nearest", "[index]") {
  const auto folder = fixture("search");
  const auto ids = value_of(ts::read_npy_ids((folder / "ids.npy").string()));
  const auto queries = value_of(ts::read_npy_rows<plain>((folder / "queries.npy").string()));
  const auto check = [&]<class Metric>(Metric, const char* file) {
    ts::flat<plain, ts::f32, Metric> index;
    succeed(index.add_rows(ids, value_of(ts::read_npy_rows<plain>((folder / "rows.npy").string()))));
    const auto expected = value_of(ts::npy::open((folder / file).string()));
    std::vector<std::int64_t> nearest(queries.rows() * 10);
    succeed(ts::read_i64(expected.tensor(), nearest));
    const auto found = value_of(index.search(queries, 10));
    for (std::size_t q = 0; q < queries.rows(); ++q)
      for (std::size_t i = 0; i < 10; ++i) CHECK(found[q].at(i).id == static_cast<std::uint64_t>(nearest[q * 10 + i]));
  };
  check(ts::cosine{}, "cosine.npy");
  check(ts::inner_product{}, "inner_product.npy");
  check(ts::squared_l2{}, "squared_l2.npy");
}

TEST_CASE("flat: scores are exact to the metric's bound", "[index]") {
  const auto rows = some_rows<named>(300);
  ts::flat<named> index;
  succeed(index.add_rows(some_ids(300), some_rows<named>(300)));
  const auto query = some_rows<named>(1, 9);
  for (const ts::hit& found : value_of(index.search(query.row(0), 300))) {
    const auto row = value_of(index.get(found.id));
    double ab = 0, aa = 0, bb = 0;
    for (std::size_t i = 0; i < named::dimension; ++i) {
      const double a = static_cast<double>(query.row(0)[i]);
      const double b = static_cast<double>(row[i]);
      ab += a * b, aa += a * a, bb += b * b;
    }
    CHECK(std::abs(static_cast<double>(found.score) - ab / std::sqrt(aa * bb)) <= 4.0 * (named::dimension + 2) * 0x1p-24);
  }
}

TEST_CASE("flat: ties go to the lower id, NaN stands last", "[index]") {
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const float firsts[] = {1.0f, nan, 3.0f, -infinity, 3.0f, nan, 0.0f, -0.0f};
  const auto index = line(firsts);
  // 0 · -infinity is NaN only for the components behind the first, which are 0 · 0 here
  CHECK(ids_of(value_of(index.search(along_the_line(), 8))) == std::vector<std::uint64_t>{3, 5, 1, 7, 8, 4, 2, 6});
  CHECK(ids_of(value_of(index.search(along_the_line(), 7))) == std::vector<std::uint64_t>{3, 5, 1, 7, 8, 4, 2});
  CHECK(ids_of(value_of(index.search(along_the_line(), 1))) == std::vector<std::uint64_t>{3});
  ts::embedding<plain> no_number;
  no_number[3] = nan;
  const auto lost = value_of(index.search(no_number, 3));
  CHECK(ids_of(lost) == std::vector<std::uint64_t>{1, 2, 3});
  CHECK(std::isnan(lost[0].score));
}

TEST_CASE("flat: any k, and an empty index", "[index]") {
  const ts::flat<plain> none;
  CHECK(none.empty());
  CHECK(none.memory_bytes() == 0);
  CHECK(value_of(none.search(ts::embedding<plain>(), 10)).empty());
  CHECK(value_of(none.search(some_rows<plain>(3), 10)) == std::vector<std::vector<ts::hit>>(3));
  CHECK(message_of(none.get(4)) == "id 4: wanted one of the 0 ids in the index");
  const float firsts[] = {1.0f, 2.0f};
  const auto index = line(firsts);
  CHECK(value_of(index.search(along_the_line(), 0)).empty());
  CHECK(value_of(index.search(along_the_line(), 2)).size() == 2);
  CHECK(value_of(index.search(along_the_line(), std::numeric_limits<std::size_t>::max())).size() == 2);
  CHECK(value_of(index.search(ts::embedding_matrix<plain>(), 5)).empty());
}

TEST_CASE("flat: rows come back by id; an id is taken once", "[index]") {
  const auto rows = some_rows<named>(40);
  ts::flat<named, ts::f16> index;
  for (std::size_t i = 0; i < 40; ++i) succeed(index.add(i * i, ts::cast<ts::f16>(rows.row(i))));
  CHECK(index.size() == 40);
  const auto row = value_of(index.get(36));
  const auto expected = ts::cast<ts::f16>(rows.row(6));
  CHECK(std::ranges::equal(row, expected, {}, &ts::float16::bits, &ts::float16::bits));
  CHECK(row.facts().norm == expected.facts().norm);
  CHECK(index.contains(36));
  CHECK_FALSE(index.contains(37));
  CHECK(message_of(index.get(37)) == "id 37: wanted one of the 40 ids in the index");

  CHECK(message_of(index.add(36, expected)) == "id 36: wanted an id that no other row has, found one that is taken");
  // of many rows none is taken where one cannot be: 37 and 38 are free, then 37 comes again
  const std::uint64_t twice[] = {37, 38, 37};
  CHECK_FALSE(index.add_rows(twice, in_precision<ts::f16>(some_rows<named>(3))));
  const std::uint64_t taken[] = {37, 38, 1521};
  CHECK_FALSE(index.add_rows(taken, in_precision<ts::f16>(some_rows<named>(3))));
  const std::uint64_t too_few[] = {37, 38};
  CHECK(message_of(index.add_rows(too_few, in_precision<ts::f16>(some_rows<named>(3)))) == "ids: wanted 3, one a row, found 2");
  CHECK(index.size() == 40);
  CHECK(index.rows().rows() == 40);
  CHECK_FALSE(index.contains(37));
  for (std::size_t i = 0; i < 40; ++i) CHECK(index.contains(i * i));
  succeed(index.add_rows(too_few, in_precision<ts::f16>(some_rows<named>(2))));
  CHECK(index.contains(38));
}

TEST_CASE("flat: a row of the index can be added again while it grows", "[index]") {
  ts::flat<named> index;
  succeed(index.add(0, some_rows<named>(1).row(0)));
  const std::vector<float> first(index.rows().row(0).begin(), index.rows().row(0).end());
  for (std::uint64_t id = 1; id < 200; ++id) succeed(index.add(id, value_of(index.get(id - 1))));
  CHECK(std::ranges::equal(value_of(index.get(199)), first));
}

TEST_CASE("flat: a matrix moved in is kept, not copied", "[index]") {
  auto rows = some_rows<unit>(100);
  const float* where = rows.data();
  ts::flat<unit> index;
  const std::uint64_t repeated[100] = {};
  CHECK_FALSE(index.add_rows(repeated, std::move(rows)));
  REQUIRE(rows.rows() == 100);  // NOLINT: after an error it is still the caller's
  succeed(index.add_rows(some_ids(100), std::move(rows)));
  CHECK(index.rows().data() == where);
  CHECK(rows.empty());  // NOLINT: nothing is left of it
  const auto more = some_rows<unit>(5, 4);
  const std::uint64_t next[] = {1, 2, 3, 4, 1u << 30u};
  succeed(index.add_rows(next, more));
  CHECK(index.size() == 105);
  CHECK(std::ranges::equal(value_of(index.get(4)), more.row(3)));
}

TEST_CASE("flat: what an index was moved from is an empty index", "[index]") {
  ts::flat<named> index;
  succeed(index.add_rows(some_ids(10), some_rows<named>(10)));
  const ts::flat<named> other = std::move(index);
  CHECK(other.size() == 10);
  CHECK(index.empty());  // NOLINT: this is the promise
  CHECK(value_of(index.search(other.rows().row(0), 3)).empty());
  succeed(index.add(5, other.rows().row(0)));
  CHECK(index.contains(5));
}

TEST_CASE("flat: lengths that the rows do not bring are measured", "[index]") {
  const auto wide = some_rows<named>(20);
  auto rows = in_precision<ts::bf16>(wide);
  const auto measured = rows.facts(3);
  for (std::size_t i = 0; i < rows.rows(); ++i) rows.set_facts(i, {});
  ts::flat<named, ts::bf16> index;
  succeed(index.add_rows(some_ids(20), rows));
  CHECK(index.rows().facts(3).norm == measured.norm);
  ts::embedding<named, ts::bf16> bare(rows.row(3).values());
  succeed(index.add(1, bare));
  CHECK(value_of(index.get(1)).facts().norm == measured.norm);
}

TEST_CASE("flat: another model of the same type is refused", "[index]") {
  const ts::fingerprint mine{0x0123456789abcdef};
  const ts::fingerprint other{0xfedcba9876543210};
  auto rows = some_rows<named>(3);
  ts::embedding<named> row(rows.row(0).values());
  ts::flat<named> index;
  succeed(index.add(1, row));  // does not say
  CHECK_FALSE(index.made_by());
  row.set_made_by(mine);
  succeed(index.add(2, row));
  CHECK(index.made_by() == mine);
  row.set_made_by(other);
  constexpr const char* text = " of named: wanted the model with fingerprint 0123456789abcdef, found fedcba9876543210";
  CHECK(message_of(index.add(3, row)) == std::string("row") + text);
  CHECK(message_of(index.search(row, 1)) == std::string("query") + text);
  CHECK(index.search(row, 1).error().code == ts::error_code::mismatch);
  rows.set_made_by(other);
  const std::uint64_t ids[] = {7, 8, 9};
  CHECK(message_of(index.add_rows(ids, rows)) == std::string("rows") + text);
  CHECK(message_of(index.add_rows(ids, std::move(rows))) == std::string("rows") + text);
  CHECK(message_of(index.search(rows, 1)) == std::string("queries") + text);  // NOLINT: not moved from after an error
  CHECK(index.size() == 2);
  row.set_made_by({});
  CHECK(index.search(row, 1).has_value());

  ts::flat<plain> unnamed;
  ts::embedding<plain> vector;
  vector.set_made_by(mine);
  succeed(unnamed.add(1, vector));
  vector.set_made_by(other);
  succeed(unnamed.add(2, vector));
  CHECK_FALSE(unnamed.made_by());
}

TEST_CASE("flat: a filter leaves rows out, whatever their number", "[index]") {
  ts::flat<named> index;
  succeed(index.add_rows(some_ids(3000), some_rows<named>(3000)));
  const auto queries = some_rows<named>(2, 5);
  ts::thread_pool pool(2);
  for (const std::uint64_t every : {1u, 2u, 50u, 5000u}) {
    const auto keep = [every](std::uint64_t id) { return id % every == 0; };
    for (const std::size_t k : {0u, 5u, 100u}) {
      const auto expected = by_definition(index, queries.row(0), k, keep);
      CHECK(same_hits(value_of(index.search(queries.row(0), k, {.filter = keep})), expected));
      CHECK(same_hits(value_of(index.search(queries, k, {.threads = &pool, .filter = keep}))[0], expected));
    }
  }
  constexpr std::uint64_t room = (std::uint64_t{1} << 20u) + 5;
  auto allowed = value_of(ts::id_bitmap::make(room));
  for (std::size_t row = 7; row < 3000; row += 50) succeed(allowed.insert(index.ids()[row]));
  CHECK(allowed.count() == 60);
  const std::set<std::uint64_t> same = [&] {
    std::set<std::uint64_t> made;
    for (std::size_t row = 7; row < 3000; row += 50) made.insert(index.ids()[row]);
    return made;
  }();
  const auto in_set = value_of(index.search(queries.row(0), 100, {.filter = std::cref(allowed)}));
  CHECK(same_hits(in_set, by_definition(index, queries.row(0), 100, [&](std::uint64_t id) { return same.contains(id); })));
  CHECK(in_set.size() == 60);
  succeed(allowed.erase(index.ids()[57]));
  CHECK_FALSE(allowed(index.ids()[57]));
  CHECK(allowed.count() == 59);
  CHECK_FALSE(allowed(room));
  CHECK(allowed.insert(room).error().message().find("below 1048581") != std::string::npos);
  CHECK(value_of(ts::id_bitmap::make(0)).count() == 0);
  std::set<std::uint64_t> asked;
  static_cast<void>(index.search(queries.row(0), 1, {.filter = [&](std::uint64_t id) { return asked.insert(id).second; }}));
  CHECK(asked.size() < 100);  // only rows that would be a hit are asked for
}

TEST_CASE("flat: a stop token ends a search", "[index]") {
  ts::flat<named> index;
  succeed(index.add_rows(some_ids(100), some_rows<named>(100)));
  std::stop_source source;
  const auto query = some_rows<named>(1, 5);
  CHECK(index.search(query.row(0), 3, {.stop = source.get_token()}).has_value());
  source.request_stop();
  const auto stopped = index.search(query.row(0), 3, {.stop = source.get_token()});
  REQUIRE_FALSE(stopped);
  CHECK(stopped.error().code == ts::error_code::stopped);
  CHECK(stopped.error().message() == "search of 100 rows");
}

TEST_CASE("flat: many threads search one index", "[index]") {
  ts::flat<unit, ts::f16> index;
  succeed(index.add_rows(some_ids(2000), in_precision<ts::f16>(some_rows<unit>(2000))));
  const auto queries = some_rows<unit>(8, 3);
  const auto expected = value_of(index.search(queries, 10));
  ts::thread_pool pool(2);
  std::vector<std::thread> threads;
  std::vector<int> right(6, 0);
  for (std::size_t t = 0; t < right.size(); ++t)
    threads.emplace_back([&, t] {
      for (std::size_t q = 0; q < queries.rows(); ++q) {
        const auto found = index.search(queries.row(q), 10, {.threads = t % 2 == 0 ? &pool : nullptr});
        if (found && *found == expected[q] && index.get(found->front().id)) ++right[t];
      }
    });
  for (std::thread& thread : threads) thread.join();
  CHECK(right == std::vector<int>(6, 8));
}

TEST_CASE("flat: rows change and go", "[index]") {
  ts::flat<named, ts::f16> index;
  const auto rows = in_precision<ts::f16>(some_rows<named>(400));
  succeed(index.add_rows(some_ids(400), rows));
  const auto other = in_precision<ts::f16>(some_rows<named>(400, 5));
  std::mt19937 random(2);
  std::set<std::uint64_t> there(index.ids().begin(), index.ids().end());
  for (std::size_t i = 0; i < 300; ++i) {
    const std::uint64_t id = index.ids()[random() % index.size()];
    if (random() % 2 == 0) {
      succeed(index.update(id, other.row(i)));
      CHECK(std::ranges::equal(value_of(index.get(id)).values(), other.row(i).values(), [](auto a, auto b) { return a.bits == b.bits; }));
    } else {
      succeed(index.remove(id));
      there.erase(id);
      CHECK(index.remove(id).error().code == ts::error_code::not_found);
      CHECK(index.update(id, other.row(0)).error().code == ts::error_code::not_found);
    }
  }
  CHECK(std::set<std::uint64_t>(index.ids().begin(), index.ids().end()) == there);
  for (const std::uint64_t id : there) CHECK(index.contains(id));
  const auto query = some_rows<named>(1, 8);
  CHECK(same_hits(value_of(index.search(query.row(0), 500)), by_definition(index, query.row(0), 500)));
  while (!index.empty()) succeed(index.remove(index.ids()[0]));
  succeed(index.add(3, other.row(1)));
}
