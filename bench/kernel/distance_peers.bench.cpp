// SPDX-License-Identifier: Apache-2.0
// What peers do in the place of the distance kernels: the same rows, dimensions and counts as in distance.bench.cpp, whose names
// they have with the peer behind: dot/f32/384/one_to_many/faiss. Scalar quantisers of FAISS score an f32 query against codes.
#include <bench/kernel/peak.hpp>
#include <bench/support/peers.hpp>
#include <bench/support/reading.hpp>

#if defined(TESSERA_BENCH_FAISS)
#include <faiss/IndexScalarQuantizer.h>
#include <faiss/utils/distances.h>
#include <faiss/utils/hamming.h>
#endif
#if defined(TESSERA_BENCH_HNSWLIB)
#include <hnswlib/hnswlib.h>
#endif

namespace {

using namespace tessera_bench;

constexpr std::size_t dimensions[] = {128, 384, 768, 1536};

/// call(n, memory, row_bytes, count, out) scores `count` rows at `memory` with a query that lies elsewhere.
template <class Call>
[[maybe_unused]] void add(const std::string& name, const char* peer, std::size_t bits, const Call& call) {
  for (const std::size_t n : dimensions)
    for (const bool memory : {false, true})
      benchmark::RegisterBenchmark(
          (name + '/' + std::to_string(n) + (memory ? "/one_to_many_1GB/" : "/one_to_many/") + peer).c_str(),
          [=](benchmark::State& state) {
            peers_on_one_thread();
            const std::size_t row_bytes = n * bits / 8;
            const std::size_t count = (memory ? memory_bytes : cached_bytes) / row_bytes;
            std::vector<float> out(count);
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

#if defined(TESSERA_BENCH_FAISS)
/// A scalar quantiser trained on ordinary values; it decodes the benchmark's bytes as codes.
auto quantised(faiss::ScalarQuantizer::QuantizerType type) {
  return [type](std::size_t n) {
    auto index = std::make_shared<faiss::IndexScalarQuantizer>(static_cast<int>(n), type, faiss::METRIC_INNER_PRODUCT);
    std::vector<float> rows(64 * n);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<float>(i % 97) * 0.01f;
    index->train(64, rows.data());
    return [index, n](const std::uint8_t* memory, std::size_t row_bytes, std::size_t count, float* out) {
      const std::unique_ptr<faiss::ScalarQuantizer::SQDistanceComputer> distance(index->sq.get_distance_computer(faiss::METRIC_INNER_PRODUCT));
      distance->code_size = index->code_size;
      distance->codes = memory;
      distance->set_query(filled_floats() + n);
      for (std::size_t i = 0; i < count; ++i) out[i] = distance->query_to_code(memory + i * row_bytes);
    };
  };
}
#endif

const bool registered = [] {
#if defined(TESSERA_BENCH_FAISS)
  add("dot/f32", "faiss", 32, [](std::size_t n) {
    return [n](const std::uint8_t* memory, std::size_t, std::size_t count, float* out) {
      faiss::fvec_inner_products_ny(out, filled_floats() + n, reinterpret_cast<const float*>(memory), n, count);
    };
  });
  add("squared_l2/f32", "faiss", 32, [](std::size_t n) {
    return [n](const std::uint8_t* memory, std::size_t, std::size_t count, float* out) {
      faiss::fvec_L2sqr_ny(out, filled_floats() + n, reinterpret_cast<const float*>(memory), n, count);
    };
  });
  add("dot/f32_f16", "faiss", 16, quantised(faiss::ScalarQuantizer::QT_fp16));
  add("dot/f32_i8", "faiss", 8, quantised(faiss::ScalarQuantizer::QT_8bit));
  add("dot/f32_i4", "faiss", 4, quantised(faiss::ScalarQuantizer::QT_4bit));
#endif
#if defined(TESSERA_BENCH_HNSWLIB)
  add("dot/f32", "hnswlib", 32, [](std::size_t n) {
    auto space = std::make_shared<hnswlib::InnerProductSpace>(n);
    return [space, n](const std::uint8_t* memory, std::size_t row_bytes, std::size_t count, float* out) {
      const auto distance = space->get_dist_func();
      for (std::size_t i = 0; i < count; ++i)
        out[i] = distance(filled_floats() + n, memory + i * row_bytes, space->get_dist_func_param());
    };
  });
#endif
  return true;
}();

}  // namespace
