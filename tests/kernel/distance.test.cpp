// SPDX-License-Identifier: Apache-2.0
// Every distance kernel on every target of this machine against its definition in double or 64-bit integers.
#include <tests/kernel/support/targets.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>
#include <tessera/base/half.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;

namespace {

constexpr double u = 0x1p-24;
constexpr double least = 0x1p-149;
constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

template <class Elements>
std::vector<typename Elements::storage> stored(const std::vector<float>& values) {
  std::vector<typename Elements::storage> out(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if constexpr (std::is_same_v<Elements, tk::f32_elements>) out[i] = values[i];
    else if constexpr (std::is_same_v<Elements, tk::f16_elements>) out[i] = tessera::float16(values[i]).bits;
    else out[i] = tessera::bfloat16(values[i]).bits;
  }
  return out;
}

template <class Elements>
std::vector<typename Elements::storage> random_row(random_source& random, std::size_t n) {
  if constexpr (std::is_same_v<Elements, tk::i8_elements>) return random.integers<std::int8_t>(n);
  else if constexpr (std::is_same_v<Elements, tk::i4_elements>) return random.integers<std::uint8_t>((n + 1) / 2);
  else if constexpr (std::is_same_v<Elements, tk::b1_elements>) return random.integers<std::uint8_t>((n + 7) / 8);
  else return stored<Elements>(random.floats(n));
}

/// The exact value in double, and the sum of magnitudes that the bound of a dot product needs.
struct exact_sums {
  double dot = 0.0;
  double dot_magnitude = 0.0;
  double squared_l2 = 0.0;
  double aa = 0.0;
  double bb = 0.0;
  [[nodiscard]] double cosine() const { return aa == 0.0 || bb == 0.0 ? 0.0 : dot / std::sqrt(aa) / std::sqrt(bb); }
};
template <class A, class B>
exact_sums exact(const typename A::storage* a, const typename B::storage* b, std::size_t n) {
  exact_sums sums;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = static_cast<double>(A::at(a, i));
    const double y = static_cast<double>(B::at(b, i));
    sums.dot += x * y;
    sums.dot_magnitude += std::fabs(x * y);
    sums.squared_l2 += (x - y) * (x - y);
    sums.aa += x * x;
    sums.bb += y * y;
  }
  return sums;
}

void check_dot(float value, const exact_sums& sums, std::size_t n) {
  const double length = static_cast<double>(n);
  CHECK(std::fabs(static_cast<double>(value) - sums.dot) <= 2.0 * length * u * sums.dot_magnitude + length * least);
}
void check_squared_l2(float value, const exact_sums& sums, std::size_t n) {
  const double length = static_cast<double>(n);
  CHECK(std::fabs(static_cast<double>(value) - sums.squared_l2) <= 2.0 * (length + 2.0) * u * sums.squared_l2 + length * least);
}
void check_cosine(float value, const exact_sums& sums, std::size_t n) {
  CHECK(std::fabs(static_cast<double>(value) - sums.cosine()) <= 4.0 * (static_cast<double>(n) + 2.0) * u);
}

/// The three float distances of one pair of element types, one to one and one to many, at every length, read up to the page end.
template <class A, class B, class One, class Many>
void check_float_family(One dot, One squared_l2, One cosine, Many dot_rows, Many squared_l2_rows) {
  random_source random(7);
  for (const std::size_t n : test_lengths(sizeof(typename B::storage))) {
    const guarded<typename A::storage> a(random_row<A>(random, n));
    const guarded<typename B::storage> b(random_row<B>(random, n));
    const exact_sums sums = exact<A, B>(a.data(), b.data(), n);
    INFO("n = " << n);
    for_each_target([&](const kernel_table& table) {
      const tk::distance_kernels& k = table.distance;
      check_dot((k.*dot)(a.data(), b.data(), n), sums, n);
      if (squared_l2 != nullptr) check_squared_l2((k.*squared_l2)(a.data(), b.data(), n), sums, n);
      if (cosine != nullptr) check_cosine((k.*cosine)(a.data(), b.data(), n), sums, n);
    });
  }
  for (const std::size_t n : {0u, 1u, 3u, 15u, 31u, 64u, 67u, 128u, 190u, 384u, 1000u})
    for (const std::size_t count : {0u, 1u, 2u, 3u, 4u, 5u, 9u})
      for (const std::size_t gap : {0u, 5u}) {
        const std::size_t row = random_row<B>(random, n).size();
        const std::size_t stride = row + gap;
        const guarded<typename A::storage> query(random_row<A>(random, n));
        std::vector<typename B::storage> values = random_row<B>(random, 2 * stride * (count + 1));
        values.resize(count == 0 ? 0 : (count - 1) * stride + row);
        const guarded<typename B::storage> rows(values);
        INFO("n = " << n << ", rows " << count << ", stride " << stride);
        for_each_target([&](const kernel_table& table) {
          const tk::distance_kernels& k = table.distance;
          std::vector<float> out(count + 1, -7.0f);
          (k.*dot_rows)(query.data(), rows.data(), stride, count, n, out.data());
          for (std::size_t r = 0; r < count; ++r)
            CHECK(same_bits(out[r], (k.*dot)(query.data(), rows.data() + r * stride, n)));
          if (squared_l2_rows != nullptr) {
            (k.*squared_l2_rows)(query.data(), rows.data(), stride, count, n, out.data());
            for (std::size_t r = 0; r < count; ++r)
              CHECK(same_bits(out[r], (k.*squared_l2)(query.data(), rows.data() + r * stride, n)));
          }
          CHECK(out[count] == -7.0f);
        });
      }
}

using table = tk::distance_kernels;
template <class A, class B>
using one = tk::one_to_one<float, typename A::storage, typename B::storage> table::*;
template <class A, class B>
using many = tk::one_to_many<float, typename A::storage, typename B::storage> table::*;

template <class A, class B>
void check_floats(one<A, B> dot, one<A, B> squared_l2, one<A, B> cosine, many<A, B> dot_rows, many<A, B> squared_l2_rows) {
  check_float_family<A, B>(dot, squared_l2, cosine, dot_rows, squared_l2_rows);
}

using f32 = tk::f32_elements;
using f16 = tk::f16_elements;
using bf16 = tk::bf16_elements;
using i8 = tk::i8_elements;
using i4 = tk::i4_elements;
using b1 = tk::b1_elements;

}  // namespace

TEST_CASE("float distances of every precision stay within the documented bound at every length", "[kernel][distance]") {
  SECTION("f32") {
    check_floats<f32, f32>(&table::dot_f32, &table::squared_l2_f32, &table::cosine_f32, &table::dot_rows_f32,
                           &table::squared_l2_rows_f32);
  }
  SECTION("f16") {
    check_floats<f16, f16>(&table::dot_f16, &table::squared_l2_f16, &table::cosine_f16, &table::dot_rows_f16,
                           &table::squared_l2_rows_f16);
  }
  SECTION("bf16") {
    check_floats<bf16, bf16>(&table::dot_bf16, &table::squared_l2_bf16, &table::cosine_bf16, &table::dot_rows_bf16,
                             &table::squared_l2_rows_bf16);
  }
  SECTION("f32 query, f16 rows") {
    check_floats<f32, f16>(&table::dot_f32_f16, &table::squared_l2_f32_f16, &table::cosine_f32_f16, &table::dot_rows_f32_f16,
                           &table::squared_l2_rows_f32_f16);
  }
  SECTION("f32 query, bf16 rows") {
    check_floats<f32, bf16>(&table::dot_f32_bf16, &table::squared_l2_f32_bf16, &table::cosine_f32_bf16,
                            &table::dot_rows_f32_bf16, &table::squared_l2_rows_f32_bf16);
  }
  SECTION("f32 query, i8 rows") {
    check_floats<f32, i8>(&table::dot_f32_i8, nullptr, nullptr, &table::dot_rows_f32_i8, nullptr);
  }
  SECTION("f32 query, i4 rows") {
    check_floats<f32, i4>(&table::dot_f32_i4, nullptr, nullptr, &table::dot_rows_f32_i4, nullptr);
  }
  SECTION("f32 query, b1 rows") {
    check_floats<f32, b1>(&table::dot_f32_b1, nullptr, nullptr, &table::dot_rows_f32_b1, nullptr);
  }
}

TEST_CASE("an f32 query of any size and spread meets codes within the bound of f32 sums", "[kernel][distance]") {
  random_source random(29);
  const auto check = [](const std::vector<float>& query, const std::vector<std::int8_t>& codes, const std::vector<std::uint8_t>& halves) {
    const std::size_t n = query.size();
    const guarded<float> q(query);
    const guarded<std::int8_t> r(codes);
    const guarded<std::uint8_t> h(halves);
    const exact_sums sums = exact<f32, i8>(q.data(), r.data(), n), half_sums = exact<f32, i4>(q.data(), h.data(), n);
    for_each_target([&](const kernel_table& target) {
      check_dot(target.distance.dot_f32_i8(q.data(), r.data(), n), sums, n);
      check_dot(target.distance.dot_f32_i4(q.data(), h.data(), n), half_sums, n);
    });
  };
  for (const std::size_t n : {1u, 2u, 3u, 5u, 63u, 64u, 129u, 384u, 1536u, 4096u, 4097u})
    for (const int spread : {0, 6, 8, 13, 16, 18, 20, 24, 30, 60})  // the least magnitudes are 2^-spread of the largest
      for (const int power : {-148, -126, -91, -90, -60, 0, 28, 29, 30, 60, 100}) {
        const float largest = std::ldexp(1.0f, power);
        std::vector<float> query(n);
        std::vector<std::int8_t> codes = random.integers<std::int8_t>(n);
        std::vector<std::uint8_t> halves = random.integers<std::uint8_t>((n + 1) / 2);
        for (float& value : query) value = std::ldexp(random.unit(), power - static_cast<int>(random.bits() % static_cast<unsigned>(spread + 1)));
        // Where the query is largest rows may be zero: what the rest of the sum is worth then shows in full.
        for (std::size_t i = 0; i < n; ++i)
          if (std::fabs(query[i]) > largest * std::ldexp(1.0f, -spread / 2 - 1)) {
            codes[i] = 0;
            halves[i / 2] = static_cast<std::uint8_t>(halves[i / 2] & (i % 2 == 0 ? 0xF0 : 0x0F));
          }
        INFO("n = " << n << ", 2^" << power << ", spread 2^" << spread);
        check(query, codes, halves);
      }
  for (const float x : {0x1.FFFFFEp0f, -0x1.FFFFFEp0f, 0x1.FDFDFCp0f, -0x1.FDFDFCp0f, 0x1.FDFDFEp0f, -0x1.FDFDFEp0f, 0x1.FDFDFEp-91f,
                        0x1.FFFFFEp29f, 1.0f, 0.0f, -0.0f})
    for (const int code : {-128, 127, 0})
      for (const std::size_t n : {1u, 64u, 4095u, 4096u, 4100u}) {
        INFO("n = " << n << ", " << x << " by " << code);
        check(std::vector<float>(n, x), std::vector<std::int8_t>(n, static_cast<std::int8_t>(code)),
              std::vector<std::uint8_t>((n + 1) / 2, code < 0 ? 0x88 : code == 0 ? 0 : 0x77));
      }
}

TEST_CASE("bf16 of any size and spread meets bf16 within the bound of f32 sums, alike in every shape", "[kernel][distance]") {
  random_source random(31);
  const auto values = [&](std::size_t n, int power, int spread) {
    std::vector<float> x(n);
    for (float& value : x) value = std::ldexp(random.unit(), power - static_cast<int>(random.bits() % static_cast<unsigned>(spread + 1)));
    return stored<bf16>(x);
  };
  constexpr std::size_t count = 9;
  const std::vector<std::uint32_t> list = {3, 0, 8, 5, 5, 1, 2};
  for (const std::size_t n : {1u, 2u, 3u, 31u, 33u, 64u, 95u, 384u, 1536u})
    for (const int power : {-133, -120, -60, 0, 15, 16, 17, 60})
      for (const int row_power : {-140, -128, -125, -110, -60, -20, 0, 60})
        for (const int spread : {0, 8, 40}) {
          auto query = values(n, power, spread / 4);
          if (spread == 8) query[n / 2] = 0;
          std::vector<std::uint16_t> rows;
          for (std::size_t r = 0; r < count; ++r) {
            const auto row = r == 4 ? std::vector<std::uint16_t>(n) : values(n, row_power, spread);
            rows.insert(rows.end(), row.begin(), row.end());
          }
          std::vector<exact_sums> sums(count);
          for (std::size_t r = 0; r < count; ++r) sums[r] = exact<bf16, bf16>(query.data(), rows.data() + r * n, n);
          INFO("n = " << n << ", 2^" << power << " by 2^" << row_power << ", spread 2^" << spread);
          for_each_target([&](const kernel_table& target) {
            std::vector<float> out(count);
            target.distance.dot_rows_bf16(query.data(), rows.data(), n, count, n, out.data());
            std::size_t differing = 0;
            double beyond = 0.0;
            for (std::size_t r = 0; r < count; ++r) {
              const double bound = 2.0 * static_cast<double>(n) * u * sums[r].dot_magnitude + static_cast<double>(n) * least;
              beyond = std::max(beyond, std::fabs(static_cast<double>(out[r]) - sums[r].dot) - bound);
              differing += !same_bits(out[r], target.distance.dot_bf16(query.data(), rows.data() + r * n, n));
            }
            CHECK(beyond <= 0.0);
            std::vector<float> listed(list.size());
            target.gather.dot_rows_bf16(query.data(), rows.data(), n, list.data(), list.size(), n, listed.data());
            for (std::size_t i = 0; i < list.size(); ++i) differing += !same_bits(listed[i], out[list[i]]);
            CHECK(differing == 0);
          });
        }
}

TEST_CASE("NaN and infinity of a query pass through sums with codes", "[kernel][distance]") {
  for (const std::size_t n : {1u, 31u, 64u, 200u})
    for (std::size_t at = 0; at < n; at += 7)
      for (const float bad : {nan_value, infinity, -infinity})
        for (const std::int8_t code : {std::int8_t{3}, std::int8_t{-2}, std::int8_t{0}}) {
          std::vector<float> query(n, 0.5f);
          query[at] = bad;
          const std::vector<std::int8_t> codes(n, code);
          const std::vector<std::uint8_t> halves((n + 1) / 2, static_cast<std::uint8_t>((code & 15) * 17));
          for_each_target([&](const kernel_table& target) {
            const table& k = target.distance;
            CHECK(same_bits(k.dot_f32_i8(query.data(), codes.data(), n), tk::scalar::dot<f32, i8>(query.data(), codes.data(), n)));
            CHECK(same_bits(k.dot_f32_i4(query.data(), halves.data(), n), tk::scalar::dot<f32, i4>(query.data(), halves.data(), n)));
          });
        }
}

TEST_CASE("integer distances are exact at every length", "[kernel][distance]") {
  random_source random(11);
  for (const std::size_t n : test_lengths(1)) {
    const guarded<std::int8_t> a(random.integers<std::int8_t>(n));
    const guarded<std::int8_t> b(random.integers<std::int8_t>(n));
    const guarded<std::uint8_t> bits_a(random.integers<std::uint8_t>(n));
    const guarded<std::uint8_t> bits_b(random.integers<std::uint8_t>(n));
    const guarded<std::uint8_t> half_a(random.integers<std::uint8_t>((n + 1) / 2));  // odd n: the spare half byte is not zero
    const guarded<std::uint8_t> half_b(random.integers<std::uint8_t>((n + 1) / 2));
    INFO("n = " << n);
    for_each_target([&](const kernel_table& target) {
      const table& k = target.distance;
      CHECK(k.dot_i8(a.data(), b.data(), n) == tk::scalar::dot_integer<i8>(a.data(), b.data(), n));
      CHECK(k.squared_l2_i8(a.data(), b.data(), n) == tk::scalar::squared_l2_i8(a.data(), b.data(), n));
      CHECK(k.dot_i4(half_a.data(), half_b.data(), n) == tk::scalar::dot_integer<i4>(half_a.data(), half_b.data(), n));
      CHECK(k.hamming_b1(bits_a.data(), bits_b.data(), n) == tk::scalar::hamming_b1(bits_a.data(), bits_b.data(), n));
      CHECK(k.jaccard_b1(bits_a.data(), bits_b.data(), n) == tk::scalar::jaccard_b1(bits_a.data(), bits_b.data(), n));
    });
  }
}

TEST_CASE("integer one to many equals one to one", "[kernel][distance]") {
  random_source random(13);
  for (const std::size_t n : {0u, 1u, 7u, 48u, 63u, 64u, 65u, 96u, 384u, 1001u})
    for (const std::size_t count : {0u, 1u, 2u, 3u, 4u, 5u, 9u, 17u}) {
      const std::size_t stride = n + 3;
      const std::size_t size = count == 0 ? 0 : (count - 1) * stride + n;
      const guarded<std::int8_t> query(random.integers<std::int8_t>(n));
      const guarded<std::int8_t> rows(random.integers<std::int8_t>(size));
      const guarded<std::uint8_t> bits(random.integers<std::uint8_t>(n));
      const guarded<std::uint8_t> bit_rows(random.integers<std::uint8_t>(size));
      INFO("n = " << n << ", rows " << count);
      for_each_target([&](const kernel_table& target) {
        const table& k = target.distance;
        std::vector<std::int32_t> out(count);
        k.dot_rows_i8(query.data(), rows.data(), stride, count, n, out.data());
        for (std::size_t r = 0; r < count; ++r) CHECK(out[r] == k.dot_i8(query.data(), rows.data() + r * stride, n));
        k.squared_l2_rows_i8(query.data(), rows.data(), stride, count, n, out.data());
        for (std::size_t r = 0; r < count; ++r) CHECK(out[r] == k.squared_l2_i8(query.data(), rows.data() + r * stride, n));
        for (const std::size_t values : {2 * n, n == 0 ? 0 : 2 * n - 1}) {
          k.dot_rows_i4(bits.data(), bit_rows.data(), stride, count, values, out.data());
          for (std::size_t r = 0; r < count; ++r) CHECK(out[r] == k.dot_i4(bits.data(), bit_rows.data() + r * stride, values));
        }
        std::vector<std::uint32_t> differ(count);
        k.hamming_rows_b1(bits.data(), bit_rows.data(), stride, count, n, differ.data());
        for (std::size_t r = 0; r < count; ++r) CHECK(differ[r] == k.hamming_b1(bits.data(), bit_rows.data() + r * stride, n));
        std::vector<float> jaccard(count);
        k.jaccard_rows_b1(bits.data(), bit_rows.data(), stride, count, n, jaccard.data());
        for (std::size_t r = 0; r < count; ++r) CHECK(jaccard[r] == k.jaccard_b1(bits.data(), bit_rows.data() + r * stride, n));
      });
    }
}

TEST_CASE("rows that no cache holds have the bits that they have alone", "[kernel][distance]") {
  random_source random(14);
  for (const std::size_t n : {64u, 206u, 384u, 391u}) {
    const std::size_t stride = n + 5, count = (std::size_t{540} << 10) / stride | 1u;
    const std::size_t size = (count - 1) * stride + n;
    const std::vector<float> query = random.floats(8 * n);
    const std::vector<std::uint16_t> half_query = stored<bf16>(query), f16_query = stored<f16>(query);
    const guarded<std::uint16_t> bf16_rows(stored<bf16>(random.floats(size))), f16_rows(stored<f16>(random.floats(size)));
    const guarded<std::int8_t> codes(random.integers<std::int8_t>(n)), rows(random.integers<std::int8_t>(size));
    const guarded<std::uint8_t> halves(random.integers<std::uint8_t>(n)), half_rows(random.integers<std::uint8_t>(size));
    INFO("n = " << n << ", rows " << count);
    for_each_target([&](const kernel_table& target) {
      const table& k = target.distance;
      std::vector<float> out(count);
      std::vector<std::int32_t> sums(count);
      std::size_t same[9] = {};
      const auto count_same = [&](auto many, auto one, const auto* from, const auto* to) {
        many(from, to, stride, count, n, out.data());
        std::size_t equal = 0;
        for (std::size_t r = 0; r < count; ++r) equal += same_bits(out[r], one(from, to + r * stride, n));
        return equal;
      };
      same[5] = count_same(k.dot_rows_bf16, k.dot_bf16, half_query.data(), bf16_rows.data());
      same[6] = count_same(k.dot_rows_f32_bf16, k.dot_f32_bf16, query.data(), bf16_rows.data());
      same[7] = count_same(k.dot_rows_f16, k.dot_f16, f16_query.data(), f16_rows.data());
      same[8] = count_same(k.squared_l2_rows_f32_f16, k.squared_l2_f32_f16, query.data(), f16_rows.data());
      k.dot_rows_f32_i8(query.data(), rows.data(), stride, count, n, out.data());
      for (std::size_t r = 0; r < count; ++r) same[0] += same_bits(out[r], k.dot_f32_i8(query.data(), rows.data() + r * stride, n));
      k.dot_rows_f32_i4(query.data(), half_rows.data(), stride, count, 2 * n - 1, out.data());
      for (std::size_t r = 0; r < count; ++r)
        same[1] += same_bits(out[r], k.dot_f32_i4(query.data(), half_rows.data() + r * stride, 2 * n - 1));
      k.dot_rows_f32_b1(query.data(), half_rows.data(), stride, count, 8 * n - 3, out.data());
      for (std::size_t r = 0; r < count; ++r)
        same[2] += same_bits(out[r], k.dot_f32_b1(query.data(), half_rows.data() + r * stride, 8 * n - 3));
      k.dot_rows_i4(halves.data(), half_rows.data(), stride, count, 2 * n - 1, sums.data());
      for (std::size_t r = 0; r < count; ++r) same[3] += sums[r] == k.dot_i4(halves.data(), half_rows.data() + r * stride, 2 * n - 1);
      k.dot_rows_i8(codes.data(), rows.data(), stride, count, n, sums.data());
      for (std::size_t r = 0; r < count; ++r) same[4] += sums[r] == k.dot_i8(codes.data(), rows.data() + r * stride, n);
      for (const std::size_t equal : same) CHECK(equal == count);
    });
  }
}

TEST_CASE("the largest codes do not overflow within the documented lengths", "[kernel][distance]") {
  for (const auto& [x, y] : {std::pair{-128, -128}, std::pair{-128, 127}, std::pair{127, -128}, std::pair{127, 127}}) {
    const std::size_t n = (1u << 17) - 1;
    const std::vector<std::int8_t> a(n, static_cast<std::int8_t>(x));
    const std::vector<std::int8_t> b(n, static_cast<std::int8_t>(y));
    const std::vector<std::uint8_t> half_a(n, x < 0 ? 0x88 : 0x77);
    const std::vector<std::uint8_t> half_b(n, y < 0 ? 0x88 : 0x77);
    for_each_target([&](const kernel_table& target) {
      const table& k = target.distance;
      CHECK(k.dot_i8(a.data(), b.data(), n) == x * y * static_cast<int>(n));
      CHECK(k.squared_l2_i8(a.data(), b.data(), (1u << 15) - 1) == (x - y) * (x - y) * ((1 << 15) - 1));
      CHECK(k.dot_i4(half_a.data(), half_b.data(), n) == tk::scalar::dot_integer<i4>(half_a.data(), half_b.data(), n));
    });
  }
}

TEST_CASE("two empty sets are equal to Jaccard", "[kernel][distance]") {
  const std::vector<std::uint8_t> none(48, 0);
  const std::vector<std::uint8_t> all(48, 255);
  for_each_target([&](const kernel_table& target) {
    CHECK(target.distance.jaccard_b1(none.data(), none.data(), 48) == 0.0f);
    CHECK(target.distance.jaccard_b1(none.data(), all.data(), 48) == 1.0f);
    CHECK(target.distance.jaccard_b1(all.data(), all.data(), 48) == 0.0f);
    CHECK(target.distance.hamming_b1(none.data(), all.data(), 48) == 384);
  });
}

TEST_CASE("NaN and infinity pass through as IEEE arithmetic says, wherever they stand", "[kernel][distance]") {
  const auto check = []<class A, class B>(one<A, B> dot, one<A, B> squared_l2, one<A, B> cosine) {
    for (const std::size_t n : {1u, 5u, 16u, 33u, 64u, 131u}) {
      for (std::size_t at = 0; at < n; ++at) {
        for (const auto& [x, y] : {std::pair{nan_value, 1.0f}, std::pair{0.5f, nan_value}, std::pair{infinity, 2.0f},
                                   std::pair{-infinity, 2.0f}, std::pair{infinity, 0.0f}, std::pair{infinity, infinity},
                                   std::pair{1.0f, -infinity}}) {
          std::vector<float> fa(n, 0.25f);
          std::vector<float> fb(n, -0.5f);
          fa[at] = x;
          fb[at] = y;
          const auto a = stored<A>(fa);
          const auto b = stored<B>(fb);
          INFO("n = " << n << ", at " << at << ": " << x << " and " << y);
          for_each_target([&](const kernel_table& target) {
            const table& k = target.distance;
            CHECK(same_bits((k.*dot)(a.data(), b.data(), n), tk::scalar::dot<A, B>(a.data(), b.data(), n)));
            CHECK(same_bits((k.*squared_l2)(a.data(), b.data(), n), tk::scalar::squared_l2<A, B>(a.data(), b.data(), n)));
            CHECK(same_bits((k.*cosine)(a.data(), b.data(), n), tk::scalar::cosine<A, B>(a.data(), b.data(), n)));
          });
        }
      }
    }
  };
  check.operator()<f32, f32>(&table::dot_f32, &table::squared_l2_f32, &table::cosine_f32);
  check.operator()<f16, f16>(&table::dot_f16, &table::squared_l2_f16, &table::cosine_f16);
  check.operator()<bf16, bf16>(&table::dot_bf16, &table::squared_l2_bf16, &table::cosine_bf16);
  check.operator()<f32, f16>(&table::dot_f32_f16, &table::squared_l2_f32_f16, &table::cosine_f32_f16);
  check.operator()<f32, bf16>(&table::dot_f32_bf16, &table::squared_l2_f32_bf16, &table::cosine_f32_bf16);
}

TEST_CASE("infinities of both signs sum to NaN", "[kernel][distance]") {
  std::vector<float> a(40, 1.0f);
  const std::vector<float> b(40, 1.0f);
  a[3] = infinity;
  a[37] = -infinity;
  for_each_target([&](const kernel_table& target) { CHECK(std::isnan(target.distance.dot_f32(a.data(), b.data(), 40))); });
}

TEST_CASE("subnormal values count in full", "[kernel][distance]") {
  for (const std::size_t n : {1u, 7u, 64u, 100u}) {
    for_each_target([&](const kernel_table& target) {
      const table& k = target.distance;
      const std::vector<float> tiny(n, 0x3p-149f);
      const std::vector<float> large(n, 0x1p120f);
      CHECK(k.dot_f32(tiny.data(), large.data(), n) == static_cast<float>(n) * 0x3p-29f);
      const std::vector<std::uint16_t> tiny_f16(n, 0x8003);  // -3 · 2^-24
      const std::vector<std::uint16_t> one_f16(n, 0x3C00);
      CHECK(k.dot_f16(tiny_f16.data(), one_f16.data(), n) == static_cast<float>(n) * -0x3p-24f);
      CHECK(k.dot_f32_f16(large.data(), tiny_f16.data(), n) == static_cast<float>(n) * -0x3p96f);
      const std::vector<std::uint16_t> tiny_bf16(n, 0x0003);  // 3 · 2^-133
      const std::vector<std::uint16_t> large_bf16(n, 0x7B80);  // 2^120
      CHECK(k.dot_bf16(tiny_bf16.data(), large_bf16.data(), n) == static_cast<float>(n) * 0x3p-13f);
      CHECK(k.dot_f32_bf16(large.data(), tiny_bf16.data(), n) == static_cast<float>(n) * 0x3p-13f);
      const std::vector<float> zero(n, 0.0f);
      CHECK(k.squared_l2_f32(std::vector<float>(n, 0x1p-74f).data(), zero.data(), n) == static_cast<float>(n) * 0x1p-148f);
    });
  }
}

TEST_CASE("cosine has room for every float, and zero has no direction", "[kernel][distance]") {
  random_source random(17);
  for (const std::size_t n : {1u, 3u, 64u, 100u, 384u}) {
    const std::vector<float> a = random.floats(n);
    const std::vector<float> b = random.floats(n);
    const std::vector<float> zero(n, 0.0f);
    for (const float scale : {1.0f, 0x1p-120f, 0x1p-60f, 0x1p60f, 0x1p120f}) {
      std::vector<float> scaled = a;
      for (float& x : scaled) x *= scale;
      const exact_sums sums = exact<f32, f32>(scaled.data(), b.data(), n);
      INFO("n = " << n << ", scale " << scale);
      for_each_target([&](const kernel_table& target) {
        check_cosine(target.distance.cosine_f32(scaled.data(), b.data(), n), sums, n);
        check_cosine(target.distance.cosine_f32(b.data(), scaled.data(), n), sums, n);
        CHECK(std::fabs(target.distance.cosine_f32(scaled.data(), scaled.data(), n) - 1.0f) <=
              static_cast<float>(4.0 * (static_cast<double>(n) + 2.0) * u));
        CHECK(target.distance.cosine_f32(scaled.data(), zero.data(), n) == 0.0f);
        CHECK(target.distance.cosine_f32(zero.data(), scaled.data(), n) == 0.0f);
      });
    }
  }
}

TEST_CASE("the cosine is that of the dot kernel's sums, to the bit", "[kernel][distance]") {
  random_source random(23);
  for (const std::size_t n : test_lengths(sizeof(float))) {
    const std::vector<float> a = random.floats(n);
    const std::vector<float> b = random.floats(n);
    for_each_target([&](const kernel_table& target) {
      const table& k = target.distance;
      const float aa = k.dot_f32(a.data(), a.data(), n);
      const float bb = k.dot_f32(b.data(), b.data(), n);
      CHECK(tk::cosine_in_range(aa, bb) == (n > 0));
      if (n > 0)
        CHECK(same_bits(k.cosine_f32(a.data(), b.data(), n), tk::cosine_of_sums(k.dot_f32(a.data(), b.data(), n), aa, bb)));
    });
  }
}

TEST_CASE("a sum does not depend on where its vectors stand in memory", "[kernel][distance]") {
  random_source random(19);
  constexpr std::size_t n = 389;
  const std::vector<float> a = random.floats(n);
  const std::vector<float> b = random.floats(n);
  const std::vector<std::int8_t> c = random.integers<std::int8_t>(n);
  std::vector<unsigned char> place(n * sizeof(float) + 128);
  for_each_target([&](const kernel_table& target) {
    const float expected = target.distance.dot_f32(a.data(), b.data(), n);
    const std::int32_t expected_i8 = target.distance.dot_i8(c.data(), c.data(), n);
    for (std::size_t offset = 0; offset < 64; offset += sizeof(float)) {
      auto* moved = reinterpret_cast<float*>(static_cast<void*>(place.data() + offset));
      std::memcpy(moved, a.data(), n * sizeof(float));
      CHECK(same_bits(target.distance.dot_f32(moved, b.data(), n), expected));
    }
    for (std::size_t offset = 0; offset < 64; ++offset) {
      auto* moved = reinterpret_cast<std::int8_t*>(place.data() + offset);
      std::memcpy(moved, c.data(), n);
      CHECK(target.distance.dot_i8(moved, c.data(), n) == expected_i8);
    }
  });
}

TEST_CASE("the definitions agree with sums worked by hand", "[kernel][distance]") {
  constexpr float a[] = {1.0f, 2.0f, 3.0f};
  constexpr float b[] = {4.0f, -5.0f, 6.0f};
  static_assert(tk::scalar::dot<f32, f32>(a, b, 3) == 12.0f);
  static_assert(tk::scalar::squared_l2<f32, f32>(a, b, 3) == 67.0f);
  constexpr std::uint8_t x[] = {0x1F, 0x08};  // -1, 1, -8
  constexpr std::uint8_t y[] = {0x72, 0x0F};  // 2, 7, -1
  static_assert(tk::scalar::dot_integer<i4>(x, y, 3) == -2 + 7 + 8);
  static_assert(tk::scalar::hamming_b1(x, y, 2) == 5 + 3);
  constexpr std::uint8_t signs[] = {0x05};
  static_assert(tk::scalar::dot<f32, b1>(a, signs, 3) == 1.0f - 2.0f + 3.0f);
  CHECK(tk::scalar::cosine<f32, f32>(a, a, 3) == 1.0f);
}
