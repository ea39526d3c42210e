// SPDX-License-Identifier: Apache-2.0
// The products of matmul.bench.cpp by oneDNN, where it is installed: one thread, weights packed beforehand into the layout that it chooses,
// bias added. `oneDNN` does what ours does, from f32 rows to f32 rows, rounding them to the product's precision inside the measured time (to
// bytes with one scale that is known beforehand); `oneDNN_ready` is given them rounded.
#if defined(TESSERA_BENCH_ONEDNN)

#include <bench/kernel/peak.hpp>

#include <oneapi/dnnl/dnnl.hpp>

// Of the OpenMP library that oneDNN brings, if it does.
extern "C" void omp_set_num_threads(int) __attribute__((weak));

namespace {

using namespace tessera_bench;
using tag = dnnl::memory::format_tag;
using type = dnnl::memory::data_type;

struct product {
  const char* name;
  type activations, weights;
};
constexpr product products[] = {{"f32", type::f32, type::f32}, {"bf16", type::bf16, type::bf16}, {"i8", type::u8, type::s8}};

void run(benchmark::State& state, const product& of, bool ready, std::int64_t m, std::int64_t k, std::int64_t n) {
  if (omp_set_num_threads != nullptr) omp_set_num_threads(1);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const dnnl::memory::desc a({m, k}, of.activations, tag::ab), w({k, n}, of.weights, tag::any);
  const dnnl::memory::desc bias({1, n}, type::f32, tag::ab), c({m, n}, type::f32, tag::ab);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  if (of.activations == type::u8) attributes.set_output_scales(2, std::vector<float>(static_cast<std::size_t>(n), 0.01f));
  const dnnl::matmul::primitive_desc chosen(dnnl::matmul::desc(a, w, bias, c), attributes, engine);
  const dnnl::matmul multiply(chosen);

  dnnl::memory plain({{n, k}, type::f32, tag::ab}, engine), rows({{m, k}, type::f32, tag::ab}, engine);
  const float* numbers = filled_floats();
  std::memcpy(plain.get_data_handle(), numbers + (1 << 24), plain.get_desc().get_size());
  std::memcpy(rows.get_data_handle(), numbers, rows.get_desc().get_size());
  dnnl::memory transposed({{k, n}, type::f32, tag::ba}, engine, plain.get_data_handle());
  dnnl::memory packed(chosen.weights_desc(), engine), activations(a, engine), added(bias, engine), result(c, engine);
  dnnl::memory scratch(chosen.scratchpad_desc(), engine);
  dnnl::reorder(transposed, packed).execute(stream, transposed, packed);
  dnnl::primitive_attr scaled;
  if (of.activations == type::u8) scaled.set_output_scales(0, {100.0f});
  const dnnl::reorder round(rows, activations, scaled);
  round.execute(stream, rows, activations);
  stream.wait();
  std::memset(added.get_data_handle(), 0, added.get_desc().get_size());
  const std::unordered_map<int, dnnl::memory> arguments = {{DNNL_ARG_SRC, activations},
                                                           {DNNL_ARG_WEIGHTS, packed},
                                                           {DNNL_ARG_BIAS, added},
                                                           {DNNL_ARG_DST, result},
                                                           {DNNL_ARG_SCRATCHPAD, scratch}};
  for (auto _ : state) {
    if (!ready && of.activations != type::f32) round.execute(stream, rows, activations);
    multiply.execute(stream, arguments);
    stream.wait();
  }
  const auto bytes = packed.get_desc().get_size() + result.get_desc().get_size() + rows.get_desc().get_size();
  count_against_peak(state, tessera::kernel::kernels().name, bytes, static_cast<std::size_t>(2 * m * n * k));
}

const bool registered = [] {
  for (const product& of : products)
    for (const auto& [k, n] : {std::pair{384, 384}, {384, 1152}, {384, 1536}, {1536, 384}})
      for (const std::int64_t m : {1, 4, 16, 128, 768}) {
        const std::string name = std::string("matmul/") + of.name + "/" + std::to_string(m) + "x" + std::to_string(k) + "x" + std::to_string(n);
        benchmark::RegisterBenchmark((name + "/oneDNN").c_str(), run, of, false, m, k, n);
        if (of.activations != type::f32) benchmark::RegisterBenchmark((name + "/oneDNN_ready").c_str(), run, of, true, m, k, n);
      }
  return true;
}();

}  // namespace

#endif
