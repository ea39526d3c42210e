// SPDX-License-Identifier: Apache-2.0
// Normalisations of every target against sums in double, within the errors that kernel/norm.hpp states.
#include <tests/kernel/support/close.hpp>
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// max (abs(x - mean) + K abs(mean)) / sigma of a row, in double.
double layer_norm_reach(std::span<const float> row, double eps, double k) {
  double mean = 0.0;
  for (const float x : row) mean += static_cast<double>(x);
  mean /= static_cast<double>(row.size());
  double variance = 0.0;
  double largest = 0.0;
  for (const float x : row) {
    const double d = static_cast<double>(x) - mean;
    variance += d * d;
    largest = std::max(largest, std::fabs(d));
  }
  return (largest + k * std::fabs(mean)) / std::sqrt(variance / static_cast<double>(row.size()) + eps);
}

}  // namespace

TEST_CASE("layer norm keeps its stated error, also far from zero", "[kernel][norm]") {
  random_source random(5);
  for (const std::size_t n : test_lengths(4)) {
    if (n == 0) continue;
    const std::size_t rows = 3;
    const std::size_t stride = n + 5;
    for (const float offset : {0.0f, 1000.0f, -3e5f}) {
      for (const float spread : {1.0f, 1e-3f, 0.0f}) {
        for (const float eps : {1e-12f, 1e-5f}) {
          std::vector<float> values = random.floats((rows - 1) * stride + n);
          for (float& x : values) x = x * spread + offset;
          const guarded<float> x(values);
          const guarded<float> gamma(random.floats(n));
          const guarded<float> beta(random.floats(n));
          const double k = (static_cast<double>(n) / 16.0 + 16.0) * unit_roundoff;
          for (const bool scaled : {true, false}) {
            const float* g = scaled ? gamma.data() : nullptr;
            const float* b = scaled ? beta.data() : nullptr;
            std::vector<float> truth(rows * n);
            tk::scalar::layer_norm_f32(x.data(), stride, g, b, eps, truth.data(), n, rows, n);
            for_each_target([&](const kernel_table& table) {
              guarded<float> y(rows * n);
              table.norm.layer_norm_f32(x.data(), stride, g, b, eps, y.data(), n, rows, n);
              INFO("n = " << n << ", offset " << offset << ", spread " << spread << ", eps " << eps);
              for (std::size_t r = 0; r < rows; ++r) {
                const double reach = layer_norm_reach({x.data() + r * stride, n}, static_cast<double>(eps), k);
                CHECK(worst_ratio({y.data() + r * n, n}, {truth.data() + r * n, n}, [&](std::size_t i) {
                        return k * ((scaled ? std::fabs(static_cast<double>(gamma[i])) : 1.0) * reach +
                                    (scaled ? std::fabs(static_cast<double>(beta[i])) : 0.0));
                      }) <= 1.0);
              }
            });
          }
        }
      }
    }
  }
}

TEST_CASE("RMS norm keeps its stated error", "[kernel][norm]") {
  random_source random(6);
  for (const std::size_t n : test_lengths(4)) {
    if (n == 0) continue;
    const std::size_t rows = 3;
    const std::size_t stride = n + 3;
    for (const float spread : {1.0f, 1e-6f, 1e10f}) {
      std::vector<float> values = random.floats((rows - 1) * stride + n);
      for (float& x : values) x *= spread;
      const guarded<float> x(values);
      const guarded<float> gamma(random.floats(n));
      for (const float* g : {static_cast<const float*>(gamma.data()), static_cast<const float*>(nullptr)}) {
        std::vector<float> truth(rows * n);
        tk::scalar::rms_norm_f32(x.data(), stride, g, 1e-6f, truth.data(), n, rows, n);
        for_each_target([&](const kernel_table& table) {
          guarded<float> y(rows * n);
          table.norm.rms_norm_f32(x.data(), stride, g, 1e-6f, y.data(), n, rows, n);
          INFO("n = " << n << ", spread " << spread);
          CHECK(worst_ratio({y.data(), rows * n}, truth, [&](std::size_t i) {
                  return (static_cast<double>(n) / 16.0 + 8.0) * unit_roundoff *
                         std::fabs(static_cast<double>(truth[i]));
                }) <= 1.0);
        });
      }
    }
  }
}

TEST_CASE("unit length is exact to the last places for every finite vector, and zero stays zero", "[kernel][norm]") {
  random_source random(7);
  for (const std::size_t n : test_lengths(4)) {
    for (const float spread : {1.0f, 0x1p127f, 0x1p-120f, 0x1p-145f, 0.0f}) {
      std::vector<float> values = random.floats(n);
      for (float& x : values) x *= spread;
      const guarded<float> x(values);
      std::vector<float> truth(n);
      tk::scalar::l2_normalize_f32(x.data(), truth.data(), n);
      for_each_target([&](const kernel_table& table) {
        guarded<float> y(n);
        table.norm.l2_normalize_f32(x.data(), y.data(), n);
        INFO("n = " << n << ", spread " << spread);
        CHECK(worst_ratio({y.data(), n}, truth, [&](std::size_t i) {
                return 2.0 * unit_roundoff * std::fabs(static_cast<double>(truth[i]));
              }) <= 1.0);
        double length = 0.0;
        bool zero = true;
        for (std::size_t i = 0; i < n; ++i) {
          length += static_cast<double>(y[i]) * static_cast<double>(y[i]);
          zero = zero && values[i] == 0.0f;
        }
        CHECK(std::fabs(length - (zero ? 0.0 : 1.0)) <= 4.0 * unit_roundoff);
      });
    }
  }
}

TEST_CASE("softmax keeps its stated error and sums to one", "[kernel][norm]") {
  random_source random(8);
  std::vector<std::size_t> lengths = test_lengths(4);
  lengths.push_back(8191);
  for (const std::size_t n : lengths) {
    for (const float spread : {0.0f, 1.0f, 30.0f, 1e30f}) {
      std::vector<float> values = random.floats(n);
      for (float& x : values) x *= spread;
      for (std::size_t i = 1; i < n; i += 5) values[i] = -infinity;
      const guarded<float> x(values);
      std::vector<float> truth(n);
      tk::scalar::softmax_f32(x.data(), truth.data(), n);
      for_each_target([&](const kernel_table& table) {
        guarded<float> y(n);
        table.norm.softmax_f32(x.data(), y.data(), n);
        INFO("n = " << n << ", spread " << spread);
        const double largest = n == 0 ? 0.0 : static_cast<double>(*std::max_element(x.data(), x.data() + n));
        const double bound = (static_cast<double>(n) / 16.0 + 12.0) * unit_roundoff;
        CHECK(worst_ratio({y.data(), n}, truth, [&](std::size_t i) {
                const double t = static_cast<double>(truth[i]);
                return t == 0.0 ? 1.3e-38
                                : (bound + (largest - static_cast<double>(x[i])) * unit_roundoff) * t + 1.3e-38;
              }) <= 1.0);
        double sum = 0.0;
        for (std::size_t i = 0; i < n; ++i) sum += static_cast<double>(y[i]);
        CHECK(std::fabs(sum - (n == 0 ? 0.0 : 1.0)) <= bound);
      });
    }
  }
}

TEST_CASE("softmax of rows that have no largest number", "[kernel][norm]") {
  for_each_target([](const kernel_table& table) {
    for (const std::size_t n : {1u, 3u, 16u, 37u, 200u}) {
      std::vector<float> y(n);
      table.norm.softmax_f32(std::vector<float>(n, -infinity).data(), y.data(), n);
      CHECK(y == std::vector<float>(n, 0.0f));
      table.norm.softmax_f32(std::vector<float>(n, std::numeric_limits<float>::lowest()).data(), y.data(), n);
      CHECK(y[0] == Catch::Approx(1.0 / static_cast<double>(n)));
      for (std::size_t place = 0; place < n; ++place) {
        for (const float bad : {nan_value, infinity}) {
          for (const float others : {1.0f, -infinity}) {
            std::vector<float> x(n, others);
            x[place] = bad;
            table.norm.softmax_f32(x.data(), y.data(), n);
            CHECK(std::ranges::all_of(y, [](float value) { return std::isnan(value); }));
          }
        }
      }
    }
  });
}

TEST_CASE("normalisations work in place, row by row the same, and keep NaN in its row", "[kernel][norm]") {
  random_source random(9);
  for_each_target([&](const kernel_table& table) {
    for (const std::size_t n : {1u, 7u, 32u, 45u, 130u, 384u}) {
      const std::size_t rows = 5;
      const std::vector<float> x = random.floats(rows * n);
      const std::vector<float> gamma = random.floats(n);
      const std::vector<float> beta = random.floats(n);
      auto layer = [&](const float* from, float* to, std::size_t count) {
        table.norm.layer_norm_f32(from, n, gamma.data(), beta.data(), 1e-12f, to, n, count, n);
      };
      auto rms = [&](const float* from, float* to, std::size_t count) {
        table.norm.rms_norm_f32(from, n, gamma.data(), 1e-6f, to, n, count, n);
      };
      auto check = [&](const auto& apply) {
        std::vector<float> together(rows * n);
        apply(x.data(), together.data(), rows);
        std::vector<float> alone(rows * n);
        for (std::size_t r = 0; r < rows; ++r) apply(x.data() + r * n, alone.data() + r * n, 1);
        CHECK(std::ranges::equal(together, alone, same_bits));
        std::vector<float> in_place = x;
        apply(in_place.data(), in_place.data(), rows);
        CHECK(std::ranges::equal(together, in_place, same_bits));
        for (const float bad : {nan_value, infinity}) {
          std::vector<float> spoiled = x;
          spoiled[2 * n + n / 2] = bad;
          apply(spoiled.data(), spoiled.data(), rows);
          for (std::size_t i = 0; i < rows * n; ++i) {
            if (i / n == 2) continue;
            CHECK(same_bits(spoiled[i], together[i]));
          }
          CHECK(std::isnan(spoiled[2 * n + n / 2]));
        }
      };
      check(layer);
      check(rms);
      std::vector<float> unit(n);
      table.norm.l2_normalize_f32(x.data(), unit.data(), n);
      std::vector<float> in_place(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(n));
      table.norm.l2_normalize_f32(in_place.data(), in_place.data(), n);
      CHECK(std::ranges::equal(unit, in_place, same_bits));
      in_place[n / 2] = nan_value;
      table.norm.l2_normalize_f32(in_place.data(), in_place.data(), n);
      CHECK(std::ranges::all_of(in_place, [](float value) { return std::isnan(value); }));
    }
  });
}
