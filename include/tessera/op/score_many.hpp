// SPDX-License-Identifier: Apache-2.0
/// Scores of many queries with consecutive rows: out[q·stride + i] = Metric{}(queries[q], rows.row(first + i)), with the same bits.
///
///     ts::packed_queries<ts::cosine, ts::f32, space, ts::f16> packed(queries, 0, 256);   // copies the queries once
///     std::vector<float> panel(packed.panel_size(96));                                     // room for the rows, reused
///     packed.score(rows, first, 96, panel.data(), out, 96);
///
/// Rows are widened and packed once for all queries, and a vector that was loaded serves several products
/// (kernel/many_to_many.hpp). `many_to_many_metric` says which metrics and precisions have such a kernel.
#pragma once

#include <tessera/op/score_rows.hpp>

#include <cstddef>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Whether packed kernels exist for a query and rows of these precisions: sums in f32.
template <class Query, class Row>
inline constexpr bool packable = (std::is_same_v<Query, f32> && !std::is_same_v<Row, b1>) ||
                                 (std::is_same_v<Query, Row> && floating_precision<Row>);

/// The function that packs one side; `Other` is the precision of the other.
template <class Precision, class Other>
[[nodiscard]] constexpr auto pack_kernel(const kernel::many_to_many_kernels& k) noexcept {
  if constexpr (std::is_same_v<Precision, f32>) return std::is_same_v<Other, i4> ? k.pack_f32_even_odd : k.pack_f32;
  else if constexpr (std::is_same_v<Precision, f16>) return k.pack_f16;
  else if constexpr (std::is_same_v<Precision, bf16>) return std::is_same_v<Other, bf16> ? k.pack_bf16_even_odd : k.pack_bf16;
  else if constexpr (std::is_same_v<Precision, i8>) return k.pack_i8;
  else return k.pack_i4_even_odd;
}

}  // namespace detail

/// Whether scores of many queries with many rows come from packed kernels.
template <class Metric, class QueryPrecision, class Space, class Precision>
concept many_to_many_metric =
    detail::packable<QueryPrecision, Precision> &&
    (detail::scored_by_dot<Metric, Space, Precision> || (std::is_same_v<Metric, squared_l2> && floating_precision<Precision>));

template <metric Metric, precision QueryPrecision, embedding_space Space, precision Precision>
  requires many_to_many_metric<Metric, QueryPrecision, Space, Precision>
class packed_queries {
 public:
  static constexpr std::size_t dimension = Space::dimension;

  /// Queries first .. first + count - 1 of a matrix or a span of vectors.
  template <class Queries>
  packed_queries(const Queries& queries, std::size_t first, std::size_t count)
      : panel_(kernel::kernels().many_to_many.packed_size(count, dimension)) {
    const auto pack = detail::pack_kernel<QueryPrecision, Precision>(kernel::kernels().many_to_many);
    finish_.reserve(count);
    for (std::size_t q = 0; q < count; ++q) {
      const auto view = queries[first + q].view();
      static_assert(std::is_same_v<typename decltype(view)::precision, QueryPrecision>);
      static_assert(detail::comparable<decltype(view), typename embedding_matrix<Space, Precision>::row_view>());
      pack(detail::kernel_data(view), dimension, q, panel_.data());
      finish_.emplace_back(view);
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return finish_.size(); }
  /// Floats that `score` needs in its panel for `rows` rows.
  [[nodiscard]] static std::size_t panel_size(std::size_t rows) noexcept {
    return kernel::kernels().many_to_many.packed_size(rows, dimension);
  }

  /// Scores of all queries with rows first .. first + count - 1, which must exist; `panel` has panel_size(count) floats.
  void score(const embedding_matrix<Space, Precision>& rows, std::size_t first, std::size_t count, float* panel, float* out,
             std::size_t out_stride) const noexcept {
    TESSERA_ASSERT(first <= rows.rows() && count <= rows.rows() - first);
    const auto& k = kernel::kernels().many_to_many;
    const auto pack = detail::pack_kernel<Precision, QueryPrecision>(k);
    for (std::size_t i = 0; i < count; ++i) pack(detail::kernel_data(rows.row(first + i)), dimension, i, panel);
    if constexpr (std::is_same_v<Metric, squared_l2>) {
      k.squared_l2(panel_.data(), size(), panel, count, dimension, out, out_stride);
    } else {
      k.dot(panel_.data(), size(), panel, count, dimension, out, out_stride);
      if constexpr (!finish::plain)
        for (std::size_t q = 0; q < size(); ++q)
          for (std::size_t i = 0; i < count; ++i)
            out[q * out_stride + i] = finish_[q](out[q * out_stride + i], rows.row(first + i));
    }
  }

 private:
  using finish = detail::dot_score<Metric, Space, Precision>;
  std::vector<float> panel_;
  std::vector<finish> finish_;
};

}  // namespace tessera::inline TESSERA_ABI
