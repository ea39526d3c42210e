// SPDX-License-Identifier: Apache-2.0
// Codes of every target equal the scalar definition's, and stay within the documented error of the value they stand for.
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// Vectors whose quotients meet ties, the ends of the range, subnormals and zeros.
std::vector<std::vector<float>> awkward_vectors(std::size_t n) {
  random_source random(static_cast<std::uint32_t>(n) + 37);
  std::vector<std::vector<float>> vectors;
  for (const float scale : {1.0f, 1e-3f, 0x1p127f, 0x1p-126f, 0x1p-140f}) {
    vectors.push_back(random.floats(n));
    for (float& x : vectors.back()) x *= scale;
  }
  vectors.emplace_back(n, 0.0f);
  vectors.emplace_back(n, -1.0f);
  std::vector<float> ties(n);
  for (std::size_t i = 0; i < n; ++i) ties[i] = static_cast<float>(static_cast<int>(i % 255) - 127) + 0.5f;
  if (n > 0) ties[n / 2] = 127.0f;
  vectors.push_back(ties);
  std::vector<float> smallest(n);
  for (std::size_t i = 0; i < n; ++i) smallest[i] = static_cast<float>(static_cast<int>(i % 381) - 190) * 0x1p-149f;
  vectors.push_back(smallest);
  return vectors;
}

}  // namespace

TEST_CASE("codes are the definition's on every target, and within the stated error", "[kernel][quantize]") {
  for (const std::size_t n : test_lengths(4)) {
    for (const std::vector<float>& vector : awkward_vectors(n)) {
      const guarded<float> x(vector);
      INFO("n = " << n << (n > 0 ? ", x[0] = " : "") << (n > 0 ? vector[0] : 0.0f));
      std::vector<std::int8_t> expected_i8(n);
      std::vector<std::uint8_t> expected_i4((n + 1) / 2);
      std::vector<std::uint8_t> expected_b1((n + 7) / 8);
      const float scale_i8 = tk::scalar::quantize_i8(x.data(), expected_i8.data(), n);
      const float scale_i4 = tk::scalar::quantize_i4(x.data(), expected_i4.data(), n);
      tk::scalar::binarize(x.data(), expected_b1.data(), n);
      bool within = true;
      for (std::size_t i = 0; i < n; ++i) {
        const double value = static_cast<double>(x[i]);
        const double s8 = static_cast<double>(scale_i8);
        const double s4 = static_cast<double>(scale_i4);
        within = within && std::fabs(value - s8 * expected_i8[i]) <= s8 * (0.5 + 0x1p-16) + 0x1p-143;
        within = within && std::fabs(value - s4 * tk::i4_elements::at(expected_i4.data(), i)) <= s4 * (0.5 + 0x1p-20) + 0x1p-143;
      }
      CHECK(within);
      for_each_target([&](const kernel_table& target) {
        const tk::quantize_kernels& k = target.quantize;
        guarded<std::int8_t> i8(n);
        guarded<std::uint8_t> i4((n + 1) / 2);
        guarded<std::uint8_t> b1((n + 7) / 8);
        guarded<float> back(n);
        CHECK(k.max_abs(x.data(), n) == tk::scalar::max_abs(x.data(), n));
        CHECK(k.all_finite(x.data(), n));
        CHECK(k.quantize_i8(x.data(), i8.data(), n) == scale_i8);
        CHECK(k.quantize_i4(x.data(), i4.data(), n) == scale_i4);
        k.binarize(x.data(), b1.data(), n);
        CHECK(std::vector<std::int8_t>(i8.data(), i8.data() + n) == expected_i8);
        CHECK(std::vector<std::uint8_t>(i4.data(), i4.data() + i4.size()) == expected_i4);
        CHECK(std::vector<std::uint8_t>(b1.data(), b1.data() + b1.size()) == expected_b1);
        std::size_t wrong = 0;
        k.dequantize_i8(i8.data(), scale_i8, back.data(), n);
        for (std::size_t i = 0; i < n; ++i) wrong += back[i] != static_cast<float>(expected_i8[i]) * scale_i8;
        k.dequantize_i4(i4.data(), scale_i4, back.data(), n);
        for (std::size_t i = 0; i < n; ++i)
          wrong += back[i] != static_cast<float>(tk::i4_elements::at(expected_i4.data(), i)) * scale_i4;
        CHECK(wrong == 0);
      });
    }
  }
}

TEST_CASE("every i4 and i8 code comes back as its own value", "[kernel][quantize]") {
  std::vector<std::uint8_t> bytes(256);
  std::vector<std::int8_t> codes(256);
  for (std::size_t i = 0; i < 256; ++i) {
    bytes[i] = static_cast<std::uint8_t>(i);
    codes[i] = static_cast<std::int8_t>(static_cast<int>(i) - 128);
  }
  for_each_target([&](const kernel_table& target) {
    std::vector<float> x(512);
    target.quantize.dequantize_i4(bytes.data(), 2.0f, x.data(), 512);
    for (std::size_t i = 0; i < 512; ++i) {
      const int half = static_cast<int>(i % 2 == 0 ? i / 2 & 15 : i / 2 >> 4);
      CHECK(x[i] == 2.0f * static_cast<float>(half < 8 ? half : half - 16));
    }
    target.quantize.dequantize_i8(codes.data(), 0.5f, x.data(), 256);
    for (std::size_t i = 0; i < 256; ++i) CHECK(x[i] == 0.5f * static_cast<float>(codes[i]));
  });
}

TEST_CASE("NaN and infinity are found wherever they stand", "[kernel][quantize]") {
  for (const std::size_t n : {1u, 4u, 17u, 33u, 70u})
    for (std::size_t at = 0; at < n; ++at)
      for (const float bad : {nan_value, -nan_value, infinity, -infinity, std::numeric_limits<float>::signaling_NaN()}) {
        std::vector<float> x(n, -2.0f);
        x[at] = bad;
        INFO("n = " << n << ", at " << at);
        for_each_target([&](const kernel_table& target) {
          const tk::quantize_kernels& k = target.quantize;
          CHECK_FALSE(k.all_finite(x.data(), n));
          CHECK(same_bits(k.max_abs(x.data(), n), std::isnan(bad) ? nan_value : infinity));
          std::vector<std::int8_t> i8(n, 99);
          std::vector<std::uint8_t> i4((n + 1) / 2, 99);
          CHECK_FALSE(std::isfinite(k.quantize_i8(x.data(), i8.data(), n)));
          CHECK_FALSE(std::isfinite(k.quantize_i4(x.data(), i4.data(), n)));
          CHECK(i8 == std::vector<std::int8_t>(n, 0));
          CHECK(i4 == std::vector<std::uint8_t>((n + 1) / 2, 0));
          std::vector<std::uint8_t> b1((n + 7) / 8, 99);
          std::vector<std::uint8_t> expected((n + 7) / 8, 99);
          k.binarize(x.data(), b1.data(), n);
          tk::scalar::binarize(x.data(), expected.data(), n);
          CHECK(b1 == expected);
        });
      }
}

TEST_CASE("a sign is positive only above zero", "[kernel][quantize]") {
  const std::vector<float> x = {0.0f, -0.0f, 0x1p-149f, -0x1p-149f, nan_value, infinity, -infinity, 1.0f, 3.0f};
  for_each_target([&](const kernel_table& target) {
    std::uint8_t bits[3] = {0, 0, 0x5A};
    target.quantize.binarize(x.data(), bits, x.size());
    CHECK(bits[0] == 0b10100100);
    CHECK(bits[1] == 1);
    CHECK(bits[2] == 0x5A);
  });
}

TEST_CASE("a sign around a centre is that of the exact difference", "[kernel][quantize]") {
  random_source random(31);
  for (const std::size_t n : test_lengths(sizeof(float))) {
    std::vector<float> values = random.floats(n);
    std::vector<float> middles = random.floats(n);
    for (std::size_t i = 0; i < n; i += 3) middles[i] = values[i];
    for (std::size_t i = 1; i < n; i += 5) middles[i] = std::nextafter(values[i], i % 2 == 0 ? 2.0f : -2.0f);
    const guarded<float> x(values);
    const guarded<float> centre(middles);
    std::vector<std::uint8_t> expected((n + 7) / 8);
    for (std::size_t i = 0; i < n; ++i)
      if (static_cast<double>(values[i]) - static_cast<double>(middles[i]) > 0.0)
        expected[i / 8] = static_cast<std::uint8_t>(expected[i / 8] | 1 << (i % 8));
    INFO("n = " << n);
    for_each_target([&](const kernel_table& target) {
      guarded<std::uint8_t> bits((n + 7) / 8);
      target.quantize.binarize_around(x.data(), centre.data(), bits.data(), n);
      CHECK(std::equal(expected.begin(), expected.end(), bits.data()));
    });
  }
}

TEST_CASE("codes with a range for each dimension stay within the documented bound, and are the same on every target",
          "[kernel][quantize]") {
  random_source random(37);
  for (const std::size_t n : test_lengths(sizeof(float))) {
    std::vector<float> steps(n);
    std::vector<float> middles(n);
    std::vector<float> values(n);
    for (std::size_t i = 0; i < n; ++i) {
      steps[i] = i % 7 == 3 ? 0.0f : std::ldexp(1.0f + random.unit() / 2.0f, static_cast<int>(random.bits() % 200) - 120);
      middles[i] = std::ldexp(random.unit(), static_cast<int>(random.bits() % 200) - 120);
      const float spread = (i % 11 == 5 ? 300.0f : 127.0f) * random.unit();  // some beyond the range
      values[i] = middles[i] + spread * steps[i];
    }
    const guarded<float> x(values);
    const guarded<float> centre(middles);
    const guarded<float> step(steps);
    std::vector<std::int8_t> expected(n);
    tk::scalar::quantize_dimensions_i8(values.data(), middles.data(), steps.data(), expected.data(), n);
    INFO("n = " << n);
    for_each_target([&](const kernel_table& target) {
      guarded<std::int8_t> codes(n);
      guarded<float> decoded(n);
      target.quantize.quantize_dimensions_i8(x.data(), centre.data(), step.data(), codes.data(), n);
      target.quantize.dequantize_dimensions_i8(codes.data(), centre.data(), step.data(), decoded.data(), n);
      CHECK(std::equal(expected.begin(), expected.end(), codes.data()));
      std::size_t beyond = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const double s = static_cast<double>(steps[i]);
        const double away = std::fabs(static_cast<double>(values[i]) - static_cast<double>(middles[i]));
        const double clamped = std::max(0.0, away - 127.0 * s);
        const double bound = s * (0.5 + 0x1p-14) + 0x1p-23 * (std::fabs(static_cast<double>(middles[i])) + 128.0 * s) + 0x1p-143;
        if (!(std::fabs(static_cast<double>(decoded[i]) - static_cast<double>(values[i])) <= clamped + bound)) ++beyond;
      }
      CHECK(beyond == 0);
    });
  }
}
