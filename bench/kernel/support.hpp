// SPDX-License-Identifier: Apache-2.0
/// Shared by the kernel benchmarks: registration for each target, memory, and the speed of plain reading to compare with.
///
/// Names are path-like, for --benchmark_filter: family/precision/dimension/shape/target, where shape says how much is touched
/// ("one_to_one", "one_to_many" for rows that fit the second-level cache, "one_to_many_1GB" for rows in memory).
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/dispatch.hpp>

#include <benchmark/benchmark.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>
#include <string>
#include <vector>

namespace tessera_bench {

using tessera::kernel::kernel_table;

inline constexpr std::size_t cached_bytes = std::size_t{256} << 10;
inline constexpr std::size_t memory_bytes = std::size_t{1} << 30;

/// Filled once with small numbers that are harmless in every precision, and shared by all benchmarks: 1 GiB and a page, in large pages
/// where the system has them, as weights and vectors are.
inline const std::uint8_t* filled_memory() {
  static const auto memory = [] {
    auto made = tessera::aligned_buffer<std::uint8_t>::make(memory_bytes + 4096).value();
    std::uint32_t state = 1;
    for (std::size_t i = 0; i + 4 <= made.size(); i += 4) {
      state = state * 1664525u + 1013904223u;
      // As f32 in [1, 2) or [-2, -1); as two 16-bit floats of ordinary size; as codes.
      const std::uint32_t word = 0x3F803F80u | (state & 0x807F807Fu);
      std::memcpy(made.data() + i, &word, 4);
    }
    return made;
  }();
  return memory.data();
}

/// Counters of a run that reads `bytes` and does `operations` in each iteration.
inline void count(benchmark::State& state, std::size_t bytes, std::size_t operations) {
  const auto iterations = static_cast<double>(state.iterations());
  state.counters["GB/s"] = benchmark::Counter(iterations * static_cast<double>(bytes) * 1e-9, benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] =
      benchmark::Counter(iterations * static_cast<double>(operations) * 1e-9, benchmark::Counter::kIsRate);
}

/// Calls make(name_prefix, table) for each target of this machine; the target's name ends the benchmark's.
template <class Make>
void for_each_target(const Make& make) {
  for (const kernel_table* table : tessera::kernel::available_kernels()) make(*table, std::string("/").append(table->name));
}

/// Reads `bytes` with plain wide loads: what no kernel that reads as much can beat.
inline void read_plainly(benchmark::State& state, std::size_t bytes) {
  using block = std::uint64_t __attribute__((vector_size(64)));
  const std::uint8_t* memory = filled_memory();
  for (auto _ : state) {
    block sums[4] = {};
    for (std::size_t i = 0; i + sizeof(sums) <= bytes; i += sizeof(sums)) {
      block loaded[4];
      std::memcpy(loaded, memory + i, sizeof(loaded));
      for (int j = 0; j < 4; ++j) sums[j] ^= loaded[j];
    }
    sums[0] ^= sums[1] ^ sums[2] ^ sums[3];
    benchmark::DoNotOptimize(sums[0][0] ^ sums[0][7]);
  }
  count(state, bytes, 0);
}

}  // namespace tessera_bench
