// SPDX-License-Identifier: Apache-2.0
/// The rows of a store in memory: those of its snapshot, mapped, and behind them those that came since, in one array.
///
/// A row keeps its number until the next snapshot. One writer appends rows and marks old ones as gone; readers see, by a count and the
/// number of a change, the rows as they were at one moment (`visible`). Nothing that a reader looks at ever moves.
///
/// Of a snapshot every block of 4 KiB is compared with its checksum when it is first touched; `whole` says whether a row is what was
/// written. Ids stand in rising order in a snapshot, so that finding one needs no table; those that came since have one.
#pragma once

#include <tessera/index/id_table.hpp>
#include <tessera/index/index_file.hpp>
#include <tessera/store/content.hpp>
#include <tessera/store/reserved_memory.hpp>
#include <tessera/store/stored_graph.hpp>

#include <atomic>
#include <memory>
#include <shared_mutex>
#include <string>

namespace tessera::inline TESSERA_ABI::detail {

/// What the bytes of a row are, as far as the table must know.
struct row_layout {
  std::size_t vector_bytes = 0;  ///< of the components
  std::size_t stride = 0;        ///< from row to row
  bool norms = false, scales = false;
  bool usage = false;  ///< uses are counted
};

/// Where the content of a row lies.
struct content_place {
  std::uint64_t at = 0;  ///< in the section `contents`; of a row that came since, the address
  std::uint32_t metadata = 0, payload = 0, whole = 0, flags = 0;  ///< bytes; flag 1: the payload is compressed
};
struct stored_content {
  std::span<const std::byte> metadata, payload;
  std::uint32_t whole = 0;
  bool compressed = false;
};

/// What the section `store` of a snapshot says.
struct snapshot_numbers {
  std::uint64_t store = 0, generation = 0, next = 0, reserved = 0;
};

class row_table {
 public:
  /// Without a snapshot. Errors: out_of_memory.
  [[nodiscard]] static result<std::shared_ptr<row_table>> make(const row_layout& layout);
  /// From a snapshot, whose header and directory are checked, and ids, lengths and scales. Errors: those of index_file::view; mismatch
  /// (another type, other weights than `expected`), io, out_of_memory.
  [[nodiscard]] static result<std::shared_ptr<row_table>> open(const std::string& path, const row_layout& layout,
                                                               const index_description& wanted, const provenance& expected);

  row_table(const row_table&) = delete;
  row_table& operator=(const row_table&) = delete;

  // ---- any thread, of rows below a count that the writer has published
  [[nodiscard]] const row_layout& layout() const noexcept { return layout_; }
  [[nodiscard]] std::size_t base_rows() const noexcept { return base_; }
  [[nodiscard]] const std::byte* rows() const noexcept { return rows_; }
  [[nodiscard]] const std::uint64_t* ids() const noexcept { return ids_.data(); }
  [[nodiscard]] const float* norms() const noexcept { return norms_.data(); }
  [[nodiscard]] const float* scales() const noexcept { return scales_.data(); }
  /// Rows that were there after change number `change` of this table.
  [[nodiscard]] bool visible(std::size_t row, std::uint32_t change) const noexcept {
    const std::uint32_t died = died_of(row).load(std::memory_order_acquire);
    return died == 0 || died > change;
  }
  /// The row, its id, length and scale are what was written.
  [[nodiscard]] bool whole(std::size_t row) const noexcept {
    return row >= base_ || verified_.load(std::memory_order_acquire) || base_row_is_whole(row);
  }
  /// The row that has the id now.
  [[nodiscard]] std::optional<std::size_t> find(std::uint64_t id) const;
  /// Errors: checksum.
  [[nodiscard]] result<stored_content> content(std::size_t row) const;
  /// The graph of the snapshot's rows, where there is one that can be used.
  [[nodiscard]] const stored_graph* graph() const noexcept { return graph_ && !graph_->damaged() ? graph_.get() : nullptr; }
  /// A copy that can grow, every link checked. Errors: checksum, malformed, out_of_memory.
  [[nodiscard]] result<graph_links> copy_graph() const;
  /// Rows that a search is about to read: where they are still on the disk it is asked for all of them together.
  void ask_for(std::span<const std::uint32_t> rows) const noexcept {
    if (cold_.load(std::memory_order_relaxed)) ask_disk(rows);
  }
  /// Everything is about to be read, in order.
  void ask_for_all() const noexcept;
  /// Every block is compared with its checksum. Errors: checksum, with everything that is damaged as causes; stopped.
  [[nodiscard]] result<> verify(const std::stop_token& stop = {}) const;
  /// What has been found damaged until now.
  [[nodiscard]] std::vector<damage> damaged() const;
  /// The numbers of a calibration that the snapshot holds, or none.
  [[nodiscard]] std::vector<std::uint64_t> recall() const;
  [[nodiscard]] const snapshot_numbers& numbers() const noexcept { return numbers_; }
  [[nodiscard]] const index_description& description() const noexcept { return description_; }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// Bytes of memory that rows, ids and contents take, and of the mapped file. Exact for the writer, else of some moment before.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;
  [[nodiscard]] std::size_t mapped_bytes() const noexcept { return file_bytes_; }
  /// Times a row was used and when last, for eviction; two numbers a row: count, time.
  [[nodiscard]] std::uint32_t* usage(std::size_t row) noexcept { return usage_.data() + 2 * row; }

  // ---- the writer
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t living() const noexcept { return living_; }
  /// After it `rows` appends with that many bytes of content cannot fail. Errors: out_of_memory.
  [[nodiscard]] result<> make_room(std::size_t rows, std::size_t content_bytes);
  /// An upper bound of what they would add to memory_bytes().
  [[nodiscard]] std::size_t room_bytes(std::size_t rows, std::size_t content_bytes) const noexcept;
  /// A row behind the last, after make_room. It is found by its id at once, and visible to who has seen its number.
  std::size_t append(const row_change& change) noexcept;
  /// The row is gone from change number `change` on, which is not 0.
  void kill(std::size_t row, std::uint32_t change) noexcept;

 private:
  row_table() = default;
  [[nodiscard]] result<> reserve(std::size_t file_bytes);
  [[nodiscard]] result<> load(const index_description& wanted, const provenance& expected);
  void load_graph();
  void begin_reading() noexcept;
  void ask_disk(std::span<const std::uint32_t> rows) const noexcept;
  [[nodiscard]] bool base_row_is_whole(std::size_t row) const noexcept;
  [[nodiscard]] bool block_is_whole(std::size_t block) const noexcept;
  [[nodiscard]] bool intact(const void* at, std::size_t bytes) const noexcept;
  [[nodiscard]] std::atomic_ref<std::uint32_t> died_of(std::size_t row) const noexcept {
    return std::atomic_ref<std::uint32_t>(const_cast<std::uint32_t&>(died_[row]));
  }
  [[nodiscard]] std::span<const std::uint64_t> tail_ids() const noexcept { return {ids_.data() + base_, count_ - base_}; }

  row_layout layout_;
  std::string path_;
  index_description description_;
  snapshot_numbers numbers_;
  std::size_t file_bytes_ = 0;
  std::size_t most_ = 0;
  reserved_memory memory_;  // the file, its rows last, then the rows that came since
  std::byte* rows_ = nullptr;
  reserved_array<std::uint64_t> ids_;
  reserved_array<float> norms_;
  reserved_array<float> scales_;
  reserved_array<std::uint32_t> died_;
  reserved_array<content_place> places_;  // of rows from base_ on
  reserved_array<std::uint32_t> usage_;
  std::vector<aligned_buffer<std::byte>> contents_;
  std::size_t content_used_ = 0;   // of the last
  std::size_t content_bytes_ = 0;  // of all
  mutable std::shared_mutex names_;  // of table_, which names rows from base_ on
  id_table table_;
  std::size_t base_ = 0, count_ = 0, living_ = 0;

  index_file file_;
  std::span<const std::byte> base_ids_, base_norms_, base_scales_, base_links_;
  std::span<const std::byte> base_places_, base_contents_;
  mutable std::unique_ptr<std::atomic<std::uint64_t>[]> seen_;  // blocks that were compared
  mutable std::unique_ptr<std::atomic<std::uint64_t>[]> bad_;   // and had another checksum
  mutable std::atomic<bool> verified_{true};
  mutable std::atomic<bool> cold_{false};  // the snapshot was not in the system's memory when it was opened
  std::unique_ptr<stored_graph> graph_;
};

}  // namespace tessera::inline TESSERA_ABI::detail

#if TESSERA_HEADER_ONLY
#include <tessera/store/row_table-inl.hpp>
#endif
