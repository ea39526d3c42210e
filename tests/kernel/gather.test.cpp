// SPDX-License-Identifier: Apache-2.0
// Rows from a list on every target: the bits of one pair alone, in any order, with repetitions, whatever stands beside a row.
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;
using listed = tk::gather_kernels;
using table = tk::distance_kernels;

namespace {

/// Values whose every bit pattern is a finite number in its precision.
template <class Storage>
std::vector<Storage> random_values(random_source& random, std::size_t n) {
  if constexpr (std::is_same_v<Storage, float>) return random.floats(n);
  else {
    auto values = random.integers<Storage>(n);
    if constexpr (sizeof(Storage) == 2)
      for (Storage& value : values) value = static_cast<Storage>(value & 0xBFFFu);
    return values;
  }
}

/// `per_element` values lie in a storage element; lengths count elements where `in_elements`.
template <class Out, class Query, class Row>
void check(tk::one_to_listed<Out, Query, Row> listed::*many, tk::one_to_one<Out, Query, Row> table::*one,
           std::size_t per_element = 1, bool in_elements = false) {
  random_source random(3);
  for (const std::size_t n : {0u, 1u, 3u, 7u, 16u, 33u, 64u, 95u, 130u, 384u, 1001u}) {
    const std::size_t row_size = in_elements ? n : (n + per_element - 1) / per_element;
    constexpr std::size_t row_count = 50;
    const std::size_t stride = row_size + 3;
    const guarded<Query> query(random_values<Query>(random, n));
    const guarded<Row> rows(random_values<Row>(random, (row_count - 1) * stride + row_size));
    for (const std::size_t count : {0u, 1u, 2u, 3u, 4u, 5u, 9u, 35u, 70u}) {
      std::vector<std::uint32_t> at(count);
      for (std::uint32_t& row : at) row = random.bits() % row_count;
      if (count > 2) at[count - 1] = row_count - 1, at[0] = at[1];  // the row before the page's end; one twice
      const guarded<std::uint32_t> list(at);
      INFO("n = " << n << ", " << count << " rows");
      for_each_target([&](const kernel_table& target) {
        std::vector<Out> out(count + 1, Out{7});
        (target.gather.*many)(query.data(), rows.data(), stride, list.data(), count, n, out.data());
        std::size_t wrong = 0;
        for (std::size_t i = 0; i < count; ++i)
          if (out[i] != (target.distance.*one)(query.data(), rows.data() + at[i] * stride, n)) ++wrong;
        CHECK(wrong == 0);
        CHECK(out[count] == Out{7});
      });
    }
  }
}

}  // namespace

TEST_CASE("rows from a list are summed as pairs are, in every precision", "[kernel][gather]") {
  check<float, float, float>(&listed::dot_rows_f32, &table::dot_f32);
  check<float, float, float>(&listed::squared_l2_rows_f32, &table::squared_l2_f32);
  check<float, std::uint16_t, std::uint16_t>(&listed::dot_rows_f16, &table::dot_f16);
  check<float, std::uint16_t, std::uint16_t>(&listed::squared_l2_rows_f16, &table::squared_l2_f16);
  check<float, std::uint16_t, std::uint16_t>(&listed::dot_rows_bf16, &table::dot_bf16);
  check<float, std::uint16_t, std::uint16_t>(&listed::squared_l2_rows_bf16, &table::squared_l2_bf16);
  check<float, float, std::uint16_t>(&listed::dot_rows_f32_f16, &table::dot_f32_f16);
  check<float, float, std::uint16_t>(&listed::squared_l2_rows_f32_f16, &table::squared_l2_f32_f16);
  check<float, float, std::uint16_t>(&listed::dot_rows_f32_bf16, &table::dot_f32_bf16);
  check<float, float, std::uint16_t>(&listed::squared_l2_rows_f32_bf16, &table::squared_l2_f32_bf16);
  check<std::int32_t, std::int8_t, std::int8_t>(&listed::dot_rows_i8, &table::dot_i8);
  check<std::int32_t, std::int8_t, std::int8_t>(&listed::squared_l2_rows_i8, &table::squared_l2_i8);
  check<float, float, std::int8_t>(&listed::dot_rows_f32_i8, &table::dot_f32_i8);
  check<float, float, std::uint8_t>(&listed::dot_rows_f32_i4, &table::dot_f32_i4, 2);
  check<float, float, std::uint8_t>(&listed::dot_rows_f32_b1, &table::dot_f32_b1, 8);
  check<std::uint32_t, std::uint8_t, std::uint8_t>(&listed::hamming_rows_b1, &table::hamming_b1, 1, true);
  check<float, std::uint8_t, std::uint8_t>(&listed::jaccard_rows_b1, &table::jaccard_b1, 1, true);
}

TEST_CASE("pairs of i4 from a list", "[kernel][gather]") {
  random_source random(4);
  for (const std::size_t n : {1u, 2u, 31u, 63u, 129u, 767u}) {
    const std::size_t bytes = (n + 1) / 2;
    const guarded<std::uint8_t> query(random.integers<std::uint8_t>(bytes));
    const guarded<std::uint8_t> rows(random.integers<std::uint8_t>(9 * bytes));
    const std::vector<std::uint32_t> at = {8, 0, 3, 3, 7, 1, 2};
    for_each_target([&](const kernel_table& target) {
      std::vector<std::int32_t> out(at.size());
      target.gather.dot_rows_i4(query.data(), rows.data(), bytes, at.data(), at.size(), n, out.data());
      for (std::size_t i = 0; i < at.size(); ++i)
        CHECK(out[i] == target.distance.dot_i4(query.data(), rows.data() + at[i] * bytes, n));
    });
  }
}
