// SPDX-License-Identifier: Apache-2.0
/// The longer member functions of `store`: reading. Included by store/store.hpp.
#pragma once

#include <tessera/store/compression.hpp>
#include <tessera/store/store.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
result<stored_row<Space, Precision>> store<Space, Precision, Metric, Guide>::get(std::uint64_t id) const {
  const auto view = engine_->now();
  const auto at = view.rows->find(id);
  if (!at)
    return fail({.code = error_code::not_found, .thing = "id " + std::to_string(id), .wanted = "one of the ids in the store"});
  if (!view.rows->whole(*at))
    return fail({.code = error_code::checksum,
                 .thing = "row of id " + std::to_string(id),
                 .wanted = "its checksum",
                 .found = "another",
                 .path = view.rows->path()});
  TESSERA_TRY(const auto content, view.rows->content(*at));
  const rows_type rows(*view.rows);
  const auto found = rows.row(*at);
  row_type made;
  made.vector = embedding<Space, Precision>(found.values(), found.facts(), view.made_by);
  made.metadata.assign(content.metadata.begin(), content.metadata.end());
  if (content.compressed) {
    TESSERA_TRY(made.payload, decompressed(content.payload, content.whole));
  } else {
    made.payload.assign(content.payload.begin(), content.payload.end());
  }
  engine_->used(view, *at);
  return made;
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
std::vector<std::uint64_t> store<Space, Precision, Metric, Guide>::ids() const {
  const auto view = engine_->now();
  std::vector<std::uint64_t> made;
  for (std::size_t i = 0; i < view.count; ++i)
    if (view.rows->visible(i, view.change)) made.push_back(view.rows->ids()[i]);
  return made;
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
template <embedding_like Query>
result<std::vector<hit>> store<Space, Precision, Metric, Guide>::search(const Query& query, std::size_t k, const search_options& options,
                                                                 const metadata_filter& where) const {
  std::vector<hit> found;
  if constexpr (detail::index_answers<store, Query>()) {
    const auto view = engine_->now();
    TESSERA_CHECK(detail::same_model<Space>(view.made_by, query.made_by(), "query"));
    TESSERA_TRY(const std::size_t effort, effort_of(k, options));
    const auto passes = filter_of(*view.rows, where);
    TESSERA_TRY(found, searcher(view, memory_, options, passes).nearest(query.view(), k, effort));
    used(view, found);
    mend(view);
  }
  return found;
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
template <embedding_space QuerySpace, tessera::precision QueryPrecision>
result<std::vector<std::vector<hit>>> store<Space, Precision, Metric, Guide>::search(
    const embedding_matrix<QuerySpace, QueryPrecision>& queries, std::size_t k, const search_options& options,
    const metadata_filter& where) const {
  std::vector<std::vector<hit>> found(queries.rows());
  if constexpr (detail::index_answers<store, embedding_matrix<QuerySpace, QueryPrecision>>()) {
    const auto view = engine_->now();
    TESSERA_CHECK(detail::same_model<Space>(view.made_by, queries.made_by(), "queries"));
    TESSERA_TRY(const std::size_t effort, effort_of(k, options));
    const auto passes = filter_of(*view.rows, where);
    std::vector<result<>> outcomes(queries.rows());
    for_each(options.threads, queries.rows(), [&](std::size_t q) {
      auto hits = searcher(view, memory_, options, passes).nearest(queries.row(q), k, effort);
      if (hits) found[q] = *std::move(hits);
      else outcomes[q] = std::unexpected(std::move(hits).error());
    });
    for (result<>& outcome : outcomes) TESSERA_CHECK(std::move(outcome));
    for (const auto& hits : found) used(view, hits);
    mend(view);
  }
  return found;
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
template <embedding_like Query>
result<std::vector<hit>> store<Space, Precision, Metric, Guide>::within(const Query& query, float bound, const search_options& options,
                                                                 const metadata_filter& where) const {
  std::vector<hit> found;
  if constexpr (detail::index_answers<store, Query>()) {
    const auto view = engine_->now();
    TESSERA_CHECK(detail::same_model<Space>(view.made_by, query.made_by(), "query"));
    const auto passes = filter_of(*view.rows, where);
    searcher search(view, memory_, options, passes);
    const auto is_near = [bound](const hit& one) { return Metric::larger_is_nearer ? one.score >= bound : one.score <= bound; };
    for (std::size_t effort = std::max<std::size_t>(engine_->options().graph.effort, options.effort);; effort *= 2) {
      if (!search.walk_pays(effort)) {
        found.clear();
        TESSERA_CHECK(search.scan(query.view(), 0, [&](const hit& one) {
          if (is_near(one)) found.push_back(one);
        }));
        std::sort(found.begin(), found.end(), ranks_before<Metric::larger_is_nearer>);
        break;
      }
      TESSERA_TRY(found, search.nearest(query.view(), effort, effort));
      if (found.size() < effort || !is_near(found.back())) break;
    }
    found.erase(std::find_if_not(found.begin(), found.end(), is_near), found.end());
    used(view, found);
    mend(view);
  }
  return found;
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
template <class Queries>
result<calibration_report> store<Space, Precision, Metric, Guide>::calibrate_on(const detail::store_engine::view& view,
                                                                                const Queries& queries, std::size_t count,
                                                                                std::span<const std::uint32_t> rows,
                                                                                const calibration_options& options) {
  std::size_t living = 0;
  for (std::size_t row = 0; row < view.count; ++row) living += view.rows->visible(row, view.change) ? 1u : 0u;
  TESSERA_CHECK(detail::can_calibrate(count, options.k, living));
  const search_options plain{.stop = options.stop};
  const detail::row_filter all;
  const auto ask = [&](std::size_t q, std::size_t effort) {
    const std::uint32_t itself = rows.empty() ? detail::graph_links::none : rows[q];
    return searcher(view, memory_, plain, all, itself).nearest(queries[q].view(), options.k, effort);
  };
  std::vector<std::vector<hit>> truth(count);
  std::vector<result<>> outcomes(count);
  for_each(options.threads, count, [&](std::size_t q) {
    auto exact = ask(q, view.count);  // no walk pays there
    if (exact) truth[q] = *std::move(exact);
    else outcomes[q] = std::unexpected(std::move(exact).error());
  });
  for (result<>& outcome : outcomes) TESSERA_CHECK(std::move(outcome));
  detail::recall_table measured;
  TESSERA_CHECK(detail::measure_recall<Metric::larger_is_nearer>(measured, truth, options.k, living,
                                                                 std::min(searcher::most_effort, view.count), options, ask));
  const calibration_report report{count, measured.reachable()};
  engine_->set_recall(std::move(measured));
  return report;
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
result<calibration_report> store<Space, Precision, Metric, Guide>::calibrate(const calibration_options& options) {
  if constexpr (std::is_same_v<Metric, sign_product>) {
    return detail::rows_are_no_queries();
  } else {
    const auto view = engine_->now();
    const auto is_there = [&view](std::uint32_t row) { return view.rows->visible(row, view.change) && view.rows->whole(row); };
    const detail::rows_as_queries own(rows_type(*view.rows), view.count, options.queries, is_there);
    return calibrate_on(view, own.views, own.views.size(), own.numbers, options);
  }
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
template <embedding_space QuerySpace, tessera::precision QueryPrecision>
result<calibration_report> store<Space, Precision, Metric, Guide>::calibrate(const embedding_matrix<QuerySpace, QueryPrecision>& queries,
                                                                             const calibration_options& options) {
  if constexpr (detail::index_answers<store, embedding_matrix<QuerySpace, QueryPrecision>>()) {
    const auto view = engine_->now();
    TESSERA_CHECK(detail::same_model<Space>(view.made_by, queries.made_by(), "queries"));
    return calibrate_on(view, queries, queries.rows(), {}, options);
  } else {
    return calibration_report{};
  }
}

}  // namespace tessera::inline TESSERA_ABI
