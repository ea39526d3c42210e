// SPDX-License-Identifier: Apache-2.0
// Rotation of every target against double, both layouts, every width, positions up to the ends of long models.
#include <tests/kernel/support/close.hpp>
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <cmath>
#include <cstdint>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;

TEST_CASE("rotation keeps its stated error and touches nothing else", "[kernel][rotary]") {
  random_source random(31);
  const std::vector<std::uint32_t> positions = {0, 1, 2, 77, 511, 8191, 131071, 1048575};
  for (const std::size_t head_width : {2u, 12u, 64u, 70u, 128u}) {
    for (std::size_t rotary_width = 0; rotary_width <= head_width; rotary_width += rotary_width < 34 ? 2
                                                                                   : head_width - rotary_width < 10
                                                                                       ? 2
                                                                                       : 10) {
      for (const bool interleaved : {false, true}) {
        const std::size_t heads = 3;
        const std::size_t stride = heads * head_width + 1;
        std::vector<float> frequencies;
        for (std::size_t i = 0; i < rotary_width / 2; ++i)
          frequencies.push_back(
              static_cast<float>(std::pow(1e4, -2.0 * static_cast<double>(i) / static_cast<double>(rotary_width))));
        const guarded<float> inv_freq(frequencies);
        const std::vector<float> x = random.floats((positions.size() - 1) * stride + heads * head_width);
        std::vector<float> truth = x;
        tk::scalar::rotary_f32(truth.data(), stride, positions.size(), heads, head_width, rotary_width,
                               positions.data(), inv_freq.data(), interleaved);
        for_each_target([&](const kernel_table& table) {
          guarded<float> turned(x);
          table.rotary.rotary_f32(turned.data(), stride, positions.size(), heads, head_width, rotary_width,
                                  positions.data(), inv_freq.data(), interleaved);
          double worst = 0.0;
          bool outside = true;
          for (std::size_t i = 0; i < x.size(); ++i) {
            const std::size_t column = i % stride;
            const std::size_t c = column % head_width;
            if (column >= heads * head_width || c >= rotary_width) {
              outside = outside && same_bits(turned[i], x[i]);
              continue;
            }
            const std::size_t half = rotary_width / 2;
            const std::size_t partner = interleaved ? (c % 2 == 0 ? i + 1 : i - 1) : (c < half ? i + half : i - half);
            const double bound =
                0x1p-23 * (std::fabs(static_cast<double>(x[i])) + std::fabs(static_cast<double>(x[partner])));
            worst = std::fmax(worst, error_ratio(turned[i], static_cast<double>(truth[i]), bound));
          }
          INFO("head " << head_width << ", rotary " << rotary_width << ", interleaved " << interleaved);
          CHECK(worst <= 1.0);
          CHECK(outside);
        });
      }
    }
  }
}

TEST_CASE("sine and cosine are as exact as rotation says for every angle below 2^20", "[kernel][rotary]") {
  // x = (1, 0) turns into (cos, sin).
  for_each_target([](const kernel_table& table) {
    const float one = 1.0f;
    double worst = 0.0;
    for (std::uint32_t position = 0; position < 1u << 20; position += position < 4096 ? 1 : 37) {
      float pair[2] = {1.0f, 0.0f};
      table.rotary.rotary_f32(pair, 2, 1, 1, 2, 2, &position, &one, false);
      const double angle = static_cast<double>(position);
      worst = std::fmax(worst, std::fabs(static_cast<double>(pair[0]) - std::cos(angle)) / ulp(std::cos(angle)));
      worst = std::fmax(worst, std::fabs(static_cast<double>(pair[1]) - std::sin(angle)) / ulp(std::sin(angle)));
    }
    CHECK(worst <= 0.51);
  });
}
