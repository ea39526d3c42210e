// SPDX-License-Identifier: Apache-2.0
// A store beside what its disk can do.
//
//     store/add/one, /batch        rows of 384 f32 and 200 bytes of payload a second, on the disk by batched syncs; /each: a sync a call;
//                                  /memory: in /dev/shm, so what the processor takes. %plain: the same bytes by plain appends and as many
//                                  syncs, in per cent of the time
//     store/open, first_query      a snapshot of TESSERA_BENCH_ROWS rows (default 50,000; 600,000 are 1 GB) in TESSERA_BENCH_STORE, which is
//                                  made where it is not there; warm: its pages are in memory; cold: the system has forgotten them
#include <bench/support/unit_rows.hpp>

#include <tessera/store/store.hpp>

#include <benchmark/benchmark.h>

#include <fcntl.h>
#include <unistd.h>
#include <chrono>
#include <cstdlib>
#include <filesystem>

namespace ts = tessera;

namespace {

using space = ts::space<"bench", 384, ts::pooling::mean, ts::unit_length>;
using store_type = ts::store<space>;

struct scratch {
  std::string path;
  explicit scratch(const char* directory)
      : path((*directory != '\0' ? std::filesystem::path(directory) : std::filesystem::temp_directory_path()) /
             ("tessera-bench-store-" + std::to_string(::getpid()))) {
    std::filesystem::remove_all(path);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() { std::filesystem::remove_all(path); }
};

using seconds = std::chrono::duration<double>;
constexpr std::size_t row_bytes = 1536 + 200 + 56, bytes_each_time = std::size_t{32} << 20u;

/// Bytes to a file by plain appends of `together` rows, with a sync for each, or for each 8 MiB and at the end: the limit of the disk.
class plain_file {
 public:
  explicit plain_file(const std::string& path) : file_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600)) {}
  plain_file(const plain_file&) = delete;
  plain_file& operator=(const plain_file&) = delete;
  ~plain_file() { ::close(file_); }
  [[nodiscard]] bool append(std::size_t bytes, std::size_t together, bool each) {
    const std::string piece(together * row_bytes, 'x');
    std::size_t waiting = 0;
    for (std::size_t done = 0; done < bytes; done += piece.size()) {
      if (::write(file_, piece.data(), piece.size()) != static_cast<ssize_t>(piece.size())) return false;
      if ((waiting += piece.size()) < (std::size_t{8} << 20u) && !each) continue;
      if (::fdatasync(file_) != 0) return false;
      waiting = 0;
    }
    return ::fdatasync(file_) == 0;
  }

 private:
  int file_;
};

/// 32 MiB of rows at a time, all on the disk when the clock stops, and by turns the same bytes by plain appends.
void add(benchmark::State& state, std::size_t together, const ts::sync_policy& sync, const char* directory) {
  const scratch place(directory);
  auto store = store_type::open(place.path, {.sync = sync, .exact = true, .snapshot_after = 0});
  if (!store) return state.SkipWithError(store.error().message().c_str());
  plain_file plain(place.path + "/plain");
  const auto rows = unit_rows<space>(together, 1);
  const std::string text(200, 'x');
  const std::vector<ts::row_content> contents(together, ts::row_content::text(text));
  std::vector<std::uint64_t> ids(together);
  std::uint64_t next = 0;
  double ours = 0.0, limit = 0.0;
  const bool each = sync.when == ts::sync_policy::kind::each;
  const std::size_t bytes = bytes_each_time / (each ? 16 : together == 1 ? 4 : 1);
  for ([[maybe_unused]] const auto& one : state) {
    const auto begin = std::chrono::steady_clock::now();
    for (std::size_t done = 0; done < bytes; done += together * row_bytes) {
      for (std::uint64_t& id : ids) id = next++;
      if (const auto added = store->add_rows(ids, rows, contents); !added) return state.SkipWithError(added.error().message().c_str());
    }
    if (!store->sync()) return state.SkipWithError("sync");
    const auto middle = std::chrono::steady_clock::now();
    if (!plain.append(bytes, together, each)) return state.SkipWithError("plain appends");
    const auto end = std::chrono::steady_clock::now();
    state.SetIterationTime(seconds(middle - begin).count());
    ours += seconds(middle - begin).count(), limit += seconds(end - middle).count();
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(next));
  state.counters["%plain"] = 100.0 * limit / ours;
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

/// The system forgets what it has of the snapshot.
void forget(const std::string& directory) {
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    const int file = ::open(entry.path().c_str(), O_RDONLY);
    if (file < 0) continue;
    ::fdatasync(file);
    ::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED);
    ::close(file);
  }
}

void open(benchmark::State& state, bool query_too, bool from_disk) {
  const std::string& path = snapshot_place();
  std::size_t bytes = 0, found = 0;
  std::uint32_t turn = 0;
  for ([[maybe_unused]] const auto& one : state) {
    const auto query = unit_rows<space>(1, 1'000'000'000u + ++turn);
    if (from_disk) forget(path);
    const auto begin = std::chrono::steady_clock::now();
    auto store = store_type::open(path, {.sync = ts::sync_policy::none(), .snapshot_after = 0, .create = false});
    if (!store) return state.SkipWithError(store.error().message().c_str());
    const auto opened = std::chrono::steady_clock::now();
    const auto hits = store->search(query.row(0), 10);
    const auto searched = std::chrono::steady_clock::now();
    if (!hits) return state.SkipWithError(hits.error().message().c_str());
    found += hits->size();
    state.SetIterationTime(seconds(query_too ? searched - opened : opened - begin).count());
    bytes = store->mapped_bytes();
    if (!store->close()) return state.SkipWithError("close");
  }
  benchmark::DoNotOptimize(found);
  state.counters["snapshot_bytes"] = static_cast<double>(bytes);
}

BENCHMARK_CAPTURE(add, one, 1, ts::sync_policy::batched(), "")->Name("store/add/one")->UseManualTime();
BENCHMARK_CAPTURE(add, batch, 100, ts::sync_policy::batched(), "")->Name("store/add/batch")->UseManualTime();
BENCHMARK_CAPTURE(add, each, 100, ts::sync_policy::each_write(), "")->Name("store/add/each")->UseManualTime();
BENCHMARK_CAPTURE(add, memory, 100, ts::sync_policy::batched(), "/dev/shm")->Name("store/add/memory")->UseManualTime();
BENCHMARK_CAPTURE(open, open, false, false)->Name("store/open/warm")->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(20);
BENCHMARK_CAPTURE(open, query, true, false)->Name("store/first_query/warm")->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(20);
BENCHMARK_CAPTURE(open, open, false, true)->Name("store/open/cold")->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(20);
BENCHMARK_CAPTURE(open, query, true, true)->Name("store/first_query/cold")->Unit(benchmark::kMillisecond)->UseManualTime()->Iterations(20);

}  // namespace
