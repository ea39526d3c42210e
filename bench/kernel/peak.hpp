// SPDX-License-Identifier: Apache-2.0
/// The f32 multiply-add speed of a target's registers: what no matrix product of that target can beat.
///
/// Measured anew before each benchmark, since other programs on the machine change it.
#pragma once

#include <bench/kernel/support.hpp>
#include <tessera/base/aligned.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

namespace tessera_bench {

namespace detail {

/// Twelve different chains hide four cycles of latency on two or three units; `steps` steps of each. The factors have
/// full mantissas: with round ones the processor draws less power and runs faster than any real product can.
#define TESSERA_BENCH_MULTIPLY_ADD(name, bytes, attribute)                                                 \
  attribute inline void name(std::size_t steps) {                                                          \
    typedef float vector __attribute__((vector_size(bytes)));                                              \
    vector a = {}, b = a + 1, c = a + 2, d = a + 3, e = a + 4, f = a + 5, g = a + 6, h = a + 7, i = a + 8; \
    vector j = a + 9, k = a + 10, l = a + 11, x = a - 0.99f, y = a + 0.9f;                                 \
    for (std::size_t step = 0; step < steps; ++step) {                                                     \
      a = a * x + y, b = b * x + y, c = c * x + y, d = d * x + y, e = e * x + y, f = f * x + y;            \
      g = g * x + y, h = h * x + y, i = i * x + y, j = j * x + y, k = k * x + y, l = l * x + y;            \
    }                                                                                                      \
    vector sum = a + b + c + d + e + f + g + h + i + j + k + l;                                            \
    float all = 0.0f;                                                                                      \
    for (std::size_t lane = 0; lane < bytes / sizeof(float); ++lane) all += sum[lane];                     \
    benchmark::DoNotOptimize(all);                                                                         \
  }

TESSERA_BENCH_MULTIPLY_ADD(multiply_add_16, 16, __attribute__((noinline)))
#if defined(__x86_64__)
TESSERA_BENCH_MULTIPLY_ADD(multiply_add_32, 32, __attribute__((noinline, target("avx2,fma"))))
TESSERA_BENCH_MULTIPLY_ADD(multiply_add_64, 64, __attribute__((noinline, target("avx512f"))))
#endif
#undef TESSERA_BENCH_MULTIPLY_ADD

}  // namespace detail

/// filled_memory() from its first cache line on, as a model's weights lie.
inline const float* filled_floats() {
  const std::uint8_t* memory = filled_memory();
  return reinterpret_cast<const float*>(memory + (64 - reinterpret_cast<std::uintptr_t>(memory) % 64) % 64);
}

/// Zeroed floats on a cache line; benchmarks end with the program where there is no memory.
inline tessera::aligned_buffer<float> floats(std::size_t n) { return tessera::aligned_buffer<float>::make(n).value(); }

/// GFLOP/s of multiply-adds in registers, now: the best of some runs of about a third of a millisecond.
inline double peak_gflops(std::string_view target) {
  std::size_t bytes = 16;
  void (*run)(std::size_t) = detail::multiply_add_16;
#if defined(__x86_64__)
  if (target.starts_with("AVX2")) run = detail::multiply_add_32, bytes = 32;
  if (target.starts_with("AVX3")) run = detail::multiply_add_64, bytes = 64;
#endif
  constexpr std::size_t steps = 80'000;
  double best = 0.0;
  for (int repeat = 0; repeat < 12; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    run(steps);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::max(best, 12.0 * 2.0 * static_cast<double>(bytes / sizeof(float) * steps) / took.count() * 1e-9);
  }
  return best;
}

/// As count(), and the per cent of the target's peak that `operations` in each iteration reach.
inline void count_against_peak(benchmark::State& state, std::string_view target, std::size_t bytes,
                               std::size_t operations) {
  count(state, bytes, operations);
  const auto done = static_cast<double>(state.iterations()) * static_cast<double>(operations) * 1e-9;
  state.counters["%peak"] = benchmark::Counter(100.0 * done / peak_gflops(target), benchmark::Counter::kIsRate);
}

}  // namespace tessera_bench
