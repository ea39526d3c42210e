// SPDX-License-Identifier: Apache-2.0
// Products of every target against sums in double; a column's bits, whatever stands beside it.
#include <tests/kernel/support/close.hpp>
#include <tests/kernel/support/products.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;
using tk::activation;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// k · 2^-23 · Σ abs(a w) of one element, times the steepest slope of an activation, plus the errors around it.
double stated_error(const float* a, const float* w, std::size_t k, activation act, float bias, float residual,
                    double truth) {
  double magnitude = std::fabs(static_cast<double>(bias));
  for (std::size_t l = 0; l < k; ++l) magnitude += std::fabs(static_cast<double>(a[l]) * static_cast<double>(w[l]));
  const double sum = static_cast<double>(k + 1) * 0x1p-23 * magnitude;
  const double ends = unit_roundoff * (2.0 * std::fabs(truth) + std::fabs(static_cast<double>(residual)));
  return act == activation::none ? sum + ends : 1.2 * sum + 3e-7 * std::fmax(1.0, magnitude) + ends;
}

}  // namespace

TEST_CASE("products keep their stated error for every shape, with every epilogue", "[kernel][matmul]") {
  random_source random(21);
  for (const std::size_t k : {0u, 1u, 2u, 3u, 4u, 5u, 31u, 64u, 130u}) {
    for (const std::size_t n : {1u, 2u, 7u, 8u, 9u, 16u, 31u, 32u, 33u, 64u, 65u, 130u, 200u}) {
      for (const std::size_t m : {1u, 2u, 3u, 5u, 13u, 30u}) {
        const std::size_t lda = k + 3;
        const std::size_t ldc = n + 2;
        const guarded<float> a(random.floats((m - 1) * lda + k));
        const std::vector<float> weight = random.floats(n * k);
        const guarded<float> bias(random.floats(n));
        const guarded<float> residual(random.floats((m - 1) * ldc + n));
        for (const activation act : {activation::none, activation::gelu_erf, activation::silu}) {
          for (const bool extras : {true, false}) {
            const float* b = extras ? bias.data() : nullptr;
            const float* r = extras ? residual.data() : nullptr;
            std::vector<float> truth((m - 1) * ldc + n);
            tk::scalar::matmul_f32(a.data(), lda, weight.data(), b, act, r, truth.data(), ldc, m, n, k);
            for_each_target([&](const kernel_table& table) {
              const guarded<float> packed(f32_form(table).packed(weight, k, n));
              guarded<float> c(std::vector<float>((m - 1) * ldc + n, 77.0f));
              table.matmul.matmul_f32(a.data(), lda, packed.data(), b, act, r, c.data(), ldc, m, n, k);
              double worst = 0.0;
              bool outside = true;
              for (std::size_t i = 0; i < c.size(); ++i) {
                const std::size_t column = i % ldc;
                if (column >= n) {
                  outside = outside && c[i] == 77.0f;
                  continue;
                }
                const double t = static_cast<double>(truth[i]);
                const double bound = stated_error(a.data() + i / ldc * lda, weight.data() + column * k, k, act,
                                                  extras ? bias[column] : 0.0f, extras ? residual[i] : 0.0f, t);
                worst = std::fmax(worst, error_ratio(c[i], t, bound));
              }
              INFO("m " << m << ", n " << n << ", k " << k << ", activation " << static_cast<int>(act) << ", extras "
                        << extras);
              CHECK(worst <= 1.0);
              CHECK(outside);
            });
          }
        }
      }
    }
  }
}

TEST_CASE("a column has the same bits whatever columns the weight has beside it", "[kernel][matmul]") {
  random_source random(23);
  constexpr std::size_t k = 50;
  constexpr std::size_t n = 150;
  const std::vector<float> weight = random.floats(n * k);
  for (const std::size_t m : {1u, 2u, 3u, 20u}) {
    const std::vector<float> a = random.floats(m * k);
    for_each_target([&](const kernel_table& table) {
      const guarded<float> packed(f32_form(table).packed(weight, k, n));
      std::vector<float> c(m * n);
      table.matmul.matmul_f32(a.data(), k, packed.data(), nullptr, activation::none, nullptr, c.data(), n, m, n, k);
      for (std::size_t column = 0; column < n; ++column) {
        const std::vector<float> one(weight.begin() + static_cast<std::ptrdiff_t>(column * k),
                                     weight.begin() + static_cast<std::ptrdiff_t>((column + 1) * k));
        const guarded<float> single(f32_form(table).packed(one, k, 1));
        std::vector<float> narrow(m);
        table.matmul.matmul_f32(a.data(), k, single.data(), nullptr, activation::none, nullptr, narrow.data(), 1, m, 1,
                                k);
        for (std::size_t row = 0; row < m; ++row) CHECK(same_bits(narrow[row], c[row * n + column]));
      }
    });
  }
}

TEST_CASE("NaN and infinity stay in their row and their column", "[kernel][matmul]") {
  random_source random(25);
  constexpr std::size_t n = 70;
  constexpr std::size_t k = 19;
  for (const std::size_t m : {1u, 2u, 7u, 29u}) {
    for (const float bad : {nan_value, infinity, -infinity}) {
      std::vector<float> a = random.floats(m * k);
      std::vector<float> weight = random.floats(n * k);
      a[m / 2 * k + 3] = bad;
      weight[40 * k + 5] = bad;
      std::vector<float> truth(m * n);
      tk::scalar::matmul_f32(a.data(), k, weight.data(), nullptr, activation::none, nullptr, truth.data(), n, m, n, k);
      for_each_target([&](const kernel_table& table) {
        const guarded<float> packed(f32_form(table).packed(weight, k, n));
        std::vector<float> c(m * n);
        table.matmul.matmul_f32(a.data(), k, packed.data(), nullptr, activation::none, nullptr, c.data(), n, m, n, k);
        for (std::size_t i = 0; i < m * n; ++i) {
          CHECK(std::isnan(c[i]) == std::isnan(truth[i]));
          if (std::isinf(truth[i])) CHECK(c[i] == truth[i]);
          CHECK(std::isfinite(c[i]) == std::isfinite(truth[i]));
        }
      });
    }
  }
}

TEST_CASE("packed weights are about as large as the weights, and nothing of nothing is nothing", "[kernel][matmul]") {
  for_each_target([](const kernel_table& table) {
    CHECK(table.matmul.packed_size_f32(384, 1536) == 384 * 1536);
    CHECK(table.matmul.packed_size_f32(384, 1) <= 384 * 64);
    CHECK(table.matmul.packed_size_f32(0, 100) == 0);
    CHECK(table.matmul.packed_size_f32(100, 0) == 0);
    float c = 5.0f;
    table.matmul.matmul_f32(nullptr, 0, nullptr, nullptr, activation::none, nullptr, &c, 1, 0, 1, 0);
    CHECK(c == 5.0f);
    table.matmul.matmul_f32(nullptr, 0, nullptr, nullptr, activation::sigmoid, nullptr, &c, 1, 1, 1, 0);
    CHECK(c == 0.5f);
  });
}
