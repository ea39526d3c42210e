// SPDX-License-Identifier: Apache-2.0
/// Hits that are near and differ from each other: maximal marginal relevance (Carbonell and Goldstein, doi:10.1145/290941.291025).
///
///     TESSERA_TRY(const auto hits, ts::search_diverse(index, query, 10, {.diversity = 0.3f}));            // of the 50 nearest
///     TESSERA_TRY(const auto all, ts::search_diverse_exactly(index, query, 10, {.diversity = 0.3f}));      // of all rows
///
/// One after the other, the row x of the largest
///
///     (1 - diversity)·near(query, x) - diversity·max over those chosen of near(x, chosen)
///
/// is taken, where near is the metric's score, negated where small scores are near; the first is the nearest. Equal ones go by their place
/// among the hits: score, then id. Hits come in the order in which they were chosen, with their score; one whose score is NaN is never
/// chosen. Both forms keep each row's largest nearness to those chosen, so that a step costs one score a row: `search_diverse` looks at
/// `candidates` hits of the index, `search_diverse_exactly` at every row. Diversity 0 is the plain search, 1 looks for what is far apart.
#pragma once

#include <tessera/index/similarity_index.hpp>
#include <tessera/op/score_rows.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct diversity_options {
  float diversity = 0.3f;      ///< from 0 to 1; else it is an error (invalid_argument)
  std::size_t candidates = 0;  ///< hits that are chosen from; 0 is five for each that is wanted
  search_options search = {};
};

namespace detail {

[[nodiscard]] inline result<> is_diversity(float diversity) {
  if (diversity >= 0.0f && diversity <= 1.0f) return {};
  return fail({.code = error_code::invalid_argument,
               .thing = "diversity",
               .wanted = "a weight from 0 to 1",
               .found = std::to_string(diversity)});
}

/// k of `hits`, hits[i] standing in row i of `rows`; they stand nearest first.
template <class Metric, class Space, class Precision>
[[nodiscard]] result<std::vector<hit>> choose_diverse(const embedding_matrix<Space, Precision>& rows, std::span<const hit> hits,
                                                      std::size_t k, float diversity, const search_options& options) {
  static_assert(!std::is_same_v<Metric, sign_product>, "tessera: rows met by sign_product have no nearness to each other; use hamming");
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const auto near = [](float score) { return Metric::larger_is_nearer ? score : -score; };
  const std::size_t count = hits.size();
  std::vector<hit> chosen;
  std::vector<float> crowded(count, -infinity);  // the largest nearness to those chosen
  std::vector<float> scores(count);
  std::vector<char> open(count);
  for (std::size_t i = 0; i < count; ++i) open[i] = hits[i].score == hits[i].score;
  while (chosen.size() < std::min(k, count)) {
    if (options.interrupted()) return fail(interruption(options, count));
    std::size_t best = count;
    float most = -infinity;
    for (std::size_t i = 0; i < count; ++i) {
      if (!open[i]) continue;
      // The term of an empty choice, and infinity times zero, are nothing.
      float value = diversity < 1.0f ? (1.0f - diversity) * near(hits[i].score) : 0.0f;
      if (chosen.empty()) value = near(hits[i].score);
      else if (diversity > 0.0f) value -= diversity * crowded[i];
      if (best == count || value > most) best = i, most = value;
    }
    if (best == count) break;
    open[best] = 0;
    chosen.push_back(hits[best]);
    if (diversity == 0.0f || chosen.size() == k) continue;
    score_rows<Metric>(rows.row(best), rows, 0, count, scores.data());
    for (std::size_t i = 0; i < count; ++i) crowded[i] = std::max(crowded[i], near(scores[i]));
  }
  return chosen;
}

}  // namespace detail

/// Of the nearest rows that the index finds. Errors: invalid_argument (the weight), those of the search, out_of_memory.
template <similarity_index Index, class Query>
[[nodiscard]] result<std::vector<hit>> search_diverse(const Index& index, const Query& query, std::size_t k,
                                                      const diversity_options& options = {}) {
  TESSERA_CHECK(detail::is_diversity(options.diversity));
  const std::size_t wanted = std::max(k, options.candidates == 0 ? 5 * std::min(k, index.size()) : options.candidates);
  TESSERA_TRY(const std::vector<hit> hits, index.search(query, wanted, options.search));
  embedding_matrix<typename Index::space, typename Index::precision> rows;
  TESSERA_CHECK(rows.reserve(hits.size()));
  for (const hit& one : hits) {
    TESSERA_TRY(const auto row, index.get(one.id));
    TESSERA_CHECK(rows.append(row));
  }
  return detail::choose_diverse<typename Index::metric>(rows, hits, k, options.diversity, options.search);
}

/// Of all rows: what `search_diverse` comes near to, at the price of k + 1 passes over them. Errors: as there.
template <similarity_index Index, class Query>
[[nodiscard]] result<std::vector<hit>> search_diverse_exactly(const Index& index, const Query& query, std::size_t k,
                                                              const diversity_options& options = {}) {
  diversity_options all = options;
  all.candidates = std::max<std::size_t>(1, index.size());
  return search_diverse(index, query, k, all);
}

}  // namespace tessera::inline TESSERA_ABI
