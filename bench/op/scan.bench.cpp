// SPDX-License-Identifier: Apache-2.0
// The ten nearest rows of 384 dimensions for many queries together, and for one, through the typed calls, beside FAISS.
//
//     scan/<precision>/<metric>/384/many_to_many_top10    1,000 queries (f32), scores never written; us_per_query
//     scan/f32/cosine/384/many_to_many_top10/faiss        IndexFlatIP, with the BLAS that it was built with
//     scan/<precision>/<metric>/384/one_to_many_top10     one query
//     rabitq/384/one_to_many, ranges/384/one_to_many      learned codes, in cache
//
// Rows: the vectors of the .npy file in TESSERA_BENCH_VECTORS ([rows, 384] f32; its first 1,000 are the queries), else 20,000 made
// up, normal about a common mean.
#include <bench/support/peers.hpp>
#include <tessera/io/npy_rows.hpp>
#include <tessera/op/dimension_ranges.hpp>
#include <tessera/op/rabitq.hpp>
#include <tessera/op/scan_rows.hpp>

#include <benchmark/benchmark.h>

#include <cstdlib>
#include <numeric>
#include <random>

#if defined(TESSERA_BENCH_FAISS)
#include <faiss/IndexFlat.h>
#endif

namespace ts = tessera;

namespace {

using space = ts::space<"scanned", 384, ts::pooling::mean, ts::unit_length>;
using matrix = ts::embedding_matrix<space>;
constexpr std::size_t query_count = 1000;
constexpr std::size_t wanted = 10;

struct data {
  matrix queries, rows;
  std::vector<std::uint64_t> ids;
};

matrix made_up(std::size_t count) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.05f, 0.03f);
  auto rows = *matrix::make(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (float& value : rows.values(i)) value = normal(random);
    ts::kernel::kernels().norm.l2_normalize_f32(rows.row(i).data(), rows.values(i).data(), space::dimension);
  }
  return rows;
}

const data& vectors() {
  static const data all = [] {
    const char* file = std::getenv("TESSERA_BENCH_VECTORS");
    matrix every = file == nullptr ? made_up(21'000) : ts::read_npy_rows<space>(file).value();
    data split;
    split.queries = *matrix::make(query_count);
    split.rows = *matrix::make(every.rows() - query_count);
    for (std::size_t i = 0; i < every.rows(); ++i) {
      auto to = i < query_count ? split.queries.values(i) : split.rows.values(i - query_count);
      std::copy_n(every.row(i).data(), space::dimension, to.data());
    }
    split.ids.resize(split.rows.rows());
    std::iota(split.ids.begin(), split.ids.end(), std::uint64_t{0});
    return split;
  }();
  return all;
}

template <class Precision>
const ts::embedding_matrix<space, Precision>& rows_in() {
  static const auto rows = [] {
    if constexpr (ts::floating_precision<Precision>) return *ts::cast<Precision>(vectors().rows);
    else return *ts::quantize<Precision>(vectors().rows);
  }();
  return rows;
}

void count(benchmark::State& state, std::size_t queries, std::size_t row_bits) {
  const auto asked = static_cast<double>(state.iterations()) * static_cast<double>(queries);
  const auto pairs = asked * static_cast<double>(vectors().rows.rows());
  state.counters["us_per_query"] =
      benchmark::Counter(asked * 1e-6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
  state.counters["GFLOP/s"] = benchmark::Counter(pairs * space::dimension * 2e-9, benchmark::Counter::kIsRate);
  if (queries == 1)
    state.counters["GB/s"] = benchmark::Counter(pairs * static_cast<double>(space::dimension * row_bits) / 8e9, benchmark::Counter::kIsRate);
}

template <class Precision, class Metric>
void many(benchmark::State& state) {
  const auto& rows = rows_in<Precision>();
  for (auto _ : state) benchmark::DoNotOptimize(ts::scan_rows<Metric>(vectors().queries, rows, vectors().ids, wanted));
  count(state, query_count, Precision::bits);
}
template <class Precision, class Metric>
void one(benchmark::State& state) {
  const auto& rows = rows_in<Precision>();
  std::size_t q = 0;
  for (auto _ : state) {
    const auto query = vectors().queries.row(q++ % query_count);
    benchmark::DoNotOptimize(ts::scan_rows<Metric>(std::span(&query, 1), rows, vectors().ids, wanted));
  }
  count(state, 1, Precision::bits);
}
template <class Precision, class Metric>
void add() {
  const std::string name = "scan/" + std::string(Precision::label) + '/' + std::string(Metric::label) + "/384/";
  benchmark::RegisterBenchmark((name + "many_to_many_top10").c_str(), many<Precision, Metric>)->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark((name + "one_to_many_top10").c_str(), one<Precision, Metric>)->Unit(benchmark::kMicrosecond);
}

#if defined(TESSERA_BENCH_FAISS)
template <class Index>
void faiss_search(benchmark::State& state, std::size_t queries) {
  tessera_bench::peers_on_one_thread();
  static const auto index = [] {
    auto built = std::make_unique<Index>(static_cast<faiss::Index::idx_t>(space::dimension));
    built->add(static_cast<faiss::Index::idx_t>(vectors().rows.rows()), vectors().rows.data());
    return built;
  }();
  std::vector<float> scores(queries * wanted);
  std::vector<faiss::Index::idx_t> found(queries * wanted);
  for (auto _ : state)
    index->search(static_cast<faiss::Index::idx_t>(queries), vectors().queries.data(), wanted, scores.data(), found.data());
  state.SetLabel("faiss");
  count(state, queries, 32);
}
#endif

void ranges(benchmark::State& state) {
  const auto trained = *ts::dimension_ranges<space>::train(vectors().rows);
  const auto codes = *trained.quantize(vectors().rows);
  const auto prepared = trained.prepare<ts::cosine>(vectors().queries.row(0));
  std::vector<float> scores(512);
  for (auto _ : state) {
    prepared.score_rows(codes, 0, scores.size(), scores.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(scores.size()));
}
void rabitq(benchmark::State& state) {
  const auto coder = *ts::rabitq<space>::train(vectors().rows);
  const auto codes = *coder.quantize(vectors().rows);
  const auto prepared = *coder.prepare(vectors().queries.row(0));
  std::vector<float> values(512);
  std::vector<float> bounds(512);
  for (auto _ : state) {
    prepared.estimate<ts::cosine>(codes, 0, values.size(), values.data(), bounds);
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(values.size()));
}

const bool registered = [] {
  add<ts::f32, ts::cosine>();
  add<ts::f32, ts::squared_l2>();
  add<ts::f16, ts::cosine>();
  add<ts::bf16, ts::cosine>();
  add<ts::i8, ts::cosine>();
  add<ts::i4, ts::cosine>();
  add<ts::b1, ts::sign_product>();
#if defined(TESSERA_BENCH_FAISS)
  benchmark::RegisterBenchmark("scan/f32/cosine/384/many_to_many_top10/faiss", faiss_search<faiss::IndexFlatIP>, query_count)
      ->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("scan/f32/cosine/384/one_to_many_top10/faiss", faiss_search<faiss::IndexFlatIP>, std::size_t{1})
      ->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("scan/f32/squared_l2/384/many_to_many_top10/faiss", faiss_search<faiss::IndexFlatL2>, query_count)
      ->Unit(benchmark::kMillisecond);
#endif
  benchmark::RegisterBenchmark("ranges/384/one_to_many", ranges);
  benchmark::RegisterBenchmark("rabitq/384/one_to_many", rabitq);
  return true;
}();

}  // namespace
