// SPDX-License-Identifier: Apache-2.0
// The search for the next candidate of a selection, on every target against the plain loop.
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <limits>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;

TEST_CASE("the next candidate is the first one, at every length and place", "[kernel][select]") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
  for (const std::size_t n : test_lengths(sizeof(float))) {
    if (n > 300) continue;
    for (std::size_t at = 0; at <= n; ++at)
      for (const float bound : {0.0f, -infinity, infinity, nan_value, 0x1p-149f}) {
        std::vector<float> values(n, nan_value);
        for (std::size_t i = 0; i < n; i += 2) values[i] = -1.0f;
        if (at < n) values[at] = at % 3 == 0 ? infinity : 0x1p-149f;
        const guarded<float> high(values);
        for (float& value : values) value = -value;
        const guarded<float> low(values);
        for_each_target([&](const kernel_table& target) {
          const std::size_t least = target.select.first_at_least(high.data(), n, bound);
          const std::size_t most = target.select.first_at_most(low.data(), n, -bound);
          if (least != tk::scalar::first_at_least(high.data(), n, bound) || most != tk::scalar::first_at_most(low.data(), n, -bound)) {
            INFO("n = " << n << ", at " << at << ", bound " << bound << ": " << least << ", " << most);
            CHECK(false);
          }
        });
      }
  }
}
