// SPDX-License-Identifier: Apache-2.0
/// The longer member functions of `hnsw`: linking, repair, search and calibration. Included by index/hnsw.hpp.
#pragma once

#include <tessera/index/hnsw.hpp>

#include <array>
#include <cmath>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
result<> hnsw<Space, Precision, Metric, Guide>::link_new(const build_options& options) {
  constexpr bool codable = detail::has_leading_codes<Metric, Space, Precision>;
  using codes = std::conditional_t<codable, detail::leading_codes_guide<Metric, Space, Precision>, guide_type>;
  constexpr bool by_codes = codable && std::is_same_v<guide_type, codes>;
  const std::size_t total = base::ids().size();
  const auto are_many = [&] { return total - graph_.rows() >= std::max(detail::bulk_neighbours::least_rows, graph_.rows() / 8); };
  // Many rows are linked by codes that are finer than those of walks and not kept: such links are as good as those chosen by the rows, of
  // which these codes are a sixth in f32 (59,000 embeddings: codes as of walks need a tenth more effort for a recall of 0.99).
  std::optional<codes> fine;
  if constexpr (codable)
    if (are_many()) fine = codes::finer();
  const auto coded = [&] {
    if constexpr (by_codes) return guide_.append(base::rows(), graph_.rows(), fine ? &*fine : nullptr);
    else return guide_.append(base::rows(), graph_.rows());
  }();
  if (!coded) {
    while (base::ids().size() > graph_.rows()) base::take_out(base::ids().size() - 1);
    return std::unexpected(coded.error());
  }
  if (*coded && base::gone() == 0) {
    detail::graph_links anew(settings_.degree);
    TESSERA_CHECK(anew.reserve(total));
    graph_ = std::move(anew);
  }
  if constexpr (codable) {
    std::optional<detail::bulk_neighbours> near;
    if constexpr (by_codes) {
      if (are_many()) near = near_all(guide_.codes());
    } else if (fine) {
      codes walked;  // for all pairs, as leading_codes keeps them
      if (walked.append(base::rows(), 0, &*fine)) near = near_all(walked.codes());
    }
    if (fine && fine->rows() == total) return link_by(fine->scoring(base::rows()), near, options);
    return link_by(guide_.scoring(base::rows()), near, options);
  } else {
    return link_by(guide_.scoring(base::rows()), std::nullopt, options);
  }
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
template <class Scoring>
result<> hnsw<Space, Precision, Metric, Guide>::link_by(const Scoring& scoring, const std::optional<detail::bulk_neighbours>& bulk,
                                                        const build_options& options) {
  const std::size_t total = base::ids().size();
  detail::graph_builder builder(graph_, scoring, memory_, options.threads);
  while (graph_.rows() < total) {
    if (options.stop.stop_requested()) {
      for (std::size_t row = total; row > graph_.rows(); --row) base::take_out(row - 1), guide_.drop_last();
      return fail({.code = error_code::stopped,
                   .thing = "rows linked",
                   .wanted = std::to_string(total),
                   .found = std::to_string(graph_.rows())});
    }
    const std::size_t first = graph_.rows();
    for (std::size_t end = std::min(total, first + builder.batch(first)); graph_.rows() < end;) graph_.append(level_of(serial_++));
    builder.link(first, settings_.build_effort, bulk ? &*bulk : nullptr);
  }
  return {};
}

/// The neighbours of new rows from all pairs of codes, as far as that is faster than walking to them; without memory for it there are
/// walks.
template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
std::optional<detail::bulk_neighbours> hnsw<Space, Precision, Metric, Guide>::near_all(const detail::row_records& codes) const {
  if (!detail::bulk_neighbours::available()) return {};
  const std::size_t rows = std::min(base::ids().size(), detail::bulk_neighbours::most_rows(codes.stride, settings_.build_effort));
  if (rows <= graph_.rows()) return {};
  auto bulk = detail::bulk_neighbours::make(codes, rows);
  if (!bulk) return {};
  return *std::move(bulk);
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
result<> hnsw<Space, Precision, Metric, Guide>::repair(thread_pool* threads) {
  if (base::gone() == 0) return {};
  const std::size_t before = base::ids().size();
  // Rows move from the end into the gaps, from the last gap on, so that who moves is never gone.
  std::vector<std::uint32_t> who(before);
  for (std::uint32_t row = 0; row < before; ++row) who[row] = row;
  std::vector<std::uint32_t> gaps;
  for (std::size_t row = before; row-- > 0;)
    if (is_removed(row)) {
      gaps.push_back(static_cast<std::uint32_t>(row));
      who[row] = who.back();
      who.pop_back();
    }
  std::vector<std::uint32_t> to(before, detail::graph_links::none);
  for (std::uint32_t row = 0; row < who.size(); ++row) to[who[row]] = row;
  {
    const auto scoring = guide_.scoring(base::rows());
    const auto gone = [&to](std::uint32_t row) { return to[row] == detail::graph_links::none; };
    detail::graph_builder(graph_, scoring, memory_, threads).link_around(gone);
  }
  TESSERA_TRY(graph_, graph_.renumbered(to, who.size()));
  for (const std::uint32_t row : gaps) base::take_out(row), guide_.take_out(row);
  const auto scoring = guide_.scoring(base::rows());
  detail::graph_builder(graph_, scoring, memory_, threads).connect(settings_.build_effort);
  return {};
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
template <class View>
std::vector<hit> hnsw<Space, Precision, Metric, Guide>::hits_of(const View& query, const std::vector<detail::near_row>& found,
                                                                 std::size_t k) const {
  std::vector<hit> hits;
  hits.reserve(found.size());
  if constexpr (guide_type::exact) {
    for (const detail::near_row& one : found) hits.push_back({base::ids()[one.row], detail::score_of_key<Metric>(one.key)});
  } else {
    std::vector<std::uint32_t> at;
    for (const detail::near_row& one : found)
      if (at.size() < guide_type::scored(k, found.size())) at.push_back(one.row);
    std::vector<float> scores(at.size());
    score_listed<Metric>(query, base::rows(), at, scores.data());
    for (std::size_t i = 0; i < at.size(); ++i) hits.push_back({base::ids()[at[i]], scores[i]});
  }
  const auto end = hits.begin() + static_cast<std::ptrdiff_t>(std::min(k, hits.size()));
  std::partial_sort(hits.begin(), end, hits.end(), ranks_before<Metric::larger_is_nearer>);
  hits.erase(end, hits.end());
  return hits;
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
template <class View>
result<std::vector<hit>> hnsw<Space, Precision, Metric, Guide>::nearest(const View& query, std::size_t k, std::size_t effort,
                                                                         const search_options& options, std::uint32_t left_out) const {
  if (k == 0 || empty()) return std::vector<hit>();
  const bool leaves_out = left_out != detail::no_row;
  const auto scan = [&]() -> result<std::vector<hit>> {
    const std::size_t most = k + std::size_t{leaves_out};
    TESSERA_TRY(auto all, scan_rows<Metric>(std::span(&query, 1), base::rows(), base::ids(), most, all_living(options)));
    if (leaves_out) std::erase_if(all.front(), [&](const hit& one) { return one.id == base::ids()[left_out]; });
    all.front().resize(std::min(k, all.front().size()));
    return std::move(all.front());
  };
  if (!walk_pays(effort)) return scan();
  const auto memory = memory_.take();
  const auto scoring = guide_.scoring(base::rows());
  const detail::without_row score(scoring.of_query(query), left_out);
  const bool watched = options.stop.stop_possible() || options.deadline;
  const bool picky = options.filter || base::gone() > 0 || leaves_out;
  std::size_t steps = 0;
  bool stopped = false;
  const auto go_on = [&](std::size_t seen) {
    if (watched && ++steps % 16 == 1 && options.interrupted()) return stopped = true, false;
    return !picky || seen * share_seen <= base::ids().size();
  };
  const detail::near_row from = descend_to(graph_, 0, score, *memory);
  bool done = false;
  if (picky) {
    const auto passes = [&](std::uint32_t row) {
      return row != left_out && !is_removed(row) && (!options.filter || options.filter(base::ids()[row]));
    };
    done = walk(graph_, 0, {&from, 1}, effort, score, passes, go_on, *memory);
  } else {
    done = walk(graph_, 0, {&from, 1}, effort, score, detail::every_row, go_on, *memory);
  }
  if (stopped) return fail(detail::interruption(options, size()));
  // Where nothing has a number for a score, no way is better than another.
  const bool lost = done && !memory->found.empty() && !(memory->found.front().key < std::numeric_limits<float>::infinity());
  if (!done || lost) return scan();
  return hits_of(query, memory->found, k);
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
template <embedding_like Query>
result<std::vector<hit>> hnsw<Space, Precision, Metric, Guide>::within(const Query& query, float bound,
                                                                        const search_options& options) const {
  std::vector<hit> found;
  if constexpr (detail::index_answers<hnsw, Query>()) {
    TESSERA_CHECK(detail::same_model<Space>(made_by(), query.made_by(), "query"));
    const auto is_near = [bound](const hit& one) { return Metric::larger_is_nearer ? one.score >= bound : one.score <= bound; };
    for (std::size_t effort = std::max<std::size_t>(settings_.effort, options.effort);; effort *= 2) {
      if (!walk_pays(effort)) return rows_within<Metric>(query.view(), base::rows(), base::ids(), bound, all_living(options));
      TESSERA_TRY(found, nearest(query.view(), effort, effort, options));
      if (found.size() < effort || !is_near(found.back())) break;
    }
    found.erase(std::find_if_not(found.begin(), found.end(), is_near), found.end());
  }
  return found;
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
template <class Queries>
result<calibration_report> hnsw<Space, Precision, Metric, Guide>::calibrate_on(const Queries& queries, std::size_t count,
                                                                                std::span<const std::uint32_t> rows,
                                                                                const calibration_options& options) {
  const auto ask = [&](std::size_t q, std::size_t effort, std::uint32_t left_out) {
    return nearest(queries[q].view(), options.k, effort, {.stop = options.stop}, left_out);
  };
  return detail::calibrate_by<Metric>(recall_, queries, count, rows, base::rows(), base::ids(), size(), std::min(most_effort, size()),
                                      all_living({.threads = options.threads, .stop = options.stop}), options, ask);
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
result<calibration_report> hnsw<Space, Precision, Metric, Guide>::calibrate(const calibration_options& options) {
  if constexpr (std::is_same_v<Metric, sign_product>) {
    return detail::rows_are_no_queries();
  } else {
    const auto is_there = [this](std::uint32_t row) { return !is_removed(row); };
    const detail::rows_as_queries own(base::rows(), base::ids().size(), options.queries, is_there);
    return calibrate_on(own.views, own.views.size(), own.numbers, options);
  }
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
template <embedding_space QuerySpace, tessera::precision QueryPrecision>
result<calibration_report> hnsw<Space, Precision, Metric, Guide>::calibrate(const embedding_matrix<QuerySpace, QueryPrecision>& queries,
                                                                             const calibration_options& options) {
  if constexpr (detail::index_answers<hnsw, embedding_matrix<QuerySpace, QueryPrecision>>()) {
    TESSERA_CHECK(detail::same_model<Space>(made_by(), queries.made_by(), "queries"));
    return calibrate_on(queries, queries.rows(), {}, options);
  } else {
    return calibration_report{};
  }
}

}  // namespace tessera::inline TESSERA_ABI
