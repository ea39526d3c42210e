// SPDX-License-Identifier: Apache-2.0
// What comes around the kernels: keeping the k best of many scores, and the eigenvectors of a covariance.
//
//     top_k/<k>/<order>    60,000 scores in blocks of 1,024; random, or each better than all before (every one enters)
//     covariance/<rows>    384 dimensions
//     eigen/<n>            symmetric, with vectors
#include <tessera/op/moments.hpp>
#include <tessera/op/symmetric_eigen.hpp>
#include <tessera/op/top_k.hpp>

#include <benchmark/benchmark.h>

#include <random>

namespace ts = tessera;

namespace {

void keep_best(benchmark::State& state, bool rising) {
  constexpr std::size_t count = 60'000;
  constexpr std::size_t block = 1024;
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform;
  std::vector<float> scores(count);
  for (std::size_t i = 0; i < count; ++i) scores[i] = rising ? static_cast<float>(i) : uniform(random);
  ts::top_k<true> best(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    for (std::size_t at = 0; at < count; at += block)
      best.push(std::span<const float>(scores).subspan(at, std::min(block, count - at)), at);
    benchmark::DoNotOptimize(best.take());
  }
  state.counters["scores/s"] =
      benchmark::Counter(static_cast<double>(state.iterations()) * count, benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(keep_best, random, false)->Name("top_k/random")->Arg(10)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(keep_best, rising, true)->Name("top_k/rising")->Arg(10)->Arg(100)->Arg(1000)->Unit(benchmark::kMicrosecond);

using space = ts::anonymous<384>;

void covariance(benchmark::State& state) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal(0.05f, 0.05f);
  const auto count = static_cast<std::size_t>(state.range(0));
  auto rows = *ts::embedding_matrix<space>::make(count);
  for (std::size_t i = 0; i < count; ++i)
    for (float& value : rows.values(i)) value = normal(random);
  const auto mean = *ts::mean_of(rows);
  for (auto _ : state) benchmark::DoNotOptimize(ts::covariance_of(rows, mean));
  state.counters["GFLOP/s"] = benchmark::Counter(
      static_cast<double>(state.iterations()) * static_cast<double>(count * space::dimension * (space::dimension + 1)) * 1e-9,
      benchmark::Counter::kIsRate);
}
BENCHMARK(covariance)->Arg(1000)->Arg(10'000)->Unit(benchmark::kMillisecond);

void eigen(benchmark::State& state) {
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  const auto n = static_cast<std::size_t>(state.range(0));
  std::vector<double> a(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) a[i * n + j] = a[j * n + i] = normal(random);
  for (auto _ : state) benchmark::DoNotOptimize(ts::symmetric_eigen(a, n));
}
BENCHMARK(eigen)->Arg(128)->Arg(384)->Arg(1024)->Unit(benchmark::kMillisecond);

}  // namespace
