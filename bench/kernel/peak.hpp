// SPDX-License-Identifier: Apache-2.0
/// The multiply-add speed of a target's registers: what no matrix product of that target can beat.
///
/// Measured anew before each benchmark, since other programs on the machine change it.
#pragma once

#include <bench/kernel/support.hpp>
#include <tessera/base/aligned.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

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

#if defined(__x86_64__)
/// Dot products of two bf16 pairs, and of four bytes, a lane: twelve chains with names of their own, since an array of them would be kept in
/// memory; `steps` steps of each.
#define TESSERA_BENCH_DOTS(name, features, vector, zero, instruction)                                                            \
  __attribute__((noinline, target(features))) inline void name(std::size_t steps) {                                              \
    const __m512 some = _mm512_set1_ps(1.2345678f);                                                                              \
    vector a = zero, b = zero, c = zero, d = zero, e = zero, f = zero, g = zero, h = zero, i = zero, j = zero, k = zero, l = zero; \
    for (std::size_t step = 0; step < steps; ++step) {                                                                           \
      a = instruction(a), b = instruction(b), c = instruction(c), d = instruction(d), e = instruction(e), f = instruction(f);    \
      g = instruction(g), h = instruction(h), i = instruction(i), j = instruction(j), k = instruction(k), l = instruction(l);    \
      __asm__ volatile("" : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f));                                               \
      __asm__ volatile("" : "+v"(g), "+v"(h), "+v"(i), "+v"(j), "+v"(k), "+v"(l));                                               \
    }                                                                                                                            \
  }
#define TESSERA_BENCH_BF16(x) _mm512_dpbf16_ps(x, _mm512_cvtne2ps_pbh(some, some), _mm512_cvtne2ps_pbh(some, some))
#define TESSERA_BENCH_I8(x) _mm512_dpbusd_epi32(x, _mm512_castps_si512(some), _mm512_castps_si512(some))
TESSERA_BENCH_DOTS(dot_bf16_64, "avx512f,avx512bf16", __m512, _mm512_setzero_ps(), TESSERA_BENCH_BF16)
TESSERA_BENCH_DOTS(dot_i8_64, "avx512f,avx512vnni", __m512i, _mm512_setzero_si512(), TESSERA_BENCH_I8)
#undef TESSERA_BENCH_BF16
#undef TESSERA_BENCH_I8
#undef TESSERA_BENCH_DOTS
#endif

/// 10^9 operations a second of `run`, which does `operations` in each of its steps: the best of some runs of about a third of a millisecond.
inline double best_rate(void (*run)(std::size_t), double operations) {
  constexpr std::size_t steps = 80'000;
  double best = 0.0;
  for (int repeat = 0; repeat < 12; ++repeat) {
    const auto start = std::chrono::steady_clock::now();
    run(steps);
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    best = std::max(best, operations * static_cast<double>(steps) / took.count() * 1e-9);
  }
  return best;
}

}  // namespace detail

/// filled_memory() from its first cache line on, as a model's weights lie.
inline const float* filled_floats() {
  const std::uint8_t* memory = filled_memory();
  return reinterpret_cast<const float*>(memory + (64 - reinterpret_cast<std::uintptr_t>(memory) % 64) % 64);
}

/// Zeroed floats on a cache line; benchmarks end with the program where there is no memory.
inline tessera::aligned_buffer<float> floats(std::size_t n) { return tessera::aligned_buffer<float>::make(n).value(); }

/// Whether the processor has AMX tiles (CPUID leaf 7, EDX bit 24).
inline bool has_matrix_unit() {
#if defined(__x86_64__)
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (d >> 24u & 1u) != 0;
#else
  return false;
#endif
}

/// GFLOP/s of f32 multiply-adds in registers, now.
inline double peak_gflops(std::string_view target) {
  std::size_t bytes = 16;
  void (*run)(std::size_t) = detail::multiply_add_16;
#if defined(__x86_64__)
  if (target.starts_with("AVX2")) run = detail::multiply_add_32, bytes = 32;
  if (target.starts_with("AVX3")) run = detail::multiply_add_64, bytes = 64;
#endif
  return detail::best_rate(run, 12.0 * 2.0 * static_cast<double>(bytes / sizeof(float)));
}

/// The same for products of bf16 and of bytes that are summed in wider lanes, by one instruction; 0 where this processor has none, or a
/// matrix unit that is faster still.
inline double peak_bf16_gflops() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512bf16") && !has_matrix_unit()) return detail::best_rate(detail::dot_bf16_64, 12.0 * 2.0 * 32.0);
#endif
  return 0.0;
}
inline double peak_i8_gops() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512vnni") && !has_matrix_unit()) return detail::best_rate(detail::dot_i8_64, 12.0 * 2.0 * 64.0);
#endif
  return 0.0;
}

/// As count(), and the per cent of the target's peak that `operations` in each iteration reach.
inline void count_against_peak(benchmark::State& state, std::string_view target, std::size_t bytes,
                               std::size_t operations) {
  count(state, bytes, operations);
  const auto done = static_cast<double>(state.iterations()) * static_cast<double>(operations) * 1e-9;
  state.counters["%peak"] = benchmark::Counter(100.0 * done / peak_gflops(target), benchmark::Counter::kIsRate);
}

}  // namespace tessera_bench
