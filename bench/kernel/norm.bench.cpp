// SPDX-License-Identifier: Apache-2.0
// Normalisations of 128 rows in cache; GB/s counts what is read and written.
#include <bench/kernel/peak.hpp>

namespace {

using namespace tessera_bench;
namespace tk = tessera::kernel;

constexpr std::size_t rows = 128;

template <class Run>
void add(const char* name, const Run& kernel) {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    for (const std::size_t n : {128u, 384u, 768u, 1024u}) {
      const auto run = [=, &target](benchmark::State& state) {
        const float* x = filled_floats();
        auto y = floats(rows * n);
        for (auto _ : state) {
          kernel(target, x, y.data(), n);
          benchmark::ClobberMemory();
        }
        count(state, 2 * rows * n * sizeof(float), 0);
        state.counters["ns/row"] =
            benchmark::Counter(static_cast<double>(state.iterations()) * static_cast<double>(rows) * 1e-9,
                               benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
      };
      benchmark::RegisterBenchmark((name + std::string("/") + std::to_string(n) + suffix).c_str(), run);
    }
  });
}

const bool registered = [] {
  add("layer_norm/f32", [](const kernel_table& target, const float* x, float* y, std::size_t n) {
    target.norm.layer_norm_f32(x, n, x, x, 1e-12f, y, n, rows, n);
  });
  add("rms_norm/f32", [](const kernel_table& target, const float* x, float* y, std::size_t n) {
    target.norm.rms_norm_f32(x, n, x, 1e-6f, y, n, rows, n);
  });
  add("softmax/f32", [](const kernel_table& target, const float* x, float* y, std::size_t n) {
    for (std::size_t r = 0; r < rows; ++r) target.norm.softmax_f32(x + r * n, y + r * n, n);
  });
  add("l2_normalize/f32", [](const kernel_table& target, const float* x, float* y, std::size_t n) {
    for (std::size_t r = 0; r < rows; ++r) target.norm.l2_normalize_f32(x + r * n, y + r * n, n);
  });
  return true;
}();

}  // namespace
