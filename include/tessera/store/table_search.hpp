// SPDX-License-Identifier: Apache-2.0
/// Searching a view of a store: a walk over the rows that are linked, a scan of those that are not, one answer.
///
/// The rules are those of `hnsw` (index/hnsw.hpp): where a walk would not pay, or its graph turns out to be damaged, every row is
/// scored; a filtered search returns k hits whenever k rows pass.
#pragma once

#include <tessera/index/graph_search.hpp>
#include <tessera/index/spares.hpp>
#include <tessera/op/search_options.hpp>
#include <tessera/op/top_k.hpp>
#include <tessera/store/table_rows.hpp>

#include <algorithm>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

/// Which rows a search may find, by number of row.
using row_filter = std::function<bool(std::size_t row)>;

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide = own_rows>
class table_search {
  using rows_type = table_rows<Space, Precision>;
  using guide_type = typename Guide::template guide<Metric, Space, Precision>;

 public:
  static constexpr std::size_t most_effort = std::size_t{1} << 14u, share_for_scan = 16, share_seen = 4;

  /// `left_out` is no answer and no step on the way: the row that a query is.
  table_search(const store_engine::view& view, spares<walk_memory>& memory, const search_options& options, const row_filter& passes,
               std::uint32_t left_out = graph_links::none)
      : view_(view), rows_(*view.rows), memory_(memory), options_(options), passes_(passes), left_out_(left_out) {}

  template <class View>
  [[nodiscard]] result<std::vector<hit>> nearest(const View& query, std::size_t k, std::size_t effort) {
    top_k<Metric::larger_is_nearer> best(std::min(k, view_.count));
    if (k == 0 || view_.count == 0) return best.take();
    std::size_t linked = 0;
    if (view_.graph) linked = walked(*view_.graph, query, k, effort, best);
    else if (const stored_graph* graph = view_.rows->graph()) linked = walked(*graph, query, k, effort, best);
    TESSERA_CHECK(scan(query, linked, [&](const hit& one) { best.push(one); }));
    return best.take();
  }

  /// Of rows first ...
  template <class View, class Use>
  [[nodiscard]] result<> scan(const View& query, std::size_t first, const Use& use) {
    constexpr std::size_t together = 1024;
    float scores[together];
    if (first == 0) view_.rows->ask_for_all();
    for (; first < view_.count; first += together) {
      if (options_.interrupted()) return fail(interruption(options_, view_.count));
      const std::size_t count = std::min(together, view_.count - first);
      rows_.template scores<Metric>(query, first, count, scores);
      for (std::size_t i = 0; i < count; ++i)
        if (visible(first + i) && view_.rows->whole(first + i)) use(hit{view_.rows->ids()[first + i], scores[i]});
    }
    return {};
  }

  [[nodiscard]] bool walk_pays(std::size_t effort) const noexcept {
    return effort <= most_effort && effort * share_for_scan <= view_.count;
  }

 private:
  [[nodiscard]] bool visible(std::size_t row) const {
    return row != left_out_ && view_.rows->visible(row, view_.change) && (!passes_ || passes_(row)) &&
           (!options_.filter || options_.filter(view_.rows->ids()[row]));
  }

  /// Rows that need no scan because the walk went to its end.
  template <class Graph, class View, class Best>
  [[nodiscard]] std::size_t walked(const Graph& graph, const View& query, std::size_t k, std::size_t effort, Best& best) {
    if (graph.rows() == 0 || !walk_pays(effort)) return 0;
    const auto score = table_scoring<Metric, rows_type>(rows_).of_query(query);
    if constexpr (!guide_type::exact) {
      if (view_.codes.rows >= graph.rows()) {
        const auto estimate = static_cast<const guide_type*>(view_.codes.of.get())->of_query(query);
        return walked_by(graph, estimate, effort, [&](std::vector<near_row>& found) {
          // Estimates found them; what they are worth the rows say.
          found.resize(std::min(found.size(), guide_type::scored(k, found.size())));
          std::vector<std::uint32_t> at;
          for (const near_row& one : found) at.push_back(one.row);
          std::vector<float> keys(at.size());
          score(at, keys.data());
          for (std::size_t i = 0; i < at.size(); ++i) found[i].key = keys[i];
        }, best);
      }
    }
    return walked_by(graph, score, effort, [](std::vector<near_row>&) {}, best);
  }

  template <class Graph, class Score, class Finish, class Best>
  [[nodiscard]] std::size_t walked_by(const Graph& graph, const Score& by, std::size_t effort, const Finish& finish, Best& best) {
    const auto memory = memory_.take();
    const auto score = [&](std::span<const std::uint32_t> at, float* keys) {
      by(at, keys);
      if (left_out_ == graph_links::none) return;
      for (std::size_t i = 0; i < at.size(); ++i)
        if (at[i] == left_out_) keys[i] = std::numeric_limits<float>::infinity();
    };
    const bool watched = options_.stop.stop_possible() || options_.deadline;
    std::size_t steps = 0;
    const auto go_on = [&](std::size_t seen) {
      if (watched && ++steps % 16 == 1 && options_.interrupted()) return false;  // the scan sees it too
      return seen * share_seen <= view_.count;
    };
    const near_row from = descend_to(graph, 0, score, *memory);
    const bool done = walk(graph, 0, {&from, 1}, effort, score, [this](std::uint32_t row) { return visible(row); }, go_on, *memory);
    if constexpr (requires { graph.damaged(); })
      if (graph.damaged()) return 0;
    // Where nothing has a number for a score, no way is better than another.
    if (!done || memory->found.empty() || !(memory->found.front().key < std::numeric_limits<float>::infinity())) return 0;
    finish(memory->found);
    for (const near_row& one : memory->found)
      if (one.key < std::numeric_limits<float>::infinity())
        best.push(hit{view_.rows->ids()[one.row], score_of_key<Metric>(one.key)});
    return graph.rows();
  }

  const store_engine::view& view_;
  rows_type rows_;
  spares<walk_memory>& memory_;
  const search_options& options_;
  const row_filter& passes_;
  std::uint32_t left_out_;
};

}  // namespace tessera::inline TESSERA_ABI::detail
