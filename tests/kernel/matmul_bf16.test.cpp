// SPDX-License-Identifier: Apache-2.0
// Products with bf16 weights on every target against sums in double of the rounded operands.
#include <tests/kernel/support/amx.hpp>
#include <tests/kernel/support/close.hpp>
#include <tests/kernel/support/products.hpp>
#include <tests/support/catch.hpp>

#include <tessera/base/half.hpp>
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

double rounded(float x) { return static_cast<double>(static_cast<float>(tessera::bfloat16(x))); }

/// The stated error of one element, times the steepest slope of an activation, plus the errors around it.
double stated_error(const float* a, const float* w, std::size_t k, activation act, float bias, float residual,
                    double truth) {
  double magnitude = std::fabs(static_cast<double>(bias));
  double subnormal = static_cast<double>(k);
  for (std::size_t l = 0; l < k; ++l) {
    magnitude += std::fabs(rounded(a[l]) * rounded(w[l]));
    subnormal += std::fabs(rounded(a[l])) + std::fabs(rounded(w[l]));
  }
  const double sum = static_cast<double>(k + 1) * 0x1p-23 * magnitude + 0x1p-125 * subnormal;
  const double ends = unit_roundoff * (2.0 * std::fabs(truth) + std::fabs(static_cast<double>(residual)));
  return act == activation::none ? sum + ends : 1.2 * sum + 3e-7 * std::fmax(1.0, magnitude) + ends;
}

/// The worst error in units of the stated one; infinity where something beside the result was written.
double worst_error(const kernel_table& table, const product_sizes& s, std::span<const float> values, const std::vector<float>& weight,
                   const float* bias, const std::vector<float>& residual, activation act) {
  const std::size_t lda = s.k + 3;
  const std::size_t ldc = s.n + 2;
  const guarded<float> a(values);
  const float* old = residual.empty() ? nullptr : residual.data();
  std::vector<float> truth((s.m - 1) * ldc + s.n);
  tk::scalar::matmul_bf16(a.data(), lda, weight.data(), bias, act, old, truth.data(), ldc, s.m, s.n, s.k);
  const guarded<std::uint16_t> packed(bf16_form(table).packed(weight, s.k, s.n));
  guarded<float> c(std::vector<float>(truth.size(), 77.0f));
  table.matmul_bf16.matmul(a.data(), lda, packed.data(), bias, act, old, c.data(), ldc, s.m, s.n, s.k);
  double worst = 0.0;
  for (std::size_t i = 0; i < c.size(); ++i) {
    const std::size_t column = i % ldc;
    if (column >= s.n) {
      if (c[i] != 77.0f) return HUGE_VAL;
      continue;
    }
    const double t = static_cast<double>(truth[i]);
    const double bound = stated_error(a.data() + i / ldc * lda, weight.data() + column * s.k, s.k, act,
                                      bias != nullptr ? bias[column] : 0.0f, old != nullptr ? old[i] : 0.0f, t);
    worst = std::fmax(worst, error_ratio(c[i], t, bound));
  }
  return worst;
}

}  // namespace

TEST_CASE("bf16 products keep their stated error for every shape, with every epilogue", "[kernel][matmul]") {
  random_source random(31);
  for (const std::size_t k : {0u, 1u, 2u, 3u, 4u, 5u, 31u, 64u, 130u, 800u}) {
    for (const std::size_t n : {1u, 2u, 7u, 8u, 9u, 16u, 31u, 32u, 33u, 64u, 65u, 130u}) {
      for (const std::size_t m : {1u, 2u, 3u, 5u, 13u, 30u}) {
        const std::vector<float> a = random.floats((m - 1) * (k + 3) + k);
        const std::vector<float> weight = random.floats(n * k);
        const guarded<float> bias(random.floats(n));
        const std::vector<float> residual = random.floats((m - 1) * (n + 2) + n);
        INFO("m " << m << ", n " << n << ", k " << k);
        for_each_target_and_amx([&](const kernel_table& table) {
          CHECK(worst_error(table, {m, n, k}, a, weight, nullptr, {}, activation::none) <= 1.0);
          CHECK(worst_error(table, {m, n, k}, a, weight, bias.data(), residual, activation::gelu_erf) <= 1.0);
        });
      }
    }
  }
}

TEST_CASE("bf16 products of subnormal, tiny and huge numbers", "[kernel][matmul]") {
  random_source random(32);
  for (const float scale : {0x1p-130f, 0x1p-70f, 0x1p-60f, 0x1p60f}) {
    std::vector<float> a = random.floats(9 * 43 - 3);
    std::vector<float> weight = random.floats(50 * 40);
    for (float& x : a) x *= scale;
    for (std::size_t i = 0; i < weight.size(); ++i) weight[i] *= i % 3 == 0 ? 0x1p-130f : i % 3 == 1 ? scale : 1.0f;
    INFO("scale " << scale);
    for_each_target_and_amx([&](const kernel_table& table) {
      CHECK(worst_error(table, {9, 50, 40}, a, weight, nullptr, {}, activation::none) <= 1.0);
    });
  }
}

TEST_CASE("NaN and infinity stay in their row and their column of a bf16 product", "[kernel][matmul]") {
  random_source random(35);
  constexpr std::size_t n = 70;
  constexpr std::size_t k = 19;
  // Finite in f32 and infinite in bf16 is the last.
  for (const float bad : {nan_value, infinity, -infinity, std::numeric_limits<float>::max()}) {
    for (const std::size_t m : {1u, 2u, 7u, 29u}) {
      std::vector<float> a = random.floats(m * k);
      std::vector<float> weight = random.floats(n * k);
      a[m / 2 * k + 3] = bad;
      weight[40 * k + 5] = bad;
      std::vector<float> truth(m * n);
      tk::scalar::matmul_bf16(a.data(), k, weight.data(), nullptr, activation::none, nullptr, truth.data(), n, m, n, k);
      for_each_target_and_amx([&](const kernel_table& table) {
        const guarded<std::uint16_t> packed(bf16_form(table).packed(weight, k, n));
        std::vector<float> c(m * n);
        table.matmul_bf16.matmul(a.data(), k, packed.data(), nullptr, activation::none, nullptr, c.data(), n, m, n, k);
        for (std::size_t i = 0; i < m * n; ++i) {
          CHECK(std::isnan(c[i]) == std::isnan(truth[i]));
          if (std::isinf(truth[i])) CHECK(c[i] == truth[i]);
          CHECK(std::isfinite(c[i]) == std::isfinite(truth[i]));
        }
      });
    }
  }
}

TEST_CASE("packed bf16 weights are about as large as the weights, and nothing of nothing is nothing", "[kernel][matmul]") {
  for_each_target_and_amx([](const kernel_table& table) {
    CHECK(table.matmul_bf16.packed_size(384, 1536) == 384 * 1536);
    CHECK(table.matmul_bf16.packed_size(383, 1) <= 384 * 64);
    CHECK(table.matmul_bf16.packed_size(0, 100) == 0);
    CHECK(table.matmul_bf16.packed_size(100, 0) == 0);
    float c = 5.0f;
    table.matmul_bf16.matmul(nullptr, 0, nullptr, nullptr, activation::none, nullptr, &c, 1, 0, 1, 0);
    CHECK(c == 5.0f);
    table.matmul_bf16.matmul(nullptr, 0, nullptr, nullptr, activation::sigmoid, nullptr, &c, 1, 1, 1, 0);
    CHECK(c == 0.5f);
  });
}
