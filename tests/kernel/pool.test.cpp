// SPDX-License-Identifier: Apache-2.0
// Pooling and row helpers of every target against the definition.
#include <tests/kernel/support/close.hpp>
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;

TEST_CASE("means keep their stated error, maxima are exact", "[kernel][pool]") {
  random_source random(41);
  for (const std::size_t n : test_lengths(4)) {
    for (const std::size_t rows : {0u, 1u, 2u, 31u, 32u, 33u, 200u}) {
      const std::size_t stride = n + 3;
      const guarded<float> x(random.floats(rows == 0 ? 0 : (rows - 1) * stride + n));
      std::vector<float> mean(n), weighted(n), largest(n);
      tk::scalar::pool_mean_f32(x.data(), stride, rows, n, mean.data());
      tk::scalar::pool_weighted_mean_f32(x.data(), stride, rows, n, weighted.data());
      tk::scalar::pool_max_f32(x.data(), stride, rows, n, largest.data());
      for_each_target([&](const kernel_table& table) {
        guarded<float> out(n);
        // abs(x) <= 1, so Σ abs(w x) / Σ w is at most 1.
        const double bound = (32.0 + static_cast<double>(rows) / 32.0 + 2.0) * unit_roundoff;
        INFO("n = " << n << ", rows = " << rows);
        table.pool.pool_mean_f32(x.data(), stride, rows, n, out.data());
        CHECK(worst_ratio({out.data(), n}, mean, [&](std::size_t) { return bound; }) <= 1.0);
        table.pool.pool_weighted_mean_f32(x.data(), stride, rows, n, out.data());
        CHECK(worst_ratio({out.data(), n}, weighted, [&](std::size_t) { return bound; }) <= 1.0);
        table.pool.pool_max_f32(x.data(), stride, rows, n, out.data());
        CHECK(std::equal(largest.begin(), largest.end(), out.data(), same_bits));
      });
    }
  }
}

TEST_CASE("pooling a long text loses nothing to its length", "[kernel][pool]") {
  constexpr std::size_t rows = 20000;
  constexpr std::size_t n = 5;
  const std::vector<float> x(rows * n, 0.1f);
  for_each_target([&](const kernel_table& table) {
    std::vector<float> out(n);
    table.pool.pool_mean_f32(x.data(), n, rows, n, out.data());
    for (const float value : out) CHECK(std::fabs(value - 0.1f) < 2e-6f);
    table.pool.pool_weighted_mean_f32(x.data(), n, rows, n, out.data());
    for (const float value : out) CHECK(std::fabs(value - 0.1f) < 2e-6f);
  });
}

TEST_CASE("NaN and infinity reach the pooled vector in their column only", "[kernel][pool]") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
  random_source random(42);
  constexpr std::size_t rows = 9;
  constexpr std::size_t n = 70;
  const std::vector<float> x = random.floats(rows * n);
  for_each_target([&](const kernel_table& table) {
    for (const auto pool : {table.pool.pool_mean_f32, table.pool.pool_weighted_mean_f32, table.pool.pool_max_f32}) {
      std::vector<float> clean(n);
      pool(x.data(), n, rows, n, clean.data());
      for (std::size_t row = 0; row < rows; ++row) {
        for (const std::size_t column : {0u, 17u, 66u, 69u}) {
          for (const float bad : {nan_value, infinity}) {
            std::vector<float> spoiled = x;
            spoiled[row * n + column] = bad;
            std::vector<float> out(n);
            pool(spoiled.data(), n, rows, n, out.data());
            for (std::size_t j = 0; j < n; ++j) CHECK(same_bits(out[j], j == column ? bad : clean[j]));
          }
        }
      }
    }
  });
}

TEST_CASE("rows are gathered and added exactly", "[kernel][pool]") {
  random_source random(43);
  for (const std::size_t n : test_lengths(4)) {
    constexpr std::size_t entries = 11;
    const std::size_t stride = n + 1;
    const std::size_t out_stride = n + 2;
    const guarded<float> table_rows(random.floats((entries - 1) * stride + n));
    const std::vector<std::uint32_t> ids = {3, 10, 0, 10, 7};
    std::vector<float> gathered((ids.size() - 1) * out_stride + n, 77.0f);
    tk::scalar::gather_f32(table_rows.data(), stride, ids.data(), ids.size(), n, gathered.data(), out_stride);
    std::vector<float> sums = gathered;
    tk::scalar::gather_add_f32(table_rows.data(), stride, ids.data(), ids.size(), n, sums.data(), out_stride);
    const guarded<float> a(random.floats(n));
    const guarded<float> b(random.floats(n));
    std::vector<float> added(n);
    tk::scalar::add_f32(a.data(), b.data(), added.data(), n);
    for_each_target([&](const kernel_table& table) {
      guarded<float> out(std::vector<float>(gathered.size(), 77.0f));
      table.pool.gather_f32(table_rows.data(), stride, ids.data(), ids.size(), n, out.data(), out_stride);
      CHECK(std::equal(gathered.begin(), gathered.end(), out.data(), same_bits));
      table.pool.gather_add_f32(table_rows.data(), stride, ids.data(), ids.size(), n, out.data(), out_stride);
      CHECK(std::equal(sums.begin(), sums.end(), out.data(), same_bits));
      guarded<float> sum(n);
      table.pool.add_f32(a.data(), b.data(), sum.data(), n);
      CHECK(std::equal(added.begin(), added.end(), sum.data(), same_bits));
      guarded<float> in_place(std::span<const float>(a.data(), n));
      table.pool.add_f32(in_place.data(), b.data(), in_place.data(), n);
      CHECK(std::equal(added.begin(), added.end(), in_place.data(), same_bits));
    });
  }
}
