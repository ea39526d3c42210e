// SPDX-License-Identifier: Apache-2.0
// Products by AMX's tiles, the processor's or emulated ones: the sums of bf16 in the order of the instruction, bit for bit, those of bytes
// as every other target has them; what is read and written; that the tiles are released. The stated errors and a row's bits among others are
// tested with every other target's, in matmul_bf16.test.cpp and matmul_i8.test.cpp.
#include <tests/kernel/support/amx.hpp>
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/base/half.hpp>
#include <tessera/dispatch.hpp>

#include <algorithm>
#include <cstring>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;
using tk::activation;

#if defined(__x86_64__) && defined(__linux__)

namespace {

struct shape {
  std::size_t m, n, k;
};
constexpr shape shapes[] = {{1, 1, 1},    {1, 33, 31},   {2, 32, 32},   {15, 5, 33},  {16, 64, 64},   {17, 31, 96}, {31, 70, 130},
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

}  // namespace

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
        guarded<std::uint16_t> packed(table.matmul_bf16.packed_size(k, n));
        table.matmul_bf16.pack(weight.data(), k, n, packed.data());
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
