// SPDX-License-Identifier: Apache-2.0
// Searching in a store beside the same index outside of one, by turns, over 10,000 made-up rows (bench/support/shaped_rows.hpp).
//
//     store/search/<rows|i8|b1>   one query at a time at effort 64, from a snapshot that has been read; %hnsw: hnsw's time in per cent of it
#include <bench/support/shaped_rows.hpp>

#include <tessera/index/bit_guide.hpp>
#include <tessera/index/code_guide.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/store/store.hpp>

#include <benchmark/benchmark.h>

#include <unistd.h>
#include <chrono>
#include <filesystem>
#include <optional>

namespace ts = tessera;

namespace {

using space = ts::space<"bench", 384, ts::pooling::mean, ts::unit_length>;
constexpr std::size_t row_count = 10'000, query_count = 200;

double recall_of(const std::vector<ts::hit>& hits, const std::vector<ts::hit>& truth) {
  double found = 0.0;
  for (const ts::hit& one : hits) found += one.score >= truth.back().score ? 1.0 : 0.0;
  return found / static_cast<double>(truth.size());
}

/// A store and an index with the same rows, made once.
template <class Guide>
struct both {
  using store_type = ts::store<space, ts::f32, ts::cosine, Guide>;
  std::string path = (std::filesystem::temp_directory_path() / ("tessera-bench-search-" + std::to_string(::getpid()))).string();
  ts::hnsw<space, ts::f32, ts::cosine, Guide> index;
  std::optional<store_type> store;

  both() {
    std::filesystem::remove_all(path);
    std::vector<std::uint64_t> ids(row_count);
    for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;
    const auto rows = shaped_rows<space>(row_count, 1);
    const ts::store_options options{.sync = ts::sync_policy::none(), .snapshot_after = 0};
    {
      auto filled = store_type::open(path, options);
      if (!filled || !filled->add_rows(ids, rows) || !filled->snapshot() || !filled->close()) return;
    }
    auto opened = store_type::open(path, options);
    if (!index.add_rows(ids, rows) || !opened || !opened->index() || !opened->verify()) return;
    store.emplace(*std::move(opened));
  }
  both(const both&) = delete;
  both& operator=(const both&) = delete;
  ~both() {
    store.reset();
    std::filesystem::remove_all(path);
  }
};

template <class Guide>
void search(benchmark::State& state) {
  using clock = std::chrono::steady_clock;
  static const both<Guide> made;
  if (!made.store) return state.SkipWithError("store");
  const auto queries = shaped_rows<space>(query_count, 2);
  const auto& [path, index, store] = made;
  double ours = 0.0, other = 0.0, our_recall = 0.0, other_recall = 0.0;
  std::size_t q = 0;
  for ([[maybe_unused]] const auto& one : state) {
    const auto query = queries.row(q++ % query_count);
    const auto begin = clock::now();
    benchmark::DoNotOptimize(index.search(query, 10, {.effort = 64}));
    const auto middle = clock::now();
    benchmark::DoNotOptimize(store->search(query, 10, {.effort = 64}));
    const std::chrono::duration<double> index_took = middle - begin, store_took = clock::now() - middle;
    state.SetIterationTime(store_took.count());
    ours += store_took.count(), other += index_took.count();
  }
  for (std::size_t i = 0; i < query_count; ++i) {
    const auto truth = *store->search(queries.row(i), 10, {.effort = row_count});
    our_recall += recall_of(*store->search(queries.row(i), 10, {.effort = 64}), truth) / query_count;
    other_recall += recall_of(*index.search(queries.row(i), 10, {.effort = 64}), truth) / query_count;
  }
  state.counters["%hnsw"] = 100.0 * other / ours;
  state.counters["recall"] = our_recall, state.counters["recall_hnsw"] = other_recall;
}

BENCHMARK(search<ts::own_rows>)->Name("store/search/rows")->UseManualTime();
BENCHMARK(search<ts::leading_codes>)->Name("store/search/i8")->UseManualTime();
BENCHMARK(search<ts::one_bit_codes>)->Name("store/search/b1")->UseManualTime();

}  // namespace
