// SPDX-License-Identifier: Apache-2.0
// Tiles of queries and rows on every target: each score has the bits of the one-to-one kernel, whatever stands beside it.
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/base/half.hpp>
#include <tessera/dispatch.hpp>

#include <deque>
#include <limits>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;
using panels = tk::many_to_many_kernels;
using table = tk::distance_kernels;

namespace {

constexpr float untouched = -7.0f;

template <class Storage>
std::vector<Storage> random_values(random_source& random, std::size_t n) {
  if constexpr (std::is_same_v<Storage, float>) {
    auto values = random.floats(n);
    for (std::size_t i = 0; i < n; i += 17) values[i] = i % 2 == 0 ? 0x3p-149f : -0x1p-140f;  // subnormal
    return values;
  } else if constexpr (std::is_same_v<Storage, std::uint16_t>) {
    std::vector<std::uint16_t> values(n);
    for (std::uint16_t& value : values) value = static_cast<std::uint16_t>(random.bits() & 0xBFFFu);  // finite in both formats
    return values;
  } else {
    return random.integers<Storage>(n);
  }
}

/// `per_element` values lie in one storage element.
template <class Query, class Row>
void check(tk::pack_vector<Query> panels::*pack_query, tk::pack_vector<Row> panels::*pack_row,
           tk::one_to_one<float, Query, Row> table::*dot, tk::one_to_one<float, Query, Row> table::*squared_l2,
           std::size_t per_element = 1, tk::packed_to_packed panels::*score = &panels::dot) {
  const bool codes = score == &panels::dot_f32_i8 || score == &panels::dot_f32_i4, pairs = score == &panels::dot_bf16;
  random_source random(5);
  for (const std::size_t n : test_lengths(sizeof(float)))
    for (const std::size_t queries : {1u, 4u, 7u})
      for (const std::size_t rows : {1u, 3u, 9u}) {
        const std::size_t row_elements = (n + per_element - 1) / per_element;
        std::deque<guarded<Query>> q;
        std::deque<guarded<Row>> r;
        for (std::size_t i = 0; i < queries; ++i) {
          if constexpr (std::is_same_v<Query, float>) {  // codes meet in fixed point what has no subnormal value
            if (codes && i % 2 == 0) {
              q.emplace_back(random.floats(n));
              continue;
            }
          }
          q.emplace_back(random_values<Query>(random, n));
          if (pairs && i % 2 == 0)  // normal numbers, but for zeros
            for (std::size_t at = 0; at < n; ++at)
              if ((static_cast<unsigned>(q[i][at]) & 0x7F80u) == 0) q[i][at] = 0;
        }
        for (std::size_t j = 0; j < rows; ++j) {
          r.emplace_back(random_values<Row>(random, row_elements));
          if (pairs && j % 3 == 1)  // sums that subnormal numbers make
            for (std::size_t at = 0; at < n; ++at) r[j][at] = static_cast<Row>(static_cast<unsigned>(r[j][at]) & 0x80FFu);
        }
        INFO("n = " << n << ", " << queries << " queries, " << rows << " rows");
        for_each_target([&](const kernel_table& target) {
          const panels& k = target.many_to_many;
          const auto size = codes ? k.packed_codes_size : k.packed_size;
          guarded<float> query_panel(size(queries, n));
          guarded<float> row_panel(size(rows, n));
          // What a panel holds where no vector was packed must not matter.
          for (std::size_t i = 0; i < query_panel.size(); ++i) query_panel[i] = std::numeric_limits<float>::quiet_NaN();
          for (std::size_t i = 0; i < row_panel.size(); ++i) row_panel[i] = std::numeric_limits<float>::infinity();
          for (std::size_t i = 0; i < queries; ++i) (k.*pack_query)(q[i].data(), n, i, query_panel.data());
          for (std::size_t j = 0; j < rows; ++j) (k.*pack_row)(r[j].data(), n, j, row_panel.data());
          const std::size_t stride = rows + 2;
          std::vector<float> out(queries * stride, untouched);
          const auto verify = [&](tk::one_to_one<float, Query, Row> one) {
            std::size_t differing = 0;
            for (std::size_t i = 0; i < queries; ++i)
              for (std::size_t j = 0; j < stride; ++j)
                if (!same_bits(out[i * stride + j], j < rows ? one(q[i].data(), r[j].data(), n) : untouched)) ++differing;
            CHECK(differing == 0);
          };
          if (dot != nullptr) (k.*score)(query_panel.data(), queries, row_panel.data(), rows, n, out.data(), stride);
          if (dot != nullptr) verify(target.distance.*dot);
          if (squared_l2 != nullptr) {
            k.squared_l2(query_panel.data(), queries, row_panel.data(), rows, n, out.data(), stride);
            verify(target.distance.*squared_l2);
          }
        });
      }
}

}  // namespace

TEST_CASE("many to many has the bits of one to one in every precision", "[kernel][many_to_many]") {
  SECTION("f32") { check<float, float>(&panels::pack_f32, &panels::pack_f32, &table::dot_f32, &table::squared_l2_f32); }
  SECTION("f16") {
    check<std::uint16_t, std::uint16_t>(&panels::pack_f16, &panels::pack_f16, &table::dot_f16, &table::squared_l2_f16);
  }
  SECTION("bf16") {
    check<std::uint16_t, std::uint16_t>(&panels::pack_bf16_pairs, &panels::pack_bf16_pairs, &table::dot_bf16, nullptr, 1,
                                        &panels::dot_bf16);
  }
  SECTION("bf16, differences") {
    check<std::uint16_t, std::uint16_t>(&panels::pack_bf16_even_odd, &panels::pack_bf16_even_odd, nullptr, &table::squared_l2_bf16);
  }
  SECTION("f32 queries, f16 rows") {
    check<float, std::uint16_t>(&panels::pack_f32, &panels::pack_f16, &table::dot_f32_f16, &table::squared_l2_f32_f16);
  }
  SECTION("f32 queries, bf16 rows") {
    check<float, std::uint16_t>(&panels::pack_f32, &panels::pack_bf16, &table::dot_f32_bf16, &table::squared_l2_f32_bf16);
  }
  SECTION("f32 queries, i8 rows") {
    check<float, std::int8_t>(&panels::pack_f32_for_i8, &panels::pack_i8_for_f32, &table::dot_f32_i8, nullptr, 1, &panels::dot_f32_i8);
  }
  SECTION("f32 queries, i4 rows") {
    check<float, std::uint8_t>(&panels::pack_f32_for_i4, &panels::pack_i4_for_f32, &table::dot_f32_i4, nullptr, 2, &panels::dot_f32_i4);
  }
  SECTION("f32 queries, b1 rows") {
    check<float, std::uint8_t>(&panels::pack_f32, &panels::pack_b1, &table::dot_f32_b1, nullptr, 8);
  }
}

TEST_CASE("NaN and infinity stay with their own query and row in a tile", "[kernel][many_to_many]") {
  constexpr std::size_t n = 70;
  constexpr std::size_t count = 6;
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()})
    for (std::size_t at = 0; at < n; at += 3) {
      std::vector<float> values(n * count, 0.5f);
      values[2 * n + at] = bad;
      const std::vector<float> ones(n * count, 1.0f);
      for_each_target([&](const kernel_table& target) {
        const panels& k = target.many_to_many;
        std::vector<float> bad_panel(k.packed_size(count, n));
        std::vector<float> good_panel(k.packed_size(count, n));
        for (std::size_t i = 0; i < count; ++i) {
          k.pack_f32(values.data() + i * n, n, i, bad_panel.data());
          k.pack_f32(ones.data() + i * n, n, i, good_panel.data());
        }
        float out[count * count];
        const auto verify = [&](bool by_query) {
          std::size_t wrong = 0;
          for (std::size_t i = 0; i < count; ++i)
            for (std::size_t j = 0; j < count; ++j)
              if (!same_bits(out[i * count + j], (by_query ? i : j) == 2 ? bad : 35.0f)) ++wrong;
          CHECK(wrong == 0);
        };
        k.dot(bad_panel.data(), count, good_panel.data(), count, n, out, count);
        verify(true);
        k.dot(good_panel.data(), count, bad_panel.data(), count, n, out, count);
        verify(false);
      });
    }
}
