// SPDX-License-Identifier: Apache-2.0
// Searches that read codes or links in the place of rows, over made-up rows of 384 dimensions with an embedding's shape: clusters around a
// common mean, variance that falls along the components. Recall@10 against flat search stands beside the time.
//
//     search/<index>/<rows>                one query at a time, at the index's own effort; 10k and 100k rows show how time grows
//                                          (TESSERA_BENCH_MILLION=1 adds 1M, which takes minutes to build)
//     diverse/<exact|fast>                 five hits that differ, of all 10k rows or of the 50 nearest
//     max_sim/<precision>                  32 query vectors against 1000 documents of 60 to 180 vectors
#include <bench/support/shaped_rows.hpp>

#include <tessera/index/bit_guide.hpp>
#include <tessera/index/flat.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/index/mmr.hpp>
#include <tessera/index/one_bit.hpp>
#include <tessera/op/max_sim.hpp>

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <map>
#include <memory>
#include <string>

namespace ts = tessera;

namespace {

using space = ts::space<"bench", 384, ts::pooling::mean, ts::unit_length>;
constexpr std::size_t query_count = 200;

ts::embedding_matrix<space> made(std::size_t count, std::uint64_t seed) { return shaped_rows<space>(count, seed); }

template <class Index>
const Index& index_of(std::size_t count) {
  static std::map<std::size_t, Index> built;
  const auto found = built.find(count);
  if (found != built.end()) return found->second;
  std::vector<std::uint64_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = i;
  Index index;
  if (!index.add_rows(ids, made(count, 1))) std::abort();
  return built.emplace(count, std::move(index)).first->second;
}

template <class Index>
void search(benchmark::State& state) {
  const auto count = static_cast<std::size_t>(state.range(0));
  const Index& index = index_of<Index>(count);
  const auto queries = made(query_count, 2);
  std::size_t q = 0;
  for (auto _ : state) benchmark::DoNotOptimize(index.search(queries.row(q++ % query_count), 10));
  const auto truth = *ts::scan_rows<ts::cosine>(queries, index.rows(), index.ids(), 10);
  std::size_t common = 0;
  for (std::size_t i = 0; i < query_count; ++i) {
    const auto hits = *index.search(queries.row(i), 10);
    for (const ts::hit& one : hits) common += one.score >= truth[i].back().score ? 1u : 0u;
  }
  state.counters["recall10"] = static_cast<double>(common) / (10.0 * query_count);
  state.counters["bytes/row"] = static_cast<double>(index.memory_bytes()) / static_cast<double>(count);
}

template <bool Exact>
void diverse(benchmark::State& state) {
  const auto& index = index_of<ts::flat<space>>(10'000);
  const auto queries = made(query_count, 2);
  std::size_t q = 0;
  for (auto _ : state) {
    if (Exact) benchmark::DoNotOptimize(ts::search_diverse_exactly(index, queries.row(q++ % query_count), 5));
    else benchmark::DoNotOptimize(ts::search_diverse(index, queries.row(q++ % query_count), 5, {.candidates = 50}));
  }
  std::size_t common = 0;
  for (std::size_t i = 0; i < 20; ++i) {
    const auto fast = *ts::search_diverse(index, queries.row(i), 5, {.candidates = 50});
    const auto exact = *ts::search_diverse_exactly(index, queries.row(i), 5);
    for (const ts::hit& one : fast)
      for (const ts::hit& other : exact) common += one.id == other.id ? 1u : 0u;
  }
  state.counters["agreement"] = static_cast<double>(common) / 100.0;
}

template <class Precision>
void max_sim(benchmark::State& state) {
  ts::token_rows<space, Precision> documents;
  for (std::size_t d = 0; d < 1000; ++d)
    if (!documents.append(*ts::cast<Precision>(made(60 + d * 37 % 121, d)))) std::abort();
  const auto query = made(32, 5);
  std::vector<float> scores(documents.documents());
  for (auto _ : state) {
    if (!ts::max_sim(query, documents, scores)) std::abort();
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(documents.vectors().rows() * query.rows()));
}

void sizes(benchmark::internal::Benchmark* one) {
  one->Arg(10'000)->Arg(100'000);
  if (std::getenv("TESSERA_BENCH_MILLION") != nullptr) one->Arg(1'000'000);
  one->Unit(benchmark::kMicrosecond);
}

BENCHMARK(search<ts::flat<space>>)->Name("search/flat")->Apply(sizes);
BENCHMARK(search<ts::one_bit<space>>)->Name("search/one_bit")->Apply(sizes);
BENCHMARK(search<ts::hnsw<space>>)->Name("search/hnsw")->Apply(sizes);
BENCHMARK(search<ts::hnsw<space, ts::f32, ts::cosine, ts::leading_codes>>)->Name("search/hnsw_i8")->Apply(sizes);
BENCHMARK(search<ts::hnsw<space, ts::f32, ts::cosine, ts::one_bit_codes>>)->Name("search/hnsw_b1")->Apply(sizes);
BENCHMARK(diverse<true>)->Name("diverse/exact")->Unit(benchmark::kMicrosecond);
BENCHMARK(diverse<false>)->Name("diverse/fast")->Unit(benchmark::kMicrosecond);
BENCHMARK(max_sim<ts::f32>)->Name("max_sim/f32")->Unit(benchmark::kMicrosecond);
BENCHMARK(max_sim<ts::f16>)->Name("max_sim/f16")->Unit(benchmark::kMicrosecond);

}  // namespace
