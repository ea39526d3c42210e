// SPDX-License-Identifier: Apache-2.0
// A store against a map and against `flat`: what it holds, finds and gives back, also after it is opened again.
#include <tests/store/support.hpp>

using namespace tessera_tests;

namespace {

using floats = ts::store<small>;
const ts::store_options quiet{.sync = ts::sync_policy::none(), .snapshot_after = 0};

TEMPLATE_TEST_CASE("store: rows are there again", "[store]", (ts::store<small, ts::f32>), (ts::store<small, ts::f16, ts::squared_l2>),
                   (ts::store<small, ts::i8, ts::inner_product>), (ts::store<small, ts::b1, ts::hamming>)) {
  const scratch_directory scratch;
  expected_rows expected;
  {
    auto store = open_store<TestType>(scratch / "s", quiet);
    CHECK(store.empty());
    for (std::uint64_t id = 1; id <= 50; ++id) add_row(store, id), expected[id] = 0;
    for (std::uint64_t id = 10; id < 20; ++id) {
      succeed(store.update(id, vector_of<small, typename TestType::precision>(id, 1), ts::row_content::text(payload_of(id, 1), metadata_of(id))));
      expected[id] = 1;
    }
    for (std::uint64_t id = 15; id < 25; ++id) succeed(store.remove(id)), expected.erase(id);
    holds(store, expected);
    CHECK(store.version() == 70);
  }
  for (int round = 0; round < 3; ++round) {
    auto store = open_store<TestType>(scratch / "s", quiet);
    holds(store, expected);
    CHECK(store.recovery().clean());
    if (round > 0) CHECK(store.recovery().snapshot_rows > 0);
    const auto snapshot_id = static_cast<std::uint64_t>(100 + round);
    add_row(store, snapshot_id), expected[snapshot_id] = 0;
    succeed(store.remove(static_cast<std::uint64_t>(1 + round))), expected.erase(static_cast<std::uint64_t>(1 + round));
    succeed(store.snapshot());
    holds(store, expected);
    succeed(store.remove(static_cast<std::uint64_t>(30 + round))), expected.erase(static_cast<std::uint64_t>(30 + round));
    add_row(store, snapshot_id + 50), expected[snapshot_id + 50] = 0;
    holds(store, expected);
    succeed(store.verify());
  }
}

/// Searches give what the metric gives, row by row.
template <class Store>
void finds_what_flat_finds(const Store& store, const expected_rows& expected, std::size_t effort) {
  ts::flat<typename Store::space, typename Store::precision, typename Store::metric> flat;
  for (const auto& [id, version] : expected) succeed(flat.add(id, vector_of<typename Store::space, typename Store::precision>(id, version)));
  for (std::uint64_t q = 0; q < 10; ++q) {
    const auto query = vector_of<typename Store::space>(1'000'000 + q);
    const auto wanted = value_of(flat.search(query, 10));
    const auto found = value_of(store.search(query, 10, {.effort = effort}));
    if (!same_hits(wanted, found)) FAIL("other hits for query " << q);
    const float bound = wanted[4].score;
    if (!same_hits(value_of(flat.within(query, bound)), value_of(store.within(query, bound, {.effort = effort})))) FAIL("other rows within");
    const auto even = [](std::uint64_t, std::span<const std::byte> metadata) { return metadata.size() == 4; };
    const auto some = value_of(store.search(query, 7, {.effort = effort}, even));
    if (!same_hits(value_of(flat.search(query, 7, {.filter = [](std::uint64_t id) { return id % 2 == 0; }})), some)) FAIL("other filtered hits");
  }
}

}  // namespace

TEST_CASE("store: searches are exact where every row is scored, linked or not", "[store]") {
  const scratch_directory scratch;
  expected_rows expected;
  auto store = open_store<floats>(scratch / "s", quiet);
  const auto query = vector_of<small>(7);
  CHECK(value_of(store.search(query, 10)).empty());
  for (std::uint64_t id = 0; id < 300; ++id) add_row(store, id * 3), expected[id * 3] = 0;
  finds_what_flat_finds(store, expected, 1000);
  succeed(store.index());
  for (std::uint64_t id = 0; id < 100; ++id) succeed(store.remove(id * 6)), expected.erase(id * 6);
  finds_what_flat_finds(store, expected, 1000);
  succeed(store.snapshot());
  finds_what_flat_finds(store, expected, 1000);
  CHECK(value_of(store.search(query, 1000)).size() == expected.size());
  CHECK(value_of(store.search(query, 0)).empty());
}

TEST_CASE("store: a walk over linked rows and a scan of the others are one answer", "[store]") {
  const scratch_directory scratch;
  expected_rows expected;
  auto store = open_store<floats>(scratch / "s", quiet);
  const auto add = [&](std::uint64_t from, std::uint64_t to) {
    auto rows = value_of(ts::embedding_matrix<small>::make(0));
    std::vector<std::uint64_t> ids;
    std::vector<std::string> texts;
    std::vector<ts::row_content> contents;
    for (std::uint64_t id = from; id < to; ++id) {
      succeed(rows.append(vector_of<small>(id)));
      ids.push_back(id), expected[id] = 0;
      texts.push_back(payload_of(id)), texts.push_back(metadata_of(id));
    }
    for (std::size_t i = 0; i < texts.size(); i += 2) contents.push_back(ts::row_content::text(texts[i], texts[i + 1]));
    succeed(store.add_rows(ids, rows, contents));
  };
  add(0, 4000);
  succeed(store.index());
  add(4000, 4500);
  // 200 of 4500 candidates: in eight dimensions the walk finds all of the nearest.
  finds_what_flat_finds(store, expected, 200);
  for (std::uint64_t id = 100; id < 400; ++id) succeed(store.remove(id)), expected.erase(id);
  finds_what_flat_finds(store, expected, 200);
  succeed(store.snapshot());
  finds_what_flat_finds(store, expected, 200);
  holds(store, expected);
  add(5000, 5300);
  succeed(store.update(5000, vector_of<small>(5000, 1)));
  succeed(store.update(5000, vector_of<small>(5000, 0)));  // its content stays
  holds(store, expected);
  finds_what_flat_finds(store, expected, 200);
  succeed(store.close());
  const auto again = open_store<floats>(scratch / "s", quiet);
  CHECK(again.recovery().snapshot_rows == 4200);
  finds_what_flat_finds(again, expected, 200);
  holds(again, expected);
}

TEST_CASE("store: what cannot be done is an error, and nothing has changed", "[store]") {
  const scratch_directory scratch;
  auto store = open_store<floats>(scratch / "s", quiet);
  const expected_rows expected{{1, 0}, {2, 0}};
  add_row(store, 1), add_row(store, 2);
  CHECK(store.add(1, vector_of<small>(1)).error().code == ts::error_code::invalid_argument);
  CHECK(store.remove(3).error().code == ts::error_code::not_found);
  CHECK(store.update(3, vector_of<small>(3)).error().code == ts::error_code::not_found);
  CHECK(store.get(3).error().code == ts::error_code::not_found);
  auto rows = value_of(ts::embedding_matrix<small>::make(3));
  CHECK(store.add_rows(std::vector<std::uint64_t>{5, 6, 5}, rows).error().code == ts::error_code::invalid_argument);
  CHECK(store.add_rows(std::vector<std::uint64_t>{5, 6, 1}, rows).error().code == ts::error_code::invalid_argument);
  CHECK(store.add_rows(std::vector<std::uint64_t>{5, 6}, rows).error().code == ts::error_code::mismatch);
  CHECK(store.remove(std::vector<std::uint64_t>{1, 9}).error().code == ts::error_code::not_found);
  CHECK(store.search(vector_of<small>(1), 1, {.recall = 0.9}).error().code == ts::error_code::invalid_argument);
  const std::string large(ts::row_content::most_metadata + 1, 'x');
  CHECK(store.add(9, vector_of<small>(9), ts::row_content::text("", large)).error().code == ts::error_code::too_long);
  holds(store, expected);
  // One at a time.
  const auto second = floats::open((scratch / "s").string());
  CHECK(message_of(second).find("has open") != std::string::npos);
  succeed(store.close());
  // Another type, another place.
  CHECK(message_of(ts::store<ts::space<"other", 8>>::open((scratch / "s").string())).find("other") != std::string::npos);
  CHECK(ts::store<small, ts::f16>::open((scratch / "s").string()).error().code == ts::error_code::mismatch);
  CHECK(floats::open((scratch / "none").string(), {.create = false}).error().code == ts::error_code::not_found);
  CHECK(floats::open((scratch / "a/b").string()).error().code == ts::error_code::not_found);
  CHECK(floats::open("").error().code == ts::error_code::invalid_argument);
  write_file(scratch / "file", "x");
  CHECK(floats::open((scratch / "file").string()).error().code == ts::error_code::unsupported);
  holds(open_store<floats>(scratch / "s"), expected);
}

TEST_CASE("store: rows of another model are refused, also after it is opened again", "[store]") {
  const scratch_directory scratch;
  auto mine = vector_of<small>(1), others = vector_of<small>(2);
  mine.set_made_by({11}), others.set_made_by({12});
  for (int round = 0; round < 3; ++round) {
    auto store = open_store<floats>(scratch / "s", quiet);
    const auto id = static_cast<std::uint64_t>(round);
    succeed(store.add(id, mine));
    CHECK(store.made_by().value == 11);
    CHECK(store.add(100, others).error().code == ts::error_code::mismatch);
    CHECK(store.search(others, 1).error().code == ts::error_code::mismatch);
    succeed(store.add(id + 10, vector_of<small>(5)));  // one that does not say
    if (round == 1) succeed(store.snapshot());
  }
}

TEST_CASE("store: zero, equal and NaN vectors are held and ordered as flat does", "[store]") {
  const scratch_directory scratch;
  auto store = open_store<floats>(scratch / "s", quiet);
  ts::flat<small> flat;
  ts::embedding<small> zero, nan, ones;
  nan.values()[3] = std::numeric_limits<float>::quiet_NaN();
  for (float& value : ones.values()) value = 1.0f;
  std::uint64_t id = 0;
  const auto add = [&](const ts::embedding<small>& one, int times) {
    for (int i = 0; i < times; ++i, ++id) succeed(store.add(id, one)), succeed(flat.add(id, one));
  };
  add(ones, 1200), add(zero, 5), add(vector_of<small>(3), 3);
  const auto same = [&](const ts::embedding<small>& query, std::size_t k, std::size_t effort) {
    return same_hits(value_of(flat.search(query, k)), value_of(store.search(query, k, {.effort = effort})));
  };
  CHECK(same(vector_of<small>(9), 1208, 2000));
  succeed(store.snapshot());
  CHECK(same(vector_of<small>(9), 1208, 2000));
  CHECK(same(zero, 5, 2000));
  CHECK(same(nan, 5, 16));  // finds the lowest ids
  add(nan, 2);
  CHECK(same(vector_of<small>(9), 1210, 2000));  // NaN last
  CHECK(value_of(store.search(ones, 50, {.effort = 64})).size() == 50);
}
