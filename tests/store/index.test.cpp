// SPDX-License-Identifier: Apache-2.0
// A store in the place of an index: walks by codes, a recall asked for by number, a copy in another directory, generic code.
#include <tests/store/support.hpp>

#include <tessera/index/code_guide.hpp>
#include <tessera/index/mmr.hpp>
#include <tessera/index/similarity_index.hpp>

using namespace tessera_tests;

namespace {

using space = ts::space<"coded", 48>;
using coded = ts::store<space, ts::f16, ts::cosine, ts::leading_codes>;
static_assert(ts::similarity_index<coded>);
static_assert(ts::similarity_index<ts::store<small>>);

const ts::store_options quiet{.sync = ts::sync_policy::none(), .snapshot_after = 0};
constexpr std::uint64_t count = 3000;

template <class Store>
void fill(Store& store) {
  auto rows = value_of(ts::embedding_matrix<space, ts::f16>::make(0));
  std::vector<std::uint64_t> ids;
  for (std::uint64_t id = 0; id < count; ++id) {
    ids.push_back(id * 7 % count);
    succeed(rows.append(vector_of<space, ts::f16>(ids.back())));
  }
  succeed(store.add_rows(ids, rows));
}

/// The share of the ten nearest that a walk finds; what it finds has the metric's scores.
template <class Store>
double recall_of(const Store& store, const ts::search_options& options) {
  double found = 0.0;
  for (std::uint64_t q = 0; q < 50; ++q) {
    const auto query = vector_of<space>(1'000'000 + q);
    const auto exact = value_of(store.search(query, 10, {.effort = 100'000}));
    const auto hits = value_of(store.search(query, 10, options));
    REQUIRE(hits.size() == 10);
    for (const ts::hit& one : hits) {
      if (one.score != ts::cosine{}(query, vector_of<space, ts::f16>(one.id))) FAIL("another score for id " << one.id);
      found += std::find(exact.begin(), exact.end(), one) != exact.end() ? 1.0 : 0.0;
    }
  }
  return found / 500.0;
}

}  // namespace

TEST_CASE("store: codes lead to the rows, before and after a snapshot, a removal and an opening", "[store]") {
  const memory_directory scratch;
  {
    auto store = open_store<coded>(scratch / "s", quiet);
    fill(store);
    succeed(store.index());
    CHECK(recall_of(store, {.effort = 150}) > 0.9);
    succeed(store.snapshot());
    CHECK(recall_of(store, {.effort = 150}) > 0.9);
    std::vector<std::uint64_t> even;
    for (std::uint64_t id = 0; id < count; id += 20) even.push_back(id);
    succeed(store.remove(even));
    CHECK(recall_of(store, {.effort = 150}) > 0.9);
    succeed(store.snapshot());
    CHECK(recall_of(store, {.effort = 150}) > 0.9);
    CHECK(!store.background_error());
  }
  auto store = open_store<coded>(scratch / "s", quiet);
  CHECK(recall_of(store, {.effort = 150}) > 0.9);  // by rows or by codes, as far as the background is
  succeed(store.index());
  CHECK(recall_of(store, {.effort = 150}) > 0.9);
  // 64 bytes of codes a row are counted.
  const auto plain = open_store<ts::store<space, ts::f16>>(scratch / "plain", quiet);
  CHECK(store.memory_bytes() > plain.memory_bytes() + store.size() * 64);
  // Other indexes' functions take it as it is.
  const auto diverse = value_of(ts::search_diverse(store, vector_of<space>(5), 5, {.diversity = 0.5f}));
  CHECK(diverse.size() == 5);
  CHECK(diverse[0].id == 5);
}

TEST_CASE("store: a recall is asked for by number, also after it is opened again", "[store]") {
  const memory_directory scratch;
  const auto asks = [](const auto& store, double recall) { return store.search(vector_of<space>(3), 10, {.recall = recall}); };
  {
    auto store = open_store<coded>(scratch / "s", quiet);
    CHECK(store.calibrate().error().code == ts::error_code::invalid_argument);
    fill(store);
    succeed(store.index());
    CHECK(asks(store, 0.8).error().code == ts::error_code::invalid_argument);
    const ts::calibration_report report = value_of(store.calibrate({.queries = 200}));
    CHECK(report.queries == 200);
    CHECK(report.reachable > 0.8);
    CHECK(recall_of(store, {.recall = 0.8}) > 0.75);
    CHECK(asks(store, 0.99999).error().code == ts::error_code::invalid_argument);
    CHECK(store.search(vector_of<space>(3), 11, {.recall = 0.8}).error().code == ts::error_code::invalid_argument);
    succeed(store.snapshot());
  }
  auto store = open_store<coded>(scratch / "s", quiet);
  CHECK(recall_of(store, {.recall = 0.8}) > 0.75);
  auto queries = value_of(ts::embedding_matrix<space>::make(0));
  for (std::uint64_t q = 0; q < 100; ++q) succeed(queries.append(vector_of<space>(2'000'000 + q)));
  CHECK(value_of(store.calibrate(queries)).queries == 100);
}

TEST_CASE("store: a copy of it is a store of its own", "[store]") {
  const memory_directory scratch;
  expected_rows expected;
  {
    auto store = open_store<ts::store<small>>(scratch / "s", quiet);
    for (std::uint64_t id = 0; id < 300; ++id) add_row(store, id), expected[id] = 0;
    for (std::uint64_t id = 0; id < 30; ++id) succeed(store.remove(id)), expected.erase(id);
    succeed(store.save((scratch / "copy").string()));
    CHECK(store.save((scratch / "copy").string()).error().code == ts::error_code::invalid_argument);
    CHECK(store.save((scratch / "s").string()).error().code == ts::error_code::io);  // it is open
    add_row(store, 1000);
    auto more = expected;
    more[1000] = 0;
    holds(store, more);
  }
  auto copy = value_of(ts::store<small>::open((scratch / "copy").string(), ts::provenance{}));
  CHECK(copy.recovery().clean());
  CHECK(copy.version() == 330);
  holds(copy, expected);
  add_row(copy, 2000), expected[2000] = 0;
  succeed(copy.close());
  holds(open_store<ts::store<small>>(scratch / "copy", quiet), expected);
  ts::provenance other;
  other.weights.emplace().fill(std::byte{7});
  CHECK(ts::store<small>::open((scratch / "copy").string(), other).error().code == ts::error_code::mismatch);
}
