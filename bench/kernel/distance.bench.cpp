// SPDX-License-Identifier: Apache-2.0
// Distances, in every precision and on every target. To time a shape of your own, add its dimension to `dimensions`.
//
//     dot/f32/384/one_to_one           a pair
//     dot/f32/384/one_to_many          a query and 256 KB of rows
//     dot/f32/384/one_to_many_1GB      a query and 1 GB of rows, in order
//     dot/f32/384/one_to_listed_1GB    a query and every 7919th row of 1 GB, which no prefetcher foresees
//     dot/f32/384/many_to_many         256 queries and 256 rows, packed
//     sieve/i8/384/many_to_many        256 queries and 256 rows of codes
//
// `%read` is of plain reading of the same bytes, `%peak` of multiply-adds in registers, each measured before the benchmark.
#include <bench/kernel/peak.hpp>
#include <bench/support/reading.hpp>

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
        const std::size_t length = bits == 1 && sizeof(Query) == 1 ? n / 8 : n;  // codes of bits are counted in bytes
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
            (target.distance.*kernel)(query, rows, row_bytes / sizeof(Row), count, bits == 1 && sizeof(Query) == 1 ? row_bytes : n, out.data());
            benchmark::DoNotOptimize(out.data());
            benchmark::ClobberMemory();
          }
          count_against_reading(state, filled_memory(), count * row_bytes, count * n * flops);
        };
        benchmark::RegisterBenchmark(
            (name + std::string("/") + std::to_string(n) + (memory ? "/one_to_many_1GB" : "/one_to_many") + suffix).c_str(), run);
      }
  });
}

template <class Out, class Query, class Row>
void add_listed(const char* name, tk::one_to_listed<Out, Query, Row> tk::gather_kernels::*kernel, std::size_t bits, std::size_t flops) {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    for (const std::size_t n : dimensions) {
      const auto run = [=, &target](benchmark::State& state) {
        const auto* query = reinterpret_cast<const Query*>(filled_memory() + memory_bytes / 2);
        const auto* rows = reinterpret_cast<const Row*>(filled_memory());
        const std::size_t row_bytes = n * bits / 8;
        const std::size_t all = memory_bytes / row_bytes;
        std::vector<std::uint32_t> at(std::size_t{1} << 14);
        for (std::size_t i = 0; i < at.size(); ++i) at[i] = static_cast<std::uint32_t>(i * 7919 * 101 % all);
        std::vector<Out> out(at.size());
        for (auto _ : state) {
          (target.gather.*kernel)(query, rows, row_bytes / sizeof(Row), at.data(), at.size(), bits == 1 && sizeof(Query) == 1 ? row_bytes : n,
                                  out.data());
          benchmark::DoNotOptimize(out.data());
          benchmark::ClobberMemory();
        }
        tessera_bench::count(state, at.size() * row_bytes, at.size() * n * flops);
      };
      benchmark::RegisterBenchmark((name + std::string("/") + std::to_string(n) + "/one_to_listed_1GB" + suffix).c_str(), run);
    }
  });
}

void add_many_to_many(const char* name, tk::packed_to_packed tk::many_to_many_kernels::*kernel, std::size_t flops) {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    for (const std::size_t n : dimensions) {
      const auto run = [=, &target](benchmark::State& state) {
        constexpr std::size_t side = 256;
        const auto& k = target.many_to_many;
        auto queries = floats(k.packed_size(side, n));
        auto rows = floats(k.packed_size(side, n));
        for (std::size_t i = 0; i < side; ++i) {
          k.pack_f32(filled_floats() + i * n, n, i, queries.data());
          k.pack_f32(filled_floats() + (side + i) * n, n, i, rows.data());
        }
        auto out = floats(side * side);
        for (auto _ : state) {
          (k.*kernel)(queries.data(), side, rows.data(), side, n, out.data(), side);
          benchmark::ClobberMemory();
        }
        count_against_peak(state, target.name, 2 * side * n * sizeof(float), side * side * n * flops);
      };
      benchmark::RegisterBenchmark((name + std::string("/") + std::to_string(n) + "/many_to_many" + suffix).c_str(), run);
    }
  });
}

void add_sieve() {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    if (!target.sieve.sieve_pays()) return;
    for (const std::size_t n : dimensions) {
      const auto run = [=, &target](benchmark::State& state) {
        constexpr std::size_t side = 256;
        const std::vector<float> facts(tk::sieve_rows, 1e-3f);
        const std::vector<tk::sieve_query> about(side, {0, 1.0f, 1.0f, 1.0f, 0.0f, 1e30f});
        std::vector<std::uint32_t> passed(side);
        for (auto _ : state) {
          for (std::size_t r = 0; r < side; r += tk::sieve_rows)
            target.sieve.sieve(reinterpret_cast<const std::int8_t*>(filled_memory()), n, about.data(), side,
                               {filled_memory() + (r + side) * n, facts.data(), facts.data(), facts.data(), facts.data()}, n / 4,
                               passed.data());
          benchmark::DoNotOptimize(passed.data());
          benchmark::ClobberMemory();
        }
        tessera_bench::count(state, 2 * side * n, side * side * n * 2);
        if (const double peak = peak_i8_gops(); peak > 0.0)
          state.counters["%peak"] = benchmark::Counter(
              100.0 * static_cast<double>(state.iterations()) * static_cast<double>(side * side * n * 2) * 1e-9 / peak, benchmark::Counter::kIsRate);
      };
      benchmark::RegisterBenchmark(("sieve/i8/" + std::to_string(n) + "/many_to_many" + suffix).c_str(), run);
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
  add("dot/f32_b1", &table::dot_f32_b1, &table::dot_rows_f32_b1, 1, 2);
  add("squared_l2/f32", &table::squared_l2_f32, &table::squared_l2_rows_f32, 32, 3);
  add("squared_l2/f16", &table::squared_l2_f16, &table::squared_l2_rows_f16, 16, 3);
  add("squared_l2/bf16", &table::squared_l2_bf16, &table::squared_l2_rows_bf16, 16, 3);
  add("squared_l2/i8", &table::squared_l2_i8, &table::squared_l2_rows_i8, 8, 3);
  add("hamming/b1", &table::hamming_b1, &table::hamming_rows_b1, 1, 2);
  add("jaccard/b1", &table::jaccard_b1, &table::jaccard_rows_b1, 1, 3);
  using listed = tk::gather_kernels;
  add_listed("dot/f32", &listed::dot_rows_f32, 32, 2);
  add_listed("dot/f16", &listed::dot_rows_f16, 16, 2);
  add_listed("dot/bf16", &listed::dot_rows_bf16, 16, 2);
  add_listed("dot/f32_f16", &listed::dot_rows_f32_f16, 16, 2);
  add_listed("dot/i8", &listed::dot_rows_i8, 8, 2);
  add_listed("dot/f32_i8", &listed::dot_rows_f32_i8, 8, 2);
  add_listed("dot/i4", &listed::dot_rows_i4, 4, 2);
  add_listed("dot/f32_b1", &listed::dot_rows_f32_b1, 1, 2);
  add_listed("squared_l2/f32", &listed::squared_l2_rows_f32, 32, 3);
  add_listed("hamming/b1", &listed::hamming_rows_b1, 1, 2);
  add_many_to_many("dot/f32", &tk::many_to_many_kernels::dot, 2);
  add_many_to_many("squared_l2/f32", &tk::many_to_many_kernels::squared_l2, 3);
  add_sieve();
  add_one<tk::one_to_one<float, float, float>, float, float>("cosine/f32", &table::cosine_f32, 32, 6);
  return true;
}();

}  // namespace
