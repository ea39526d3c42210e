// SPDX-License-Identifier: Apache-2.0
/// What the tests of the indices share: vectors drawn from a fixed seed, in any precision, and a search by definition.
#pragma once

#include <tests/support/catch.hpp>
#include <tests/support/fixtures.hpp>
#include <tests/support/result.hpp>

#include <tessera/index/flat.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

namespace tessera_tests {

namespace ts = tessera;

/// Rows whose components share a mean, as embeddings do; every seventh row repeats the one before it.
template <ts::embedding_space Space>
ts::embedding_matrix<Space> some_rows(std::size_t count, unsigned seed = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0.25f, 1.0f);
  auto rows = value_of(ts::embedding_matrix<Space>::make(count));
  for (std::size_t i = 0; i < count; ++i) {
    for (float& value : rows.values(i)) value = normal(random);
    if (Space::unit_length) ts::kernel::kernels().norm.l2_normalize_f32(rows.row(i).data(), rows.values(i).data(), Space::dimension);
    if (i % 7 == 6) std::copy_n(rows.row(i - 1).data(), Space::dimension, rows.values(i).data());
  }
  return rows;
}

/// The same rows in another precision.
template <ts::precision Precision, ts::embedding_space Space>
ts::embedding_matrix<Space, Precision> in_precision(const ts::embedding_matrix<Space>& rows) {
  if constexpr (ts::floating_precision<Precision>) return value_of(ts::cast<Precision>(rows));
  else return value_of(ts::quantize<Precision>(rows));
}

/// Ids that are neither dense nor in order: i -> (i * 7919) mod 2^20 + 5, all different for i < 2^20.
inline std::vector<std::uint64_t> some_ids(std::size_t count) {
  std::vector<std::uint64_t> ids(count);
  for (std::size_t i = 0; i < count; ++i) ids[i] = (i * 7919) % (1u << 20u) + 5;
  return ids;
}

/// The k nearest by definition: the metric on every row, then a sort with the documented order.
template <class Index, class Query, class Keep>
std::vector<ts::hit> by_definition(const Index& index, const Query& query, std::size_t k, const Keep& keep) {
  std::vector<ts::hit> all;
  for (std::size_t i = 0; i < index.size(); ++i)
    if (keep(index.ids()[i])) all.push_back({index.ids()[i], typename Index::metric{}(query, index.rows().row(i))});
  std::sort(all.begin(), all.end(), [](const ts::hit& a, const ts::hit& b) {
    const bool a_nan = a.score != a.score;
    const bool b_nan = b.score != b.score;
    if (a_nan != b_nan) return b_nan;
    if (!a_nan && a.score != b.score) return Index::metric::larger_is_nearer ? a.score > b.score : a.score < b.score;
    return a.id < b.id;
  });
  all.resize(std::min(all.size(), k));
  return all;
}
template <class Index, class Query>
std::vector<ts::hit> by_definition(const Index& index, const Query& query, std::size_t k) {
  return by_definition(index, query, k, [](std::uint64_t) { return true; });
}

/// Equal ids and equal bits of the scores (NaN equals NaN).
inline bool same_hits(const std::vector<ts::hit>& a, const std::vector<ts::hit>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const ts::hit& x, const ts::hit& y) {
    return x.id == y.id && std::bit_cast<std::uint32_t>(x.score) == std::bit_cast<std::uint32_t>(y.score);
  });
}

}  // namespace tessera_tests
