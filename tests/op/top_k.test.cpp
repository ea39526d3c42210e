// SPDX-License-Identifier: Apache-2.0
// Bounded selection against a full sort of all rows.
#include <tests/support/catch.hpp>

#include <tessera/op/top_k.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

namespace ts = tessera;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

/// The promise, worked out another way: numbers sorted by (score, id), then the NaN rows by id.
template <bool LargerIsNearer>
std::vector<ts::hit> by_sorting(const std::vector<ts::hit>& rows, std::size_t k) {
  std::vector<ts::hit> numbers;
  std::vector<ts::hit> nans;
  for (const ts::hit& row : rows) (std::isnan(row.score) ? nans : numbers).push_back(row);
  const auto by_id = [](const ts::hit& a, const ts::hit& b) { return a.id < b.id; };
  std::sort(numbers.begin(), numbers.end(), [](const ts::hit& a, const ts::hit& b) {
    const float near_a = LargerIsNearer ? -a.score : a.score;
    const float near_b = LargerIsNearer ? -b.score : b.score;
    return near_a != near_b ? near_a < near_b : a.id < b.id;
  });
  std::sort(nans.begin(), nans.end(), by_id);
  numbers.insert(numbers.end(), nans.begin(), nans.end());
  numbers.resize(std::min(k, numbers.size()));
  return numbers;
}

bool same(const std::vector<ts::hit>& a, const std::vector<ts::hit>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ts::hit& x, const ts::hit& y) {
    return x.id == y.id && std::bit_cast<std::uint32_t>(x.score) == std::bit_cast<std::uint32_t>(y.score);
  });
}

std::vector<ts::hit> make_rows(std::size_t n, std::uint32_t seed, bool with_specials) {
  std::mt19937 random(seed);
  std::vector<ts::hit> rows(n);
  for (std::size_t i = 0; i < n; ++i) {
    rows[i].id = i;
    rows[i].score = static_cast<float>(static_cast<int>(random() % 41) - 20) * 0.25f;  // many ties
    if (with_specials) {
      constexpr float specials[] = {nan_value, -nan_value, infinity, -infinity, 0.0f, -0.0f};
      if (random() % 4 == 0) rows[i].score = specials[random() % 6];
    }
  }
  return rows;
}

template <bool LargerIsNearer>
void check_all(const std::vector<ts::hit>& rows, std::size_t k) {
  const std::vector<ts::hit> expected = by_sorting<LargerIsNearer>(rows, k);
  std::vector<float> scores(rows.size());
  std::vector<std::uint64_t> ids(rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    scores[i] = rows[i].score;
    ids[i] = rows[i].id;
  }

  ts::top_k<LargerIsNearer> one_by_one(k);
  for (const ts::hit& row : rows) one_by_one.push(row.id, row.score);
  CHECK(same(one_by_one.take(), expected));
  CHECK(one_by_one.size() == 0);

  for (const std::size_t block : {1u, 7u, 64u, 1000u}) {
    ts::top_k<LargerIsNearer> blocks(k);
    for (std::size_t i = 0; i < rows.size(); i += block) {
      const std::size_t count = std::min<std::size_t>(block, rows.size() - i);
      blocks.push(std::span(scores).subspan(i, count), std::span<const std::uint64_t>(ids).subspan(i, count));
    }
    CHECK(same(blocks.take(), expected));
  }

  std::vector<ts::hit> shuffled = rows;
  std::shuffle(shuffled.begin(), shuffled.end(), std::mt19937(5));
  ts::top_k<LargerIsNearer> halves[2] = {ts::top_k<LargerIsNearer>(k), ts::top_k<LargerIsNearer>(k)};
  for (std::size_t i = 0; i < shuffled.size(); ++i) halves[i % 2].push(shuffled[i]);
  halves[0].push(halves[1]);
  CHECK(same(halves[0].take(), expected));
}

}  // namespace

TEST_CASE("the k nearest equal those of a full sort, with ties, NaN and infinities, for any k", "[op][top_k]") {
  for (const std::size_t n : {0u, 1u, 2u, 10u, 100u, 1000u})
    for (const std::size_t k : {0u, 1u, 2u, 10u, 99u, 100u, 101u, 5000u})
      for (const bool specials : {false, true}) {
        INFO("n = " << n << ", k = " << k << (specials ? ", with NaN and infinities" : ""));
        const std::vector<ts::hit> rows = make_rows(n, static_cast<std::uint32_t>(n * 7 + k), specials);
        check_all<true>(rows, k);
        check_all<false>(rows, k);
      }
}

TEST_CASE("rows of consecutive ids need only the first", "[op][top_k]") {
  const std::vector<float> scores = {0.5f, nan_value, 2.0f, -1.0f, 2.0f};
  ts::top_k<true> best(3);
  best.push(scores, std::uint64_t{1000});
  CHECK(best.full());
  CHECK(best.threshold() == 0.5f);
  CHECK(best.take() == std::vector<ts::hit>{{1002, 2.0f}, {1004, 2.0f}, {1000, 0.5f}});
  best.push(std::span(scores).subspan(1, 1), std::uint64_t{7});  // the selection can be used again
  const std::vector<ts::hit> only = best.take();
  REQUIRE(only.size() == 1);
  CHECK(only[0].id == 7);
  CHECK(std::isnan(only[0].score));
}

TEST_CASE("NaN never stands before a number, infinite distance included", "[op][top_k]") {
  static_assert(ts::ranks_before<true>({9, -infinity}, {1, nan_value}));
  static_assert(ts::ranks_before<false>({9, infinity}, {1, nan_value}));
  static_assert(!ts::ranks_before<true>({1, nan_value}, {9, -infinity}));
  static_assert(ts::ranks_before<true>({1, nan_value}, {9, nan_value}));
  static_assert(ts::ranks_before<true>({1, -0.0f}, {2, 0.0f}) && ts::ranks_before<true>({1, 0.0f}, {2, -0.0f}));
  std::vector<float> scores(100, nan_value);
  scores[90] = -infinity;
  ts::top_k<true> best(2);
  best.push(scores, std::uint64_t{0});
  const std::vector<ts::hit> hits = best.take();
  REQUIRE(hits.size() == 2);
  CHECK(hits[0] == ts::hit{90, -infinity});
  CHECK(hits[1].id == 0);
}

TEST_CASE("ids use all 64 bits", "[op][top_k]") {
  constexpr std::uint64_t high = std::numeric_limits<std::uint64_t>::max();
  ts::top_k<false> nearest(2);
  nearest.push(high, 1.0f);
  nearest.push(high - 1, 1.0f);
  nearest.push(3, 2.0f);
  CHECK(nearest.take() == std::vector<ts::hit>{{high - 1, 1.0f}, {high, 1.0f}});
}
