// SPDX-License-Identifier: Apache-2.0
/// Orders what a search found by a better, slower scorer: a function of one hit, a function of all of them, or a model that reads texts.
///
///     auto best = ts::rerank(hits, [&](const ts::hit& one) { return recency(one.id) * one.score; }, {.top = 10});
///     auto read = ts::rerank(hits, ts::read_by(judge, "edit audio", [&](std::uint64_t id) { return text_of(id); }));
///     auto both = ts::search_reranked(index, query, 10, 50, scorer);      // the best 10 of the 50 nearest
///
/// A scorer gives a float, or a result<float>, for a hit; or a std::vector<float>, or a result of it, for a std::span<const hit>. Larger is
/// better. Hits come back best first with the new score, equal ones in the order in which they came. A score of NaN says nothing about
/// its hit, which is left out and counted; an error of the scorer is the call's.
#pragma once

#include <tessera/index/similarity_index.hpp>

#include <algorithm>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct rerank_options {
  std::size_t top = std::numeric_limits<std::size_t>::max();
  float least = -std::numeric_limits<float>::infinity();  ///< hits that score lower are left out; NaN is an error (invalid_argument)
};

struct reranked {
  std::vector<hit> hits;
  std::size_t unscored = 0;  ///< hits left out because their score was NaN
};

namespace detail {

template <class T>
struct scorer_answer {
  using type = T;
  [[nodiscard]] static result<T> of(T value) { return value; }
};
template <class T>
struct scorer_answer<std::expected<T, error>> {
  using type = T;
  [[nodiscard]] static result<T> of(std::expected<T, error> value) { return value; }
};

template <class Scorer>
[[nodiscard]] result<std::vector<float>> scores_of(std::span<const hit> hits, Scorer& scorer) {
  if constexpr (std::is_invocable_v<Scorer&, const hit&>) {
    using answer = scorer_answer<std::remove_cvref_t<std::invoke_result_t<Scorer&, const hit&>>>;
    static_assert(std::is_convertible_v<typename answer::type, float>, "tessera: a scorer of a hit gives a float or a result<float>");
    std::vector<float> scores;
    scores.reserve(hits.size());
    for (const hit& one : hits) {
      TESSERA_TRY(const auto score, answer::of(scorer(one)));
      scores.push_back(static_cast<float>(score));
    }
    return scores;
  } else {
    static_assert(std::is_invocable_v<Scorer&, std::span<const hit>>,
                  "tessera: a scorer takes a hit and gives a float, or takes a std::span<const hit> and gives a std::vector<float>");
    using answer = scorer_answer<std::remove_cvref_t<std::invoke_result_t<Scorer&, std::span<const hit>>>>;
    TESSERA_TRY(std::vector<float> scores, answer::of(scorer(hits)));
    if (scores.size() != hits.size())
      return fail({.code = error_code::mismatch,
                   .thing = "scores",
                   .wanted = std::to_string(hits.size()) + ", one a hit",
                   .found = std::to_string(scores.size())});
    return scores;
  }
}

}  // namespace detail

/// Errors: invalid_argument (least is NaN), mismatch (another number of scores than hits), those of the scorer.
template <class Scorer>
[[nodiscard]] result<reranked> rerank(std::span<const hit> hits, Scorer&& scorer, const rerank_options& options = {}) {
  if (options.least != options.least)
    return fail({.code = error_code::invalid_argument, .thing = "least", .wanted = "a number", .found = "NaN"});
  TESSERA_TRY(const std::vector<float> scores, detail::scores_of(hits, scorer));
  reranked made;
  std::vector<std::pair<float, std::size_t>> order;
  for (std::size_t i = 0; i < hits.size(); ++i) {
    if (scores[i] != scores[i]) ++made.unscored;
    else if (scores[i] >= options.least) order.emplace_back(scores[i], i);
  }
  std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : a.second < b.second;
  });
  order.resize(std::min(order.size(), options.top));
  for (const auto& [score, at] : order) made.hits.push_back({hits[at].id, score});
  return made;
}

/// The k best by the scorer of the `candidates` nearest (at least k). Errors: those of the search and of `rerank`.
template <similarity_index Index, class Query, class Scorer>
[[nodiscard]] result<reranked> search_reranked(const Index& index, const Query& query, std::size_t k, std::size_t candidates,
                                               Scorer&& scorer, const search_options& options = {}) {
  TESSERA_TRY(const std::vector<hit> hits, index.search(query, std::max(k, candidates), options));
  return rerank(hits, std::forward<Scorer>(scorer), {.top = k});
}

/// A scorer that lets a reranker (model/reranker.hpp) read the query and text_of(id) together; scores are its probabilities. `judge` and
/// `text_of` must outlive it; text_of gives what a std::string_view can look at for as long as the call lasts.
template <class Judge, class TextOf>
[[nodiscard]] auto read_by(const Judge& judge, std::string_view query, const TextOf& text_of) {
  return [&judge, query = std::string(query), &text_of](std::span<const hit> hits) -> result<std::vector<float>> {
    std::vector<std::remove_cvref_t<decltype(text_of(hits[0].id))>> texts;
    texts.reserve(hits.size());
    for (const hit& one : hits) texts.push_back(text_of(one.id));
    std::vector<typename Judge::input> pairs;
    for (const auto& text : texts) pairs.push_back({query, text});
    TESSERA_TRY(const auto found, judge.scores(std::span<const typename Judge::input>(pairs)));
    std::vector<float> scores;
    for (const auto& one : found) scores.push_back(one.score);
    return scores;
  };
}

}  // namespace tessera::inline TESSERA_ABI
