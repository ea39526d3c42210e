// SPDX-License-Identifier: Apache-2.0
// Every activation, on every target, within its stated error over the whole range of float, and element by element the
// same.
#include <tests/kernel/support/close.hpp>
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;
using tk::activation;

namespace {

constexpr activation all_activations[] = {activation::none,   activation::gelu_erf, activation::gelu_tanh,
                                          activation::relu,   activation::silu,     activation::tanh,
                                          activation::sigmoid};
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// The bounds of kernel/activation.hpp's table.
double stated_error(activation act, double x, double truth) {
  switch (act) {
    case activation::none: return 0.0;
    case activation::gelu_erf: return 3e-7 * std::fmax(1.0, std::fabs(x));
    case activation::gelu_tanh: return 3e-7 * std::fmax(1.0, std::fabs(x));
    case activation::relu: return 0.0;
    case activation::silu: return std::fmax(6.0 * ulp(truth), 1.2e-36);
    case activation::tanh: return 7.0 * ulp(truth);
    case activation::sigmoid: return std::fmax(5.0 * ulp(truth), 1.3e-38);
  }
  return 0.0;
}

/// Both signs of each. gelu_erf errs most of all floats at 4.46698 (with FMA) and 4.49076 (without), tanh at 7.04734.
std::vector<float> specials() {
  constexpr float magnitudes[] = {0.0f,      0x1p-149f, 0x1p-127f,  0x1p-126f, 1e-30f,   1e-8f,     0.5f,
                                  1.0f,      1.18789f,  4.46698f,   4.49076f,  7.04734f, 5.5f,      8.999999f, 9.0f,
                                  9.000001f, 87.29999f, 87.3f,      87.30001f, 88.8f,    104.0f,    1e10f,
                                  1e20f,     infinity,  5.4999995f, 5.500001f, nan_value, 3.4028234e38f};
  std::vector<float> values;
  for (const float x : magnitudes) {
    values.push_back(x);
    values.push_back(-x);
  }
  return values;
}

}  // namespace

TEST_CASE("activations keep their stated error over all floats", "[kernel][activation]") {
  // Every 4093rd bit pattern: a prime, so that mantissas and exponents mix; both signs, subnormals, infinities and NaN
  // included.
  constexpr std::uint64_t step = 4093;
  constexpr std::size_t block = std::size_t{1} << 16;
  for (const activation act : all_activations) {
    INFO("activation " << static_cast<int>(act));
    std::uint64_t next = 0;
    bool specials_left = true;
    while (next < (std::uint64_t{1} << 32)) {
      std::vector<float> x;
      if (specials_left) x = specials();
      specials_left = false;
      for (; x.size() < block && next < (std::uint64_t{1} << 32); next += step)
        x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(next)));
      std::vector<double> truth(x.size());
      for (std::size_t i = 0; i < x.size(); ++i) truth[i] = tk::scalar::activate(act, static_cast<double>(x[i]));
      std::vector<float> y(x.size());
      for_each_target([&](const kernel_table& table) {
        table.activation.activate_f32(act, x.data(), y.data(), x.size());
        double worst = 0.0;
        std::size_t where = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          // A truth beyond the largest float is infinity in f32.
          const double rounded = static_cast<double>(static_cast<float>(truth[i]));
          const double ratio = error_ratio(y[i], std::isinf(rounded) ? rounded : truth[i],
                                           stated_error(act, static_cast<double>(x[i]), truth[i]));
          if (ratio > worst) {
            worst = ratio;
            where = i;
          }
        }
        INFO("x = " << x[where] << ", wanted " << truth[where] << ", found " << y[where]);
        REQUIRE(worst <= 1.0);
      });
    }
  }
}

TEST_CASE("an element's activation depends on nothing beside it", "[kernel][activation]") {
  random_source random(11);
  for (const std::size_t n : test_lengths(4)) {
    guarded<float> x(random.floats(n));
    for (std::size_t i = 0; i < n; ++i) x[i] *= 6.0f;
    for (const activation act : all_activations) {
      for_each_target([&](const kernel_table& table) {
        guarded<float> y(n);
        table.activation.activate_f32(act, x.data(), y.data(), n);
        guarded<float> in_place(std::span<const float>(x.data(), n));
        table.activation.activate_f32(act, in_place.data(), in_place.data(), n);
        bool same = true;
        for (std::size_t i = 0; i < n; ++i) {
          float alone = 0.0f;
          table.activation.activate_f32(act, &x[i], &alone, 1);
          same = same && same_bits(y[i], alone) && same_bits(in_place[i], alone);
        }
        INFO("activation " << static_cast<int>(act) << ", n = " << n);
        CHECK(same);
      });
    }
  }
}

TEST_CASE("limits of activations", "[kernel][activation]") {
  for_each_target([](const kernel_table& table) {
    auto value = [&](activation act, float x) {
      float y = 0.0f;
      table.activation.activate_f32(act, &x, &y, 1);
      return y;
    };
    for (const activation act : {activation::gelu_erf, activation::gelu_tanh, activation::relu, activation::silu}) {
      INFO("activation " << static_cast<int>(act));
      CHECK(value(act, infinity) == infinity);
      CHECK(value(act, -infinity) == 0.0f);
      CHECK(value(act, -1e30f) == 0.0f);
      CHECK(value(act, 1e30f) == 1e30f);
      CHECK(value(act, 0.0f) == 0.0f);
    }
    CHECK(value(activation::tanh, infinity) == 1.0f);
    CHECK(value(activation::tanh, -infinity) == -1.0f);
    CHECK(value(activation::sigmoid, infinity) == 1.0f);
    CHECK(value(activation::sigmoid, -infinity) == 0.0f);
    CHECK(value(activation::sigmoid, 0.0f) == 0.5f);
    for (const activation act : all_activations) CHECK(std::isnan(value(act, nan_value)));
  });
}

TEST_CASE("a gate is its activation times what it lets through", "[kernel][activation]") {
  random_source random(12);
  for (const std::size_t n : test_lengths(4)) {
    guarded<float> gate(random.floats(n)), up(random.floats(n));
    for (std::size_t i = 0; i < n; ++i) gate[i] *= 6.0f;
    if (n > 2) gate[n / 2] = std::numeric_limits<float>::quiet_NaN();
    for (const activation act : all_activations) {
      std::vector<float> truth(n);
      tk::scalar::gate_f32(act, gate.data(), up.data(), truth.data(), n);
      for_each_target([&](const kernel_table& table) {
        guarded<float> y(n), activated(n), in_place(std::span<const float>(gate.data(), n));
        table.activation.gate_f32(act, gate.data(), up.data(), y.data(), n);
        table.activation.activate_f32(act, gate.data(), activated.data(), n);
        table.activation.gate_f32(act, in_place.data(), up.data(), in_place.data(), n);
        bool exact = true;
        for (std::size_t i = 0; i < n; ++i) exact = exact && same_bits(y[i], activated[i] * up[i]) && same_bits(y[i], in_place[i]);
        CHECK(exact);
        CHECK(worst_ratio(std::span<const float>(y.data(), n), truth, [&](std::size_t i) {
                const double x = static_cast<double>(gate[i]);
                const double error = stated_error(act, x, tk::scalar::activate(act, x));
                return error * std::fabs(static_cast<double>(up[i])) + 0.5 * ulp(static_cast<double>(truth[i]));
              }) <= 1.0);
      });
    }
  }
}
