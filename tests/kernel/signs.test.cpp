// SPDX-License-Identifier: Apache-2.0
// Estimates from signs, in panels and in records from a list, against the counts one bit after the other.
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;

namespace {

/// `count` planes of `words` words, bits from `n` on and the words from `used` on zero.
std::vector<std::uint64_t> some_bits(random_source& random, std::size_t rows, std::size_t words, std::size_t n) {
  auto made = random.integers<std::uint64_t>(rows * words);
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t w = 0; w < words; ++w) {
      const std::size_t left = n > 64 * w ? n - 64 * w : 0;
      if (left < 64) made[r * words + w] &= (std::uint64_t{1} << left) - 1;
    }
  return made;
}

}  // namespace

TEST_CASE("signs: the definition is the product of signs and query", "[kernel][signs]") {
  random_source random(46);
  constexpr std::size_t n = 100, words = 2, planes = 3;
  const auto row = some_bits(random, 1, words, n);
  const auto query = some_bits(random, planes, words, n);
  std::vector<std::uint64_t> panel(words * tk::sign_rows);
  for (std::size_t w = 0; w < words; ++w) panel[w * tk::sign_rows] = row[w];
  const std::vector<float> ones(tk::sign_rows, 1.0f), zeros(tk::sign_rows, 0.0f);
  double product = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    double k = 0.0;
    for (std::size_t p = 0; p < planes; ++p) k += ((query[p * words + i / 64] >> (i % 64)) & 1u ? 1.0 : -1.0) * static_cast<double>(1 << p);
    product += ((row[i / 64] >> (i % 64)) & 1u ? 1.0 : -1.0) * k;
  }
  const tk::sign_query about{query.data(), planes, words, static_cast<std::int32_t>(n * 7), 1.0f};
  CHECK(tk::scalar::sign_estimate(about, {panel.data(), ones.data(), zeros.data()}, 0) == product);
}

TEST_CASE("signs of rows in panels", "[kernel][signs]") {
  random_source random(47);
  for (const std::size_t n : {1u, 64u, 100u, 384u, 1000u})
    for (const std::size_t panels : {0u, 1u, 3u})
      for (const std::size_t planes : {1u, 2u, 4u, 6u, 8u}) {
        const std::size_t words = (n + 63) / 64;
        const std::size_t rows = tk::sign_rows * panels;
        const auto by_row = some_bits(random, rows, words, n);
        std::vector<std::uint64_t> bits(by_row.size());
        for (std::size_t r = 0; r < rows; ++r)
          for (std::size_t w = 0; w < words; ++w)
            bits[(r / tk::sign_rows * words + w) * tk::sign_rows + r % tk::sign_rows] = by_row[r * words + w];
        const guarded<std::uint64_t> guarded_bits(bits);
        const guarded<std::uint64_t> query(some_bits(random, planes, words, n));
        auto factors = random.floats(rows);
        auto offsets = random.floats(rows);
        if (rows > 40) offsets[40] = std::numeric_limits<float>::infinity(), factors[40] = 0.0f;
        const guarded<float> factor(factors);
        const guarded<float> offset(offsets);
        const tk::sign_query about{query.data(), planes, words, static_cast<std::int32_t>(n * ((1u << planes) - 1)), 0x1p-8f * random.unit()};
        const tk::sign_panels to{guarded_bits.data(), factor.data(), offset.data()};
        INFO(n << " components, " << panels << " panels, " << planes << " planes");
        for_each_target([&](const kernel_table& target) {
          std::vector<float> out(rows + 1, -7.0f);
          target.signs.scan(about, to, panels, out.data());
          CHECK(out[rows] == -7.0f);
          std::size_t wrong = 0;
          for (std::size_t r = 0; r < rows; ++r) {
            const double exact = tk::scalar::sign_estimate(about, to, r);
            const double from = std::fabs(static_cast<double>(offsets[r]));
            const double found = static_cast<double>(out[r]);
            wrong += std::isinf(exact) ? found != exact : !(std::fabs(found - exact) <= 0x1p-22 * (std::fabs(exact) + 2.0 * from));
          }
          CHECK(wrong == 0);
        });
      }
}

TEST_CASE("signs of records from a list", "[kernel][signs]") {
  random_source random(48);
  constexpr std::size_t rows = 50;
  for (const std::size_t stride : {64u, 128u, 192u})
    for (const std::size_t planes : {1u, 4u, 5u})
      for (const std::size_t count : {0u, 1u, 2u, 4u, 5u, 31u, 70u}) {
        const std::size_t words = stride / 8;
        const std::size_t n = 64 * (words - 1) - 30;
        auto records_of = some_bits(random, rows, words, n);
        const auto facts = random.floats(2 * rows);
        for (std::size_t r = 0; r < rows; ++r) std::memcpy(&records_of[r * words + words - 1], &facts[2 * r], 8);
        const guarded<std::uint64_t> records(records_of);
        const guarded<std::uint64_t> query(some_bits(random, planes, words, n));
        const tk::sign_query about{query.data(), planes, words, static_cast<std::int32_t>(n * ((1u << planes) - 1)), 0x1p-8f * random.unit()};
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(records.data());
        std::vector<std::uint32_t> at(count);
        for (std::size_t i = 0; i < count; ++i) at[i] = static_cast<std::uint32_t>(i * 7 % rows);
        INFO(stride << " bytes, " << planes << " planes, " << count << " records");
        for_each_target([&](const kernel_table& target) {
          std::vector<float> out(count + 1, -7.0f);
          target.signs.listed(about, bytes, at.data(), count, out.data());
          CHECK(out[count] == -7.0f);
          std::size_t wrong = 0;
          for (std::size_t i = 0; i < count; ++i) {
            const double exact = tk::scalar::sign_estimate_of(about, bytes + at[i] * stride);
            const double from = std::fabs(static_cast<double>(facts[2 * at[i] + 1]));
            wrong += !(std::fabs(static_cast<double>(out[i]) - exact) <= 0x1p-22 * (std::fabs(exact) + 2.0 * from));
          }
          CHECK(wrong == 0);
        });
      }
}

TEST_CASE("Walsh-Hadamard transform of blocks", "[kernel][signs]") {
  random_source random(49);
  const guarded<float> x(random.floats(3 * tk::hadamard_block));
  for_each_target([&](const kernel_table& target) {
    for (const std::size_t blocks : {0u, 1u, 3u}) {
      std::vector<float> y(3 * tk::hadamard_block + 1, -7.0f);
      target.signs.hadamard(x.data(), blocks, y.data());
      CHECK(y[blocks * tk::hadamard_block] == -7.0f);
      for (std::size_t b = 0; b < blocks; ++b) {
        std::vector<float> truth(x.data() + b * tk::hadamard_block, x.data() + (b + 1) * tk::hadamard_block);
        tk::scalar::hadamard(truth.data());
        CHECK(std::equal(truth.begin(), truth.end(), y.begin() + static_cast<std::ptrdiff_t>(b * tk::hadamard_block)));
      }
    }
  });
}
