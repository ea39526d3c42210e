// SPDX-License-Identifier: Apache-2.0
// A store beside what its disk can do.
//
//     store/add/one, /batch        rows of 384 f32 and 200 bytes of payload a second into the log, synced in batches; /each: every call
//     store/disk                   the same bytes a second by plain appends, synced as often: the limit of the disk
//     store/open, first_query      a snapshot of TESSERA_BENCH_ROWS rows (default 50,000; 600,000 are 1 GB) in TESSERA_BENCH_STORE, which is
//                                  made where it is not there; the pages are in memory, the store is not
#include <bench/support/unit_rows.hpp>

#include <tessera/store/store.hpp>

#include <benchmark/benchmark.h>

#include <fcntl.h>
#include <unistd.h>
#include <cstdlib>
#include <filesystem>

namespace ts = tessera;

namespace {

using space = ts::space<"bench", 384, ts::pooling::mean, ts::unit_length>;
using store_type = ts::store<space>;

struct scratch {
  std::string path = (std::filesystem::temp_directory_path() / ("tessera-bench-store-" + std::to_string(::getpid()))).string();
  scratch() { std::filesystem::remove_all(path); }
  ~scratch() { std::filesystem::remove_all(path); }
};

void add(benchmark::State& state, std::size_t together, const ts::sync_policy& sync) {
  const scratch place;
  auto store = store_type::open(place.path, {.sync = sync, .exact = true, .snapshot_after = 0});
  if (!store) return state.SkipWithError(store.error().message().c_str());
  const auto rows = unit_rows<space>(together, 1);
  const std::string text(200, 'x');
  const std::vector<ts::row_content> contents(together, ts::row_content::text(text));
  std::vector<std::uint64_t> ids(together);
  std::uint64_t next = 0;
  for ([[maybe_unused]] const auto& one : state) {
    for (std::uint64_t& id : ids) id = next++;
    if (const auto added = store->add_rows(ids, rows, contents); !added) return state.SkipWithError(added.error().message().c_str());
  }
  if (!store->sync()) state.SkipWithError("sync");
  state.SetItemsProcessed(static_cast<std::int64_t>(next));
  state.SetBytesProcessed(static_cast<std::int64_t>(store->log_bytes()));
}

/// As many bytes as 100 rows take in the log, with a sync for each 8 MiB.
void disk(benchmark::State& state) {
  const scratch place;
  const int file = ::open(place.path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const std::string bytes(100 * (1536 + 200 + 56), 'x');
  std::size_t waiting = 0, all = 0;
  for ([[maybe_unused]] const auto& one : state) {
    if (::write(file, bytes.data(), bytes.size()) < 0) return state.SkipWithError("write");
    all += bytes.size();
    if ((waiting += bytes.size()) < (std::size_t{8} << 20u)) continue;
    if (::fdatasync(file) != 0) return state.SkipWithError("fdatasync");
    waiting = 0;
  }
  if (::fdatasync(file) != 0) state.SkipWithError("fdatasync");
  ::close(file);
  state.SetItemsProcessed(state.iterations() * 100);
  state.SetBytesProcessed(static_cast<std::int64_t>(all));
}

const std::string& snapshot_place() {
  static const std::string path = [] {
    const char* const place = std::getenv("TESSERA_BENCH_STORE");
    const char* const wanted = std::getenv("TESSERA_BENCH_ROWS");
    std::string made_at = place != nullptr ? place : (std::filesystem::temp_directory_path() / "tessera-bench-store").string();
    const std::size_t rows = wanted != nullptr ? std::strtoull(wanted, nullptr, 10) : 50'000;
    auto store = store_type::open(made_at, {.sync = ts::sync_policy::none(), .graph = {.build_effort = 16}, .build_threads = 2, .snapshot_after = 0});
    if (!store) return std::string();
    std::vector<std::uint64_t> ids(1000);
    for (std::uint64_t next = store->size(); next < rows; next += ids.size()) {
      for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = next + i;
      if (!store->add_rows(ids, unit_rows<space>(ids.size(), static_cast<std::uint32_t>(next)))) return std::string();
    }
    if (store->recovery().snapshot_rows < rows && !store->snapshot()) return std::string();
    return made_at;
  }();
  return path;
}

void open(benchmark::State& state, bool query_too) {
  const std::string& path = snapshot_place();
  const auto query = unit_rows<space>(1, 99);
  std::size_t bytes = 0;
  for ([[maybe_unused]] const auto& one : state) {
    if (query_too) state.PauseTiming();
    auto store = store_type::open(path, {.sync = ts::sync_policy::none(), .snapshot_after = 0, .create = false});
    if (!store) return state.SkipWithError(store.error().message().c_str());
    if (query_too) {
      state.ResumeTiming();
      benchmark::DoNotOptimize(store->search(query.row(0), 10));
    }
    state.PauseTiming();
    bytes = store->mapped_bytes();
    if (!store->close()) return state.SkipWithError("close");
    state.ResumeTiming();
  }
  state.counters["snapshot_bytes"] = static_cast<double>(bytes);
}

BENCHMARK_CAPTURE(add, one, 1, ts::sync_policy::batched())->Name("store/add/one")->UseRealTime();
BENCHMARK_CAPTURE(add, batch, 100, ts::sync_policy::batched())->Name("store/add/batch")->UseRealTime();
BENCHMARK_CAPTURE(add, each, 100, ts::sync_policy::each_write())->Name("store/add/each")->UseRealTime();
BENCHMARK(disk)->Name("store/disk")->UseRealTime();
BENCHMARK_CAPTURE(open, open, false)->Name("store/open")->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(20);
BENCHMARK_CAPTURE(open, first_query, true)->Name("store/first_query")->Unit(benchmark::kMillisecond)->UseRealTime()->Iterations(20);

}  // namespace
