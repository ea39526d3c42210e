// SPDX-License-Identifier: Apache-2.0
// What peers do in the place of the distance kernels: the same rows, dimensions and counts as in distance.bench.cpp, whose names
// they have with the peer behind: dot/f32/384/one_to_many/faiss. Scalar quantisers of FAISS score an f32 query against codes.
#include <bench/kernel/peer_rows.hpp>

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
  add_peer_rows("dot/f32", "faiss", 32, [](std::size_t n) {
    return [n](const std::uint8_t* memory, std::size_t, std::size_t count, float* out) {
      faiss::fvec_inner_products_ny(out, filled_floats() + n, reinterpret_cast<const float*>(memory), n, count);
    };
  });
  add_peer_rows("squared_l2/f32", "faiss", 32, [](std::size_t n) {
    return [n](const std::uint8_t* memory, std::size_t, std::size_t count, float* out) {
      faiss::fvec_L2sqr_ny(out, filled_floats() + n, reinterpret_cast<const float*>(memory), n, count);
    };
  });
  add_peer_rows("dot/f32_f16", "faiss", 16, quantised(faiss::ScalarQuantizer::QT_fp16));
  add_peer_rows("dot/f32_i8", "faiss", 8, quantised(faiss::ScalarQuantizer::QT_8bit));
  add_peer_rows("dot/f32_i4", "faiss", 4, quantised(faiss::ScalarQuantizer::QT_4bit));
#endif
#if defined(TESSERA_BENCH_HNSWLIB)
  add_peer_rows("dot/f32", "hnswlib", 32, [](std::size_t n) {
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
