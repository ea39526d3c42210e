// SPDX-License-Identifier: Apache-2.0
// Memory: what the store says it holds is what the system says, it never holds more than its budget, and the right rows go.
#include <tests/store/support.hpp>
#include <tests/support/allocations.hpp>

#include <tessera/store/compression.hpp>
#include <tessera/store/query_cache.hpp>

#include <sys/wait.h>
#include <unistd.h>
#include <atomic>
#include <thread>

using namespace tessera_tests;

namespace {

using floats = ts::store<small>;

}  // namespace

#if TESSERA_TEST_COUNTS  // sanitizers hold memory of their own
TEST_CASE("store: memory_bytes is within 3 % of what the process takes", "[store]") {
  using wide = ts::space<"wide", 384>;
  const memory_directory scratch;
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const auto resident = [] {
      std::ifstream file("/proc/self/statm");
      std::size_t all = 0, pages = 0;
      file >> all >> pages;
      return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    };
    auto store = open_store<ts::store<wide>>(scratch / "s", {.sync = ts::sync_policy::none(), .exact = true, .snapshot_after = 0});
    const auto rows = some_rows<wide>(100);
    const std::string text(700, 'x');
    const std::vector<ts::row_content> contents(100, ts::row_content::text(text, "metadata"));
    std::vector<std::uint64_t> ids(100);
    const auto fill = [&](std::uint64_t from, std::uint64_t to) {
      for (std::uint64_t id = from; id < to; id += 100) {
        for (std::uint64_t i = 0; i < 100; ++i) ids[i] = id + i;
        succeed(store.add_rows(ids, rows, contents));
      }
    };
    fill(0, 1000);
    const std::size_t before = resident(), said_before = store.memory_bytes();
    fill(1000, 40'000);
    const auto measured = static_cast<double>(resident() - before), said = static_cast<double>(store.memory_bytes() - said_before);
    ::_exit(said > 0.97 * measured && said < 1.03 * measured ? 0 : static_cast<int>(said / measured * 100.0));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  INFO("said, in percent of measured (0: within 3): " << WEXITSTATUS(status));
  CHECK(status == 0);
}
#endif

TEST_CASE("store: concurrent adds never take it over its budget, and rows that are used stay", "[store]") {
  const memory_directory scratch;
  constexpr std::size_t budget = 2'000'000;
  auto store = open_store<floats>(scratch / "s", {.sync = ts::sync_policy::none(),
                                                  .graph = {.degree = 4, .build_effort = 8},
                                                  .snapshot_after = 200'000,
                                                  .budget = budget,
                                                  .evict = ts::eviction::least_recently_used()});
  std::atomic<bool> writing{true};
  std::atomic<std::size_t> over{0}, failures{0};
  for (std::uint64_t id = 0; id < 20; ++id) add_row(store, id);
  {
    const std::jthread watcher([&] {
      while (writing) {
        over += store.held_bytes() > budget ? 1 : 0;
        for (std::uint64_t id = 0; id < 20; ++id) failures += store.get(id) ? 0 : 1;
        std::this_thread::sleep_for(std::chrono::microseconds(200));
      }
    });
    const auto add = [&](std::uint64_t from) {
      for (std::uint64_t id = from; id < from + 8000; ++id) {
        failures += store.add(id, vector_of<small>(id), ts::row_content::text(payload_of(id), metadata_of(id))) ? 0 : 1;
        if (id % 512 == 0)
          for (std::uint64_t used = 0; used < 20; ++used) failures += store.get(used) ? 0 : 1;
      }
    };
    {
      const std::jthread one([&] { add(10'000); }), two([&] { add(30'000); });
    }
    writing = false;
  }
  CHECK(over == 0);
  CHECK(failures == 0);
  CHECK(store.evicted() > 1000);
  CHECK(store.size() + store.evicted() == 16'020);
  CHECK(store.contains(17'999));
  const auto left = store.ids();
  succeed(store.close());
  CHECK(open_store<floats>(scratch / "s").size() == left.size());
}

TEST_CASE("store: the policy says who goes, or that nobody does", "[store]") {
  const memory_directory scratch;
  const auto fill = [&](const char* name, const ts::eviction& evict, const auto& prepare) {
    auto store = open_store<floats>(scratch / name, {.sync = ts::sync_policy::none(), .exact = true, .snapshot_after = 0,
                                                     .budget = 1'200'000, .evict = evict});
    const std::string text(5000, 'x');
    for (std::uint64_t id = 0; id < 40; ++id) succeed(store.add(id, vector_of<small>(id), ts::row_content::text(text, metadata_of(id))));
    prepare(store);
    ts::result<> outcome;
    for (std::uint64_t id = 100; outcome && store.evicted() == 0 && id < 2000; ++id)
      outcome = store.add(id, vector_of<small>(id), ts::row_content::text(text, metadata_of(id)));
    return std::pair(std::move(store), outcome);
  };
  const auto nothing = [](floats&) {};
  {
    const auto [store, outcome] = fill("refuse", ts::eviction::refuse(), nothing);
    REQUIRE(!outcome);
    CHECK(outcome.error().code == ts::error_code::over_budget);
    CHECK(store.evicted() == 0);
  }
  {
    const auto [store, outcome] = fill("lru", ts::eviction::least_recently_used(), [](floats& filled) {
      for (std::uint64_t id = 0; id < 40; ++id)
        if (id >= 10) static_cast<void>(value_of(filled.get(id)));
    });
    succeed(outcome);
    CHECK(store.evicted() > 0);
    for (std::uint64_t id = 0; id < std::min<std::uint64_t>(store.evicted(), 10); ++id) CHECK(!store.contains(id));
  }
  {
    const auto [store, outcome] = fill("metadata", ts::eviction::by([](const ts::row_usage& row) { return row.metadata.size() == 3 ? 0.0 : 1.0; }), nothing);
    succeed(outcome);
    for (const std::uint64_t id : store.ids()) CHECK((id % 2 == 0 || id >= 39));
  }
}

TEST_CASE("store: payloads are compressed where that makes them smaller", "[store]") {
  const memory_directory scratch;
  if (!ts::can_compress()) {
    CHECK(floats::open((scratch / "s").string(), {.compression = 3}).error().code == ts::error_code::unsupported);
    SKIP("built without zstd");
  }
  const std::string text(100'000, 'x'), little = "x";
  std::string noise(5000, '\0');
  std::mt19937 random(3);
  for (char& c : noise) c = static_cast<char>(random());
  for (int round = 0; round < 3; ++round) {
    auto store = open_store<floats>(scratch / "s", {.sync = ts::sync_policy::none(), .snapshot_after = 0, .compression = 3});
    if (round == 0) {
      succeed(store.add(1, vector_of<small>(1), ts::row_content::text(text, "about")));
      succeed(store.add(2, vector_of<small>(2), ts::row_content::text(little)));
      succeed(store.add(3, vector_of<small>(3), ts::row_content::text(noise)));
      CHECK(store.log_bytes() < 10'000);
    }
    CHECK(value_of(store.get(1)).payload_text() == text);
    CHECK(value_of(store.get(1)).metadata_text() == "about");
    CHECK(value_of(store.get(2)).payload_text() == little);
    CHECK(value_of(store.get(3)).payload_text() == noise);
    if (round == 1) succeed(store.update(1, vector_of<small>(9))), succeed(store.snapshot());
  }
}

namespace {
/// Encodes a number, and counts how often it had to.
struct counting_encoder {
  mutable std::atomic<int> calls{0};
  ts::result<ts::embedding<small>> encode(std::string_view text) const {
    ++calls;
    return vector_of<small>(text.size());
  }
};
}  // namespace

TEST_CASE("query_cache: answers from memory until the store changes", "[store]") {
  const memory_directory scratch;
  auto store = open_store<floats>(scratch / "s");
  for (std::uint64_t id = 0; id < 10; ++id) add_row(store, id);
  const counting_encoder encoder;
  ts::query_cache cache(store, encoder, {.embeddings = 2, .results = 3});
  const auto first = value_of(cache.search("four", 3));
  CHECK(first == value_of(store.search(vector_of<small>(4), 3)));
  CHECK(value_of(cache.search("four", 3)) == first);
  CHECK(value_of(cache.search("four", 2)).size() == 2);
  CHECK(encoder.calls == 1);
  CHECK(cache.statistics().results.hits == 1);
  CHECK(value_of(cache.search(value_of(encoder.encode("four")), 3)) == first);  // by its vector
  CHECK(cache.statistics().results.hits == 2);
  succeed(store.remove(first[0].id));
  CHECK(value_of(cache.search("four", 3)) == value_of(store.search(vector_of<small>(4), 3)));
  CHECK(encoder.calls == 2);
  CHECK(cache.statistics().results.misses == 3);
  CHECK(cache.statistics().embeddings.rate() > 0.5);
  static_cast<void>(cache.search("a", 1)), static_cast<void>(cache.search("bb", 1)), static_cast<void>(cache.search("ccc", 1));
  CHECK(cache.statistics().embeddings.entries == 2);
  CHECK(cache.statistics().results.entries == 3);
  static_cast<void>(cache.embed("ccc"));
  CHECK(encoder.calls == 5);
  static_cast<void>(cache.embed("four"));  // went as the least recently used
  CHECK(encoder.calls == 6);
}
