// SPDX-License-Identifier: Apache-2.0
// Exact search over 60,000 rows of 384 dimensions: bytes of rows read a second, beside what plain reading of as much memory reaches.
//
//     flat/<precision>/<metric>/one        one query at a time, one thread
//     flat/<precision>/<metric>/threads    one query, two threads share the rows
//     flat/<precision>/<metric>/batch      256 queries together; GB/s counts each row once for each query
//     read/<precision>                     the same bytes through plain 64-byte loads: the limit of one query
#include <bench/support/unit_rows.hpp>

#include <tessera/index/flat.hpp>

#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>
#include <string>

namespace ts = tessera;

namespace {

using space = ts::space<"bench", 384, ts::pooling::mean, ts::unit_length>;
constexpr std::size_t row_count = 60'000;
constexpr std::size_t query_count = 256;

template <class Precision>
ts::embedding_matrix<space, Precision> in_precision(const ts::embedding_matrix<space>& rows) {
  if constexpr (ts::floating_precision<Precision>) return *ts::cast<Precision>(rows);
  else return *ts::quantize<Precision>(rows);
}

template <class Precision, class Metric>
const ts::flat<space, Precision, Metric>& index_of() {
  static const auto index = [] {
    ts::flat<space, Precision, Metric> built;
    std::vector<std::uint64_t> ids(row_count);
    for (std::size_t i = 0; i < row_count; ++i) ids[i] = i;
    if (!built.add_rows(ids, in_precision<Precision>(unit_rows<space>(row_count, 1)))) std::abort();
    return built;
  }();
  return index;
}

template <class Precision>
constexpr std::size_t matrix_bytes =
    row_count * ts::embedding_matrix<space, Precision>::stride * sizeof(typename Precision::storage);

void count_bytes(benchmark::State& state, std::size_t bytes) {
  state.counters["GB/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(bytes) * 1e-9, benchmark::Counter::kIsRate);
}

template <class Precision, class Metric>
void one(benchmark::State& state, ts::thread_pool* threads) {
  const auto& index = index_of<Precision, Metric>();
  const auto queries = in_precision<std::conditional_t<Metric::binary, Precision, ts::f32>>(unit_rows<space>(16, 7));
  std::size_t q = 0;
  for (auto _ : state) benchmark::DoNotOptimize(index.search(queries.row(q++ % 16), 10, {.threads = threads}));
  count_bytes(state, matrix_bytes<Precision>);
}

template <class Precision, class Metric>
void batch(benchmark::State& state) {
  const auto& index = index_of<Precision, Metric>();
  const auto queries = in_precision<std::conditional_t<Metric::binary, Precision, ts::f32>>(unit_rows<space>(query_count, 7));
  for (auto _ : state) benchmark::DoNotOptimize(index.search(queries, 10));
  count_bytes(state, matrix_bytes<Precision> * query_count);
  state.counters["us_per_query"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * query_count * 1e-6, benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

template <class Precision>
void read(benchmark::State& state) {
  using block = std::uint64_t __attribute__((vector_size(64)));
  const auto& index = index_of<Precision, std::conditional_t<std::is_same_v<Precision, ts::b1>, ts::hamming, ts::cosine>>();
  const auto* memory = reinterpret_cast<const std::byte*>(index.rows().data());
  for (auto _ : state) {
    block sums[4] = {};
    for (std::size_t at = 0; at + sizeof sums <= matrix_bytes<Precision>; at += sizeof sums)
      for (std::size_t i = 0; i < 4; ++i) {
        block loaded;
        std::memcpy(&loaded, memory + at + i * sizeof(block), sizeof(block));
        sums[i] ^= loaded;
      }
    benchmark::DoNotOptimize(sums);
  }
  count_bytes(state, matrix_bytes<Precision>);
}

template <class Precision, class Metric>
void register_search() {
  static ts::thread_pool pool(2);
  const std::string name = "flat/" + std::string(Precision::label) + '/' + std::string(Metric::label) + '/';
  benchmark::RegisterBenchmark((name + "one").c_str(), one<Precision, Metric>, nullptr)->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark((name + "threads").c_str(), one<Precision, Metric>, &pool)
      ->Unit(benchmark::kMicrosecond)
      ->UseRealTime();
  benchmark::RegisterBenchmark((name + "batch").c_str(), batch<Precision, Metric>)->Unit(benchmark::kMillisecond);
}

template <class Precision>
void register_read() {
  benchmark::RegisterBenchmark(("read/" + std::string(Precision::label)).c_str(), read<Precision>)->Unit(benchmark::kMicrosecond);
}

const bool registered = [] {
  register_read<ts::f32>();
  register_search<ts::f32, ts::cosine>();
  register_search<ts::f32, ts::squared_l2>();
  register_read<ts::f16>();
  register_search<ts::f16, ts::cosine>();
  register_search<ts::bf16, ts::cosine>();
  register_read<ts::i8>();
  register_search<ts::i8, ts::cosine>();
  register_search<ts::i4, ts::cosine>();
  register_read<ts::b1>();
  register_search<ts::b1, ts::hamming>();
  return true;
}();

}  // namespace
