// SPDX-License-Identifier: Apache-2.0
/// Exact search that proves most rows away: i8 codes bound how near a row can be, and only rows whose bound reaches the k nearest are
/// scored, in double.
///
///     ts::certified<model::space> index;                              // cosine of a unit-length space, inner_product, squared_l2
///     TESSERA_CHECK(index.add_rows(ids, rows));
///     TESSERA_TRY(const auto hits, index.search(query, 10));          // the k nearest, certainly
///     TESSERA_TRY(const auto proved, index.search_with_proof(query, 10));   // and what was looked at for it
///
/// Exact means: ordered by the sum in double of the products (or squared differences) of the stored values, ties by id; a hit's score is
/// that sum, rounded once. NaN stands last. index/bounded_codes.hpp derives the bound, the rounding of every step included.
///
/// Codes cost up to 200 bytes a row of 384 dimensions (index/code_plan.hpp chooses, on the rows themselves) and are read instead of
/// it: where rows share a mean and differ along few axes, as embeddings do, almost all rows are proved away by a tenth of their
/// bytes. Where that does not pay (few rows; variance the same along all axes; a query far from all) rows are scored in f32 and the
/// nearest again in double.
///
/// Axes are learned from the rows when there are 2048, and again whenever there are four times as many; bounds hold for rows added since.
/// Where time is short, `search_with_proof` takes an `effort`: of the rows that could be near only so many are scored (at least k), and
/// `certain` says how many of the first hits are the nearest all the same: recall is `certain` of k at least. `search` is always exact.
///
/// The file holds the rows; codes are made when it is opened. `const` calls are safe from any number of threads at once.
#pragma once

#include <tessera/index/bounded_codes.hpp>
#include <tessera/index/code_plan.hpp>
#include <tessera/index/exact_order.hpp>
#include <tessera/index/held_rows.hpp>
#include <tessera/index/spares.hpp>
#include <tessera/op/scan_rows.hpp>

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// What an answer rests on: every row that was not scored is proved to be no nearer than `least`, or than the last certain hit.
struct search_proof {
  std::size_t bounded = 0;  ///< rows with a bound from their codes
  std::size_t refined = 0;  ///< of which so many needed the second block of codes
  std::size_t scored = 0;   ///< rows whose vectors were read
  std::size_t certain = 0;  ///< so many of the first hits are the nearest of all rows; all of them where no `effort` was given
  double least = 0.0;       ///< the exact score of the last hit
};
struct proved_hits {
  std::vector<hit> hits;
  search_proof proof;
};

namespace detail {

struct certified_memory {
  std::vector<bounded_query> queries;
  std::vector<std::int8_t> codes;
  std::vector<kernel::reach_query> about;
  std::vector<float> reaches, kept, scores, refined;
  std::vector<std::uint32_t> rows, picked;
  std::vector<std::pair<float, std::uint32_t>> order;
  std::vector<exact_hit> best;
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    std::size_t bytes = codes.capacity() + about.capacity() * sizeof(about[0]) + (rows.capacity() + picked.capacity()) * sizeof(rows[0]) +
                        (reaches.capacity() + kept.capacity() + scores.capacity() + refined.capacity()) * sizeof(float) +
                        order.capacity() * sizeof(order[0]) + best.capacity() * sizeof(best[0]) + queries.capacity() * sizeof(queries[0]);
    for (const bounded_query& q : queries)
      bytes += q.codes[0].capacity() + q.codes[1].capacity() + (q.difference.capacity() + q.coordinates.capacity()) * sizeof(float);
    return bytes;
  }
};

}  // namespace detail

template <embedding_space Space, tessera::precision Precision = f32, tessera::metric Metric = cosine>
class certified : public detail::held_rows<Space, Precision, Metric> {
  static constexpr bool by_difference = std::is_same_v<Metric, squared_l2>;
  static_assert(floating_precision<Precision> && (by_difference || std::is_same_v<Metric, inner_product> ||
                                                  (std::is_same_v<Metric, cosine> && Space::unit_length && std::is_same_v<Precision, f32>)),
                "tessera: certified takes inner_product and squared_l2 of floating-point rows, and cosine of f32 rows of unit length");
  using base = detail::held_rows<Space, Precision, Metric>;

 public:
  certified() = default;

  /// Bytes allocated: rows, ids, codes and axes, and the working memory of calls that are over.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return base::row_memory_bytes() + (codes_ ? codes_->memory_bytes() : 0) + memory_.memory_bytes();
  }
  /// Bytes of codes a row; 0 where there are none.
  [[nodiscard]] std::size_t code_bytes() const noexcept { return codes_ ? codes_->row_bytes() : 0; }

  /// Errors: those of flat::add; then nothing has changed.
  template <embedding_like Row>
  [[nodiscard]] result<> add(std::uint64_t id, const Row& row) {
    if constexpr (detail::index_holds<certified, Row>()) {
      TESSERA_CHECK(room_for_codes(1));
      TESSERA_CHECK(base::append(id, row));
      return code_new();
    }
    return {};
  }
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids, const embedding_matrix<RowSpace, RowPrecision>& rows) {
    return add_all(ids, rows);
  }
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids, embedding_matrix<RowSpace, RowPrecision>&& rows) {
    return add_all(ids, std::move(rows));
  }
  /// Errors: not_found, mismatch.
  template <embedding_like Row>
  [[nodiscard]] result<> update(std::uint64_t id, const Row& row) {
    if constexpr (detail::index_holds<certified, Row>()) {
      TESSERA_CHECK(base::replace(id, row));
      if (codes_) code_rows(*base::row_of(id), 1);
    }
    return {};
  }
  /// The last row takes its place. Errors: not_found.
  [[nodiscard]] result<> remove(std::uint64_t id) {
    TESSERA_TRY(const std::size_t row, base::existing(id));
    base::take_out(row);
    if (codes_) codes_->take_out(row);
    return {};
  }

  /// The k nearest rows, or all where there are fewer. Errors: mismatch (a query of another model), stopped.
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> search(const Query& query, std::size_t k, const search_options& options = {}) const {
    TESSERA_TRY(auto found, prove(query, k, every_row, options));
    return std::move(found.hits);
  }
  template <embedding_like Query>
  [[nodiscard]] result<proved_hits> search_with_proof(const Query& query, std::size_t k, const search_options& options = {}) const {
    return prove(query, k, options.effort == 0 ? every_row : std::max(k, options.effort), options);
  }
  /// The k nearest rows of each query: eight pass the codes together. Errors: as for one.
  template <embedding_space QuerySpace, tessera::precision QueryPrecision>
  [[nodiscard]] result<std::vector<std::vector<hit>>> search(const embedding_matrix<QuerySpace, QueryPrecision>& queries,
                                                             std::size_t k, const search_options& options = {}) const {
    std::vector<std::vector<hit>> found(queries.rows());
    if constexpr (detail::index_answers<certified, embedding_matrix<QuerySpace, QueryPrecision>>()) {
      TESSERA_CHECK(detail::same_model<Space>(base::made_by(), queries.made_by(), "queries"));
      const std::size_t groups = (queries.rows() + together - 1) / together;
      std::vector<result<>> outcomes(groups);
      for_each(options.threads, groups, [&](std::size_t group) {
        const std::size_t first = group * together;
        auto answers = answer(queries, first, std::min(together, queries.rows() - first), k, every_row, {}, options);
        if (!answers) outcomes[group] = std::unexpected(std::move(answers).error());
        else
          for (std::size_t i = 0; i < answers->size(); ++i) found[first + i] = std::move((*answers)[i].hits);
      });
      for (result<>& outcome : outcomes) TESSERA_CHECK(std::move(outcome));
    }
    return found;
  }
  /// Every row whose exact score is at least as near as `bound`, nearest first. Errors: as for `search`.
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> within(const Query& query, float bound, const search_options& options = {}) const {
    std::vector<proved_hits> found(1);
    if constexpr (detail::index_answers<certified, Query>()) {
      TESSERA_CHECK(detail::same_model<Space>(base::made_by(), query.made_by(), "query"));
      const auto view = query.view();
      TESSERA_TRY(found, answer(std::span(&view, 1), 0, 1, base::size(), every_row, bound, options));
    }
    return std::move(found.front().hits);
  }

  /// Errors: those of flat.
  [[nodiscard]] result<> save(std::string_view path, const provenance& origin) const {
    index_description what = base::described("certified");
    what.origin = origin;
    return write_index_file(path, what, base::sections());
  }
  [[nodiscard]] result<> save(std::string_view path) const { return save(path, base::origin()); }
  [[nodiscard]] static result<certified> open(std::string_view path, const provenance& expected = {}) {
    TESSERA_TRY(const mapped_file file, mapped_file::open(path));
    return read(file.bytes(), path, expected);
  }
  [[nodiscard]] static result<certified> read(std::span<const std::byte> bytes, std::string_view path, const provenance& expected = {}) {
    TESSERA_TRY(const index_file file, index_file::view(bytes, path));
    certified made;
    TESSERA_CHECK(file.matches(made.described("certified"), expected));
    TESSERA_CHECK(file.verify());
    TESSERA_CHECK(file.has_sections(base::row_sections));
    if (auto read = made.read_rows(file); !read) return std::unexpected(std::move(read).error().in(path));
    TESSERA_CHECK(made.code_new());
    return made;
  }

 private:
  static constexpr std::size_t together = 8, first_training = 2048, training_sample = 4096, usual_k = 10;
  static constexpr std::size_t every_row = std::numeric_limits<std::size_t>::max();

  template <class Query>
  [[nodiscard]] result<proved_hits> prove(const Query& query, std::size_t k, std::size_t most, const search_options& options) const {
    std::vector<proved_hits> found(1);
    if constexpr (detail::index_answers<certified, Query>()) {
      TESSERA_CHECK(detail::same_model<Space>(base::made_by(), query.made_by(), "query"));
      const auto view = query.view();
      TESSERA_TRY(found, answer(std::span(&view, 1), 0, 1, k, most, {}, options));
    }
    return std::move(found.front());
  }

  template <class Rows>
  [[nodiscard]] result<> add_all(std::span<const std::uint64_t> ids, Rows&& rows) {
    if constexpr (detail::index_holds<certified, std::remove_cvref_t<Rows>>()) {
      TESSERA_CHECK(room_for_codes(rows.rows()));
      TESSERA_CHECK(base::append_rows(ids, std::forward<Rows>(rows)));
      return code_new();
    }
    return {};
  }
  [[nodiscard]] result<> room_for_codes(std::size_t count) {
    const std::size_t wanted = base::size() + count;
    if (!codes_ || wanted <= codes_->capacity()) return {};
    return codes_->reserve(count == 1 ? wanted + wanted / 2 : wanted);
  }
  [[nodiscard]] result<> code_new();
  void code_rows(std::size_t first, std::size_t count);
  [[nodiscard]] double weight_of(const float* x) const noexcept;

  template <class Queries>
  [[nodiscard]] result<std::vector<proved_hits>> answer(const Queries& queries, std::size_t first, std::size_t count, std::size_t k,
                                                        std::size_t most, std::optional<float> bound, const search_options& options) const;
  template <class View>
  void finish(const View& query, const detail::bounded_query* prepared, std::size_t k, std::size_t most, std::optional<float> bound,
              const search_options& options, detail::certified_memory& memory, float* reaches, proved_hits& found) const;
  template <class View>
  void bound_by_scores(const View& query, std::span<const std::uint32_t> at, double longest, float* lows, float* highs) const;

  std::optional<detail::bounded_codes> codes_;
  std::size_t trained_at_ = 0;  ///< rows when axes were last learned, or were found not to pay
  mutable detail::spares<detail::certified_memory> memory_;
};

}  // namespace tessera::inline TESSERA_ABI

#include <tessera/index/certified_parts.hpp>
