// SPDX-License-Identifier: Apache-2.0
/// Scores of rows of a matrix against one query, with the bits of Metric{}(query, row): consecutive rows, or rows from a list.
///
///     float scores[1000];
///     ts::score_rows<ts::cosine>(query, matrix, 0, 1000, scores);    // scores[i] of row i
///     ts::score_listed<ts::cosine>(query, matrix, neighbours, scores);   // scores[i] of row neighbours[i]
///
/// The query has the rows' precision, or is f32 against narrower rows. Our metrics go through kernels that take many rows at a
/// time (those of a list are prefetched while others are summed); a metric of the user's own is asked row by row.
#pragma once

#include <tessera/op/pair_score.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Consecutive rows: `call` hands the kernel's arguments on.
template <class Matrix>
struct rows_in_order {
  const Matrix& rows;
  std::size_t first;

  [[nodiscard]] static const auto& table() noexcept { return kernel::kernels().distance; }
  [[nodiscard]] auto row(std::size_t i) const noexcept { return rows.row(first + i); }
  template <class Kernel, class Query, class Out>
  void call(Kernel kernel, const Query* query, std::size_t done, std::size_t count, std::size_t n, Out* out) const noexcept {
    kernel(query, kernel_data(row(done)), Matrix::stride, count, n, out);
  }
};

template <class Matrix>
struct rows_from_list {
  const Matrix& rows;
  const std::uint32_t* at;

  [[nodiscard]] static const auto& table() noexcept { return kernel::kernels().gather; }
  [[nodiscard]] auto row(std::size_t i) const noexcept { return rows.row(at[i]); }
  template <class Kernel, class Query, class Out>
  void call(Kernel kernel, const Query* query, std::size_t done, std::size_t count, std::size_t n, Out* out) const noexcept {
    kernel(query, kernel_data(rows.row(0)), Matrix::stride, at + done, count, n, out);
  }
};

/// out[i] = finish(i, sum), with the sums that `kernel` makes of the rows. Float sums are finished where they stand, so that the
/// kernel sees all rows in one call and can read them as one stream (measured for f16 out of memory: twice as fast).
template <class Sum, class Kernel, class Query, class Rows, class Finish>
void finished_sums(Kernel kernel, const Query* query, const Rows& rows, std::size_t count, std::size_t n, float* out,
                   const Finish& finish) noexcept {
  if constexpr (std::is_same_v<Sum, float>) {
    rows.call(kernel, query, 0, count, n, out);
    for (std::size_t i = 0; i < count; ++i) out[i] = finish(i, out[i]);
  } else {
    constexpr std::size_t together = 1024;
    Sum sums[together];
    for (std::size_t done = 0; done < count; done += together) {
      const std::size_t now = std::min(together, count - done);
      rows.call(kernel, query, done, now, n, sums);
      for (std::size_t i = 0; i < now; ++i) out[done + i] = finish(done + i, sums[i]);
    }
  }
}

template <class Metric, class Matrix, class Query, class Rows>
void score_all(const Query& query, const Rows& rows, std::size_t count, float* out) noexcept {
  using from = typename Query::precision;
  using precision = typename Matrix::precision;
  using row_view = typename Matrix::row_view;
  if (count == 0) return;
  const auto view = query.view();
  const auto& kernels = Rows::table();
  const auto* data = kernel_data(view);
  if constexpr (std::is_same_v<Metric, hamming>) {
    if constexpr (binary<Query, row_view>())
      finished_sums<std::uint32_t>(kernels.hamming_rows_b1, data, rows, count, Matrix::stored, out,
                                   [](std::size_t, std::uint32_t sum) { return static_cast<float>(sum); });
  } else if constexpr (std::is_same_v<Metric, jaccard>) {
    if constexpr (binary<Query, row_view>()) rows.call(kernels.jaccard_rows_b1, data, 0, count, Matrix::stored, out);
  } else if constexpr (sums_components<Metric>) {
    if constexpr (summable<Metric, Query, row_view>()) {
      constexpr std::size_t n = Matrix::dimension;
      using score = pair_score<Metric, from, typename Matrix::space, precision>;
      const auto kernel = rows_kernel<by_differences<Metric, precision>, from, precision>(kernels);
      if constexpr (plainly_scored<Metric, typename Matrix::space, precision>) {
        rows.call(kernel, data, 0, count, n, out);
      } else {
        const score finish(view);
        finished_sums<typename score::sum>(kernel, data, rows, count, n, out, [&](std::size_t i, auto sum) {
          return finish(sum, finish.of(rows.row(i)));
        });
      }
    }
  } else {
    for (std::size_t i = 0; i < count; ++i) out[i] = Metric{}(view, rows.row(i));
  }
}

}  // namespace detail

/// out[i] for rows first .. first + count - 1, which must exist.
template <metric Metric, embedding_like Query, embedding_space Space, precision Precision>
void score_rows(const Query& query, const embedding_matrix<Space, Precision>& rows, std::size_t first, std::size_t count,
                float* out) noexcept {
  using matrix = embedding_matrix<Space, Precision>;
  TESSERA_ASSERT(first <= rows.rows() && count <= rows.rows() - first);
  detail::score_all<Metric, matrix>(query, detail::rows_in_order<matrix>{rows, first}, count, out);
}

/// out[i] for row at[i], which must exist; a row may be listed twice.
template <metric Metric, embedding_like Query, embedding_space Space, precision Precision>
void score_listed(const Query& query, const embedding_matrix<Space, Precision>& rows, std::span<const std::uint32_t> at,
                  float* out) noexcept {
  using matrix = embedding_matrix<Space, Precision>;
  for ([[maybe_unused]] const std::uint32_t row : at) TESSERA_ASSERT(row < rows.rows());
  detail::score_all<Metric, matrix>(query, detail::rows_from_list<matrix>{rows, at.data()}, at.size(), out);
}

}  // namespace tessera::inline TESSERA_ABI
