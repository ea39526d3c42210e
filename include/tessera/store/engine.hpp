// SPDX-License-Identifier: Apache-2.0
/// What a store does whatever its type: files, recovery, commits, background work. `store` (store/store.hpp) gives it a type.
///
/// A change goes to the log, to the disk as the policy says, then into the table, and is published last. Calls that come while another is
/// at the disk are written together by one of them. Readers take a `view` (two pointers and two numbers) and see the rows of one moment.
///
/// Building graphs and writing snapshots take `building_` and work on a view; `writing_` is held only to change to the next log and to
/// exchange the table. So they stop nobody.
#pragma once

#include <tessera/base/observer.hpp>
#include <tessera/base/threads.hpp>
#include <tessera/index/calibration.hpp>
#include <tessera/index/graph_links.hpp>
#include <tessera/index/hnsw_settings.hpp>
#include <tessera/store/eviction.hpp>
#include <tessera/store/log.hpp>
#include <tessera/store/row_table.hpp>
#include <tessera/store/table_view.hpp>

#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

namespace tessera::inline TESSERA_ABI {

struct store_options {
  sync_policy sync = {};                   ///< when what was written survives a failure of the machine
  hnsw_settings graph = {};                ///< of a new store; one that is there keeps its own
  bool exact = false;                      ///< no graph: every search scores every row
  std::size_t build_threads = 1;           ///< that build graphs in the background
  std::uint64_t snapshot_after = std::uint64_t{256} << 20u;  ///< bytes of logs; 0: only when `snapshot` is called
  bool read_only = false;                  ///< nothing is written; any number of processes may read a store that none writes to
  bool create = true;                      ///< a directory that is not there, or empty, becomes an empty store
  provenance origin = {};                  ///< where the rows come from; a snapshot that says something else is refused
  std::size_t budget = 0;                  ///< bytes that rows may take in memory and in the mapped snapshot; 0: any number
  eviction evict = {};                     ///< what goes where the budget is full
  int compression = 0;                     ///< level of zstd for payloads; 0: none
  tessera::observer observer = {};         ///< hears of errors in the background and of damaged rows
  detail::file_calls calls = detail::file_calls::system();  ///< for tests
};

namespace detail {

/// Rows of a table by number; with `order`, row i is row order[i] of the table.
struct row_source {
  const row_table* table = nullptr;
  const std::uint32_t* order = nullptr;
  std::size_t count = 0;
};

/// What the type of a store adds.
struct row_kind {
  row_layout layout;
  index_description what;  ///< kind "store"
  bool anonymous = false;
  /// Links the rows from graph.rows() on. Errors: stopped, out_of_memory.
  result<> (*link)(graph_links& graph, const row_source& rows, const hnsw_settings& settings, thread_pool* threads,
                   const std::stop_token& stop) = nullptr;
  /// Leads links around the rows whose `to` is none and renumbers the others; row i was row order[i]. Errors: out_of_memory.
  result<graph_links> (*renumber)(graph_links& graph, const row_source& rows, std::span<const std::uint32_t> to,
                                  std::span<const std::uint32_t> order, const hnsw_settings& settings, thread_pool* threads) = nullptr;
  /// Codes of so many rows, those of `before` among them. None: searches walk by the rows themselves. Errors: out_of_memory.
  result<row_codes> (*code)(const row_codes& before, const row_source& rows) = nullptr;
  /// Codes of the rows order[0], order[1] ... Errors: out_of_memory.
  result<row_codes> (*reorder)(const row_codes& codes, std::span<const std::uint32_t> order) = nullptr;
  /// Bytes that codes of so many rows take at most.
  std::size_t (*code_bytes)(std::size_t rows) = nullptr;
};

class store_engine {
 public:
  using view = table_view;

  [[nodiscard]] static result<std::unique_ptr<store_engine>> open(std::string_view path, const row_kind& kind,
                                                                  const store_options& options);
  ~store_engine();

  [[nodiscard]] view now() const {
    const std::lock_guard lock(published_);
    return view_;
  }
  /// All changes or none. Errors: invalid_argument, not_found, mismatch, too_long, out_of_memory, io.
  [[nodiscard]] result<> commit(std::span<row_change> changes, fingerprint made_by);
  /// A search or a `get` gave this row away.
  void used(const view& rows, std::size_t row) noexcept;
  [[nodiscard]] result<> sync();
  [[nodiscard]] result<> index(const std::stop_token& stop);
  [[nodiscard]] result<> snapshot(const std::stop_token& stop);
  /// The rows of now as a store in another directory, which has none.
  [[nodiscard]] result<> save(std::string_view directory, const provenance& origin) const;
  /// What a calibration measured, or nothing; the next snapshot keeps it.
  [[nodiscard]] std::shared_ptr<const recall_table> recall() const {
    const std::lock_guard lock(published_);
    return recall_;
  }
  void set_recall(recall_table measured) {
    auto made = std::make_shared<const recall_table>(std::move(measured));
    const std::lock_guard lock(published_);
    recall_ = std::move(made);
  }
  /// Ends the background work and writes what is waiting to the disk.
  [[nodiscard]] result<> close();
  /// A graph was found damaged by a search.
  void rebuild() noexcept { wake_builder(true); }

  [[nodiscard]] const store_options& options() const noexcept { return options_; }
  [[nodiscard]] const recovery_report& report() const noexcept { return report_; }
  [[nodiscard]] std::optional<error> background_error() const {
    const std::lock_guard lock(published_);
    return background_error_;
  }
  [[nodiscard]] std::size_t size() const {
    const std::lock_guard lock(published_);
    return living_;
  }
  [[nodiscard]] std::size_t memory_bytes() const;
  [[nodiscard]] std::uint64_t log_bytes() const;
  [[nodiscard]] std::size_t all_bytes() const {
    const std::lock_guard lock(writing_);
    return held_bytes() + table_->mapped_bytes();
  }
  [[nodiscard]] std::uint64_t evicted() const noexcept { return evicted_.load(std::memory_order_relaxed); }

 private:
  struct waiting {
    std::span<row_change> changes;
    fingerprint made_by;
    result<> outcome = {};
    bool done = false;
  };
  /// Numbers of the files in the directory, and their names.
  struct files {
    std::map<std::uint64_t, std::string> logs, snapshots;
  };

  store_engine(std::string_view path, const row_kind& kind, const store_options& options)
      : path_(path), kind_(kind), options_(options) {}

  // engine-inl.hpp: opening
  [[nodiscard]] result<> lock_directory();
  [[nodiscard]] result<> lock_to_read();
  [[nodiscard]] result<> writable() const;
  [[nodiscard]] result<files> list() const;
  [[nodiscard]] result<> recover();
  [[nodiscard]] result<std::uint64_t> load_snapshot(const files& there);
  [[nodiscard]] result<> replay(const row_change& change);
  [[nodiscard]] result<> start_log(std::uint64_t generation);
  [[nodiscard]] std::string log_path(std::uint64_t generation) const;
  [[nodiscard]] std::string snapshot_path(std::uint64_t generation) const;
  void start_threads();
  void remove_before(std::uint64_t generation);

  // engine_budget-inl.hpp: memory; these under writing_
  [[nodiscard]] std::size_t held_bytes() const;
  [[nodiscard]] std::size_t reserve_bytes(std::size_t rows) const;
  [[nodiscard]] std::size_t excess(std::size_t rows, std::size_t content_bytes, std::size_t batch_bytes) const;
  [[nodiscard]] result<> fits(std::size_t rows, std::size_t content_bytes, std::size_t batch_bytes) const;
  // and these not
  [[nodiscard]] result<> make_space(std::size_t rows, std::size_t content_bytes, std::size_t batch_bytes);
  [[nodiscard]] std::vector<std::uint64_t> least_worth(const view& rows, std::size_t count) const;

  // engine_commit-inl.hpp: writing
  [[nodiscard]] result<> commit_once(std::span<row_change> changes, fingerprint made_by);
  void run(std::vector<waiting*>& group, std::size_t& taken);
  [[nodiscard]] result<> check(waiting& one) const;
  [[nodiscard]] result<> write(std::span<waiting* const> accepted);
  void apply(std::span<waiting* const> accepted) noexcept;
  void publish() noexcept;
  void publish_locked() noexcept;
  void flush_in_time(const std::stop_token& stop);

  // engine_build-inl.hpp: background work
  void build(const std::stop_token& stop);
  void wake_builder(bool anyway) noexcept;
  [[nodiscard]] bool index_is_due() const noexcept;
  [[nodiscard]] bool snapshot_is_due() const noexcept;
  [[nodiscard]] result<graph_links> graph_of(const view& rows, const std::stop_token& stop) const;
  [[nodiscard]] bool codes_are_due(const view& rows) const noexcept;
  [[nodiscard]] result<> index_rows(const std::stop_token& stop);
  [[nodiscard]] result<> code_rows();
  [[nodiscard]] result<std::vector<std::uint32_t>> write_view(const std::string& path, const view& rows, const snapshot_numbers& numbers,
                                                              const provenance& origin, const std::stop_token& stop) const;
  [[nodiscard]] result<> take_snapshot(const std::stop_token& stop);
  [[nodiscard]] result<> exchange(const view& written, std::span<const std::uint32_t> order, std::shared_ptr<row_table> table,
                                  row_codes codes);
  void note_background(const result<>& outcome);

  std::string path_;
  row_kind kind_;
  store_options options_;
  recovery_report report_;
  int lock_descriptor_ = -1;
  std::uint64_t store_ = 0;

  mutable std::mutex published_;  // guards what follows
  view view_;
  std::size_t living_ = 0;
  std::shared_ptr<log_writer> log_;
  std::shared_ptr<const recall_table> recall_;
  std::optional<error> background_error_;
  std::uint64_t older_logs_ = 0;  // bytes of logs before the current one

  std::mutex queue_;  // guards what follows
  std::condition_variable turn_;
  std::deque<waiting*> waiting_;
  bool leading_ = false;

  mutable std::mutex writing_;  // held by who changes the table or the log; guards what follows
  std::shared_ptr<row_table> table_;
  std::uint64_t number_ = 0;  // of the last change
  std::uint32_t change_ = 0;  // the same, counted within the table
  fingerprint made_by_;
  aligned_buffer<std::byte> batch_;
  std::uint64_t generation_ = 0;

  mutable std::atomic<std::size_t> working_{0};  // bytes of links and codes that are being made
  std::atomic<std::uint32_t> uses_{0};
  std::atomic<std::uint64_t> evicted_{0};
  mutable std::mutex building_;  // held by who builds a graph or a snapshot
  std::unique_ptr<thread_pool> pool_;
  std::mutex wake_;
  std::condition_variable_any woken_;
  bool work_ = false, anyway_ = false;  // the builder has something to do; where nothing seems due too
  bool dirty_ = false, urgent_ = false;  // the flusher has; at once
  std::jthread builder_, flusher_;
};

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/store/engine-inl.hpp>
#endif
