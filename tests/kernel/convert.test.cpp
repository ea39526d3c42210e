// SPDX-License-Identifier: Apache-2.0
// The 16-bit conversions on every target: all 65536 patterns, the edges of f32, and bit equality with the scalar definition.
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;

namespace {

std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }
float float_of(std::uint32_t bits) { return std::bit_cast<float>(bits); }

std::vector<std::uint16_t> all_patterns() {
  std::vector<std::uint16_t> patterns(65536);
  std::iota(patterns.begin(), patterns.end(), std::uint16_t{0});
  return patterns;
}

/// Every exponent and sign, with mantissas at and beside each place where a rounding to 7 or 10 bits decides; and random bits.
std::vector<float> edge_floats() {
  std::vector<float> values;
  for (std::uint32_t exponent = 0; exponent < 256; ++exponent)
    for (std::uint32_t shift = 0; shift <= 23; ++shift)
      for (const std::uint32_t around : {0x7FFFFFu, 0u, 1u})
        for (const std::uint32_t high : {0u, 1u, 2u, 3u, 0x3FFu, 0x7FFFFFu}) {
          const std::uint32_t mantissa = ((high << shift) + (shift > 0 ? 1u << (shift - 1) : 0u) + around) & 0x7FFFFFu;
          values.push_back(float_of(exponent << 23 | mantissa));
          values.push_back(float_of(0x80000000u | exponent << 23 | mantissa));
        }
  random_source random(23);
  for (int i = 0; i < 200'000; ++i) values.push_back(float_of(random.bits()));
  return values;
}

/// The two 16-bit numbers around x and the nearer one, worked out in double without using the code under test.
template <class Widen>
bool is_nearest_even(float x, std::uint16_t got, const Widen& widen, std::uint16_t infinity) {
  const auto magnitude = static_cast<std::uint16_t>(got & 0x7FFF);
  const double value = std::fabs(static_cast<double>(x));
  const auto at = [&](std::uint16_t bits) {
    // The neighbour above the largest finite number, for rounding, is where the next binade would begin.
    return bits == infinity ? 2.0 * static_cast<double>(widen(static_cast<std::uint16_t>(infinity - 1))) -
                                  static_cast<double>(widen(static_cast<std::uint16_t>(infinity - 2)))
                            : static_cast<double>(widen(bits));
  };
  if (std::signbit(x) != ((got & 0x8000) != 0) || magnitude > infinity) return false;
  if (std::isinf(x)) return magnitude == infinity;
  const double here = std::fabs(at(magnitude) - value);
  if (magnitude == infinity && value >= at(infinity)) return true;
  const auto better_or_tied = [&](std::uint16_t other) {
    const double there = std::fabs(at(other) - value);
    return here < there || (here == there && (magnitude & 1) == 0);
  };
  if (magnitude > 0 && !better_or_tied(static_cast<std::uint16_t>(magnitude - 1))) return false;
  return magnitude == infinity || better_or_tied(static_cast<std::uint16_t>(magnitude + 1));
}

}  // namespace

TEST_CASE("every 16-bit pattern widens to its exact value and comes back", "[kernel][convert]") {
  const std::vector<std::uint16_t> patterns = all_patterns();
  std::vector<float> expected_f16(65536);
  std::vector<float> expected_bf16(65536);
  tk::scalar::f16_to_f32(patterns.data(), expected_f16.data(), 65536);
  tk::scalar::bf16_to_f32(patterns.data(), expected_bf16.data(), 65536);
  for (std::uint32_t i = 0; i < 65536; ++i) {  // the definition itself, from the formats' formulas
    const double sign = (i & 0x8000u) != 0 ? -1.0 : 1.0;
    const int e16 = static_cast<int>(i >> 10 & 31);
    const double m16 = static_cast<double>(i & 1023);
    if (e16 < 31) {
      const double exact = e16 == 0 ? sign * std::ldexp(m16, -24) : sign * std::ldexp(1024.0 + m16, e16 - 25);
      REQUIRE(static_cast<double>(expected_f16[i]) == exact);
    } else {
      REQUIRE(std::isnan(expected_f16[i]) == (m16 != 0.0));
    }
    const int e8 = static_cast<int>(i >> 7 & 255);
    const double m7 = static_cast<double>(i & 127);
    if (e8 < 255) {
      const double exact = e8 == 0 ? sign * std::ldexp(m7, -133) : sign * std::ldexp(128.0 + m7, e8 - 134);
      REQUIRE(static_cast<double>(expected_bf16[i]) == exact);
    } else {
      REQUIRE(std::isnan(expected_bf16[i]) == (m7 != 0.0));
    }
  }
  for_each_target([&](const kernel_table& target) {
    std::vector<float> wide(65536);
    std::vector<std::uint16_t> back(65536);
    std::size_t wrong = 0;
    target.convert.f16_to_f32(patterns.data(), wide.data(), 65536);
    for (std::size_t i = 0; i < 65536; ++i) wrong += bits_of(wide[i]) != bits_of(expected_f16[i]);
    CHECK(wrong == 0);
    target.convert.f32_to_f16(wide.data(), back.data(), 65536);
    for (std::size_t i = 0; i < 65536; ++i) {
      const bool is_nan = (i & 0x7C00) == 0x7C00 && (i & 0x3FF) != 0;
      wrong += back[i] != (is_nan ? i | 0x200 : i);
    }
    CHECK(wrong == 0);
    target.convert.bf16_to_f32(patterns.data(), wide.data(), 65536);
    for (std::size_t i = 0; i < 65536; ++i) wrong += bits_of(wide[i]) != bits_of(expected_bf16[i]);
    CHECK(wrong == 0);
    target.convert.f32_to_bf16(wide.data(), back.data(), 65536);
    for (std::size_t i = 0; i < 65536; ++i) {
      const bool is_nan = (i & 0x7F80) == 0x7F80 && (i & 0x7F) != 0;
      wrong += back[i] != (is_nan ? i | 0x40 : i);
    }
    CHECK(wrong == 0);
  });
}

TEST_CASE("narrowing rounds to nearest even over the edges of f32 and random bits", "[kernel][convert]") {
  const std::vector<float> values = edge_floats();
  std::vector<std::uint16_t> expected_f16(values.size());
  std::vector<std::uint16_t> expected_bf16(values.size());
  tk::scalar::f32_to_f16(values.data(), expected_f16.data(), values.size());
  tk::scalar::f32_to_bf16(values.data(), expected_bf16.data(), values.size());
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      wrong += (expected_f16[i] & 0x7E00) != 0x7E00 || (expected_bf16[i] & 0x7FC0) != 0x7FC0;
      continue;
    }
    wrong += !is_nearest_even(values[i], expected_f16[i], tessera::detail::float16_bits_to_float, 0x7C00);
    wrong += !is_nearest_even(values[i], expected_bf16[i], tessera::detail::bfloat16_bits_to_float, 0x7F80);
  }
  REQUIRE(wrong == 0);
  for_each_target([&](const kernel_table& target) {
    std::vector<std::uint16_t> out(values.size());
    std::size_t different = 0;
    target.convert.f32_to_f16(values.data(), out.data(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) different += out[i] != expected_f16[i];
    CHECK(different == 0);
    target.convert.f32_to_bf16(values.data(), out.data(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) different += out[i] != expected_bf16[i];
    CHECK(different == 0);
  });
}

TEST_CASE("conversions touch exactly n elements", "[kernel][convert]") {
  random_source random(29);
  for (const std::size_t n : test_lengths(2)) {
    const guarded<float> wide(random.floats(n));
    const guarded<std::uint16_t> narrow(random.integers<std::uint16_t>(n));
    guarded<float> wide_out(n);
    guarded<std::uint16_t> narrow_out(n);
    std::vector<float> wide_expected(n);
    std::vector<std::uint16_t> narrow_expected(n);
    INFO("n = " << n);
    for_each_target([&](const kernel_table& target) {
      const tk::convert_kernels& k = target.convert;
      std::size_t wrong = 0;
      k.f32_to_f16(wide.data(), narrow_out.data(), n);
      tk::scalar::f32_to_f16(wide.data(), narrow_expected.data(), n);
      for (std::size_t i = 0; i < n; ++i) wrong += narrow_out[i] != narrow_expected[i];
      k.f32_to_bf16(wide.data(), narrow_out.data(), n);
      tk::scalar::f32_to_bf16(wide.data(), narrow_expected.data(), n);
      for (std::size_t i = 0; i < n; ++i) wrong += narrow_out[i] != narrow_expected[i];
      k.f16_to_f32(narrow.data(), wide_out.data(), n);
      tk::scalar::f16_to_f32(narrow.data(), wide_expected.data(), n);
      for (std::size_t i = 0; i < n; ++i) wrong += bits_of(wide_out[i]) != bits_of(wide_expected[i]);
      k.bf16_to_f32(narrow.data(), wide_out.data(), n);
      tk::scalar::bf16_to_f32(narrow.data(), wide_expected.data(), n);
      for (std::size_t i = 0; i < n; ++i) wrong += bits_of(wide_out[i]) != bits_of(wide_expected[i]);
      CHECK(wrong == 0);
    });
  }
}

TEST_CASE("conversions write nothing before or behind their output", "[kernel][convert]") {
  random_source random(31);
  for (const std::size_t n : {0u, 1u, 3u, 7u, 15u, 17u, 31u, 33u}) {
    const std::vector<float> wide = random.floats(n);
    const std::vector<std::uint16_t> narrow = random.integers<std::uint16_t>(n);
    for_each_target([&](const kernel_table& target) {
      std::vector<std::uint16_t> narrow_out(n + 64, 0xABCD);
      target.convert.f32_to_f16(wide.data(), narrow_out.data() + 16, n);
      target.convert.f32_to_bf16(wide.data(), narrow_out.data() + 16, n);
      std::vector<float> wide_out(n + 64, -3.0f);
      target.convert.f16_to_f32(narrow.data(), wide_out.data() + 16, n);
      target.convert.bf16_to_f32(narrow.data(), wide_out.data() + 16, n);
      for (std::size_t i = 0; i < n + 64; ++i)
        if (i < 16 || i >= n + 16) CHECK((narrow_out[i] == 0xABCD && wide_out[i] == -3.0f));
    });
  }
}
