// SPDX-License-Identifier: Apache-2.0
// Products with 4-bit weights on every target, by rows in 8 bits and in f32: against sums of the codes in double and against the unrounded
// product.
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

/// Both ways to read the rows: in 8 bits, in f32.
auto multiply(const kernel_table& table, bool rounded) { return rounded ? table.matmul_i4.matmul : table.matmul_i4.matmul_f32; }

/// A row or a weight's column as the product sees it.
std::vector<float> rotated(const float* x, std::size_t k) {
  std::vector<float> y((k + 127) / 128 * 128);
  for (std::size_t begin = 0; begin < k; begin += 128) tk::scalar::rotate_block(x, k, begin, y.data() + begin);
  return y;
}
double largest(const std::vector<float>& x, std::size_t begin, std::size_t end, double least) {
  for (std::size_t i = begin; i < end; ++i) least = std::fmax(least, std::fabs(static_cast<double>(x[i])));
  return least;
}

/// What f32 sums may add to the error of the codes, and the codes themselves, as the header states them.
struct stated {
  double sums = 0.0, codes = 0.0;
};
stated bounds(const float* row, const float* column, std::size_t k, bool rounded) {
  const std::vector<float> x = rotated(row, k), w = rotated(column, k);
  const double most = largest(x, 0, x.size(), 0x1p-118);
  double blocks = 0.0, weighted = 0.0, products = 0.0;
  for (std::size_t g = 0; g < w.size(); g += 32) {
    const double step = largest(w, g, g + 32, 0x1p-111);
    blocks += 32.0 * most * step;
    for (std::size_t i = g; i < g + 32; ++i) {
      const double size = std::fabs(static_cast<double>(x[i]));
      weighted += size * step;
      products += size * std::fabs(static_cast<double>(w[i]));
    }
  }
  const auto depth = static_cast<double>(w.size());
  if (rounded) return {(depth / 32.0 + 2.0) * unit_roundoff * blocks / 128.0, blocks / 1900.0};
  return {depth * 0x1p-22 * products / 128.0, weighted / 2000.0};
}

}  // namespace

TEST_CASE("4-bit codes of a group lie within half a step, and the step follows from the largest number", "[kernel][matmul]") {
  random_source random(51);
  for (const float scale : {0x1p-149f, 0x1p-126f, 0x1p-112f, 1.0f, 0x1p100f, 0x1p127f}) {
    for (int turn = 0; turn < 200; ++turn) {
      std::vector<float> x = random.floats(32);
      for (float& value : x) value *= scale;
      std::uint8_t codes[32];
      const double step = static_cast<double>(tk::i4_codes(x.data(), codes));
      const double most = largest(x, 0, 32, 0.0);
      CHECK(step <= std::fmax(0x1p-114, most / 7.93));
      for (std::size_t i = 0; i < 32; ++i)
        REQUIRE(std::fabs(static_cast<double>(x[i]) - (codes[i] - 7.5) * step) <= step * (0.5 + 0x1p-20));
    }
  }
  std::vector<float> x(32);
  std::uint8_t codes[32];
  CHECK(tk::i4_codes(x.data(), codes) == 0.0f);
  for (const float bad : {nan_value, infinity, -infinity}) {
    x[7] = bad;
    const float step = tk::i4_codes(x.data(), codes);
    CHECK(step != step);
  }
}

TEST_CASE("i4 products are sums of the codes by their steps, for every shape, with every epilogue", "[kernel][matmul]") {
  random_source random(52);
  for (const std::size_t k : {0u, 1u, 31u, 64u, 128u, 130u, 384u, 800u, 1700u}) {
    for (const std::size_t n : {1u, 8u, 9u, 31u, 32u, 33u, 65u, 130u}) {
      for (const std::size_t m : {1u, 2u, 3u, 5u, 13u, 30u}) {
        if (k >= 384 && m * n > 200) continue;  // the truth is slow
        const std::size_t lda = k + 3, ldc = n + 2, size = (m - 1) * ldc + n;
        const guarded<float> a(random.floats((m - 1) * lda + k)), bias(random.floats(n)), residual(random.floats(size));
        const std::vector<float> weight = random.floats(n * k);
        std::vector<double> bound(size);
        for (const bool rounded : {true, false}) {
          for (std::size_t i = 0; i < m; ++i)
            for (std::size_t j = 0; j < n; ++j)
              bound[i * ldc + j] = bounds(a.data() + i * lda, weight.data() + j * k, k, rounded).sums + 6.0 * unit_roundoff;
          for (const bool whole : {false, true}) {
            const activation act = whole ? activation::gelu_erf : activation::none;
            const float* added = whole ? bias.data() : nullptr;
            const float* old = whole ? residual.data() : nullptr;
            std::vector<float> truth(size, 77.0f);
            tk::scalar::matmul_i4(a.data(), lda, weight.data(), added, act, old, truth.data(), ldc, m, n, k, rounded);
            INFO("m " << m << ", n " << n << ", k " << k << ", rounded " << rounded << ", whole " << whole);
            for_each_target([&](const kernel_table& table) {
              const guarded<std::uint8_t> packed(i4_form(table).packed(weight, k, n));
              guarded<float> c(std::vector<float>(size, 77.0f));
              multiply(table, rounded)(a.data(), lda, packed.data(), added, act, old, c.data(), ldc, m, n, k);
              double worst = 0.0;
              for (std::size_t i = 0; i < size; ++i) {
                const double value = static_cast<double>(truth[i]);
                // gelu's slope is at most 1.2, its own error 3e-7 of what is at most |truth| + |residual|.
                const double more = unit_roundoff * 6.0 * (std::fabs(value) + 1.0) + (whole ? 3e-7 * (std::fabs(value) + 2.0) : 0.0);
                worst = std::fmax(worst, i % ldc >= n ? (c[i] == 77.0f ? 0.0 : HUGE_VAL)
                                                      : error_ratio(c[i], value, 1.2 * bound[i] + more));
              }
              CHECK(worst <= 1.0);
            });
          }
        }
      }
    }
  }
}

TEST_CASE("i4 products of rows of all magnitudes and with outliers keep the stated error of the unrounded product", "[kernel][matmul]") {
  random_source random(53);
  constexpr std::size_t n = 40, m = 6;
  for (const std::size_t k : {5u, 128u, 300u, 1536u}) {
    for (const float scale : {0x1p-140f, 0x1p-118f, 0x1p-60f, 1.0f, 0x1p60f, 0x1p100f}) {
      const float other = scale > 1.0f ? 0x1p-20f : 1.0f;
      std::vector<float> a = random.floats(m * k), weight = random.floats(n * k);
      for (std::size_t i = 0; i < a.size(); ++i) a[i] *= i % 97 == 5 ? 30.0f * scale : scale;
      for (std::size_t i = 0; i < weight.size(); ++i) weight[i] *= i % 89 == 3 ? 20.0f * other : other;
      std::vector<double> truth(m * n);
      for (std::size_t i = 0; i < m * n; ++i)
        for (std::size_t l = 0; l < k; ++l)
          truth[i] += static_cast<double>(a[i / n * k + l]) * static_cast<double>(weight[i % n * k + l]);
      for (const bool rounded : {true, false}) {
        std::vector<double> bound(m * n);
        for (std::size_t i = 0; i < m * n; ++i) {
          const stated both = bounds(a.data() + i / n * k, weight.data() + i % n * k, k, rounded);
          bound[i] = both.codes + both.sums + 0x1p-149;
        }
        INFO("k " << k << ", scale " << scale << ", rounded " << rounded);
        for_each_target([&](const kernel_table& table) {
          const std::vector<std::uint8_t> packed = i4_form(table).packed(weight, k, n);
          std::vector<float> c(m * n);
          multiply(table, rounded)(a.data(), k, packed.data(), nullptr, activation::none, nullptr, c.data(), n, m, n, k);
          double worst = 0.0;
          for (std::size_t i = 0; i < m * n; ++i) worst = std::fmax(worst, error_ratio(c[i], truth[i], bound[i]));
          CHECK(worst <= 1.0);
        });
      }
    }
  }
}

TEST_CASE("NaN and infinity stay in their row and their column of an i4 product", "[kernel][matmul]") {
  random_source random(57);
  constexpr std::size_t n = 70;
  for (const std::size_t k : {19u, 1700u}) {
    for (const float bad : {nan_value, infinity, -infinity}) {
      for (const std::size_t m : {1u, 2u, 29u}) {
        std::vector<float> a = random.floats(m * k), weight = random.floats(n * k);
        a[m / 2 * k + 3] = bad;
        weight[40 * k + 5] = bad;
        for_each_target([&](const kernel_table& table) {
          const std::vector<std::uint8_t> packed = i4_form(table).packed(weight, k, n);
          for (const bool rounded : {true, false}) {
            std::vector<float> c(m * n);
            multiply(table, rounded)(a.data(), k, packed.data(), nullptr, activation::none, nullptr, c.data(), n, m, n, k);
            std::size_t right = 0;
            for (std::size_t i = 0; i < m * n; ++i) right += std::isfinite(c[i]) == (i / n != m / 2 && i % n != 40);
            CHECK(right == m * n);
          }
        });
      }
    }
  }
}

TEST_CASE("packed i4 weights take 4.5 bits a weight, and a product of nothing is nothing", "[kernel][matmul]") {
  for_each_target([](const kernel_table& table) {
    CHECK(table.matmul_i4.packed_size(384, 1536) == 384 * 1536 * 9 / 16);
    CHECK(table.matmul_i4.packed_size(383, 1) <= 384 * 64 * 9 / 16);
    CHECK(table.matmul_i4.packed_size(100, 0) == 0);
    for (const bool rounded : {true, false}) {
      float c = 5.0f;
      multiply(table, rounded)(nullptr, 0, nullptr, nullptr, activation::none, nullptr, &c, 1, 0, 1, 0);
      CHECK(c == 5.0f);
      const guarded<std::uint8_t> packed(i4_form(table).packed({}, 0, 1));
      multiply(table, rounded)(nullptr, 0, packed.data(), nullptr, activation::sigmoid, nullptr, &c, 1, 1, 1, 0);
      CHECK(c == 0.5f);
    }
  });
}
