// SPDX-License-Identifier: Apache-2.0
/// Mean and covariance of the rows of a matrix, summed in double.
///
///     mean_j = (1/R) sum of x_rj               [dimension]
///     covariance_jk = (1/R) sum of (x_rj - mean_j)·(x_rk - mean_k)   [dimension, dimension], symmetric
///
/// The covariance takes the mean away first, so that a large common mean (as embeddings have) cancels nothing.
#pragma once

#include <tessera/type/matrix.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Error: invalid_argument (no rows), not_finite naming the first row that holds NaN or infinity.
template <embedding_space Space>
[[nodiscard]] result<> has_finite_rows(const embedding_matrix<Space>& rows) {
  if (rows.empty())
    return fail({.code = error_code::invalid_argument, .thing = "rows", .wanted = "at least one", .found = "none"});
  for (std::size_t i = 0; i < rows.rows(); ++i)
    for (const float value : rows.row(i))
      if (!std::isfinite(value))
        return fail({.code = error_code::not_finite,
                     .thing = "row " + std::to_string(i),
                     .wanted = "finite components",
                     .found = "NaN or infinity"});
  return {};
}

}  // namespace detail

/// [dimension]. Errors: invalid_argument (no rows), not_finite.
template <embedding_space Space>
[[nodiscard]] result<std::vector<double>> mean_of(const embedding_matrix<Space>& rows) {
  TESSERA_CHECK(detail::has_finite_rows(rows));
  std::vector<double> mean(Space::dimension, 0.0);
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    const float* row = rows.row(i).data();
    for (std::size_t j = 0; j < Space::dimension; ++j) mean[j] += static_cast<double>(row[j]);
  }
  for (double& value : mean) value /= static_cast<double>(rows.rows());
  return mean;
}

/// [dimension, dimension] row-major, about `mean`. Errors: invalid_argument (no rows), not_finite.
template <embedding_space Space>
[[nodiscard]] result<std::vector<double>> covariance_of(const embedding_matrix<Space>& rows, std::span<const double> mean) {
  constexpr std::size_t n = Space::dimension;
  constexpr std::size_t together = 32;  // rows of differences that stay in the cache while every line of the sum passes by
  TESSERA_ASSERT(mean.size() == n);
  TESSERA_CHECK(detail::has_finite_rows(rows));
  std::vector<double> sum(n * n, 0.0);
  std::vector<double> block(together * n);
  for (std::size_t first = 0; first < rows.rows(); first += together) {
    const std::size_t count = std::min(together, rows.rows() - first);
    for (std::size_t r = 0; r < count; ++r)
      for (std::size_t j = 0; j < n; ++j) block[r * n + j] = static_cast<double>(rows.row(first + r)[j]) - mean[j];
    for (std::size_t i = 0; i < n; ++i) {
      double* line = sum.data() + i * n;
      for (std::size_t r = 0; r < count; ++r) {
        const double* difference = block.data() + r * n;
        const double factor = difference[i];
        for (std::size_t j = i; j < n; ++j) line[j] += factor * difference[j];
      }
    }
  }
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i; j < n; ++j) sum[j * n + i] = sum[i * n + j] = sum[i * n + j] / static_cast<double>(rows.rows());
  return sum;
}

}  // namespace tessera::inline TESSERA_ABI
