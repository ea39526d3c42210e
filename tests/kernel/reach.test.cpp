// SPDX-License-Identifier: Apache-2.0
// Reaches of panels and of records from a list, against the sums in integers and double.
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

/// `stride` codes, those from `used` on 0.
std::vector<std::int8_t> query_codes(random_source& random, std::size_t stride, std::size_t used) {
  auto codes = random.integers<std::int8_t>(stride);
  for (std::size_t i = 0; i < stride; ++i)
    if (i >= used) codes[i] = 0;
    else if (codes[i] == -128) codes[i] = -127;
  return codes;
}
std::int32_t start_of(const std::vector<std::int8_t>& codes) {
  std::int32_t sum = 0;
  for (const std::int8_t code : codes) sum += code;
  return -128 * sum;
}

}  // namespace

TEST_CASE("reach of rows in panels", "[kernel][reach]") {
  random_source random(43);
  for (const std::size_t steps : {1u, 2u, 7u, 24u, 96u})
    for (const std::size_t panels : {0u, 1u, 3u})
      for (const std::size_t count : {0u, 1u, 3u, 4u, 9u}) {
        const std::size_t rows = 32 * panels;
        const std::size_t stride = 4 * steps + 4;
        std::vector<std::int8_t> queries;
        std::vector<tk::reach_query> about;
        for (std::size_t q = 0; q < count; ++q) {
          const auto codes = query_codes(random, stride, 4 * steps);
          queries.insert(queries.end(), codes.begin(), codes.end());
          about.push_back({start_of(codes), 0x1p-16f * random.unit(), 0x1p-6f + std::fabs(random.unit())});
        }
        const guarded<std::int8_t> guarded_queries(queries);
        const guarded<std::uint8_t> codes(random.integers<std::uint8_t>(rows * 4 * steps));
        auto tails = random.floats(rows);
        for (float& tail : tails) tail = std::fabs(tail);
        if (rows > 40) tails[40] = std::numeric_limits<float>::infinity();
        const guarded<float> tail(tails);
        const guarded<float> offset(random.floats(rows));
        const tk::reach_panels to{codes.data(), tail.data(), offset.data()};
        INFO(steps << " steps, " << panels << " panels, " << count << " queries");
        for_each_target([&](const kernel_table& target) {
          std::vector<float> out(count * (rows + 1), -7.0f);
          target.reach.reach(guarded_queries.data(), stride, about.data(), count, to, panels, steps, out.data(), rows + 1);
          std::size_t wrong = 0;
          for (std::size_t q = 0; q < count; ++q) {
            for (std::size_t r = 0; r < rows; ++r) {
              const double exact = tk::scalar::reach(queries.data() + q * stride, about[q], to, steps, r);
              const double by_tail = static_cast<double>(about[q].by_tail) * static_cast<double>(tail.data()[r]);
              const double from_offset = std::fabs(static_cast<double>(offset.data()[r]));
              const double bound = 0x1p-22 * (std::fabs(exact - by_tail) + 2.0 * by_tail + 2.0 * from_offset);
              const double found = static_cast<double>(out[q * (rows + 1) + r]);
              wrong += std::isinf(exact) ? found != exact : !(std::fabs(found - exact) <= bound);
            }
            wrong += out[q * (rows + 1) + rows] != -7.0f;
          }
          CHECK(wrong == 0);
        });
      }
}

TEST_CASE("reach of records from a list", "[kernel][reach]") {
  random_source random(44);
  constexpr std::size_t rows = 50;
  for (const std::size_t stride : {64u, 192u, 448u})
    for (const std::size_t count : {0u, 1u, 2u, 4u, 5u, 31u, 70u}) {
      const auto codes = query_codes(random, stride, stride - 4);
      const tk::reach_query about{start_of(codes), 0x1p-16f * random.unit(), 0.0f};
      auto bytes = random.integers<std::uint8_t>(rows * stride);
      const auto offsets = random.floats(rows);
      for (std::size_t r = 0; r < rows; ++r) std::memcpy(bytes.data() + (r + 1) * stride - 4, &offsets[r], 4);
      const guarded<std::uint8_t> records(bytes);
      const guarded<std::int8_t> query(codes);
      std::vector<std::uint32_t> at(count);
      for (std::size_t i = 0; i < count; ++i) at[i] = static_cast<std::uint32_t>(i * 7 % rows);
      INFO(stride << " bytes, " << count << " records");
      for_each_target([&](const kernel_table& target) {
        std::vector<float> out(count + 1, -7.0f);
        target.reach.reach_listed(query.data(), about, records.data(), stride, at.data(), count, out.data());
        CHECK(out[count] == -7.0f);
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < count; ++i) {
          const double exact = tk::scalar::reach_record(codes.data(), about, bytes.data() + at[i] * stride, stride);
          const double offset = static_cast<double>(offsets[at[i]]);
          wrong += !(std::fabs(static_cast<double>(out[i]) - exact) <= 0x1p-22 * (std::fabs(exact - offset) + 2.0 * std::fabs(offset)));
        }
        CHECK(wrong == 0);
      });
    }
}
