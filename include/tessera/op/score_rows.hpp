// SPDX-License-Identifier: Apache-2.0
/// Scores of consecutive rows of a matrix against one query: out[i] = Metric{}(query, rows.row(first + i)), with the same bits.
///
///     float scores[1000];
///     ts::score_rows<ts::cosine>(query, matrix, 0, 1000, scores);
///
/// The query has the rows' precision, or is f32 against narrower rows. What the kernels do many rows at a time (dot products,
/// squared L2 of floats, Hamming, Jaccard) goes through them; everything else, a metric of the user's own included, row by row.
#pragma once

#include <tessera/op/metric.hpp>
#include <tessera/type/matrix.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// The kernel that takes one query to many rows for dot products (or squared L2), or nullptr where there is none.
template <bool SquaredL2, class Query, class Row>
[[nodiscard]] constexpr auto rows_kernel(const kernel::distance_kernels& k) noexcept {
  if constexpr (std::is_same_v<Row, f32> && std::is_same_v<Query, f32>)
    return SquaredL2 ? k.squared_l2_rows_f32 : k.dot_rows_f32;
  else if constexpr (std::is_same_v<Row, f16> && std::is_same_v<Query, f16>)
    return SquaredL2 ? k.squared_l2_rows_f16 : k.dot_rows_f16;
  else if constexpr (std::is_same_v<Row, bf16> && std::is_same_v<Query, bf16>)
    return SquaredL2 ? k.squared_l2_rows_bf16 : k.dot_rows_bf16;
  else if constexpr (std::is_same_v<Row, f16>) return SquaredL2 ? k.squared_l2_rows_f32_f16 : k.dot_rows_f32_f16;
  else if constexpr (std::is_same_v<Row, bf16>) return SquaredL2 ? k.squared_l2_rows_f32_bf16 : k.dot_rows_f32_bf16;
  else if constexpr (SquaredL2) return nullptr;  // integer codes have two scales, which no integer sum takes in
  else if constexpr (std::is_same_v<Row, i8> && std::is_same_v<Query, i8>) return k.dot_rows_i8;
  else if constexpr (std::is_same_v<Row, i4> && std::is_same_v<Query, i4>) return k.dot_rows_i4;
  else if constexpr (std::is_same_v<Row, i8>) return k.dot_rows_f32_i8;
  else if constexpr (std::is_same_v<Row, i4>) return k.dot_rows_f32_i4;
  else return nullptr;
}

/// out[i] = finish(i, sum), with the sums that `kernel` makes of the rows. Float sums are finished where they stand, so that the
/// kernel sees all rows in one call and can read them as one stream (measured for f16 out of memory: twice as fast).
template <class Sum, class Kernel, class Query, class Matrix, class Finish>
void finished_sums(Kernel kernel, const Query& query, const Matrix& rows, std::size_t first, std::size_t count,
                   std::size_t n, float* out, const Finish& finish) noexcept {
  if constexpr (std::is_same_v<Sum, float>) {
    kernel(kernel_data(query), kernel_data(rows.row(first)), Matrix::stride, count, n, out);
    for (std::size_t i = 0; i < count; ++i) out[i] = finish(i, out[i]);
  } else {
    constexpr std::size_t together = 1024;
    Sum sums[together];
    for (std::size_t done = 0; done < count; done += together) {
      const std::size_t now = std::min(together, count - done);
      kernel(kernel_data(query), kernel_data(rows.row(first + done)), Matrix::stride, now, n, sums);
      for (std::size_t i = 0; i < now; ++i) out[done + i] = finish(done + i, sums[i]);
    }
  }
}

/// Whether a metric is a dot product and what lies beside the vectors: scales, or lengths.
template <class Metric, class Space, class Precision>
inline constexpr bool cosine_by_lengths = std::is_same_v<Metric, cosine> && !std::is_same_v<Precision, f32>;
template <class Metric, class Space, class Precision>
inline constexpr bool scored_by_dot =
    std::is_same_v<Metric, inner_product> || cosine_by_lengths<Metric, Space, Precision> ||
    (std::is_same_v<Metric, cosine> && Space::unit_length);

/// The score that a raw dot product of stored values stands for.
template <class Metric, class Space, class Precision>
class dot_score {
 public:
  static constexpr bool by_lengths = cosine_by_lengths<Metric, Space, Precision>;
  /// Whether the dot product is the score already.
  static constexpr bool plain = std::is_same_v<Precision, f32> || (floating_precision<Precision> && !by_lengths);

  template <class Query>
  explicit dot_score(const Query& query) noexcept
      : scale_(scale_of(query)), length_(by_lengths ? length_of(query) : 1.0f) {}

  template <class Sum, class Row>
  [[nodiscard]] float operator()(Sum dot, const Row& row) const noexcept {
    const float score = static_cast<float>(dot) * (scale_ * scale_of(row));
    if constexpr (!by_lengths) {
      return score;
    } else {
      const float lengths = length_ * length_of(row);
      return lengths == 0.0f ? 0.0f : score / lengths;
    }
  }

 private:
  float scale_;
  float length_;
};

}  // namespace detail

/// Scores of rows first .. first + count - 1, which must exist.
template <metric Metric, embedding_like Query, embedding_space Space, precision Precision>
void score_rows(const Query& query, const embedding_matrix<Space, Precision>& rows, std::size_t first, std::size_t count,
                float* out) noexcept {
  using from = typename Query::precision;
  constexpr std::size_t n = Space::dimension;
  TESSERA_ASSERT(first <= rows.rows() && count <= rows.rows() - first);
  if (count == 0) return;
  const auto view = query.view();
  const auto& kernels = kernel::kernels().distance;
  if constexpr (std::is_same_v<Metric, hamming> || std::is_same_v<Metric, jaccard>) {
    static_assert(detail::binary<Query, typename embedding_matrix<Space, Precision>::row_view>());
    constexpr std::size_t bytes = embedding_matrix<Space, Precision>::stored;
    if constexpr (std::is_same_v<Metric, hamming>)
      detail::finished_sums<std::uint32_t>(kernels.hamming_rows_b1, view, rows, first, count, bytes, out,
                                           [](std::size_t, std::uint32_t sum) { return static_cast<float>(sum); });
    else kernels.jaccard_rows_b1(view.data(), rows.row(first).data(), rows.stride, count, bytes, out);
  } else if constexpr (detail::scored_by_dot<Metric, Space, Precision>) {
    static_assert(detail::comparable<Query, typename embedding_matrix<Space, Precision>::row_view>());
    using score = detail::dot_score<Metric, Space, Precision>;
    const auto kernel = detail::rows_kernel<false, from, Precision>(kernels);
    if constexpr (score::plain) {
      kernel(detail::kernel_data(view), detail::kernel_data(rows.row(first)), rows.stride, count, n, out);
    } else {
      using sum = std::conditional_t<scaled_precision<from>, std::int32_t, float>;
      const score finish(view);
      detail::finished_sums<sum>(kernel, view, rows, first, count, n, out,
                                 [&](std::size_t i, sum dot) { return finish(dot, rows.row(first + i)); });
    }
  } else if constexpr (std::is_same_v<Metric, squared_l2> && floating_precision<Precision>) {
    static_assert(detail::comparable<Query, typename embedding_matrix<Space, Precision>::row_view>());
    detail::rows_kernel<true, from, Precision>(kernels)(detail::kernel_data(view), detail::kernel_data(rows.row(first)),
                                                        rows.stride, count, n, out);
  } else {
    for (std::size_t i = 0; i < count; ++i) out[i] = Metric{}(view, rows.row(first + i));
  }
}

}  // namespace tessera::inline TESSERA_ABI
