// SPDX-License-Identifier: Apache-2.0
/// The rows of an index with their ids: what every index that keeps its vectors does with them, and their part of its file.
///
/// Row i of rows() has ids()[i]. An id stands once; a row is found by its id in one probe or two (index/id_table.hpp). Vectors are
/// held once, narrow precisions with their length. Indexes derive from it and add what finds rows.
#pragma once

#include <tessera/index/id_table.hpp>
#include <tessera/index/index_file.hpp>
#include <tessera/index/rules.hpp>
#include <tessera/op/convert.hpp>
#include <tessera/op/top_k.hpp>
#include <tessera/type/matrix.hpp>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric>
class held_rows {
 public:
  using space = Space;
  using precision = Precision;
  using metric = Metric;
  using matrix = embedding_matrix<Space, Precision>;
  using row_view = typename matrix::row_view;
  static constexpr std::size_t dimension = Space::dimension;

  [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }
  [[nodiscard]] bool empty() const noexcept { return ids_.empty(); }
  /// Ids in the order of the rows. Valid, as all views are, until the index changes.
  [[nodiscard]] std::span<const std::uint64_t> ids() const noexcept { return ids_; }
  [[nodiscard]] const matrix& rows() const noexcept { return rows_; }
  [[nodiscard]] bool contains(std::uint64_t id) const noexcept { return row_of(id).has_value(); }
  /// The model that made the rows; 0 where no row says.
  [[nodiscard]] fingerprint made_by() const noexcept { return rows_.made_by(); }
  /// What the file said that this index was opened from, or nothing.
  [[nodiscard]] const provenance& origin() const noexcept { return origin_; }

  /// The row of that id. Errors: not_found.
  [[nodiscard]] result<row_view> get(std::uint64_t id) const {
    TESSERA_TRY(const std::size_t row, existing(id));
    return rows_.row(row);
  }

 protected:
  static constexpr bool has_norms = requires(row_facts<Precision> facts) { facts.norm; };
  static constexpr bool has_scales = requires(row_facts<Precision> facts) { facts.scale; };
  static constexpr std::size_t row_bytes = matrix::stride * sizeof(typename matrix::storage);
  /// Sections of a file that hold the rows.
  static constexpr std::size_t row_sections = 2 + std::size_t{has_norms} + std::size_t{has_scales};

  // Rows that were removed but still stand in the matrix have the id `gone_id_`, which no other row has.
  [[nodiscard]] std::size_t gone() const noexcept { return gone_; }
  [[nodiscard]] std::uint64_t gone_id() const noexcept { return gone_id_; }
  [[nodiscard]] bool is_gone(std::size_t row) const noexcept { return gone_ > 0 && ids_[row] == gone_id_; }
  void bury(std::size_t row) noexcept {
    table_.erase(row, ids_);
    if (gone_ == 0) gone_id_ = ids_[row];
    ids_[row] = gone_id_;
    ++gone_;
  }

  [[nodiscard]] std::optional<std::size_t> row_of(std::uint64_t id) const noexcept { return table_.find(id, ids_); }
  [[nodiscard]] result<std::size_t> existing(std::uint64_t id) const {
    if (const auto row = row_of(id)) return *row;
    return fail({.code = error_code::not_found,
                 .thing = "id " + std::to_string(id),
                 .wanted = "one of the " + std::to_string(size()) + " ids in the index"});
  }
  [[nodiscard]] std::size_t row_memory_bytes() const noexcept {
    return rows_.memory_bytes() + ids_.capacity() * sizeof(std::uint64_t) + table_.memory_bytes();
  }
  [[nodiscard]] result<> reserve_rows(std::size_t rows) {
    TESSERA_CHECK(rows_.reserve(rows));
    TESSERA_CHECK(reserve_ids(rows));
    ids_.reserve(rows);
    return {};
  }

  /// After it, the next `append` has its memory. Errors: out_of_memory.
  [[nodiscard]] result<> reserve_next() {
    const std::size_t room = rows_.capacity();
    if (rows_.rows() == room) TESSERA_CHECK(rows_.reserve(std::max<std::size_t>(16, room + room / 2)));
    return reserve_ids(ids_.size() + 1);
  }

  /// One row under a new id. Errors: invalid_argument (an id that is there already), mismatch (another model), out_of_memory; then
  /// nothing has changed.
  template <class Row>
  [[nodiscard]] result<> append(std::uint64_t id, const Row& row) {
    TESSERA_TRY(const fingerprint model, same_model<Space>(made_by(), row.made_by(), "row"));
    TESSERA_CHECK(add_ids({&id, 1}));
    embedding<Space, Precision> kept(row.view().values(), row.facts());  // the row may be one of ours, about to move
    kept.set_facts(measured_facts<Space, Precision>(kept));
    if (auto appended = rows_.append(kept); !appended) {
      take_back_ids(1);
      return appended;
    }
    rows_.set_made_by(model);
    return {};
  }
  /// Row i of the matrix under ids[i]; an empty index keeps a matrix that is moved in, without a copy. Errors: those of `append`;
  /// mismatch where the numbers of ids and rows differ.
  template <class Rows>
  [[nodiscard]] result<> append_rows(std::span<const std::uint64_t> ids, Rows&& rows) {
    TESSERA_CHECK(one_a_row("ids", ids.size(), rows.rows()));
    TESSERA_TRY(const fingerprint model, same_model<Space>(made_by(), rows.made_by(), "rows"));
    const std::size_t first = rows_.rows();
    if constexpr (!std::is_lvalue_reference_v<Rows>) {
      if (empty()) {
        TESSERA_CHECK(add_ids(ids));
        rows_ = std::move(rows);
        measure(first);
        rows_.set_made_by(model);
        return {};
      }
    }
    TESSERA_CHECK(rows_.reserve(size() + rows.rows()));
    TESSERA_CHECK(add_ids(ids));
    for (std::size_t i = 0; i < rows.rows(); ++i) TESSERA_CHECK(rows_.append(rows.row(i)));  // has room
    measure(first);
    rows_.set_made_by(model);
    return {};
  }
  /// Another vector under an id that is there. Errors: not_found, mismatch.
  template <class Row>
  [[nodiscard]] result<> replace(std::uint64_t id, const Row& row) {
    TESSERA_TRY(const std::size_t at, existing(id));
    TESSERA_TRY(const fingerprint model, same_model<Space>(made_by(), row.made_by(), "row"));
    embedding<Space, Precision> kept(row.view().values(), row.facts());
    kept.set_facts(measured_facts<Space, Precision>(kept));
    rows_.replace(at, kept);
    rows_.set_made_by(model);
    return {};
  }
  /// The last row takes the place of this one.
  void take_out(std::size_t row) noexcept {
    const std::size_t last = ids_.size() - 1;
    if (is_gone(row)) --gone_;
    else table_.erase(row, ids_);
    if (row != last && !is_gone(last)) table_.renumber(last, row, ids_);
    ids_[row] = ids_[last];
    ids_.pop_back();
    rows_.take_out(row);
  }

  [[nodiscard]] index_description described(std::string_view kind) const {
    return {.kind = std::string(kind),
            .precision = std::string(Precision::label),
            .metric = std::string(Metric::label),
            .pooling = Space::pooling_mode,
            .label = std::string(Space::label()),
            .unit_length = Space::unit_length,
            .dimension = dimension,
            .stride_bytes = row_bytes,
            .rows = ids_.size(),
            .made_by = made_by(),
            .origin = origin_};
  }
  /// Sections ids, norms, scales, rows; they borrow.
  [[nodiscard]] std::vector<index_section> sections() const {
    std::vector<index_section> made{{"ids", std::as_bytes(ids())}};
    if constexpr (has_norms) made.push_back({"norms", std::as_bytes(rows_.norms())});
    if constexpr (has_scales) made.push_back({"scales", std::as_bytes(rows_.scales())});
    made.push_back({"rows", std::as_bytes(std::span(rows_.data(), rows_.rows() * matrix::stride))});
    return made;
  }
  /// Reads them; this index is empty before. Rows of the id `gone` were removed. Errors: malformed, out_of_memory.
  [[nodiscard]] result<> read_rows(const index_file& file, std::optional<std::uint64_t> gone = {}) {
    // What the file has is known before anything is allocated for it.
    TESSERA_TRY(const auto ids, file.values<std::uint64_t>("ids"));
    TESSERA_TRY(const auto values, file.section("rows", row_bytes));
    std::vector<float> norms;
    std::vector<float> scales;
    if constexpr (has_norms) {
      TESSERA_TRY(norms, file.values<float>("norms"));
    }
    if constexpr (has_scales) {
      TESSERA_TRY(scales, file.values<float>("scales"));
    }
    TESSERA_TRY(rows_, matrix::make(ids.size()));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::memcpy(rows_.values(i).data(), values.data() + i * row_bytes, rows_.values(i).size_bytes());
      row_facts<Precision> facts;
      if constexpr (has_norms) facts.norm = norms[i];
      if constexpr (has_scales) facts.scale = scales[i];
      rows_.set_facts(i, facts);
    }
    rows_.set_made_by(file.description().made_by);
    origin_ = file.description().origin;
    return add_ids(ids, gone);
  }

  matrix rows_;
  std::vector<std::uint64_t> ids_;
  id_table table_;
  provenance origin_;

 private:
  [[nodiscard]] result<> reserve_ids(std::size_t rows) {
    return table_.reserve(rows, ids_, [this](std::size_t row) { return !is_gone(row); });
  }
  /// Ids for the next rows; all of them or, after an error, none.
  [[nodiscard]] result<> add_ids(std::span<const std::uint64_t> ids, std::optional<std::uint64_t> gone = {}) {
    const std::size_t before = ids_.size();
    TESSERA_CHECK(reserve_ids(before + ids.size()));
    for (const std::uint64_t id : ids) {
      if (gone && id == *gone) {
        gone_id_ = id;
        ids_.push_back(id);
        ++gone_;
        continue;
      }
      if (gone_ > 0 && !gone && id == gone_id_) rename_gone();
      ids_.push_back(id);
      if (table_.insert(ids_.size() - 1, ids_)) continue;
      ids_.pop_back();
      take_back_ids(ids_.size() - before);
      return no_new_id(id, "one that is taken");
    }
    return {};
  }
  void take_back_ids(std::size_t count) noexcept {
    for (; count > 0; --count) {
      table_.take_back(ids_.size() - 1, ids_);
      ids_.pop_back();
    }
  }
  /// The id of removed rows comes back for a new one.
  void rename_gone() noexcept {
    std::uint64_t other = gone_id_;
    do other = other * 0x9E3779B97F4A7C15u + 1;
    while (other == gone_id_ || table_.find(other, ids_));
    std::replace(ids_.begin(), ids_.end(), gone_id_, other);
    gone_id_ = other;
  }
  /// Lengths of the rows from `first` on, computed from what is stored.
  void measure(std::size_t first) noexcept {
    if constexpr (has_norms)
      for (std::size_t i = first; i < rows_.rows(); ++i)
        rows_.set_facts(i, measured_facts<Space, Precision>(rows_.row(i)));
  }

  std::size_t gone_ = 0;
  std::uint64_t gone_id_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI::detail
