// SPDX-License-Identifier: Apache-2.0
// The benchmark that docs/benchmarks.md shows: a shape of one's own in ten lines.
//
//     own_shape/<query>/<rows>
// [benchmark]
#include <tessera/op/score_rows.hpp>

#include <benchmark/benchmark.h>

namespace ts = tessera;
using mine = ts::space<"mine", 640, ts::pooling::mean>;

void own_shape(benchmark::State& state) {
  const ts::embedding<mine> query;
  const auto rows = *ts::embedding_matrix<mine, ts::i8>::make(1000);
  std::vector<float> scores(rows.rows());
  for (auto _ : state) {
    ts::score_rows<ts::inner_product>(query, rows, 0, rows.rows(), scores.data());
    benchmark::ClobberMemory();
  }
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(rows.rows()));
}
BENCHMARK(own_shape)->Name("own_shape/f32/i8");
// [/benchmark]
