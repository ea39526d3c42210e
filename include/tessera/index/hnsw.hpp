// SPDX-License-Identifier: Apache-2.0
/// Approximate search in a hierarchical small-world graph over the index's rows (Malkov and Yashunin, arXiv:1603.09320).
///
///     ts::hnsw<model::space, ts::f16> index;                       // cosine; M = 16, set by hnsw_settings
///     TESSERA_CHECK(index.add_rows(ids, rows, {.threads = &pool}));   // or add, one by one, at any time
///     TESSERA_TRY(const auto hits, index.search(query, 10, {.effort = 100}));
///
/// In the place of `flat` it answers the same calls (index/similarity_index.hpp) from a few hundred rows instead of all; ids, types,
/// models, NaN and the order of hits are as there, and scores have the metric's bits. What it may miss is a matter of `effort`, the
/// number of candidates that a walk keeps: recall_at measures it, and after `calibrate` a search may ask for a recall instead.
/// Where a walk would not pay, because effort is over 1/16 of the rows or a filter lets so few rows pass that the walk meets 1/4 of
/// them, every row is scored instead: so a filtered search returns k hits whenever k rows pass, and fewer are all there are.
///
/// Every row is reached from every other, always (index/graph_links.hpp says how). A removed row is no longer found at once; it stays
/// a step on the way of others until 1/16 of the rows are gone or `repair` is called, then links lead around it and its memory is
/// used anew.
///
/// Links cost 8·M + 10 bytes a row and more by 1/M; vectors are held once. Many rows that come together are linked by i8 codes
/// (index/code_guide.hpp) that are dropped afterwards: a sixth of the bytes of f32 rows, and links as good.
///
/// The same rows in the same order give the same graph, whatever the number of threads. `const` calls are safe from any number of threads
/// at once, changes need the index for themselves.
#pragma once

#include <tessera/index/calibration.hpp>
#include <tessera/index/code_guide.hpp>
#include <tessera/index/graph_build.hpp>
#include <tessera/index/held_rows.hpp>
#include <tessera/index/hnsw_settings.hpp>
#include <tessera/index/row_scoring.hpp>
#include <tessera/io/index_parts.hpp>
#include <tessera/op/random_rotation.hpp>
#include <tessera/op/rows_within.hpp>

#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct build_options {
  thread_pool* threads = nullptr;
  std::stop_token stop = {};  ///< looked at between batches; the rows that came before stay, and the call is error `stopped`
};

template <embedding_space Space, tessera::precision Precision = f32, tessera::metric Metric = cosine, class Guide = own_rows>
class hnsw : public detail::held_rows<Space, Precision, Metric> {
  static_assert(Metric::binary == std::is_same_v<Precision, b1>,
                "tessera: hamming, jaccard and sign_product take binary codes (b1), the other metrics numbers");
  using base = detail::held_rows<Space, Precision, Metric>;
  using guide_type = typename Guide::template guide<Metric, Space, Precision>;

 public:
  using typename base::matrix;
  using base::made_by;

  hnsw() = default;
  /// Errors: invalid_argument.
  [[nodiscard]] static result<hnsw> make(const hnsw_settings& settings) {
    const auto within = [](const char* what, std::size_t value, std::size_t least, std::size_t most) -> result<> {
      if (value >= least && value <= most) return {};
      return fail({.code = error_code::invalid_argument,
                   .thing = what,
                   .wanted = std::to_string(least) + " to " + std::to_string(most),
                   .found = std::to_string(value)});
    };
    TESSERA_CHECK(within("degree", settings.degree, detail::graph_links::least_degree, detail::graph_links::most_degree));
    TESSERA_CHECK(within("build_effort", settings.build_effort, settings.degree, most_effort));
    TESSERA_CHECK(within("effort", settings.effort, 1, most_effort));
    hnsw made;
    made.settings_ = settings;
    made.graph_ = detail::graph_links(settings.degree);
    return made;
  }

  [[nodiscard]] const hnsw_settings& settings() const noexcept { return settings_; }
  /// Rows that can be found. rows() and ids() hold removed ones too until `repair`: is_removed(i) tells.
  [[nodiscard]] std::size_t size() const noexcept { return base::ids().size() - base::gone(); }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }
  [[nodiscard]] bool is_removed(std::size_t row) const noexcept { return base::is_gone(row); }
  /// Bytes allocated: rows, ids, links, what the graph is walked by, and the working memory of calls that are over.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return base::row_memory_bytes() + graph_.memory_bytes() + guide_.memory_bytes() + memory_.memory_bytes();
  }
  /// Room for `rows` rows in all. Errors: out_of_memory.
  [[nodiscard]] result<> reserve(std::size_t rows) {
    TESSERA_CHECK(base::reserve_rows(rows));
    return graph_.reserve(rows);
  }

  /// One row. Errors: invalid_argument (an id that is there already), mismatch (another model), out_of_memory; then nothing has
  /// changed.
  template <embedding_like Row>
  [[nodiscard]] result<> add(std::uint64_t id, const Row& row) {
    if constexpr (detail::index_holds<hnsw, Row>()) {
      TESSERA_CHECK(make_room(1));
      TESSERA_CHECK(base::append(id, row));
      return link_new({});
    }
    return {};
  }
  /// Row i of the matrix under ids[i]. Errors: those of `add`; mismatch where the numbers of ids and rows differ; stopped.
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids, const embedding_matrix<RowSpace, RowPrecision>& rows,
                                  const build_options& options = {}) {
    return add_all(ids, rows, options);
  }
  /// The same; an empty index keeps the matrix as it is, without a copy. After an error other than `stopped` it is still the caller's.
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids, embedding_matrix<RowSpace, RowPrecision>&& rows,
                                  const build_options& options = {}) {
    return add_all(ids, std::move(rows), options);
  }

  /// Rows under a graph over them that was made elsewhere: its links are checked and kept, and a spanning tree is laid among them
  /// where it has none. Errors: invalid_argument (a degree that is no setting, an id that stands twice), malformed, out_of_memory.
  [[nodiscard]] static result<hnsw> with_graph(std::span<const std::uint64_t> ids, matrix&& rows, const graph_parts& graph,
                                               thread_pool* threads = nullptr);
  /// The links as numbers, over rows() with removed ones among them.
  [[nodiscard]] graph_parts graph() const {
    return {.degree = settings_.degree,
            .build_effort = settings_.build_effort,
            .entry = graph_.entry(),
            .levels = graph_.levels(),
            .ground = {graph_.ground().begin(), graph_.ground().end()},
            .upper = graph_.upper()};
  }

  /// Another vector under an id that is there, linked where it now lies. Errors: not_found, mismatch (another model), out_of_memory.
  template <embedding_like Row>
  [[nodiscard]] result<> update(std::uint64_t id, const Row& row) {
    if constexpr (detail::index_holds<hnsw, Row>()) {
      TESSERA_TRY(const std::size_t old, base::existing(id));
      TESSERA_CHECK(detail::same_model<Space>(made_by(), row.made_by(), "row"));
      TESSERA_CHECK(make_room(1));
      TESSERA_CHECK(base::reserve_next());
      const embedding<Space, Precision> kept(row.view().values(), row.facts(), row.made_by());  // it may be the old row
      base::bury(old);
      TESSERA_CHECK(base::append(id, kept));
      TESSERA_CHECK(link_new({}));
      return repair_in_time();
    }
    return {};
  }
  /// The row of that id is no longer found. Errors: not_found, out_of_memory (of the repair).
  [[nodiscard]] result<> remove(std::uint64_t id) {
    TESSERA_TRY(const std::size_t row, base::existing(id));
    base::bury(row);
    return repair_in_time();
  }
  /// Leads all links around removed rows and gives their memory free. Called by itself when 1/16 of the rows are removed. Errors:
  /// out_of_memory; then nothing has changed.
  [[nodiscard]] result<> repair(thread_pool* threads = nullptr);

  /// The k nearest rows, as far as the walk finds them; all where there are fewer. Errors: mismatch (a query of another model),
  /// stopped, invalid_argument (a recall that calibration does not know).
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> search(const Query& query, std::size_t k, const search_options& options = {}) const {
    std::vector<hit> found;
    if constexpr (detail::index_answers<hnsw, Query>()) {
      TESSERA_CHECK(detail::same_model<Space>(made_by(), query.made_by(), "query"));
      TESSERA_TRY(const std::size_t effort, effort_of(k, options));
      TESSERA_TRY(found, nearest(query.view(), k, effort, options));
    }
    return found;
  }
  /// The k nearest rows of each query; queries are shared among the threads. Errors: as for one.
  template <embedding_space QuerySpace, tessera::precision QueryPrecision>
  [[nodiscard]] result<std::vector<std::vector<hit>>> search(const embedding_matrix<QuerySpace, QueryPrecision>& queries,
                                                             std::size_t k, const search_options& options = {}) const {
    std::vector<std::vector<hit>> found(queries.rows());
    if constexpr (detail::index_answers<hnsw, embedding_matrix<QuerySpace, QueryPrecision>>()) {
      TESSERA_CHECK(detail::same_model<Space>(made_by(), queries.made_by(), "queries"));
      TESSERA_TRY(const std::size_t effort, effort_of(k, options));
      if (walk_pays(effort)) {
        search_options each = options;
        each.threads = nullptr;
        std::vector<result<>> outcomes(queries.rows());
        for_each(options.threads, queries.rows(), [&](std::size_t q) {
          auto hits = nearest(queries.row(q), k, effort, each);
          if (hits) found[q] = *std::move(hits);
          else outcomes[q] = std::unexpected(std::move(hits).error());
        });
        for (result<>& outcome : outcomes) TESSERA_CHECK(std::move(outcome));
      } else {
        return scan_rows<Metric>(queries, base::rows(), base::ids(), k, all_living(options));
      }
    }
    return found;
  }
  /// Rows at least as near as `bound`, nearest first: the walk widens until it has passed the bound. Errors: as for `search`.
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> within(const Query& query, float bound, const search_options& options = {}) const;

  /// Measures what recall each effort reaches (index/calibration.hpp), on the index's own rows, each as if it were not there. Errors:
  /// invalid_argument (fewer rows than k; sign_product, whose rows are no queries), stopped.
  [[nodiscard]] result<calibration_report> calibrate(const calibration_options& options = {});
  /// The same on queries of the caller's, which are no rows of the index.
  template <embedding_space QuerySpace, tessera::precision QueryPrecision>
  [[nodiscard]] result<calibration_report> calibrate(const embedding_matrix<QuerySpace, QueryPrecision>& queries,
                                                     const calibration_options& options = {});

  /// Writes the index (docs/formats.md), atomically. Errors: those of `atomic_file`.
  [[nodiscard]] result<> save(std::string_view path, const provenance& origin) const;
  /// The same with the provenance that it was opened with.
  [[nodiscard]] result<> save(std::string_view path) const { return save(path, base::origin()); }
  /// Reads what `save` wrote; every byte and every link is checked. Errors: those of flat::open.
  [[nodiscard]] static result<hnsw> open(std::string_view path, const provenance& expected = {}) {
    TESSERA_TRY(const mapped_file file, mapped_file::open(path));
    return read(file.bytes(), path, expected);
  }
  /// The same from memory, which is copied; `path` names it in errors.
  [[nodiscard]] static result<hnsw> read(std::span<const std::byte> bytes, std::string_view path, const provenance& expected = {}) {
    TESSERA_TRY(const index_file file, index_file::view(bytes, path));
    hnsw made;
    TESSERA_CHECK(file.matches(made.described(guide_type::kind), expected));
    TESSERA_CHECK(file.verify());
    if (auto read = made.read_sections(file); !read) return std::unexpected(std::move(read).error().in(path));
    return made;
  }

 private:
  static constexpr std::size_t most_effort = std::size_t{1} << 14u;
  static constexpr std::size_t share_for_scan = 16, share_seen = 4, share_gone = 16, graph_sections = 5;

  template <class Rows>
  [[nodiscard]] result<> add_all(std::span<const std::uint64_t> ids, Rows&& rows, const build_options& options) {
    if constexpr (detail::index_holds<hnsw, std::remove_cvref_t<Rows>>()) {
      TESSERA_CHECK(make_room(rows.rows()));
      TESSERA_CHECK(base::append_rows(ids, std::forward<Rows>(rows)));
      return link_new(options);
    }
    return {};
  }
  [[nodiscard]] result<> make_room(std::size_t count) {
    const std::size_t wanted = base::ids().size() + count;
    if (wanted > detail::graph_links::most_rows)
      return fail({.code = error_code::unsupported, .thing = "rows of a graph", .wanted = "at most 2^30", .found = std::to_string(wanted)});
    return graph_.reserve(count == 1 ? graph_.grown(wanted) : wanted);
  }
  [[nodiscard]] std::size_t level_of(std::uint64_t serial) const noexcept {
    detail::normal_source random(settings_.seed ^ (serial * 0x9E3779B97F4A7C15u));
    const double levels = -std::log(random.uniform()) / std::log(static_cast<double>(settings_.degree));
    return std::min(static_cast<std::size_t>(levels), detail::graph_links::highest_level);
  }
  [[nodiscard]] result<> link_new(const build_options& options);
  template <class Scoring>
  [[nodiscard]] result<> link_by(const Scoring& scoring, const std::optional<detail::bulk_neighbours>& bulk, const build_options& options);
  [[nodiscard]] std::optional<detail::bulk_neighbours> near_all(const detail::row_records& codes) const;
  [[nodiscard]] result<> repair_in_time() { return base::gone() * share_gone > base::ids().size() ? repair() : result<>{}; }

  [[nodiscard]] result<std::size_t> effort_of(std::size_t k, const search_options& options) const {
    if (options.recall != 0.0) return recall_.effort_for(options.recall, k, size());
    return std::max(k, options.effort == 0 ? settings_.effort : options.effort);
  }
  [[nodiscard]] bool walk_pays(std::size_t effort) const noexcept {
    return effort <= most_effort && effort * share_for_scan <= base::ids().size();
  }
  [[nodiscard]] search_options all_living(const search_options& options) const {
    search_options made = options;
    if (base::gone() > 0)
      made.filter = [this, asked = options.filter](std::uint64_t id) { return base::contains(id) && (!asked || asked(id)); };
    return made;
  }

  template <class View>
  [[nodiscard]] result<std::vector<hit>> nearest(const View& query, std::size_t k, std::size_t effort, const search_options& options,
                                                 std::uint32_t left_out = detail::no_row) const;
  template <class Queries>
  [[nodiscard]] result<calibration_report> calibrate_on(const Queries& queries, std::size_t count, std::span<const std::uint32_t> rows,
                                                        const calibration_options& options);
  template <class View>
  [[nodiscard]] std::vector<hit> hits_of(const View& query, const std::vector<detail::near_row>& found, std::size_t k) const;
  [[nodiscard]] result<> read_sections(const index_file& file);

  hnsw_settings settings_;
  std::uint64_t serial_ = 0;  ///< rows that ever came: the next one's level
  detail::graph_links graph_;
  guide_type guide_;
  detail::recall_table recall_;
  mutable detail::spares<detail::walk_memory> memory_;
};

}  // namespace tessera::inline TESSERA_ABI

#include <tessera/index/hnsw_file.hpp>
#include <tessera/index/hnsw_parts.hpp>
