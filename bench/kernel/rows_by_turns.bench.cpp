// SPDX-License-Identifier: Apache-2.0
// One query and rows, our kernel by turns with plain reading and with the peers of this build in one process: the tables "Rows from memory"
// and "Rows in cache" of docs/benchmarks.md.
//
//     bench_kernel --benchmark_filter='^by_turns/'                       both tables
//     by_turns/dot/f32_i8/384/one_to_many_1GB      3 MB at a time of 1 GB
//     by_turns/dot/bf16/384/one_to_many            256 KiB, again and again
//
// The fifth per cent of 400 turns counts, so that other users of the machine do not. `of_reading` is our speed over that of reading, a peer's
// name its time over ours.
#include <bench/kernel/peer_rows.hpp>

#include <algorithm>
#include <chrono>
#include <type_traits>
#include <utility>

namespace {

using namespace tessera_bench;
namespace tk = tessera::kernel;
using table = tk::distance_kernels;

using scoring = std::function<void(const std::uint8_t* memory, std::size_t row_bytes, std::size_t count)>;

double seconds(const scoring& run, const std::uint8_t* memory, std::size_t row_bytes, std::size_t count, std::size_t passes) {
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t pass = 0; pass < passes; ++pass) run(memory, row_bytes, count);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void by_turns(benchmark::State& state, const std::string& name, std::size_t n, std::size_t bits, bool in_memory, const scoring& ours) {
  constexpr std::size_t turns = 400;
  const std::size_t row_bytes = n * bits / 8;
  const std::size_t count = (in_memory ? std::size_t{3} << 20 : cached_bytes) / row_bytes;
  const std::size_t piece = count * row_bytes;
  peers_on_one_thread();
  std::vector<std::pair<std::string, scoring>> runs;
  runs.emplace_back("reading", [](const std::uint8_t* memory, std::size_t bytes, std::size_t rows) { read_widest(memory, bytes * rows); });
  runs.emplace_back("ours", ours);
  for (const peer_rows& peer : all_peer_rows())
    if (peer.name == name) runs.emplace_back(peer.peer, peer.ready(n));
  std::vector<std::vector<double>> took(runs.size());
  for (auto _ : state) {
    std::vector<std::size_t> passes(runs.size(), 1);
    if (!in_memory)  // turns of some 50 microseconds
      for (std::size_t i = 0; i < runs.size(); ++i) {
        (void)seconds(runs[i].second, filled_memory(), row_bytes, count, 2);
        const double once = seconds(runs[i].second, filled_memory(), row_bytes, count, 1);
        passes[i] = std::clamp<std::size_t>(static_cast<std::size_t>(50e-6 / once), 1, 20);
      }
    std::size_t at = 0;
    for (std::size_t turn = 0; turn < turns; ++turn)
      for (std::size_t i = 0; i < runs.size(); ++i) {
        if (in_memory) at = at + 2 * piece > memory_bytes / 2 ? 0 : at + piece;
        took[i].push_back(seconds(runs[i].second, filled_memory() + at, row_bytes, count, passes[i]) / static_cast<double>(passes[i]));
      }
  }
  for (auto& times : took) std::nth_element(times.begin(), times.begin() + turns / 20, times.end());
  const double best = took[1][turns / 20];
  state.counters["GB/s"] = static_cast<double>(piece) / best * 1e-9;
  state.counters["of_reading"] = took[0][turns / 20] / best;
  for (std::size_t i = 2; i < runs.size(); ++i) state.counters[runs[i].first] = took[i][turns / 20] / best;
}

template <class Out, class Query, class Row>
void add(const char* name, tk::one_to_many<Out, Query, Row> table::*kernel, std::size_t bits) {
  for (const bool in_memory : {true, false})
    for (const std::size_t n : {std::size_t{384}, std::size_t{768}, std::size_t{1536}})
      benchmark::RegisterBenchmark(
          (std::string("by_turns/") + name + '/' + std::to_string(n) + (in_memory ? "/one_to_many_1GB" : "/one_to_many")).c_str(),
          [=](benchmark::State& state) {
            // As f32 the filling of the memory is far from 0; queries of embeddings are not, and the kernels for codes look at it.
            std::vector<float> values(n);
            std::uint32_t random = 1;
            for (float& value : values) {
              value = 0.0f;
              for (int i = 0; i < 4; ++i) {
                random = random * 1664525u + 1013904223u;
                value += static_cast<float>(static_cast<std::int32_t>(random)) * 0x1p-31f;
              }
            }
            const auto* query = reinterpret_cast<const Query*>(filled_memory() + memory_bytes - 8192);
            if constexpr (std::is_same_v<Query, float>) query = values.data();
            std::vector<Out> out;
            by_turns(state, name, n, bits, in_memory, [&](const std::uint8_t* memory, std::size_t row_bytes, std::size_t count) {
              out.resize(count);
              (tk::kernels().distance.*kernel)(query, reinterpret_cast<const Row*>(memory), row_bytes / sizeof(Row), count,
                                               bits == 1 && sizeof(Query) == 1 ? row_bytes : n, out.data());
              benchmark::ClobberMemory();
            });
          })
          ->Iterations(1);
}

const bool registered = [] {
  add("dot/f32", &table::dot_rows_f32, 32);
  add("dot/f16", &table::dot_rows_f16, 16);
  add("dot/bf16", &table::dot_rows_bf16, 16);
  add("dot/f32_f16", &table::dot_rows_f32_f16, 16);
  add("dot/f32_bf16", &table::dot_rows_f32_bf16, 16);
  add("dot/i8", &table::dot_rows_i8, 8);
  add("dot/f32_i8", &table::dot_rows_f32_i8, 8);
  add("dot/i4", &table::dot_rows_i4, 4);
  add("dot/f32_i4", &table::dot_rows_f32_i4, 4);
  add("dot/f32_b1", &table::dot_rows_f32_b1, 1);
  add("hamming/b1", &table::hamming_rows_b1, 1);
  return true;
}();

}  // namespace
