// SPDX-License-Identifier: Apache-2.0
/// The speed of plain reading: what no kernel that reads as many bytes from the same place can beat.
///
/// Measured anew before each benchmark that is compared with it, since other programs on the machine change it.
#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace tessera_bench {

/// Reads all of `memory` with wide loads, as fast as the compiler makes them.
inline void read_once(const std::uint8_t* memory, std::size_t bytes) {
  using block = std::uint64_t __attribute__((vector_size(64)));
  block sums[4] = {};
  for (std::size_t i = 0; i + sizeof(sums) <= bytes; i += sizeof(sums)) {
    block loaded[4];
    std::memcpy(loaded, memory + i, sizeof(loaded));
    for (int j = 0; j < 4; ++j) sums[j] |= loaded[j];
  }
  sums[0] |= sums[1] | sums[2] | sums[3];
  benchmark::DoNotOptimize(sums[0][0] | sums[0][7]);
}
#if defined(__x86_64__)
__attribute__((target("avx512f"))) inline void read_once_512(const std::uint8_t* memory, std::size_t bytes) {
  typedef long long vector __attribute__((vector_size(64)));
  vector a = {};
  vector b = {};
  vector c = {};
  vector d = {};
  for (std::size_t i = 0; i + 256 <= bytes; i += 256) {
    vector w;
    vector x;
    vector y;
    vector z;
    std::memcpy(&w, memory + i, 64);
    std::memcpy(&x, memory + i + 64, 64);
    std::memcpy(&y, memory + i + 128, 64);
    std::memcpy(&z, memory + i + 192, 64);
    a |= w;
    b |= x;
    c |= y;
    d |= z;
  }
  a |= b | c | d;
  benchmark::DoNotOptimize(a[0] | a[7]);
}
#endif

inline void read_widest(const std::uint8_t* memory, std::size_t bytes) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return read_once_512(memory, bytes);
#endif
  read_once(memory, bytes);
}

/// GB/s of plain reading of these bytes, again and again, now: the best of some runs.
inline double reading_speed(const std::uint8_t* memory, std::size_t bytes) {
  const std::size_t passes = std::max<std::size_t>(1, (std::size_t{16} << 20) / (bytes + 1));
  double best = 0.0;
  read_widest(memory, bytes);
  for (int repeat = 0; repeat < 5; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    for (std::size_t pass = 0; pass < passes; ++pass) read_widest(memory, bytes);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::max(best, static_cast<double>(bytes * passes) / took.count() * 1e-9);
  }
  return best;
}

/// GB/s, GFLOP/s, and the per cent of plain reading of the `bytes` at `memory`, which each iteration reads once.
inline void count_against_reading(benchmark::State& state, const std::uint8_t* memory, std::size_t bytes, std::size_t operations) {
  const auto iterations = static_cast<double>(state.iterations());
  const double read = iterations * static_cast<double>(bytes) * 1e-9;
  state.counters["GB/s"] = benchmark::Counter(read, benchmark::Counter::kIsRate);
  state.counters["GFLOP/s"] =
      benchmark::Counter(iterations * static_cast<double>(operations) * 1e-9, benchmark::Counter::kIsRate);
  state.counters["%read"] = benchmark::Counter(100.0 * read / reading_speed(memory, bytes), benchmark::Counter::kIsRate);
}

}  // namespace tessera_bench
