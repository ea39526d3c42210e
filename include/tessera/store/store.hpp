// SPDX-License-Identifier: Apache-2.0
/// Rows that survive: vectors with ids, payloads and metadata in a directory, searched at once, from many threads.
///
///     auto notes = ts::store<model::space, ts::f16>::open("notes", {.sync = ts::sync_policy::batched()});
///     TESSERA_CHECK(notes->add(1, row, ts::row_content::text("buy milk")));     // in the log when it returns
///     TESSERA_TRY(const auto hits, notes->search(query, 10));
///     TESSERA_TRY(const auto found, notes->get(hits[0].id));                     // found.vector, found.payload_text()
///
/// **Promise.** A change that returned without an error is found by every search and `get` that begins after it, and is there when the
/// store is opened again: after a crash of the process always, after one of the machine as the sync policy says. A change that returned
/// an error has not happened (one that failed at the disk: may have, as a whole). A batch is there as a whole or not at all, also for a
/// search that runs meanwhile. What opening found that is not so is in `recovery()`.
///
/// **Threads.** All functions may be called from any number of threads at once. Searches and `get` never wait for a graph or a snapshot
/// that is being made; they see the rows of one moment. Writers wait for each other, and share what they wait for.
///
/// **Processes.** One process has a store open at a time, or any number with `read_only`: they see what was written before, and change
/// nothing, not even what recovery would put right.
///
/// **Search.** New rows are scored one by one until the background has linked them into a graph (index/hnsw.hpp). Scores, filters, NaN,
/// zero vectors, equal scores and k beyond the number of rows are as in `flat`: NaN last, equal scores by id, all rows where k is more.
///
/// **Damage.** Every block has a checksum, compared when it is first touched. A damaged row is not found, `get` of it is error `checksum`,
/// `damaged()` names it; a damaged graph is made anew. No damaged byte is ever part of an answer.
#pragma once

#include <tessera/index/rules.hpp>
#include <tessera/op/convert.hpp>
#include <tessera/store/table_search.hpp>

#include <cstring>

namespace tessera::inline TESSERA_ABI {

/// A row as it was added.
template <embedding_space Space, tessera::precision Precision>
struct stored_row : kept_content {
  using space = Space;
  using precision = Precision;
  embedding<Space, Precision> vector;

  // As a vector, wherever one is asked for.
  [[nodiscard]] auto view() const noexcept { return vector.view(); }
  [[nodiscard]] auto values() const noexcept { return vector.values(); }
  [[nodiscard]] const auto* data() const noexcept { return vector.data(); }
  [[nodiscard]] auto facts() const noexcept { return vector.facts(); }
  [[nodiscard]] fingerprint made_by() const noexcept { return vector.made_by(); }
};

/// With a `Guide` (`leading_codes`, `one_bit_codes`: index/hnsw.hpp) searches walk by small codes, which the background makes and which
/// no file holds; links are chosen by the rows.
template <embedding_space Space, tessera::precision Precision = f32, tessera::metric Metric = cosine, class Guide = own_rows>
class store {
  static_assert(Metric::binary == std::is_same_v<Precision, b1>,
                "tessera: hamming, jaccard and sign_product take binary codes (b1), the other metrics numbers");
  using rows_type = detail::table_rows<Space, Precision>;
  using searcher = detail::table_search<Space, Precision, Metric, Guide>;

 public:
  using space = Space;
  using precision = Precision;
  using metric = Metric;
  using matrix = embedding_matrix<Space, Precision>;
  using row_type = stored_row<Space, Precision>;
  static constexpr std::size_t dimension = Space::dimension;

  /// Opens the store in that directory, or makes one. Errors: io (another process has it open; the system refuses), not_found (no store,
  /// and `create` is false), mismatch (a store of another type), checksum, malformed, unsupported, out_of_memory.
  [[nodiscard]] static result<store> open(std::string_view path, const store_options& options = {}) {
    TESSERA_TRY(auto engine, detail::store_engine::open(path, detail::typed_rows<Space, Precision, Metric, Guide>::kind(), options));
    return store(std::move(engine));
  }
  /// The same as other indexes are opened. Errors: likewise.
  [[nodiscard]] static result<store> open(std::string_view path, const provenance& expected) {
    store_options options;
    options.origin = expected;
    return open(path, options);
  }
  /// Writes what is waiting to the disk and ends the background work; the store cannot be used any more. The destructor does the same
  /// but cannot say what failed. Errors: io.
  [[nodiscard]] result<> close() { return std::exchange(engine_, nullptr)->close(); }

  /// Errors: invalid_argument (an id that is there already), mismatch (another model), too_long, out_of_memory, io.
  template <embedding_like Row>
  [[nodiscard]] result<> add(std::uint64_t id, const Row& row, const row_content& content = {}) {
    return change(detail::change_kind::add, id, row, &content);
  }
  /// Row i under ids[i] with contents[i], all or none; `contents` may be empty. Errors: those of `add`; mismatch (numbers that differ).
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids, const embedding_matrix<RowSpace, RowPrecision>& rows,
                                  std::span<const row_content> contents = {}) {
    if constexpr (detail::index_holds<store, embedding_matrix<RowSpace, RowPrecision>>()) {
      TESSERA_CHECK(detail::one_a_row("ids", ids.size(), rows.rows()));
      if (!contents.empty()) TESSERA_CHECK(detail::one_a_row("contents", contents.size(), rows.rows()));
      std::vector<detail::row_change> changes(ids.size());
      for (std::size_t i = 0; i < ids.size(); ++i) {
        changes[i].id = ids[i];
        describe(changes[i], rows.row(i), contents.empty() ? row_content{} : contents[i]);
      }
      return engine_->commit(changes, rows.made_by());
    }
    return {};
  }
  /// Another vector under an id that is there, with new content or what it had. Errors: those of `add`; not_found.
  template <embedding_like Row>
  [[nodiscard]] result<> update(std::uint64_t id, const Row& row, const row_content& content) {
    return change(detail::change_kind::update, id, row, &content);
  }
  template <embedding_like Row>
  [[nodiscard]] result<> update(std::uint64_t id, const Row& row) {
    return change(detail::change_kind::update, id, row, nullptr);
  }
  /// Errors: not_found, io.
  [[nodiscard]] result<> remove(std::uint64_t id) { return remove(std::span(&id, 1)); }
  /// All or none. Errors: not_found, invalid_argument (an id twice), io.
  [[nodiscard]] result<> remove(std::span<const std::uint64_t> ids) {
    std::vector<detail::row_change> changes(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i) changes[i].kind = detail::change_kind::remove, changes[i].id = ids[i];
    return engine_->commit(changes, {});
  }

  /// Errors: not_found; checksum (the row is damaged).
  [[nodiscard]] result<row_type> get(std::uint64_t id) const;
  [[nodiscard]] bool contains(std::uint64_t id) const { return engine_->now().rows->find(id).has_value(); }
  [[nodiscard]] std::size_t size() const { return engine_->size(); }
  [[nodiscard]] bool empty() const { return size() == 0; }
  /// Of the rows of one moment, in no order.
  [[nodiscard]] std::vector<std::uint64_t> ids() const;
  /// The model that made the rows; 0 where no row says.
  [[nodiscard]] fingerprint made_by() const { return engine_->now().made_by; }
  /// Changes that the store has seen in its life: another number, other rows.
  [[nodiscard]] std::uint64_t version() const { return engine_->now().number; }

  /// Which rows may be found, by their metadata. Called from the thread that searches, for rows that a walk meets.
  using metadata_filter = std::function<bool(std::uint64_t id, std::span<const std::byte> metadata)>;
  /// The k nearest rows. Errors: mismatch (a query of another model), stopped, invalid_argument (a recall that calibration does not know).
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> search(const Query& query, std::size_t k, const search_options& options = {},
                                                const metadata_filter& where = {}) const;
  /// The k nearest rows of each query, all of one moment; queries are shared among the threads. Errors: as for one.
  template <embedding_space QuerySpace, tessera::precision QueryPrecision>
  [[nodiscard]] result<std::vector<std::vector<hit>>> search(const embedding_matrix<QuerySpace, QueryPrecision>& queries, std::size_t k,
                                                             const search_options& options = {}, const metadata_filter& where = {}) const;
  /// Rows at least as near as `bound`, nearest first. Errors: as for `search`.
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> within(const Query& query, float bound, const search_options& options = {},
                                                const metadata_filter& where = {}) const;

  /// Measures what recall each effort reaches (index/calibration.hpp), on the store's own rows, each as if it were not there. The next
  /// snapshot keeps it. Errors: invalid_argument (fewer rows than k; sign_product, whose rows are no queries), stopped.
  [[nodiscard]] result<calibration_report> calibrate(const calibration_options& options = {});
  /// The same on queries of the caller's, which are no rows of the store.
  template <embedding_space QuerySpace, tessera::precision QueryPrecision>
  [[nodiscard]] result<calibration_report> calibrate(const embedding_matrix<QuerySpace, QueryPrecision>& queries,
                                                     const calibration_options& options = {});

  /// Writes the rows of now as a store of their own in another directory, which is made or has none: a copy while this one is in use.
  /// Errors: those of `snapshot`; invalid_argument (a store is there).
  [[nodiscard]] result<> save(std::string_view directory, const provenance& origin) const { return engine_->save(directory, origin); }
  [[nodiscard]] result<> save(std::string_view directory) const { return save(directory, engine_->options().origin); }
  /// What was written is on the disk. Error: io; after it every change is refused, and opening the store again says what is there.
  [[nodiscard]] result<> sync() { return engine_->sync(); }
  /// All rows of now are in the graph. Errors: stopped, out_of_memory.
  [[nodiscard]] result<> index(const std::stop_token& stop = {}) { return engine_->index(stop); }
  /// Writes a snapshot; logs before it are removed. Errors: those of `atomic_file`; checksum (damaged rows, which must be removed or
  /// updated first), stopped, out_of_memory.
  [[nodiscard]] result<> snapshot(const std::stop_token& stop = {}) { return engine_->snapshot(stop); }
  /// Compares every block with its checksum. Errors: checksum, stopped.
  [[nodiscard]] result<> verify(const std::stop_token& stop = {}) const { return engine_->now().rows->verify(stop); }

  /// What opening found.
  [[nodiscard]] const recovery_report& recovery() const { return engine_->report(); }
  /// What was found damaged since, in the snapshot.
  [[nodiscard]] std::vector<damage> damaged() const { return engine_->now().rows->damaged(); }
  /// The last error of the background: a snapshot that could not be written, a sync that failed.
  [[nodiscard]] std::optional<error> background_error() const { return engine_->background_error(); }
  /// Bytes of memory held, the mapped snapshot not counted.
  [[nodiscard]] std::size_t memory_bytes() const { return engine_->memory_bytes(); }
  /// Bytes of the mapped snapshot, and of the logs that follow it.
  [[nodiscard]] std::size_t mapped_bytes() const { return engine_->now().rows->mapped_bytes(); }
  [[nodiscard]] std::uint64_t log_bytes() const { return engine_->log_bytes(); }
  /// What the budget bounds: memory and mapped snapshot.
  [[nodiscard]] std::size_t held_bytes() const { return engine_->all_bytes(); }
  /// Rows that went because the budget was full, since the store was opened.
  [[nodiscard]] std::uint64_t evicted() const { return engine_->evicted(); }

 private:
  explicit store(std::unique_ptr<detail::store_engine> engine) noexcept : engine_(std::move(engine)) {}

  template <class View>
  static void describe(detail::row_change& change, const View& row, const row_content& content) {
    const auto facts = detail::measured_facts<Space, Precision>(row.view());
    if constexpr (rows_type::has_norm) change.norm = facts.norm;
    if constexpr (rows_type::has_scale) change.scale = facts.scale;
    change.vector = std::as_bytes(row.view().values());
    change.metadata = content.metadata;
    change.payload = content.payload;
    change.whole = static_cast<std::uint32_t>(content.payload.size());
  }
  template <class Row>
  [[nodiscard]] result<> change(detail::change_kind kind, std::uint64_t id, const Row& row, const row_content* content) {
    if constexpr (detail::index_holds<store, Row>()) {
      detail::row_change one{.kind = kind, .id = id};
      describe(one, row, content == nullptr ? row_content{} : *content);
      one.keeps_content = content == nullptr;
      return engine_->commit({&one, 1}, row.made_by());
    }
    return {};
  }
  [[nodiscard]] static detail::row_filter filter_of(const detail::row_table& table, const metadata_filter& where) {
    if (!where) return {};
    return [&table, &where](std::size_t row) {
      const auto content = table.content(row);
      return content && where(table.ids()[row], content->metadata);
    };
  }
  [[nodiscard]] result<std::size_t> effort_of(std::size_t k, const search_options& options) const {
    if (options.recall != 0.0) {
      const auto measured = engine_->recall();
      return (measured ? *measured : detail::recall_table()).effort_for(options.recall, k, size());
    }
    return std::max(k, options.effort == 0 ? engine_->options().graph.effort : options.effort);
  }
  template <class Queries>
  [[nodiscard]] result<calibration_report> calibrate_on(const detail::store_engine::view& view, const Queries& queries, std::size_t count,
                                                        std::span<const std::uint32_t> rows, const calibration_options& options);
  void used(const detail::store_engine::view& view, const std::vector<hit>& hits) const {
    if (!engine_->options().evict.counts) return;
    for (const hit& one : hits)
      if (const auto row = view.rows->find(one.id)) engine_->used(view, *row);
  }
  /// A search found the graph damaged: it is made anew.
  void mend(const detail::store_engine::view& view) const {
    if (!view.graph && view.rows->base_rows() > 0 && view.rows->graph() == nullptr && !engine_->options().exact) engine_->rebuild();
  }

  std::unique_ptr<detail::store_engine> engine_;
  mutable detail::spares<detail::walk_memory> memory_;
};

}  // namespace tessera::inline TESSERA_ABI

#include <tessera/store/store_parts.hpp>
