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

#include <tessera/index/held_rows.hpp>
#include <tessera/op/rows_within.hpp>

#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space, tessera::precision Precision = f32, tessera::metric Metric = cosine>
class flat : public detail::held_rows<Space, Precision, Metric> {
  static_assert(Metric::binary == std::is_same_v<Precision, b1>,
                "tessera: hamming, jaccard and sign_product take binary codes (b1), the other metrics numbers");
  using base = detail::held_rows<Space, Precision, Metric>;

 public:
  using base::made_by;

  flat() = default;

  /// Bytes allocated: rows with their scales and lengths, ids, the table of ids; unused capacity included.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return base::row_memory_bytes(); }
  /// Room for `rows` rows in all. Errors: out_of_memory.
  [[nodiscard]] result<> reserve(std::size_t rows) { return base::reserve_rows(rows); }

  /// One row: an embedding or a view. Errors: invalid_argument (an id that is there already), mismatch (another model),
  /// out_of_memory; then nothing has changed.
  template <embedding_like Row>
  [[nodiscard]] result<> add(std::uint64_t id, const Row& row) {
    if constexpr (detail::index_holds<flat, Row>()) TESSERA_CHECK(base::append(id, row));
    return {};
  }

  /// Row i of the matrix under ids[i]. Errors: those of `add`; mismatch where the numbers of ids and rows differ.
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids,
                                  const embedding_matrix<RowSpace, RowPrecision>& rows) {
    if constexpr (detail::index_holds<flat, embedding_matrix<RowSpace, RowPrecision>>())
      TESSERA_CHECK(base::append_rows(ids, rows));
    return {};
  }
  /// The same; an empty index keeps the matrix as it is, without a copy. After an error the matrix is still the caller's.
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids, embedding_matrix<RowSpace, RowPrecision>&& rows) {
    if constexpr (detail::index_holds<flat, embedding_matrix<RowSpace, RowPrecision>>())
      TESSERA_CHECK(base::append_rows(ids, std::move(rows)));
    return {};
  }

  /// Another vector under an id that is there. Errors: not_found, mismatch (another model).
  template <embedding_like Row>
  [[nodiscard]] result<> update(std::uint64_t id, const Row& row) {
    if constexpr (detail::index_holds<flat, Row>()) TESSERA_CHECK(base::replace(id, row));
    return {};
  }
  /// The row of that id is gone; the last row takes its place. Errors: not_found.
  [[nodiscard]] result<> remove(std::uint64_t id) {
    TESSERA_TRY(const std::size_t row, base::existing(id));
    base::take_out(row);
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
      TESSERA_TRY(found, scan_rows<Metric>(std::span(&view, 1), base::rows(), base::ids(), k, options));
    }
    return std::move(found.front());
  }

  /// The k nearest rows of each query. Errors: as for one.
  template <embedding_space QuerySpace, tessera::precision QueryPrecision>
  [[nodiscard]] result<std::vector<std::vector<hit>>> search(const embedding_matrix<QuerySpace, QueryPrecision>& queries,
                                                             std::size_t k, const search_options& options = {}) const {
    if constexpr (detail::index_answers<flat, embedding_matrix<QuerySpace, QueryPrecision>>()) {
      TESSERA_CHECK(detail::same_model<Space>(made_by(), queries.made_by(), "queries"));
      return scan_rows<Metric>(queries, base::rows(), base::ids(), k, options);
    } else {
      return {};
    }
  }

  /// Every row that is at least as near as `bound`, nearest first. Errors: as for `search`.
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> within(const Query& query, float bound, const search_options& options = {}) const {
    std::vector<hit> found;
    if constexpr (detail::index_answers<flat, Query>()) {
      TESSERA_CHECK(detail::same_model<Space>(made_by(), query.made_by(), "query"));
      TESSERA_TRY(found, rows_within<Metric>(query.view(), base::rows(), base::ids(), bound, options));
    }
    return found;
  }

  /// Writes the index (docs/formats.md), atomically. Errors: those of `atomic_file`.
  [[nodiscard]] result<> save(std::string_view path, const provenance& origin) const {
    index_description what = base::described("flat");
    what.origin = origin;
    return write_index_file(path, what, base::sections());
  }
  /// The same with the provenance that it was opened with.
  [[nodiscard]] result<> save(std::string_view path) const { return save(path, base::origin()); }

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
    flat made;
    TESSERA_CHECK(file.matches(made.described("flat"), expected));
    TESSERA_CHECK(file.verify());
    TESSERA_CHECK(file.has_sections(base::row_sections));
    if (auto read = made.read_rows(file); !read) return std::unexpected(std::move(read).error().in(path));
    return made;
  }
};

}  // namespace tessera::inline TESSERA_ABI
