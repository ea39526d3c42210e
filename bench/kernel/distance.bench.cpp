// SPDX-License-Identifier: Apache-2.0
// Distances: one pair of vectors, one query against rows in cache, one query against 1 GB of rows. To time a shape of your own,
// add its dimension to `dimensions`.
#include <bench/kernel/support.hpp>

namespace {

using namespace tessera_bench;
namespace tk = tessera::kernel;
using table = tk::distance_kernels;

constexpr std::size_t dimensions[] = {128, 384, 768, 1536};

/// `bits` of storage a value; `flops` for each value (a multiplication and an addition are two).
template <class One, class Query, class Row>
void add_one(const char* name, One table::*kernel, std::size_t bits, std::size_t flops) {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    for (const std::size_t n : dimensions) {
      const auto run = [=, &target](benchmark::State& state) {
        const auto* a = reinterpret_cast<const Query*>(filled_memory());
        const auto* b = reinterpret_cast<const Row*>(filled_memory() + 8192);
        const std::size_t length = std::is_same_v<One, tk::one_to_one<std::uint32_t, std::uint8_t, std::uint8_t>> ? n / 8 : n;
        for (auto _ : state) benchmark::DoNotOptimize((target.distance.*kernel)(a, b, length));
        count(state, n * bits / 8, n * flops);
      };
      benchmark::RegisterBenchmark((name + std::string("/") + std::to_string(n) + "/one_to_one" + suffix).c_str(), run);
    }
  });
}

template <class Out, class Query, class Row>
void add_rows(const char* name, tk::one_to_many<Out, Query, Row> table::*kernel, std::size_t bits, std::size_t flops) {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    for (const std::size_t n : dimensions)
      for (const bool memory : {false, true}) {
        const auto run = [=, &target](benchmark::State& state) {
          const auto* query = reinterpret_cast<const Query*>(filled_memory() + memory_bytes / 2);
          const auto* rows = reinterpret_cast<const Row*>(filled_memory());
          const std::size_t row_bytes = n * bits / 8;
          const std::size_t count = (memory ? memory_bytes : cached_bytes) / row_bytes;
          std::vector<Out> out(count);
          for (auto _ : state) {
            (target.distance.*kernel)(query, rows, row_bytes / sizeof(Row), count, bits == 1 ? row_bytes : n, out.data());
            benchmark::DoNotOptimize(out.data());
            benchmark::ClobberMemory();
          }
          tessera_bench::count(state, count * row_bytes, count * n * flops);
        };
        benchmark::RegisterBenchmark(
            (name + std::string("/") + std::to_string(n) + (memory ? "/one_to_many_1GB" : "/one_to_many") + suffix).c_str(), run);
      }
  });
}

template <class Out, class Query, class Row>
void add(const char* name, tk::one_to_one<Out, Query, Row> table::*one, tk::one_to_many<Out, Query, Row> table::*many,
         std::size_t bits, std::size_t flops) {
  add_one<tk::one_to_one<Out, Query, Row>, Query, Row>(name, one, bits, flops);
  add_rows<Out, Query, Row>(name, many, bits, flops);
}

const bool registered = [] {
  benchmark::RegisterBenchmark("read/256KB", read_plainly, cached_bytes);
  benchmark::RegisterBenchmark("read/1GB", read_plainly, memory_bytes);
  add("dot/f32", &table::dot_f32, &table::dot_rows_f32, 32, 2);
  add("dot/f16", &table::dot_f16, &table::dot_rows_f16, 16, 2);
  add("dot/bf16", &table::dot_bf16, &table::dot_rows_bf16, 16, 2);
  add("dot/f32_f16", &table::dot_f32_f16, &table::dot_rows_f32_f16, 16, 2);
  add("dot/f32_bf16", &table::dot_f32_bf16, &table::dot_rows_f32_bf16, 16, 2);
  add("dot/i8", &table::dot_i8, &table::dot_rows_i8, 8, 2);
  add("dot/f32_i8", &table::dot_f32_i8, &table::dot_rows_f32_i8, 8, 2);
  add("dot/i4", &table::dot_i4, &table::dot_rows_i4, 4, 2);
  add("dot/f32_i4", &table::dot_f32_i4, &table::dot_rows_f32_i4, 4, 2);
  add("squared_l2/f32", &table::squared_l2_f32, &table::squared_l2_rows_f32, 32, 3);
  add("squared_l2/f16", &table::squared_l2_f16, &table::squared_l2_rows_f16, 16, 3);
  add("squared_l2/bf16", &table::squared_l2_bf16, &table::squared_l2_rows_bf16, 16, 3);
  add("squared_l2/i8", &table::squared_l2_i8, &table::squared_l2_rows_i8, 8, 3);
  add("hamming/b1", &table::hamming_b1, &table::hamming_rows_b1, 1, 2);
  add_one<tk::one_to_one<float, float, float>, float, float>("cosine/f32", &table::cosine_f32, 32, 6);
  return true;
}();

}  // namespace
