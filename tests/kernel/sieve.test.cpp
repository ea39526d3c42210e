// SPDX-License-Identifier: Apache-2.0
// Which rows pass, against the sums in integers and double.
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <cmath>
#include <limits>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;

TEST_CASE("a row passes where its reach is not below the query's least", "[kernel][sieve]") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();
  random_source random(41);
  for (const std::size_t steps : {0u, 1u, 2u, 3u, 16u, 96u, 192u})
    for (const std::size_t count : {0u, 1u, 7u, 8u, 9u, 21u}) {
      const std::size_t stride = 4 * steps + 4;
      std::vector<std::int8_t> codes = random.integers<std::int8_t>(count * stride);
      for (std::int8_t& code : codes)
        if (code == -128) code = -127;
      const guarded<std::int8_t> queries(codes);
      const guarded<std::uint8_t> panel(random.integers<std::uint8_t>(steps * 4 * tk::sieve_rows));
      std::vector<float> facts[4] = {random.floats(32), random.floats(32), random.floats(32), random.floats(32)};
      facts[2][5] = infinity;
      facts[2][6] = nan_value;
      const guarded<float> scale(facts[0]);
      const guarded<float> length(facts[1]);
      const guarded<float> residual(facts[2]);
      const guarded<float> offset(facts[3]);
      const tk::sieve_panel rows{panel.data(), scale.data(), length.data(), residual.data(), offset.data()};
      std::vector<tk::sieve_query> about(count);
      for (std::size_t q = 0; q < count; ++q) {
        std::int32_t sum = 0;
        for (std::size_t i = 0; i < 4 * steps; ++i) sum += codes[q * stride + i];
        about[q] = {-128 * sum, 0x1p-16f * random.unit(), random.unit(), 0x1p-10f + std::fabs(random.unit()), random.unit(), 0.0f};
        about[q].least = q % 5 == 4 ? -infinity : static_cast<float>(tk::scalar::sieve_reach(codes.data() + q * stride, about[q], rows, steps, q % 5));
      }
      INFO(steps << " steps, " << count << " queries");
      for_each_target([&](const kernel_table& target) {
        std::vector<std::uint32_t> passed(count + 1, 0xABCDu);
        target.sieve.sieve(queries.data(), stride, about.data(), count, rows, steps, passed.data());
        CHECK(passed[count] == 0xABCDu);
        std::size_t wrong = 0;
        for (std::size_t q = 0; q < count; ++q)
          for (std::size_t r = 0; r < 32; ++r) {
            const double reach = tk::scalar::sieve_reach(codes.data() + q * stride, about[q], rows, steps, r);
            const double least = static_cast<double>(about[q].least);
            const bool passes = (passed[q] >> r & 1u) != 0;
            // In between, f32 may decide either way.
            const double rounding = 0x1p-21 * (std::fabs(reach) + 8.0);
            if ((reach < least - rounding && passes) || (!(reach < least + rounding) && !passes)) ++wrong;
          }
        CHECK(wrong == 0);
      });
    }
}
