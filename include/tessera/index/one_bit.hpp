// SPDX-License-Identifier: Apache-2.0
/// Approximate search by codes of one bit a component: all codes are scanned, and the rows of the best estimates are scored.
///
///     ts::one_bit<model::space, ts::f16> index;                       // cosine; RaBitQ's codes, 56 bytes a row at 384 dimensions
///     TESSERA_CHECK(index.add_rows(ids, rows));
///     TESSERA_TRY(const auto hits, index.search(query, 10));           // the best 100 estimates are scored: ten times as many
///     TESSERA_TRY(const auto more, index.search(query, 10, {.effort = 60}));   // or sixty
///
/// In the place of `flat` it answers the same calls (index/similarity_index.hpp); hits have the metric's bits, and what it may miss are
/// rows whose estimate was poor. `effort` is how many are scored, never fewer than k and never more than `one_bit_settings::oversampling`
/// for each hit, which is also what a search without `effort` takes. The third argument of the type chooses the codes
/// (index/bit_codes.hpp): rotated_bits, centred_bits, plain_bits. Where a scan would not pay, because an eighth of the rows would be scored
/// anyway or a query is no vector, every row is scored instead. `within` scores every row.
///
/// The mean is learned when there are 256 rows, and again whenever there are four times as many. `const` calls are safe from any number of
/// threads at once, changes need the index for themselves.
#pragma once

#include <tessera/index/bit_codes.hpp>
#include <tessera/index/calibration.hpp>
#include <tessera/index/held_rows.hpp>
#include <tessera/index/metric_place.hpp>
#include <tessera/index/nearest_keys.hpp>
#include <tessera/index/spares.hpp>
#include <tessera/op/rows_within.hpp>

#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct one_bit_settings {
  std::size_t oversampling = 10;  ///< rows scored for each hit at most
};

template <embedding_space Space, tessera::precision Precision = f32, tessera::metric Metric = cosine, class Bits = rotated_bits>
class one_bit : public detail::held_rows<Space, Precision, Metric> {
  static_assert(floating_precision<Precision> && (std::is_same_v<Metric, cosine> || std::is_same_v<Metric, inner_product> ||
                                                  std::is_same_v<Metric, squared_l2>),
                "tessera: one_bit takes floating-point rows by cosine, inner_product or squared_l2; rows that are bits are for flat");
  using base = detail::held_rows<Space, Precision, Metric>;
  using frame = detail::bit_frame<Bits, Space::dimension>;
  using panels = detail::bit_panels<frame::words>;
  using query_code = detail::bit_query<frame::planes, frame::words>;

 public:
  /// Bytes of codes a row.
  static constexpr std::size_t code_bytes = panels::row_bytes;

  one_bit() = default;
  /// Errors: invalid_argument.
  [[nodiscard]] static result<one_bit> make(const one_bit_settings& settings) {
    if (settings.oversampling < 1 || settings.oversampling > 1000)
      return fail({.code = error_code::invalid_argument,
                   .thing = "oversampling",
                   .wanted = "1 to 1000",
                   .found = std::to_string(settings.oversampling)});
    one_bit made;
    made.settings_ = settings;
    return made;
  }
  [[nodiscard]] const one_bit_settings& settings() const noexcept { return settings_; }
  /// Bytes allocated: rows, ids, codes, and the working memory of calls that are over.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return base::row_memory_bytes() + panels_.memory_bytes() + frame_.memory_bytes() + memory_.memory_bytes();
  }

  /// Errors: those of flat::add; then nothing has changed.
  template <embedding_like Row>
  [[nodiscard]] result<> add(std::uint64_t id, const Row& row) {
    if constexpr (detail::index_holds<one_bit, Row>()) {
      TESSERA_CHECK(panels_.reserve(base::size() + 1));
      TESSERA_CHECK(base::append(id, row));
      code_new();
    }
    return {};
  }
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids, const embedding_matrix<RowSpace, RowPrecision>& rows,
                                  thread_pool* threads = nullptr) {
    return add_all(ids, rows, threads);
  }
  template <embedding_space RowSpace, tessera::precision RowPrecision>
  [[nodiscard]] result<> add_rows(std::span<const std::uint64_t> ids, embedding_matrix<RowSpace, RowPrecision>&& rows,
                                  thread_pool* threads = nullptr) {
    return add_all(ids, std::move(rows), threads);
  }
  /// Errors: not_found, mismatch.
  template <embedding_like Row>
  [[nodiscard]] result<> update(std::uint64_t id, const Row& row) {
    if constexpr (detail::index_holds<one_bit, Row>()) {
      TESSERA_CHECK(base::replace(id, row));
      code_row(*base::row_of(id));
    }
    return {};
  }
  /// The last row takes its place. Errors: not_found.
  [[nodiscard]] result<> remove(std::uint64_t id) {
    TESSERA_TRY(const std::size_t row, base::existing(id));
    base::take_out(row);
    panels_.take_out(row);
    return {};
  }

  /// The k nearest of the rows with the best estimates, or all where there are fewer. Errors: mismatch (a query of another model),
  /// stopped, invalid_argument (a recall that calibration does not know).
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> search(const Query& query, std::size_t k, const search_options& options = {}) const {
    std::vector<std::vector<hit>> found(1);
    if constexpr (detail::index_answers<one_bit, Query>()) {
      TESSERA_CHECK(detail::same_model<Space>(base::made_by(), query.made_by(), "query"));
      const auto view = query.view();
      TESSERA_TRY(const std::size_t scored, scored_for(k, options));
      TESSERA_CHECK(answer(std::span(&view, 1), 0, 1, k, scored, options, detail::no_row, found));
    }
    return std::move(found.front());
  }
  /// The same for each query: eight pass the codes together. Errors: as for one.
  template <embedding_space QuerySpace, tessera::precision QueryPrecision>
  [[nodiscard]] result<std::vector<std::vector<hit>>> search(const embedding_matrix<QuerySpace, QueryPrecision>& queries,
                                                             std::size_t k, const search_options& options = {}) const {
    std::vector<std::vector<hit>> found(queries.rows());
    if constexpr (detail::index_answers<one_bit, embedding_matrix<QuerySpace, QueryPrecision>>()) {
      TESSERA_CHECK(detail::same_model<Space>(base::made_by(), queries.made_by(), "queries"));
      TESSERA_TRY(const std::size_t scored, scored_for(k, options));
      const std::size_t groups = (queries.rows() + together - 1) / together;
      std::vector<result<>> outcomes(groups);
      for_each(options.threads, groups, [&](std::size_t group) {
        const std::size_t first = group * together;
        outcomes[group] = answer(queries, first, std::min(together, queries.rows() - first), k, scored, options, detail::no_row, found);
      });
      for (result<>& outcome : outcomes) TESSERA_CHECK(std::move(outcome));
    }
    return found;
  }
  /// Every row that is at least as near as `bound`, nearest first: every row is scored. Errors: as for `search`.
  template <embedding_like Query>
  [[nodiscard]] result<std::vector<hit>> within(const Query& query, float bound, const search_options& options = {}) const {
    std::vector<hit> found;
    if constexpr (detail::index_answers<one_bit, Query>()) {
      TESSERA_CHECK(detail::same_model<Space>(base::made_by(), query.made_by(), "query"));
      TESSERA_TRY(found, rows_within<Metric>(query.view(), base::rows(), base::ids(), bound, options));
    }
    return found;
  }

  /// Measures what recall each effort reaches (index/calibration.hpp), on the index's own rows, each as if it were not there. Errors:
  /// invalid_argument (fewer rows than k), stopped.
  [[nodiscard]] result<calibration_report> calibrate(const calibration_options& options = {});
  /// The same on queries of the caller's, which are no rows of the index.
  template <embedding_space QuerySpace, tessera::precision QueryPrecision>
  [[nodiscard]] result<calibration_report> calibrate(const embedding_matrix<QuerySpace, QueryPrecision>& queries,
                                                     const calibration_options& options = {});

  /// Errors: those of flat.
  [[nodiscard]] result<> save(std::string_view path, const provenance& origin) const;
  [[nodiscard]] result<> save(std::string_view path) const { return save(path, base::origin()); }
  [[nodiscard]] static result<one_bit> open(std::string_view path, const provenance& expected = {}) {
    TESSERA_TRY(const mapped_file file, mapped_file::open(path));
    return read(file.bytes(), path, expected);
  }
  [[nodiscard]] static result<one_bit> read(std::span<const std::byte> bytes, std::string_view path, const provenance& expected = {}) {
    TESSERA_TRY(const index_file file, index_file::view(bytes, path));
    one_bit made;
    TESSERA_CHECK(file.matches(made.described(Bits::kind), expected));
    TESSERA_CHECK(file.verify());
    if (auto read = made.read_sections(file); !read) return std::unexpected(std::move(read).error().in(path));
    return made;
  }

 private:
  static constexpr std::size_t together = 8, first_training = 256, share_for_scan = 8, block = 2048;

  struct working_memory {
    std::vector<query_code> queries;
    std::vector<detail::nearest_keys> best;
    std::vector<float> keys, scores;
    std::vector<std::uint32_t> rows;
    [[nodiscard]] std::size_t memory_bytes() const noexcept {
      std::size_t bytes = queries.capacity() * sizeof(query_code) + best.capacity() * sizeof(best[0]) +
                          (keys.capacity() + scores.capacity()) * sizeof(float) + rows.capacity() * sizeof(rows[0]);
      for (const auto& one : best) bytes += one.memory_bytes();
      return bytes;
    }
  };

  template <class Rows>
  [[nodiscard]] result<> add_all(std::span<const std::uint64_t> ids, Rows&& rows, thread_pool* threads) {
    if constexpr (detail::index_holds<one_bit, std::remove_cvref_t<Rows>>()) {
      TESSERA_CHECK(panels_.reserve(base::size() + rows.rows()));
      TESSERA_CHECK(base::append_rows(ids, std::forward<Rows>(rows)));
      code_new(threads);
    }
    return {};
  }
  [[nodiscard]] result<std::size_t> scored_for(std::size_t k, const search_options& options) const {
    const std::size_t most = k <= base::size() ? k * settings_.oversampling : base::size();
    if (options.recall != 0.0) {
      TESSERA_TRY(const std::size_t effort, recall_.effort_for(options.recall, k, base::size()));
      return std::clamp(effort, k, std::max(k, most));
    }
    return options.effort == 0 ? most : std::clamp(options.effort, k, std::max(k, most));
  }
  [[nodiscard]] bool scan_pays(std::size_t scored) const noexcept { return scored <= base::size() / share_for_scan; }

  void code_new(thread_pool* threads = nullptr);
  void code_row(std::size_t row) noexcept {
    alignas(vector_alignment) float x[Space::dimension];
    const double half = detail::place_for_metric<Metric>(base::rows().row(row), x);
    panels_.set(row, frame_.encode(x, half));
  }
  template <class Queries>
  [[nodiscard]] result<> answer(const Queries& queries, std::size_t first, std::size_t count, std::size_t k, std::size_t scored,
                                const search_options& options, std::uint32_t left_out, std::vector<std::vector<hit>>& found) const;
  template <class Queries>
  [[nodiscard]] result<calibration_report> calibrate_on(const Queries& queries, std::size_t count, std::span<const std::uint32_t> rows,
                                                        const calibration_options& options);
  [[nodiscard]] result<> read_sections(const index_file& file);

  one_bit_settings settings_;
  frame frame_;
  panels panels_;
  std::size_t trained_at_ = 0;
  detail::recall_table recall_;
  mutable detail::spares<working_memory> memory_;
};

}  // namespace tessera::inline TESSERA_ABI

#include <tessera/index/one_bit_parts.hpp>
