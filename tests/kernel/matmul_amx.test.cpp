// SPDX-License-Identifier: Apache-2.0
// Products by AMX's tiles, the processor's or emulated ones: the sums of bf16 in the order of the instruction, bit for bit, those of bytes
// as every other target has them; f32 as three products of bf16, its order, its stated error, infinity; what is read and written; that the
// tiles are released. What bf16 and bytes promise besides is tested with every other target's, in matmul_bf16.test.cpp and matmul_i8.test.cpp.
#include <tests/kernel/support/amx.hpp>
#include <tests/kernel/support/products.hpp>
#include <tests/support/catch.hpp>

#include <tessera/base/half.hpp>
#include <tessera/dispatch.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;
using tk::activation;

#if defined(__x86_64__) && defined(__linux__)

namespace {

constexpr product_sizes shapes[] = {{1, 1, 1},    {1, 33, 31},   {2, 32, 32},   {15, 5, 33},  {16, 64, 64},   {17, 31, 96}, {31, 70, 130},
                                    {32, 32, 384}, {33, 16, 100}, {70, 100, 65}, {40, 7, 800}, {1, 40, 12'900}, {2, 40, 12'900}};

/// Row i of [m][k] rounded to bf16, with zeros up to a whole step.
std::vector<std::uint16_t> rounded(const float* row, std::size_t k) {
  std::vector<std::uint16_t> codes((k + 31) / 32 * 32);
  for (std::size_t l = 0; l < k; ++l) codes[l] = tessera::bfloat16(row[l]).bits;
  return codes;
}

/// The sum that the instruction makes of two rows, from its definition.
float sum_in_order(const std::vector<std::uint16_t>& a, const std::vector<std::uint16_t>& w) {
  float sum = 0.0f;
  for (std::size_t l = 0; l < a.size(); l += 32)
    amx_unit::bf16_step(reinterpret_cast<const std::uint8_t*>(&a[l]), 16, reinterpret_cast<const std::uint8_t*>(&w[l]), 4, 1, &sum);
  return sum;
}

/// A row's numbers as two of bf16 each, as kernel/matmul_amx_f32.hpp says, with zeros up to a whole step.
struct split_row {
  std::vector<std::uint16_t> high, low;
  split_row(const float* row, std::size_t k) : high((k + 31) / 32 * 32), low(high.size()) {
    for (std::size_t l = 0; l < k; ++l) {
      // The instruction that rounds takes subnormal numbers for zero.
      const auto part = [](float x) { return std::fabs(x) < 0x1p-126f ? tessera::bfloat16(std::copysign(0.0f, x)) : tessera::bfloat16(x); };
      const float near = std::isinf(row[l]) ? std::copysign(1.0f, row[l]) : std::clamp(row[l], -0x1.FEp127f, 0x1.FEp127f);
      high[l] = part(near).bits;
      low[l] = part(row[l] - static_cast<float>(part(near))).bits;
    }
  }
};
float sum_in_order(const split_row& a, const split_row& w) {
  float sum = 0.0f;
  const auto add = [&](const std::vector<std::uint16_t>& x, const std::vector<std::uint16_t>& y, std::size_t l) {
    amx_unit::bf16_step(reinterpret_cast<const std::uint8_t*>(&x[l]), 16, reinterpret_cast<const std::uint8_t*>(&y[l]), 4, 1, &sum);
  };
  for (std::size_t l = 0; l < a.high.size(); l += 32) add(a.high, w.high, l), add(a.low, w.high, l), add(a.high, w.low, l);
  return sum;
}

std::vector<float> product_f32(const kernel_table& table, const std::vector<float>& a, const std::vector<float>& weight, const product_sizes& s) {
  const guarded<float> packed(f32_form(table).packed(weight, s.k, s.n));
  const guarded<float> rows(a);
  guarded<float> c(s.m * s.n);
  table.matmul.matmul_f32(rows.data(), s.k, packed.data(), nullptr, activation::none, nullptr, c.data(), s.n, s.m, s.n, s.k);
  return {c.data(), c.data() + s.m * s.n};
}

}  // namespace

TEST_CASE("tiles sum products of f32 as three of bf16, in the order of the instruction, bit for bit", "[kernel][matmul][amx]") {
  if (!amx_can_run()) SKIP("this machine lacks AVX3_ZEN4, which stands around the tiles");
  random_source random(64);
  for (const float scale : {1.0f, 0x1p-60f}) {
    for (const product_sizes& s : {product_sizes{1, 1, 128}, {2, 33, 129}, {15, 5, 160}, {16, 64, 191}, {17, 31, 384}, {31, 70, 130}, {32, 32, 385}, {33, 16, 800},
                           {70, 40, 256}, {1, 40, 12'900}, {2, 33, 12'900}}) {
      std::vector<float> a = random.floats(s.m * s.k), weight = random.floats(s.n * s.k);
      for (float& x : a) x *= scale;
      if (scale < 1.0f) for (std::size_t i = 0; i < a.size(); i += 3) a[i] *= 0x1p-64f;  // subnormal, itself or its low part
      std::vector<float> expected(s.m * s.n);
      for (std::size_t i = 0; i < s.m; ++i)
        for (std::size_t j = 0; j < s.n; ++j)
          expected[i * s.n + j] = sum_in_order(split_row(&a[i * s.k], s.k), split_row(&weight[j * s.k], s.k));
      INFO("m " << s.m << ", n " << s.n << ", k " << s.k << ", scale " << scale);
      with_amx([&](const kernel_table& table) { CHECK(std::ranges::equal(product_f32(table, a, weight, s), expected, same_bits)); });
    }
  }
}

TEST_CASE("products of f32 by tiles keep the error of every product of f32", "[kernel][matmul][amx]") {
  if (!amx_can_run()) SKIP("this machine lacks AVX3_ZEN4, which stands around the tiles");
  random_source random(65);
  // Random numbers, and numbers whose low parts round by most, all to one side, in sums that do not cancel.
  for (const bool worst : {false, true}) {
    for (const product_sizes& s : {product_sizes{3, 33, 128}, {33, 40, 384}, {2, 32, 1536}}) {
      std::vector<float> a = random.floats(s.m * s.k), weight = random.floats(s.n * s.k);
      if (worst)
        for (auto* values : {&a, &weight})
          for (float& x : *values) x = (1.0f + 0x1p-9f - 0x1p-10f + 0x1p-18f - 0x1p-22f) * (x < 0.0f ? 1.0f : 2.0f);
      with_amx([&](const kernel_table& table) {
        const std::vector<float> c = product_f32(table, a, weight, s);
        double most = 0.0;
        for (std::size_t i = 0; i < c.size(); ++i) {
          double sum = 0.0, magnitude = 0.0;
          for (std::size_t l = 0; l < s.k; ++l) {
            const double one = static_cast<double>(a[i / s.n * s.k + l]) * static_cast<double>(weight[i % s.n * s.k + l]);
            sum += one, magnitude += std::fabs(one);
          }
          most = std::fmax(most, std::fabs(static_cast<double>(c[i]) - sum) / (static_cast<double>(s.k) * 0x1p-23 * magnitude));
        }
        INFO("k " << s.k << ", worst " << worst);
        CHECK(most <= 1.0);
        if (worst) CHECK(most > 1e-3);  // numbers that are hard, indeed
      });
    }
  }
}

TEST_CASE("infinity, NaN and the largest numbers go through products of f32 by tiles as through others", "[kernel][matmul][amx]") {
  if (!amx_can_run()) SKIP("this machine lacks AVX3_ZEN4, which stands around the tiles");
  random_source random(66);
  const float infinity = std::numeric_limits<float>::infinity(), most = std::numeric_limits<float>::max();
  constexpr product_sizes s{19, 40, 150};
  for (const float bad : {infinity, -infinity, std::numeric_limits<float>::quiet_NaN(), most, -most}) {
    for (const std::size_t met : {5u, 3u}) {  // beside each other, and by each other
      std::vector<float> a = random.floats(s.m * s.k), weight = random.floats(s.n * s.k);
      for (float& x : weight) x = x * 0.4f + (x < 0.0f ? -0.1f : 0.1f);
      a[7 * s.k + 3] = bad;
      weight[30 * s.k + met] = bad;
      if (met == 5) weight[11 * s.k + 3] = 600.0f, weight[12 * s.k + 3] = 0.0f;
      std::vector<float> truth(s.m * s.n);
      tk::scalar::matmul_f32(a.data(), s.k, weight.data(), nullptr, activation::none, nullptr, truth.data(), s.n, s.m, s.n, s.k);
      with_amx([&](const kernel_table& table) {
        const std::vector<float> c = product_f32(table, a, weight, s);
        for (std::size_t i = 0; i < c.size(); ++i) {
          INFO("bad " << bad << ", row " << i / s.n << ", column " << i % s.n);
          CHECK(std::isnan(c[i]) == std::isnan(truth[i]));
          CHECK(std::isinf(c[i]) == std::isinf(truth[i]));
          if (std::isinf(truth[i])) CHECK(c[i] == truth[i]);
        }
      });
    }
  }
}

TEST_CASE("a row of a product of f32 by tiles has the same bits whatever rows are beside it", "[kernel][matmul][amx]") {
  if (!amx_can_run()) SKIP("this machine lacks AVX3_ZEN4, which stands around the tiles");
  random_source random(67);
  constexpr std::size_t most = 40, n = 70;
  for (const std::size_t k : {130u, 800u}) {
    const std::vector<float> a = random.floats(most * k), weight = random.floats(n * k);
    with_amx([&](const kernel_table& table) {
      const std::vector<float> all = product_f32(table, a, weight, {most, n, k});
      for (const std::size_t m : {1u, 2u, 15u, 16u, 17u, 31u, 33u}) {
        const std::size_t first = (most - m) / 2;
        const std::vector<float> some(&a[first * k], &a[first * k] + m * k);
        const std::vector<float> c = product_f32(table, some, weight, {m, n, k});
        INFO("k " << k << ", m " << m);
        CHECK(std::memcmp(c.data(), &all[first * n], c.size() * sizeof(float)) == 0);
      }
    });
  }
}

TEST_CASE("tiles sum products of bf16 in the order of the instruction, bit for bit", "[kernel][matmul][amx]") {
  if (!amx_can_run()) SKIP("this machine lacks AVX3_ZEN4, which stands around the tiles");
  random_source random(61);
  for (const float scale : {1.0f, 0x1p-66f}) {
    for (const auto& [m, n, k] : shapes) {
      std::vector<float> a = random.floats(m * k);
      const std::vector<float> weight = random.floats(n * k);
      for (float& x : a) x *= scale;
      if (scale < 1.0f) for (std::size_t i = 0; i < a.size(); i += 3) a[i] *= 0x1p-64f;  // subnormal, once rounded or multiplied
      std::vector<float> expected(m * n);
      for (std::size_t i = 0; i < m; ++i)
        for (std::size_t j = 0; j < n; ++j) expected[i * n + j] = sum_in_order(rounded(&a[i * k], k), rounded(&weight[j * k], k));
      INFO("m " << m << ", n " << n << ", k " << k << ", scale " << scale);
      with_amx([&](const kernel_table& table) {
        const guarded<std::uint16_t> packed(bf16_form(table).packed(weight, k, n));
        const guarded<float> rows(a);
        guarded<float> c(m * n);
        table.matmul_bf16.matmul(rows.data(), k, packed.data(), nullptr, activation::none, nullptr, c.data(), n, m, n, k);
        CHECK(std::ranges::equal(std::span(c.data(), m * n), expected, same_bits));
      });
    }
  }
}

TEST_CASE("tiles give products of bytes the bits that the vector target gives them", "[kernel][matmul][amx]") {
  if (!amx_can_run()) SKIP("this machine lacks AVX3_ZEN4, which stands around the tiles");
  random_source random(62);
  const kernel_table& vectors = *tk::find_kernels("AVX3_ZEN4");
  for (const auto& [m, n, k] : shapes) {
    if (k > 12'000 && m > 1) continue;
    const std::vector<float> a = random.floats(m * k), weight = random.floats(n * k), bias = random.floats(n), old = random.floats(m * n);
    const auto product = [&](const kernel_table& table) {
      guarded<std::uint8_t> packed(table.matmul_i8.packed_size(k, n));
      table.matmul_i8.pack(weight.data(), k, n, packed.data());
      const guarded<float> rows(a);
      guarded<float> c(m * n);
      table.matmul_i8.matmul(rows.data(), k, packed.data(), bias.data(), activation::silu, old.data(), c.data(), n, m, n, k);
      return std::vector<float>(c.data(), c.data() + m * n);
    };
    INFO("m " << m << ", n " << n << ", k " << k);
    with_amx([&](const kernel_table& table) { CHECK(std::ranges::equal(product(vectors), product(table), same_bits)); });
  }
}

TEST_CASE("weights that are packed in parts, columns by columns, are those that are packed at once", "[kernel][matmul][amx]") {
  if (!amx_can_run()) SKIP("this machine lacks AVX3_ZEN4, which stands around the tiles");
  random_source random(63);
  constexpr std::size_t n = 200, k = 70, part = 64;
  const std::vector<float> weight = random.floats(n * k);
  const auto& bf16 = tk::detail::amx_kernels()->matmul_bf16;
  std::vector<std::uint16_t> whole(bf16.packed_size(k, n)), parts(whole.size());
  bf16.pack(weight.data(), k, n, whole.data());
  for (std::size_t j = 0; j < n; j += part) bf16.pack(&weight[j * k], k, std::min(part, n - j), parts.data() + bf16.packed_size(k, j));
  CHECK(whole == parts);
  constexpr std::size_t deep = 150;
  const std::vector<float> more = random.floats(n * deep);
  const auto& f32 = tk::detail::amx_kernels()->matmul;
  std::vector<float> at_once(f32.packed_size_f32(deep, n)), by_columns(at_once.size());
  f32.pack_f32(more.data(), deep, n, at_once.data());
  for (std::size_t j = 0; j < n; j += part) f32.pack_f32(&more[j * deep], deep, std::min(part, n - j), by_columns.data() + f32.packed_size_f32(deep, j));
  CHECK(std::memcmp(at_once.data(), by_columns.data(), at_once.size() * sizeof(float)) == 0);
}

TEST_CASE("the emulated instruction of bf16 is the manual's: order, fused steps, subnormal numbers", "[kernel][matmul][amx]") {
  if (!amx_can_run()) SKIP("this machine lacks AVX3_ZEN4, which stands around the tiles");
  const auto step = [](std::initializer_list<float> a, std::initializer_list<float> w, float sum) {
    std::uint16_t rows[2][32] = {};
    std::size_t l = 0;
    for (const float x : a) rows[0][l++] = tessera::bfloat16(x).bits;
    l = 0;
    for (const float x : w) rows[1][l++] = tessera::bfloat16(x).bits;
    amx_unit::bf16_step(reinterpret_cast<const std::uint8_t*>(rows[0]), 16, reinterpret_cast<const std::uint8_t*>(rows[1]), 4, 1, &sum);
    return sum;
  };
  CHECK(step({1, 2, 3}, {4, 5, 6}, 7) == 39.0f);
  // Even and odd places have sums of their own: 2^24 meets the ones behind it only where they stand in its chain.
  CHECK(step({0x1p24f, 1, 0, 1}, {1, 1, 0, 1}, 0) == 0x1p24f + 2.0f);
  CHECK(step({0x1p24f, 0, 1, 0, 1, 0}, {1, 0, 1, 0, 1, 0}, 0) == 0x1p24f);
  // The sum so far comes last: 1 + 1, and not 2^24 + 1 + 1.
  CHECK(step({1, 1}, {1, 1}, 0x1p24f) == 0x1p24f + 2.0f);
  // A product alone may be subnormal, its sum not: that, subnormal operands, and sums of what is in two chains are zero.
  CHECK(step({0x1p-63f, 0, 0x1p-70f}, {0x1p-63f, 0, 0x1p-57f}, 0) == 0x1.8p-126f);
  CHECK(step({0x1p-130f}, {0x1p60f}, 0) == 0.0f);
  CHECK(step({0x1p-70f, 0, 0x1p-70f}, {0x1p-57f, 0, 0x1p-57f}, 0) == 0.0f);
  CHECK(step({0x1p-63f, 0x1p-63f}, {0x1.8p-63f, -0x1p-63f}, 0) == 0.0f);
  CHECK(step({}, {}, 0x1p-127f) == 0.0f);
}

#endif
