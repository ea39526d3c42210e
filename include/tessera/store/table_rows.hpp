// SPDX-License-Identifier: Apache-2.0
/// The rows of a store's table with their type: scoring, and what the untyped engine asks of it.
///
/// A row that is damaged is as far as can be: its key is infinite, and a scan passes it over. Codes (index/code_guide.hpp) are only the
/// way to rows, so that one of a damaged row does no more than lead there.
#pragma once

#include <tessera/index/graph_build.hpp>
#include <tessera/index/row_scoring.hpp>
#include <tessera/op/random_rotation.hpp>
#include <tessera/store/engine.hpp>

#include <cmath>

namespace tessera::inline TESSERA_ABI::detail {

/// Looks like an embedding_matrix to op/score_rows.hpp. With an order, row i is row order[i] of the table.
template <embedding_space Space, tessera::precision Precision>
class table_rows {
 public:
  using space = Space;
  using precision = Precision;
  using storage = typename Precision::storage;
  using matrix = embedding_matrix<Space, Precision>;
  using row_view = typename matrix::row_view;
  static constexpr std::size_t dimension = Space::dimension, stored = matrix::stored, stride = matrix::stride;
  static constexpr bool has_norm = requires(row_facts<Precision> facts) { facts.norm; };
  static constexpr bool has_scale = requires(row_facts<Precision> facts) { facts.scale; };
  static constexpr row_layout layout{stored * sizeof(storage), stride * sizeof(storage), has_norm, has_scale, false};

  explicit table_rows(const row_table& table, const std::uint32_t* order = nullptr) noexcept
      : values_(reinterpret_cast<const storage*>(table.rows())),
        norms_(table.norms()),
        scales_(table.scales()),
        order_(order),
        table_(&table) {}

  /// Row number i of the table.
  [[nodiscard]] row_view row(std::size_t i) const noexcept {
    row_facts<Precision> facts;
    if constexpr (has_norm) facts.norm = norms_[i];
    if constexpr (has_scale) facts.scale = scales_[i];
    return row_view::trusted(values_ + i * stride, facts);
  }
  [[nodiscard]] std::uint32_t place(std::uint32_t i) const noexcept { return order_ == nullptr ? i : order_[i]; }
  [[nodiscard]] const row_table& table() const noexcept { return *table_; }

  /// Keys of the rows listed, in the order of this view.
  template <class Metric, class View>
  void keys(const View& query, std::span<const std::uint32_t> at, float* out) const noexcept {
    constexpr std::size_t together = 128;
    std::uint32_t places[together];
    for (std::size_t done = 0; done < at.size(); done += together) {
      const auto now = at.subspan(done, std::min(together, at.size() - done));
      for (std::size_t i = 0; i < now.size(); ++i) places[i] = place(now[i]);
      table_->ask_for({places, now.size()});
      score_all<Metric, table_rows>(query, rows_from_list<table_rows>{*this, places}, now.size(), out + done);
      for (std::size_t i = 0; i < now.size(); ++i)
        out[done + i] = table_->whole(places[i]) ? key_of<Metric>(out[done + i]) : std::numeric_limits<float>::infinity();
    }
  }
  /// Scores of rows first ... of the table, damaged ones included.
  template <class Metric, class View>
  void scores(const View& query, std::size_t first, std::size_t count, float* out) const noexcept {
    score_all<Metric, table_rows>(query, rows_in_order<table_rows>{*this, first}, count, out);
  }

 private:
  const storage* values_;
  const float* norms_;
  const float* scales_;
  const std::uint32_t* order_;
  const row_table* table_;
};

/// The first rows of a table as a guide reads those of an index.
template <class Rows>
struct first_rows {
  const Rows& all;
  std::size_t count;
  [[nodiscard]] std::size_t rows() const noexcept { return count; }
  [[nodiscard]] auto row(std::size_t i) const noexcept { return all.row(i); }
};

template <class Metric, class Rows>
class table_scoring {
 public:
  using among_rows = typename row_scoring<Metric, typename Rows::matrix>::among_rows;
  explicit table_scoring(const Rows& rows) noexcept : rows_(&rows) {}
  template <class By, class View>
  class scorer {
   public:
    scorer(const Rows& rows, const View& query) noexcept : rows_(&rows), query_(query) {}
    void operator()(std::span<const std::uint32_t> at, float* keys) const noexcept { rows_->template keys<By>(query_, at, keys); }

   private:
    const Rows* rows_;
    View query_;
  };
  [[nodiscard]] auto of_row(std::uint32_t row) const noexcept {
    return scorer<among_rows, typename Rows::row_view>(*rows_, rows_->row(rows_->place(row)));
  }
  template <class View>
  [[nodiscard]] auto of_query(const View& query) const noexcept {
    return scorer<Metric, View>(*rows_, query);
  }

 private:
  const Rows* rows_;
};

/// The functions that the engine calls.
template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide = own_rows>
struct typed_rows {
  using rows = table_rows<Space, Precision>;
  using guide = typename Guide::template guide<Metric, Space, Precision>;

  [[nodiscard]] static std::size_t level_of(std::uint64_t row, const hnsw_settings& settings, std::size_t degree) noexcept {
    normal_source random(settings.seed ^ (row * 0x9E3779B97F4A7C15u));
    const double levels = -std::log(random.uniform()) / std::log(static_cast<double>(degree));
    return std::min(static_cast<std::size_t>(levels), graph_links::highest_level);
  }

  static result<> link(graph_links& graph, const row_source& source, const hnsw_settings& settings, thread_pool* threads,
                       const std::stop_token& stop) {
    const rows all(*source.table, source.order);
    const table_scoring<Metric, rows> scoring(all);
    spares<walk_memory> memory;
    graph_builder builder(graph, scoring, memory, threads);
    while (graph.rows() < source.count) {
      const std::size_t first = graph.rows();
      if (stop.stop_requested())
        return fail({.code = error_code::stopped,
                     .thing = "rows linked",
                     .wanted = std::to_string(source.count),
                     .found = std::to_string(first)});
      for (std::size_t end = std::min(source.count, first + builder.batch(first)); graph.rows() < end;)
        graph.append(level_of(graph.rows(), settings, graph.degree()));
      builder.link(first, std::max(settings.build_effort, graph.degree()));
    }
    return {};
  }

  static result<graph_links> renumber(graph_links& graph, const row_source& source, std::span<const std::uint32_t> to,
                                      std::span<const std::uint32_t> order, const hnsw_settings& settings, thread_pool* threads) {
    spares<walk_memory> memory;
    if (order.size() < source.count) {
      const rows all(*source.table);
      const table_scoring<Metric, rows> scoring(all);
      graph_builder(graph, scoring, memory, threads).link_around([&to](std::uint32_t row) { return to[row] == graph_links::none; });
    }
    TESSERA_TRY(auto made, graph.renumbered(to, order.size()));
    const rows all(*source.table, order.data());
    const table_scoring<Metric, rows> scoring(all);
    graph_builder(made, scoring, memory, threads).connect(std::max(settings.build_effort, graph.degree()));
    return made;
  }

  [[nodiscard]] static row_codes as_codes(guide&& made) {
    auto kept = std::make_shared<const guide>(std::move(made));
    return {kept, kept->rows(), sizeof(guide) + kept->memory_bytes()};
  }
  static result<row_codes> code(const row_codes& before, const row_source& source) {
    guide made;
    if (before.of) {
      TESSERA_TRY(made, static_cast<const guide*>(before.of.get())->copy(source.count));
    }
    const rows all(*source.table);
    source.table->ask_for_all();
    TESSERA_CHECK(made.append(first_rows<rows>{all, source.count}, before.rows));
    return as_codes(std::move(made));
  }
  static result<row_codes> reorder(const row_codes& codes, std::span<const std::uint32_t> order) {
    TESSERA_TRY(auto made, static_cast<const guide*>(codes.of.get())->copy(order.size(), order.data()));
    return as_codes(std::move(made));
  }

  [[nodiscard]] static row_kind kind() {
    row_kind made = plain_kind();
    if constexpr (!guide::exact) made.code = &code, made.reorder = &reorder, made.code_bytes = &guide::most_bytes;
    return made;
  }

 private:
  [[nodiscard]] static row_kind plain_kind() {
    return {.layout = rows::layout,
            .what = {.kind = "store",
                     .precision = std::string(Precision::label),
                     .metric = std::string(Metric::label),
                     .pooling = Space::pooling_mode,
                     .label = std::string(Space::label()),
                     .unit_length = Space::unit_length,
                     .dimension = Space::dimension,
                     .stride_bytes = rows::layout.stride},
            .anonymous = Space::anonymous,
            .link = &link,
            .renumber = &renumber};
  }
};

}  // namespace tessera::inline TESSERA_ABI::detail
