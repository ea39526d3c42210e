// SPDX-License-Identifier: Apache-2.0
// Many threads at once: what is acknowledged is found, a search sees whole batches of one moment, nobody waits for a snapshot.
#include <tests/store/support.hpp>

#include <atomic>
#include <thread>

using namespace tessera_tests;

namespace {

using floats = ts::store<small>;

/// Runs every function on a thread of its own.
template <class... Functions>
void at_once(const Functions&... functions) {
  const std::jthread threads[] = {std::jthread([&functions] { functions(); })...};
}

}  // namespace

TEST_CASE("store: an acknowledged row is found at once, by any thread, whatever the background does", "[store]") {
  const scratch_directory scratch;
  // Small limits, so that graphs and snapshots are made all the time.
  auto store = open_store<floats>(scratch / "s", {.sync = ts::sync_policy::none(), .graph = {.degree = 4, .build_effort = 8}, .snapshot_after = 40'000});
  constexpr std::uint64_t each = 1500;
  std::atomic<bool> writing{true};
  std::atomic<std::size_t> failures{0};
  const auto expect = [&](bool condition) { failures += condition ? 0 : 1; };
  const auto write = [&](std::uint64_t first) {
    for (std::uint64_t id = first; id < first + each; ++id) {
      const auto vector = vector_of<small>(id);
      expect(store.add(id, vector, ts::row_content::text(payload_of(id), metadata_of(id))).has_value());
      if (id % 16 == 0) {
        const auto hits = store.search(vector, 1, {.effort = 100'000});
        expect(hits && hits->size() == 1 && (*hits)[0].id == id);
        const auto row = store.get(id);
        expect(row && row->payload_text() == payload_of(id));
      }
      if (id % 3 == 0) {
        expect(store.remove(id).has_value());
        expect(!store.contains(id));
      }
    }
  };
  {
    const std::jthread reader([&] {
      for (std::uint64_t q = 0; writing; ++q) {
        const auto hits = store.search(vector_of<small>(q), 5, {.effort = q % 2 == 0 ? std::size_t{16} : std::size_t{100'000}});
        expect(hits.has_value());
        for (std::size_t i = 1; hits && i < hits->size(); ++i) expect((*hits)[i - 1].score >= (*hits)[i].score);
      }
    });
    at_once([&] { write(0); }, [&] { write(10'000); },
            [&] {
              for (int i = 0; i < 3; ++i) expect(store.snapshot().has_value());
            });
    writing = false;
  }
  CHECK(failures == 0);
  CHECK(!store.background_error());
  expected_rows expected;
  for (const std::uint64_t first : {std::uint64_t{0}, std::uint64_t{10'000}})
    for (std::uint64_t id = first; id < first + each; ++id)
      if (id % 3 != 0) expected[id] = 0;
  holds(store, expected);
  succeed(store.close());
  holds(open_store<floats>(scratch / "s"), expected);
}

TEST_CASE("store: a search sees a batch as a whole or not at all", "[store]") {
  const scratch_directory scratch;
  auto store = open_store<floats>(scratch / "s", {.sync = ts::sync_policy::none(), .snapshot_after = 20'000});
  std::atomic<bool> writing{true};
  std::atomic<std::size_t> torn{0};
  const auto rows = [] {
    auto made = value_of(ts::embedding_matrix<small>::make(0));
    for (std::uint64_t i = 0; i < 4; ++i) succeed(made.append(vector_of<small>(i)));
    return made;
  }();
  {
    const std::jthread reader([&] {
      while (writing) {
        const auto hits = store.search(vector_of<small>(77), 1000, {.effort = 100'000});
        torn += hits && hits->size() % 4 == 0 ? 0 : 1;
        for (std::size_t i = 0; hits && i < hits->size(); ++i)
          for (std::size_t j = 0; j < i; ++j) torn += (*hits)[i].id == (*hits)[j].id ? 1 : 0;
      }
    });
    for (std::uint64_t round = 0; round < 200; ++round) {
      const std::uint64_t first = 4 * (round % 10);
      const std::uint64_t ids[] = {first, first + 1, first + 2, first + 3};
      if (round >= 10) succeed(store.remove(ids));
      succeed(store.add_rows(ids, rows));
      succeed(store.update(first, vector_of<small>(round)));
    }
    writing = false;
  }
  CHECK(torn == 0);
  CHECK(store.size() == 40);
}

TEST_CASE("store: writers that sync share their syncs, and all are there", "[store]") {
  const scratch_directory scratch;
  for (const auto& sync : {ts::sync_policy::each_write(), ts::sync_policy::batched(1, 1000)}) {
    expected_rows expected;
    {
      auto store = open_store<floats>(scratch / "s", {.sync = sync});
      const auto write = [&](std::uint64_t first) {
        for (std::uint64_t id = first; id < first + 20; ++id)
          if (!store.add(id, vector_of<small>(id), ts::row_content::text(payload_of(id), metadata_of(id)))) return;
      };
      at_once([&] { write(0); }, [&] { write(100); }, [&] { write(200); }, [&] { write(300); });
      for (std::uint64_t id = 0; id < 400; ++id)
        if (id % 100 < 20) expected[id] = 0;
      holds(store, expected);
    }
    holds(open_store<floats>(scratch / "s"), expected);
    std::filesystem::remove_all(scratch / "s");
  }
}

TEST_CASE("store: long work ends when it is asked to", "[store]") {
  const scratch_directory scratch;
  auto store = open_store<floats>(scratch / "s", {.sync = ts::sync_policy::none(), .snapshot_after = 0});
  for (std::uint64_t id = 0; id < 200; ++id) add_row(store, id);
  std::stop_source stop;
  stop.request_stop();
  CHECK(store.index(stop.get_token()).error().code == ts::error_code::stopped);
  CHECK(store.snapshot(stop.get_token()).error().code == ts::error_code::stopped);
  CHECK(store.search(vector_of<small>(1), 1, {.stop = stop.get_token()}).error().code == ts::error_code::stopped);
  succeed(store.snapshot());
  CHECK(store.verify(stop.get_token()).error().code == ts::error_code::stopped);
  CHECK(store.size() == 200);
}
