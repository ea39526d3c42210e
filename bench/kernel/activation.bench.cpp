// SPDX-License-Identifier: Apache-2.0
// Activations of values in cache.
#include <bench/kernel/peak.hpp>

#include <utility>

namespace {

using namespace tessera_bench;
namespace tk = tessera::kernel;
using tk::activation;

const bool registered = [] {
  for (const auto& [act, name] :
       {std::pair{activation::gelu_erf, "gelu_erf"}, std::pair{activation::gelu_tanh, "gelu_tanh"},
        std::pair{activation::relu, "relu"}, std::pair{activation::silu, "silu"}, std::pair{activation::tanh, "tanh"},
        std::pair{activation::sigmoid, "sigmoid"}}) {
    for_each_target([act, name](const kernel_table& target, const std::string& suffix) {
      const auto run = [act, &target](benchmark::State& state) {
        constexpr std::size_t n = 4096;
        const float* x = filled_floats();
        auto y = floats(n);
        for (auto _ : state) {
          target.activation.activate_f32(act, x, y.data(), n);
          benchmark::ClobberMemory();
        }
        count(state, 2 * n * sizeof(float), 0);
        state.counters["ns/1000"] = benchmark::Counter(static_cast<double>(state.iterations()) * n * 1e-12,
                                                       benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
      };
      benchmark::RegisterBenchmark((name + std::string("/f32") + suffix).c_str(), run);
    });
  }
  return true;
}();

}  // namespace
