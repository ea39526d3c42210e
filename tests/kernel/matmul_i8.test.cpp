// SPDX-License-Identifier: Apache-2.0
// Products in 8-bit integers on every target: against exact sums of the codes and against the unrounded product. The rotation before
// rounding, against its definition.
#include <tests/kernel/support/amx.hpp>
#include <tests/kernel/support/close.hpp>
#include <tests/kernel/support/products.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;
using tk::activation;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// One product, its truth, and the truth of its sums alone.
struct problem {
  product_sizes s;
  activation act = activation::none;
  std::vector<float> a, weight, bias = {}, residual = {};
  std::size_t lda = s.k + 3, ldc = s.n + 2;
  std::vector<float> truth = std::vector<float>((s.m - 1) * ldc + s.n), sums = truth;

  void solve() {
    tk::scalar::matmul_i8(a.data(), lda, weight.data(), nullptr, activation::none, nullptr, sums.data(), ldc, s.m, s.n, s.k);
    tk::scalar::matmul_i8(a.data(), lda, weight.data(), bias.empty() ? nullptr : bias.data(), act,
                          residual.empty() ? nullptr : residual.data(), truth.data(), ldc, s.m, s.n, s.k);
  }

  /// The worst error of a target in units of some roundings of f32; infinity where something beside the result was written.
  [[nodiscard]] double worst_error(const kernel_table& table) const {
    const guarded<float> rows(a), added(bias), old(residual);
    const guarded<std::uint8_t> packed(i8_form(table).packed(weight, s.k, s.n));
    guarded<float> c(std::vector<float>(truth.size(), 77.0f));
    table.matmul_i8.matmul(rows.data(), lda, packed.data(), bias.empty() ? nullptr : added.data(), act,
                           residual.empty() ? nullptr : old.data(), c.data(), ldc, s.m, s.n, s.k);
    double worst = 0.0;
    for (std::size_t i = 0; i < c.size(); ++i) {
      const std::size_t column = i % ldc;
      if (column >= s.n) {
        if (c[i] != 77.0f) return HUGE_VAL;
        continue;
      }
      // Four roundings of the scaled sum, one each of bias and residual; gelu's slope is at most 1.2, its own error 3e-7.
      const auto size = [](const std::vector<float>& values, std::size_t at) {
        return values.empty() ? 0.0 : std::fabs(static_cast<double>(values[at]));
      };
      const double magnitude = size(sums, i) + size(bias, column);
      const double own = act == activation::none ? 0.0 : 3e-7 * std::fmax(1.0, magnitude);
      const double bound = unit_roundoff * (6.0 * magnitude + 2.0 * size(truth, i) + size(residual, i)) + own + 0x1p-149;
      worst = std::fmax(worst, error_ratio(c[i], static_cast<double>(truth[i]), bound));
    }
    return worst;
  }
};

}  // namespace

TEST_CASE("the rotation before rounding is the Walsh-Hadamard transform", "[kernel][matmul]") {
  random_source random(41);
  const std::vector<float> x = random.floats(128);
  std::vector<float> y = x;
  tk::scalar::hadamard(y.data());
  double largest = 0.0;
  for (std::size_t i = 0; i < 128; ++i) {
    double sum = 0.0, magnitude = 0.0;
    for (std::size_t j = 0; j < 128; ++j) {
      sum += __builtin_popcountll(i & j) % 2 == 0 ? static_cast<double>(x[j]) : -static_cast<double>(x[j]);
      magnitude += std::fabs(static_cast<double>(x[j]));
    }
    largest = std::fmax(largest, error_ratio(y[i], sum, 7.0 * unit_roundoff * magnitude));
  }
  CHECK(largest <= 1.0);
}

TEST_CASE("i8 products are exact sums of the codes, scaled, for every shape, with every epilogue", "[kernel][matmul]") {
  random_source random(42);
  for (const std::size_t k : {0u, 1u, 3u, 31u, 64u, 127u, 128u, 129u, 130u, 384u, 800u, 1700u}) {
    for (const std::size_t n : {1u, 7u, 8u, 9u, 16u, 31u, 32u, 33u, 65u, 130u}) {
      for (const std::size_t m : {1u, 2u, 3u, 5u, 13u, 30u}) {
        if (k >= 384 && m * n > 400) continue;  // the truth is slow
        problem plain{.s = {m, n, k}, .a = random.floats((m - 1) * (k + 3) + k), .weight = random.floats(n * k)};
        problem whole{.s = {m, n, k},
                      .act = activation::gelu_erf,
                      .a = plain.a,
                      .weight = plain.weight,
                      .bias = random.floats(n),
                      .residual = random.floats((m - 1) * (n + 2) + n)};
        plain.solve();
        whole.solve();
        INFO("m " << m << ", n " << n << ", k " << k);
        for_each_target_and_amx([&](const kernel_table& table) {
          CHECK(plain.worst_error(table) <= 1.0);
          CHECK(whole.worst_error(table) <= 1.0);
        });
      }
    }
  }
}

TEST_CASE("i8 products of rows of all magnitudes and with outliers keep the stated error of the unrounded product", "[kernel][matmul]") {
  random_source random(43);
  constexpr std::size_t n = 40;
  for (const std::size_t k : {5u, 128u, 300u, 1536u}) {
    for (const float scale : {0x1p-140f, 0x1p-118f, 0x1p-60f, 1.0f, 0x1p60f, 0x1p113f}) {
      const float other = scale > 1.0f ? 0x1p-20f : 1.0f;
      constexpr std::size_t m = 6;
      std::vector<float> a = random.floats(m * k);
      std::vector<float> weight = random.floats(n * k);
      for (std::size_t i = 0; i < a.size(); ++i) a[i] *= i % 97 == 5 ? 30.0f * scale : scale;
      for (float& x : weight) x *= other;
      INFO("k " << k << ", scale " << scale);
      for_each_target_and_amx([&](const kernel_table& table) {
        const guarded<std::uint8_t> packed(i8_form(table).packed(weight, k, n));
        std::vector<float> c(m * n);
        table.matmul_i8.matmul(a.data(), k, packed.data(), nullptr, activation::none, nullptr, c.data(), n, m, n, k);
        double worst = 0.0;
        for (std::size_t i = 0; i < m * n; ++i) {
          const float* row = a.data() + i / n * k;
          const float* column = weight.data() + i % n * k;
          const auto largest = [k](const float* x) {
            double most = 0x1p-118;
            for (std::size_t begin = 0; begin < k; begin += 128) {
              float block[128] = {};
              std::copy(x + begin, x + std::min<std::size_t>(k, begin + 128), block);
              tk::scalar::hadamard(block);
              for (const float value : block) most = std::fmax(most, std::fabs(static_cast<double>(value)));
            }
            return most;
          };
          double sum = 0.0, squares = 0.0, column_squares = 0.0;
          for (std::size_t l = 0; l < k; ++l) {
            const double x = static_cast<double>(row[l]), y = static_cast<double>(column[l]);
            sum += x * y, squares += x * x, column_squares += y * y;
          }
          const double depth = static_cast<double>((k + 127) / 128 * 128);
          const double bound = depth * largest(row) * largest(column) / 16100.0 + 0x1p-19 * std::sqrt(squares * column_squares);
          worst = std::fmax(worst, error_ratio(c[i], sum, bound));
        }
        CHECK(worst <= 1.0);
      });
    }
  }
}

TEST_CASE("every target gives an i8 product the same bits", "[kernel][matmul]") {
  random_source random(44);
  constexpr std::size_t m = 23;
  constexpr std::size_t n = 75;
  for (const std::size_t k : {33u, 384u, 1700u}) {
    const std::vector<float> a = random.floats(m * k);
    const std::vector<float> weight = random.floats(n * k);
    std::vector<float> first;
    for_each_target_and_amx([&](const kernel_table& table) {
      const guarded<std::uint8_t> packed(i8_form(table).packed(weight, k, n));
      std::vector<float> c(m * n);
      table.matmul_i8.matmul(a.data(), k, packed.data(), nullptr, activation::none, nullptr, c.data(), n, m, n, k);
      if (first.empty()) first = c;
      CHECK(std::ranges::equal(first, c, same_bits));
    });
  }
}

TEST_CASE("NaN and infinity stay in their row and their column of an i8 product", "[kernel][matmul]") {
  random_source random(47);
  constexpr std::size_t n = 70;
  for (const std::size_t k : {19u, 300u, 1700u}) {
    for (const float bad : {nan_value, infinity, -infinity}) {
      for (const std::size_t m : {1u, 2u, 7u, 29u}) {
        std::vector<float> a = random.floats(m * k);
        std::vector<float> weight = random.floats(n * k);
        a[m / 2 * k + 3] = bad;
        weight[40 * k + 5] = bad;
        for_each_target_and_amx([&](const kernel_table& table) {
          const guarded<std::uint8_t> packed(i8_form(table).packed(weight, k, n));
          std::vector<float> c(m * n);
          table.matmul_i8.matmul(a.data(), k, packed.data(), nullptr, activation::none, nullptr, c.data(), n, m, n, k);
          std::size_t right = 0;
          for (std::size_t i = 0; i < m * n; ++i) right += std::isnan(c[i]) == (i / n == m / 2 || i % n == 40) && !std::isinf(c[i]);
          CHECK(right == m * n);
        });
      }
    }
  }
}

TEST_CASE("packed i8 weights are about a quarter of the weights, and a product of nothing is nothing", "[kernel][matmul]") {
  for_each_target_and_amx([](const kernel_table& table) {
    CHECK(table.matmul_i8.packed_size(384, 1536) >= (384 + 4) * 1536);
    CHECK(table.matmul_i8.packed_size(384, 1536) <= (384 + 8) * 1536);
    CHECK(table.matmul_i8.packed_size(383, 1) <= 388 * 64);
    CHECK(table.matmul_i8.packed_size(100, 0) == 0);
    float c = 5.0f;
    table.matmul_i8.matmul(nullptr, 0, nullptr, nullptr, activation::none, nullptr, &c, 1, 0, 1, 0);
    CHECK(c == 5.0f);
    const guarded<std::uint8_t> packed(i8_form(table).packed({}, 0, 1));
    table.matmul_i8.matmul(nullptr, 0, packed.data(), nullptr, activation::sigmoid, nullptr, &c, 1, 1, 1, 0);
    CHECK(c == 0.5f);
  });
}
