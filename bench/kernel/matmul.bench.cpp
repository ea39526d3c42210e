// SPDX-License-Identifier: Apache-2.0
// Matrix products at the shapes of MiniLM, and one row against weights that lie in memory. To time a shape of your own,
// add it to `shapes` (depth k, columns n).
#include <bench/kernel/peak.hpp>

namespace {

using namespace tessera_bench;
namespace tk = tessera::kernel;
using tk::activation;

struct shape {
  std::size_t k, n;
};
constexpr shape shapes[] = {{384, 384}, {384, 1152}, {384, 1536}, {1536, 384}};
constexpr std::size_t row_counts[] = {1, 4, 16, 128, 768};

std::string name_of(const shape& s, std::size_t m) {
  std::string name = "k";
  name += std::to_string(s.k);
  name += "_n";
  name += std::to_string(s.n);
  name += "/m";
  return name += std::to_string(m);
}

void products(const char* name, activation act) {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    for (const shape s : shapes)
      for (const std::size_t m : row_counts) {
        const auto run = [=, &target](benchmark::State& state) {
          const float* numbers = filled_floats();
          auto packed = floats(target.matmul.packed_size_f32(s.k, s.n));
          target.matmul.pack_f32(numbers + (1 << 24), s.k, s.n, packed.data());
          auto c = floats(m * s.n);
          for (auto _ : state) {
            target.matmul.matmul_f32(numbers, s.k, packed.data(), numbers, act, nullptr, c.data(), s.n, m, s.n, s.k);
            benchmark::ClobberMemory();
          }
          count_against_peak(state, target.name, (s.k * s.n + m * (s.k + s.n)) * sizeof(float), 2 * m * s.n * s.k);
        };
        benchmark::RegisterBenchmark((name + std::string("/") + name_of(s, m) + suffix).c_str(), run);
      }
  });
}

/// Weights that no cache holds, each used once, as a model's are for a short text.
void products_from_memory() {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    for (const std::size_t m : {1u, 4u, 16u}) {
      const auto run = [=, &target](benchmark::State& state) {
        constexpr shape s = {384, 1536};
        const float* numbers = filled_floats();
        const std::size_t step = target.matmul.packed_size_f32(s.k, s.n);
        auto c = floats(m * s.n);
        std::size_t place = 0;
        for (auto _ : state) {
          // Any numbers are packed weights.
          target.matmul.matmul_f32(numbers, s.k, numbers + place, numbers, activation::none, nullptr, c.data(), s.n, m,
                                   s.n, s.k);
          place = place + 2 * step <= memory_bytes / sizeof(float) ? place + step : 0;
          benchmark::ClobberMemory();
        }
        count_against_peak(state, target.name, step * sizeof(float), 2 * m * s.n * s.k);
      };
      benchmark::RegisterBenchmark(("matmul/f32_from_memory/" + name_of({384, 1536}, m) + suffix).c_str(), run);
    }
  });
}

const bool registered = [] {
  products("matmul/f32", activation::none);
  products("matmul/f32_gelu", activation::gelu_erf);
  products_from_memory();
  return true;
}();

}  // namespace
