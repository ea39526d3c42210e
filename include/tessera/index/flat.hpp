// SPDX-License-Identifier: Apache-2.0
/// Exact search: every row is scored, and the k nearest come back in order.
///
///     ts::flat<model::space, ts::f16> index;                      // cosine; also ts::inner_product, ts::squared_l2 ...
///     TESSERA_CHECK(index.add(1, ts::cast<ts::f16>(embedding)));
///     TESSERA_TRY(const auto hits, index.search(query, 10));      // vector<hit>: id and score, nearest first
///     TESSERA_CHECK(index.save("notes.tsi", {.weights = sha256}));
///
/// Rows of another space or precision do not compile; queries have the rows' precision or are f32. Rows and queries made by
/// another model of the same type are refused by their fingerprint: the index takes it from the first row that has one, and
/// vectors without one (read from plain arrays) are taken on trust. `anonymous` spaces have none.
///
/// Scores are those of the metric called on query and row. Equal scores are ordered by id; NaN stands last, so a query that
/// holds NaN finds the lowest ids. Vectors are held once; `const` calls are safe from any number of threads at once, `add` and
/// other changes need the index for themselves.
#pragma once

#include <tessera/index/id_table.hpp>
#include <tessera/index/index_file.hpp>
#include <tessera/index/rules.hpp>
#include <tessera/op/convert.hpp>
#include <tessera/op/scan_rows.hpp>

#include <limits>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space, precision Precision = f32, metric Metric = cosine>
class flat {
  static_assert(Metric::binary == std::is_same_v<Precision, b1>,
                "tessera: hamming, jaccard and sign_product take binary codes (b1), the other metrics numbers");

 public:
  using space = Space;
  using precision = Precision;
  using metric = Metric;
  using matrix = embedding_matrix<Space, Precision>;
  using row_view = typename matrix::row_view;
  static constexpr std::size_t dimension = Space::dimension;

  flat() = default;

  [[nodiscard]] std::size_t size() const noexcept { return ids_.size(); }
  [[nodiscard]] bool empty() const noexcept { return ids_.empty(); }
  /// Ids in the order of the rows. Valid, as all views are, until the index changes.
  [[nodiscard]] std::span<const std::uint64_t> ids() const noexcept { return ids_; }
  [[nodiscard]] const matrix& rows() const noexcept { return rows_; }
  [[nodiscard]] bool contains(std::uint64_t id) const noexcept { return table_.find(id, ids_).has_value(); }
  /// The model that made the rows; 0 where no row says.
  [[nodiscard]] fingerprint made_by() const noexcept { return rows_.made_by(); }
  /// What the file said that this index was opened from, or nothing.
  [[nodiscard]] const provenance& origin() const noexcept { return origin_; }
  /// Bytes allocated: rows with their scales and lengths, ids, the table of ids; unused capacity included.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return rows_.memory_bytes() + ids_.capacity() * sizeof(std::uint64_t) + table_.memory_bytes();
  }

  /// The row of that id. Errors: not_found.
  [[nodiscard]] result<row_view> get(std::uint64_t id) const {
    const auto row = table_.find(id, ids_);
    if (!row)
      return fail({.code = error_code::not_found,
                   .thing = "id " + std::to_string(id),
                   .wanted = "one of the " + std::to_string(size()) + " ids in the index"});
    return rows_.row(*row);
  }

  /// Room for `rows` rows in all. Errors: out_of_memory.
  [[nodiscard]] result<> reserve(std::size_t rows) {
    TESSERA_CHECK(rows_.reserve(rows));
    TESSERA_CHECK(table_.reserve(rows, ids_));
    ids_.reserve(rows);
    return {};
  }

  /// One row: an embedding or a view. Errors: invalid_argument (an id that is there already), mismatch (another model),
  /// out_of_memory; then nothing has changed.
  template <embedding_like Row>
  [[nodiscard]] result<> add(std::uint64_t id, const Row& row) {
    if constexpr (detail::index_holds<flat, Row>()) {
      TESSERA_TRY(const fingerprint model, detail::same_model<Space>(made_by(), row.made_by(), "row"));
      TESSERA_CHECK(add_ids({&id, 1}));
      embedding<Space, Precision> kept(row.view().values(), row.facts());  // the row may be one of ours, about to move
      kept.set_facts(detail::measured_facts<Space, Precision>(kept));
      if (auto appended = rows_.append(kept); !appended) {
        take_back_ids(1);
        return appended;
      }
      rows_.set_made_by(model);
    }
    return {};
  }

  /// Row i of the matrix under ids[i]. Errors: those of `add`; mismatch where the numbers of ids and rows differ.
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids,
                                  const embedding_matrix<RowSpace, RowPrecision>& rows) {
    using given = embedding_matrix<RowSpace, RowPrecision>;
    if constexpr (detail::index_holds<flat, given>()) {
      TESSERA_CHECK(detail::one_id_a_row(ids.size(), rows.rows()));
      TESSERA_TRY(const fingerprint model, detail::same_model<Space>(made_by(), rows.made_by(), "rows"));
      TESSERA_CHECK(rows_.reserve(size() + rows.rows()));
      TESSERA_CHECK(add_ids(ids));
      const std::size_t first = rows_.rows();
      for (std::size_t i = 0; i < rows.rows(); ++i) TESSERA_CHECK(rows_.append(rows.row(i)));  // has room
      measure(first);
      rows_.set_made_by(model);
    }
    return {};
  }

  /// The same; an empty index keeps the matrix as it is, without a copy. After an error the matrix is still the caller's.
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids, embedding_matrix<RowSpace, RowPrecision>&& rows) {
    using given = embedding_matrix<RowSpace, RowPrecision>;
    if constexpr (detail::index_holds<flat, given>()) {
      if (!empty()) return add_rows(ids, std::as_const(rows));
      TESSERA_CHECK(detail::one_id_a_row(ids.size(), rows.rows()));
      TESSERA_TRY(const fingerprint model, detail::same_model<Space>(made_by(), rows.made_by(), "rows"));
      TESSERA_CHECK(add_ids(ids));
      rows_ = std::move(rows);
      measure(0);
      rows_.set_made_by(model);
    }
    return {};
  }

  /// The k nearest rows, or all where there are fewer. Errors: mismatch (a query of another model), stopped.
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> search(const Query& query, std::size_t k,
                                                const search_options& options = {}) const {
    std::vector<std::vector<hit>> found(1);
    if constexpr (detail::index_answers<flat, Query>()) {
      TESSERA_CHECK(detail::same_model<Space>(made_by(), query.made_by(), "query"));
      const auto view = query.view();
      TESSERA_TRY(found, scan_rows<Metric>(std::span(&view, 1), rows_, ids_, k, options));
    }
    return std::move(found.front());
  }

  /// The k nearest rows of each query. Errors: as for one.
  template <embedding_space QuerySpace, tessera::precision QueryPrecision>
  [[nodiscard]] result<std::vector<std::vector<hit>>> search(const embedding_matrix<QuerySpace, QueryPrecision>& queries,
                                                             std::size_t k, const search_options& options = {}) const {
    if constexpr (detail::index_answers<flat, embedding_matrix<QuerySpace, QueryPrecision>>()) {
      TESSERA_CHECK(detail::same_model<Space>(made_by(), queries.made_by(), "queries"));
      return scan_rows<Metric>(queries, rows_, ids_, k, options);
    } else {
      return {};
    }
  }

  /// Writes the index (docs/formats.md), atomically. Errors: those of `atomic_file`.
  [[nodiscard]] result<> save(std::string_view path, const provenance& origin) const {
    std::vector<index_section> sections{{"ids", std::as_bytes(ids())}};
    if constexpr (has_norms) sections.push_back({"norms", std::as_bytes(rows_.norms())});
    if constexpr (has_scales) sections.push_back({"scales", std::as_bytes(rows_.scales())});
    sections.push_back({"rows", std::as_bytes(std::span(rows_.data(), rows_.rows() * matrix::stride))});
    index_description what = described();
    what.rows = size();
    what.made_by = made_by();
    what.origin = origin;
    return write_index_file(path, what, sections);
  }
  /// The same with the provenance that it was opened with.
  [[nodiscard]] result<> save(std::string_view path) const { return save(path, origin_); }

  /// Reads what `save` wrote; every byte is checked. Errors: those of `mapped_file::open`; malformed, checksum, unsupported (a
  /// newer version), mismatch (the file is of another space, dimension, precision, pooling or metric; or not of the weights
  /// that `expected` names), out_of_memory.
  [[nodiscard]] static result<flat> open(std::string_view path, const provenance& expected = {}) {
    TESSERA_TRY(const mapped_file file, mapped_file::open(path));
    return read(file.bytes(), path, expected);
  }
  /// The same from memory, which is copied; `path` names it in errors.
  [[nodiscard]] static result<flat> read(std::span<const std::byte> bytes, std::string_view path,
                                         const provenance& expected = {}) {
    TESSERA_TRY(const index_file file, index_file::view(bytes, path));
    TESSERA_CHECK(file.matches(described(), expected));
    TESSERA_CHECK(file.verify());
    constexpr std::size_t row_bytes = matrix::stride * sizeof(typename matrix::storage);
    TESSERA_CHECK(file.has_sections(2 + std::size_t{has_norms} + std::size_t{has_scales}));
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
    flat made;
    TESSERA_TRY(made.rows_, matrix::make(ids.size()));
    for (std::size_t i = 0; i < ids.size(); ++i) {
      std::memcpy(made.rows_.values(i).data(), values.data() + i * row_bytes, made.rows_.values(i).size_bytes());
      row_facts<Precision> facts;
      if constexpr (has_norms) facts.norm = norms[i];
      if constexpr (has_scales) facts.scale = scales[i];
      made.rows_.set_facts(i, facts);
    }
    made.rows_.set_made_by(file.description().made_by);
    made.origin_ = file.description().origin;
    if (auto added = made.add_ids(ids); !added) return std::unexpected(std::move(added).error().in(path));
    return made;
  }

 private:
  static constexpr bool has_norms = requires(row_facts<Precision> facts) { facts.norm; };
  static constexpr bool has_scales = requires(row_facts<Precision> facts) { facts.scale; };

  [[nodiscard]] static index_description described() {
    return {.kind = "flat",
            .precision = std::string(Precision::label),
            .metric = std::string(Metric::label),
            .pooling = Space::pooling_mode,
            .label = std::string(Space::label()),
            .unit_length = Space::unit_length,
            .dimension = dimension,
            .stride_bytes = matrix::stride * sizeof(typename matrix::storage)};
  }

  /// Ids for the next rows; all of them or, after an error, none.
  [[nodiscard]] result<> add_ids(std::span<const std::uint64_t> ids) {
    const std::size_t before = ids_.size();
    TESSERA_CHECK(table_.reserve(before + ids.size(), ids_));
    for (const std::uint64_t id : ids) {
      ids_.push_back(id);
      if (table_.insert(ids_.size() - 1, ids_)) continue;
      ids_.pop_back();
      take_back_ids(ids_.size() - before);
      return fail({.code = error_code::invalid_argument,
                   .thing = "id " + std::to_string(id),
                   .wanted = "an id that no other row has",
                   .found = "one that is taken"});
    }
    return {};
  }
  void take_back_ids(std::size_t count) noexcept {
    for (; count > 0; --count) {
      table_.take_back(ids_.size() - 1, ids_);
      ids_.pop_back();
    }
  }
  /// Lengths of the rows from `first` on, computed from what is stored.
  void measure(std::size_t first) noexcept {
    if constexpr (has_norms)
      for (std::size_t i = first; i < rows_.rows(); ++i)
        rows_.set_facts(i, detail::measured_facts<Space, Precision>(rows_.row(i)));
  }

  matrix rows_;
  std::vector<std::uint64_t> ids_;
  id_table table_;
  provenance origin_;
};

}  // namespace tessera::inline TESSERA_ABI
