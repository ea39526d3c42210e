// SPDX-License-Identifier: Apache-2.0
// Matrix products at the shapes of MiniLM in each precision, and few rows against weights that lie in memory, also at the shapes of a model
// of 1.5 billion parameters; a name holds rows x depth x columns. To time a shape of your own, add it to `shapes`. %peak is of the target's
// f32 multiply-adds: a bf16 dot product may reach 200, an i8 one 400. %read is of plain reading of as many bytes from memory.
#include <bench/kernel/peak.hpp>
#include <bench/support/reading.hpp>

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
  std::string name = std::to_string(m);
  name.append("x").append(std::to_string(s.k));
  return name.append("x").append(std::to_string(s.n));
}

/// One precision's kernels under common names.
struct f32_form {
  using element = float;
  static std::size_t size(const kernel_table& target, shape s) { return target.matmul.packed_size_f32(s.k, s.n); }
  static constexpr auto pack = [](const kernel_table& target) { return target.matmul.pack_f32; };
  static constexpr auto multiply = [](const kernel_table& target) { return target.matmul.matmul_f32; };
  static constexpr auto normed = [](const kernel_table& target) { return target.matmul.normed; };
};
struct bf16_form {
  using element = std::uint16_t;
  static std::size_t size(const kernel_table& target, shape s) { return target.matmul_bf16.packed_size(s.k, s.n); }
  static constexpr auto pack = [](const kernel_table& target) { return target.matmul_bf16.pack; };
  static constexpr auto multiply = [](const kernel_table& target) { return target.matmul_bf16.matmul; };
  static constexpr auto normed = [](const kernel_table& target) { return target.matmul_bf16.normed; };
};

struct i8_form {
  using element = std::uint8_t;
  static std::size_t size(const kernel_table& target, shape s) { return target.matmul_i8.packed_size(s.k, s.n); }
  static constexpr auto pack = [](const kernel_table& target) { return target.matmul_i8.pack; };
  static constexpr auto multiply = [](const kernel_table& target) { return target.matmul_i8.matmul; };
  static constexpr auto normed = [](const kernel_table& target) { return target.matmul_i8.normed; };
};

struct i4_form {
  using element = std::uint8_t;
  static std::size_t size(const kernel_table& target, shape s) { return target.matmul_i4.packed_size(s.k, s.n); }
  static constexpr auto pack = [](const kernel_table& target) { return target.matmul_i4.pack; };
  static constexpr auto multiply = [](const kernel_table& target) { return target.matmul_i4.matmul; };
};
/// The same by rows in f32.
struct i4_by_f32_form : i4_form {
  static constexpr auto multiply = [](const kernel_table& target) { return target.matmul_i4.matmul_f32; };
};

template <class Form>
void products(const char* name, activation act) {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    for (const shape s : shapes)
      for (const std::size_t m : row_counts) {
        const auto run = [=, &target](benchmark::State& state) {
          const float* numbers = filled_floats();
          auto packed = tessera::aligned_buffer<typename Form::element>::make(Form::size(target, s)).value();
          Form::pack(target)(numbers + (1 << 24), s.k, s.n, packed.data());
          auto c = floats(m * s.n);
          for (auto _ : state) {
            Form::multiply(target)(numbers, s.k, packed.data(), numbers, act, nullptr, c.data(), s.n, m, s.n, s.k);
            benchmark::ClobberMemory();
          }
          count_against_peak(state, target.name, packed.bytes() + m * (s.k + s.n) * sizeof(float), 2 * m * s.n * s.k);
        };
        benchmark::RegisterBenchmark((name + std::string("/") + name_of(s, m) + suffix).c_str(), run);
      }
  });
}

/// The last product of an encoder's block, with the residual, and the layer norm behind it: in one call, or by two through memory of its own.
template <class Form>
void products_normed(const char* name) {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    for (const shape s : {shape{384, 384}, shape{1536, 384}})
      for (const std::size_t m : {std::size_t{16}, std::size_t{128}, std::size_t{768}})
        for (const bool fused : {true, false}) {
          const auto run = [=, &target](benchmark::State& state) {
            const float* numbers = filled_floats();
            auto packed = tessera::aligned_buffer<typename Form::element>::make(Form::size(target, s)).value();
            Form::pack(target)(numbers + (1 << 24), s.k, s.n, packed.data());
            auto x = floats(m * s.n), sum = floats(m * s.n);
            const tk::row_norm norm = {tk::row_norm::kind::layer, numbers, numbers, 1e-12f};
            for (auto _ : state) {
              if (fused) {
                Form::normed(target)(numbers, s.k, packed.data(), numbers, x.data(), norm, x.data(), s.n, m, s.n, s.k);
              } else {
                Form::multiply(target)(numbers, s.k, packed.data(), numbers, activation::none, x.data(), sum.data(), s.n, m, s.n, s.k);
                target.norm.layer_norm_f32(sum.data(), s.n, norm.gamma, norm.beta, norm.epsilon, x.data(), s.n, m, s.n);
              }
              benchmark::ClobberMemory();
            }
            count_against_peak(state, target.name, packed.bytes() + m * (s.k + 2 * s.n) * sizeof(float), 2 * m * s.n * s.k);
          };
          benchmark::RegisterBenchmark((name + std::string("/") + name_of(s, m) + (fused ? "/fused" : "/apart") + suffix).c_str(), run);
        }
  });
}

/// Weights that no cache holds, each used once, as a model's are for a short text.
template <class Form>
void products_from_memory(const char* name) {
  struct few_rows {
    std::size_t m;
    shape s;
  };
  constexpr few_rows cases[] = {{1, {384, 1536}},  {4, {384, 1536}},  {16, {384, 1536}},
                                {1, {1536, 2048}}, {1, {1536, 8960}}, {1, {8960, 1536}}};
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    for (const auto& [m, s] : cases) {
      const auto run = [=, &target](benchmark::State& state) {
        using element = typename Form::element;
        const float* numbers = filled_floats();
        // Any numbers are packed weights.
        const auto* weights = reinterpret_cast<const element*>(numbers);
        const std::size_t step = Form::size(target, s);
        auto c = floats(m * s.n);
        std::size_t place = 0;
        for (auto _ : state) {
          Form::multiply(target)(numbers, s.k, weights + place, numbers, activation::none, nullptr, c.data(), s.n, m, s.n, s.k);
          place = place + 2 * step <= memory_bytes / sizeof(element) ? place + step : 0;
          benchmark::ClobberMemory();
        }
        count_against_peak(state, target.name, step * sizeof(element), 2 * m * s.n * s.k);
        const double read = static_cast<double>(state.iterations()) * static_cast<double>(step * sizeof(element)) * 1e-9;
        state.counters["%read"] = benchmark::Counter(100.0 * read / reading_speed(filled_memory(), memory_bytes), benchmark::Counter::kIsRate);
      };
      benchmark::RegisterBenchmark((name + std::string("/") + name_of(s, m) + suffix).c_str(), run);
    }
  });
}

const bool registered = [] {
  products<f32_form>("matmul/f32", activation::none);
  products<f32_form>("matmul/f32_gelu", activation::gelu_erf);
  products_from_memory<f32_form>("matmul/f32_from_memory");
  products_normed<f32_form>("matmul/f32_layer_norm");
  products<bf16_form>("matmul/bf16", activation::none);
  products<bf16_form>("matmul/bf16_gelu", activation::gelu_erf);
  products_from_memory<bf16_form>("matmul/bf16_from_memory");
  products_normed<bf16_form>("matmul/bf16_layer_norm");
  products<i8_form>("matmul/i8", activation::none);
  products<i8_form>("matmul/i8_gelu", activation::gelu_erf);
  products_from_memory<i8_form>("matmul/i8_from_memory");
  products_normed<i8_form>("matmul/i8_layer_norm");
  products<i4_form>("matmul/i4", activation::none);
  products_from_memory<i4_form>("matmul/i4_from_memory");
  products_from_memory<i4_by_f32_form>("matmul/i4_by_f32_from_memory");
  return true;
}();

}  // namespace
