// SPDX-License-Identifier: Apache-2.0
/// What a graph walks by: keys of rows for a query or for another row, from the rows themselves.
///
/// key = score where small scores are near, -score where large ones are, infinity for NaN. A key that is finite gives the metric's score
/// back with its bits.
///
/// A guide says by what an index's graph is walked. `own_rows`, the usual one, holds nothing; index/code_guide.hpp has one that walks by
/// smaller codes of the rows.
#pragma once

#include <tessera/index/index_file.hpp>
#include <tessera/op/score_rows.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <class Metric>
[[nodiscard]] constexpr float key_of(float score) noexcept {
  if (score != score) return std::numeric_limits<float>::infinity();
  return Metric::larger_is_nearer ? -score : score;
}
template <class Metric>
[[nodiscard]] constexpr float score_of_key(float key) noexcept {
  return Metric::larger_is_nearer ? -key : key;
}

template <class Metric, class Matrix, class View>
class row_scorer {
 public:
  row_scorer(const Matrix& rows, const View& query) noexcept : rows_(&rows), query_(query) {}
  void operator()(std::span<const std::uint32_t> at, float* keys) const noexcept {
    score_listed<Metric>(query_, *rows_, at, keys);
    for (std::size_t i = 0; i < at.size(); ++i) keys[i] = key_of<Metric>(keys[i]);
  }

 private:
  const Matrix* rows_;
  View query_;
};

template <class Metric, class Matrix>
class row_scoring {
 public:
  /// Codes that are met by f32 queries are compared among themselves by their bits.
  using among_rows = std::conditional_t<std::is_same_v<Metric, sign_product>, hamming, Metric>;

  explicit row_scoring(const Matrix& rows) noexcept : rows_(&rows) {}
  [[nodiscard]] auto of_row(std::uint32_t row) const noexcept {
    return row_scorer<among_rows, Matrix, typename Matrix::row_view>(*rows_, rows_->row(row));
  }
  template <class View>
  [[nodiscard]] auto of_query(const View& query) const noexcept {
    return row_scorer<Metric, Matrix, View>(*rows_, query);
  }

 private:
  const Matrix* rows_;
};

template <class Metric, class Space, class Precision>
class own_rows_guide {
 public:
  using matrix = embedding_matrix<Space, Precision>;
  static constexpr bool exact = true;  ///< keys are the metric's scores
  static constexpr std::string_view kind = "hnsw";

  [[nodiscard]] auto scoring(const matrix& rows) const noexcept { return row_scoring<Metric, matrix>(rows); }
  [[nodiscard]] result<bool> append(const matrix&, std::size_t) noexcept { return false; }
  void take_out(std::size_t) noexcept {}
  void drop_last() noexcept {}
  void add_sections(std::vector<index_section>&) const noexcept {}
  [[nodiscard]] result<> read(const index_file&, const matrix&) noexcept { return {}; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return 0; }
};

}  // namespace detail

/// The graph is walked by the rows themselves.
struct own_rows {
  template <class Metric, class Space, class Precision>
  using guide = detail::own_rows_guide<Metric, Space, Precision>;
};

}  // namespace tessera::inline TESSERA_ABI
