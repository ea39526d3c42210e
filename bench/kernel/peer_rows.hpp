// SPDX-License-Identifier: Apache-2.0
/// A peer in the place of a one-to-many kernel: the rows, dimensions and counts of distance.bench.cpp, and its names with the peer's behind.
#pragma once

#include <bench/kernel/peak.hpp>
#include <bench/support/peers.hpp>
#include <bench/support/reading.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tessera_bench {

/// What rows_by_turns.bench.cpp measures beside ours: ready(n) scores rows into a place of its own.
struct peer_rows {
  std::string name, peer;
  std::function<std::function<void(const std::uint8_t* memory, std::size_t row_bytes, std::size_t count)>(std::size_t n)> ready;
};
inline std::vector<peer_rows>& all_peer_rows() {
  static std::vector<peer_rows> all;
  return all;
}

/// call(n) makes the peer ready for n dimensions: a function of (memory, row_bytes, count, out) that scores `count` rows at `memory` with a
/// query that lies elsewhere. `bits` of storage a value.
template <class Out = float, class Call>
void add_peer_rows(const std::string& name, const char* peer, std::size_t bits, const Call& call) {
  all_peer_rows().push_back({name, peer, [call](std::size_t n) {
                               return [scores = call(n), out = std::make_shared<std::vector<Out>>()](
                                          const std::uint8_t* memory, std::size_t row_bytes, std::size_t count) {
                                 out->resize(count);
                                 scores(memory, row_bytes, count, out->data());
                                 benchmark::ClobberMemory();
                               };
                             }});
  for (const std::size_t n : {std::size_t{128}, std::size_t{384}, std::size_t{768}, std::size_t{1536}})
    for (const bool memory : {false, true})
      benchmark::RegisterBenchmark(
          (name + '/' + std::to_string(n) + (memory ? "/one_to_many_1GB/" : "/one_to_many/") + peer).c_str(),
          [=](benchmark::State& state) {
            peers_on_one_thread();
            const std::size_t row_bytes = n * bits / 8;
            const std::size_t count = (memory ? memory_bytes : cached_bytes) / row_bytes;
            std::vector<Out> out(count);
            const auto scores = call(n);
            for (auto _ : state) {
              scores(filled_memory(), row_bytes, count, out.data());
              benchmark::DoNotOptimize(out.data());
              benchmark::ClobberMemory();
            }
            state.SetLabel(peer);
            count_against_reading(state, filled_memory(), count * row_bytes, count * n * 2);
          });
}

}  // namespace tessera_bench
