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

#include <algorithm>
#include <cstddef>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Whether packed kernels exist for a query and rows of these precisions, whose sums are kept in f32. Sums of products of integer
/// codes are the exact integers as long as these stay below 2^24.
template <class Query, class Row, std::size_t Dimension>
inline constexpr bool packable =
    std::is_same_v<Query, f32> ||
    (std::is_same_v<Query, Row> && (floating_precision<Row> || (std::is_same_v<Row, i4> && Dimension % 2 == 0) ||
                                    (std::is_same_v<Row, i8> && Dimension * 128 * 128 < (1u << 24u))));

/// The function that packs one side; `Other` is the precision of the other.
template <bool ByDifferences, class Precision, class Other>
[[nodiscard]] constexpr auto pack_kernel(const kernel::many_to_many_kernels& k) noexcept {
  constexpr bool codes_of_f32 = std::is_same_v<Other, f32>;
  if constexpr (std::is_same_v<Precision, f32>)
    return std::is_same_v<Other, i8> ? k.pack_f32_for_i8 : std::is_same_v<Other, i4> ? k.pack_f32_for_i4 : k.pack_f32;
  else if constexpr (std::is_same_v<Precision, f16>) return k.pack_f16;
  else if constexpr (std::is_same_v<Precision, bf16>)
    return !std::is_same_v<Other, bf16> ? k.pack_bf16 : ByDifferences ? k.pack_bf16_even_odd : k.pack_bf16_pairs;
  else if constexpr (std::is_same_v<Precision, i8>) return codes_of_f32 ? k.pack_i8_for_f32 : k.pack_i8;
  else if constexpr (std::is_same_v<Precision, i4>) return codes_of_f32 ? k.pack_i4_for_f32 : k.pack_i4_even_odd;
  else return k.pack_b1;
}

template <class Query, class Row>
inline constexpr bool meets_codes = std::is_same_v<Query, f32> && (std::is_same_v<Row, i8> || std::is_same_v<Row, i4>);
template <class Query, class Row>
[[nodiscard]] inline std::size_t packed_floats(std::size_t count, std::size_t n) noexcept {
  const kernel::many_to_many_kernels& k = kernel::kernels().many_to_many;
  return meets_codes<Query, Row> ? k.packed_codes_size(count, n) : k.packed_size(count, n);
}
/// The kernel that multiplies what `pack_kernel` packed.
template <bool ByDifferences, class Query, class Row>
[[nodiscard]] constexpr kernel::packed_to_packed packed_kernel(const kernel::many_to_many_kernels& k) noexcept {
  if constexpr (ByDifferences) return k.squared_l2;
  else if constexpr (std::is_same_v<Query, bf16>) return k.dot_bf16;
  else if constexpr (!meets_codes<Query, Row>) return k.dot;
  else return std::is_same_v<Row, i8> ? k.dot_f32_i8 : k.dot_f32_i4;
}

}  // namespace detail

/// Whether scores of many queries with many rows come from packed kernels.
template <class Metric, class QueryPrecision, class Space, class Precision>
concept many_to_many_metric =
    detail::sums_components<Metric> && detail::packable<QueryPrecision, Precision, Space::dimension> &&
    std::is_same_v<Metric, sign_product> == std::is_same_v<Precision, b1>;

template <metric Metric, precision QueryPrecision, embedding_space Space, precision Precision>
  requires many_to_many_metric<Metric, QueryPrecision, Space, Precision>
class packed_queries {
 public:
  static constexpr std::size_t dimension = Space::dimension;

  /// Queries first .. first + count - 1 of a matrix or a span of vectors.
  template <class Queries>
  packed_queries(const Queries& queries, std::size_t first, std::size_t count)
      : panel_(detail::packed_floats<QueryPrecision, Precision>(count, dimension)) {
    const auto pack = detail::pack_kernel<differences, QueryPrecision, Precision>(kernel::kernels().many_to_many);
    finish_.reserve(count);
    for (std::size_t q = 0; q < count; ++q) {
      const auto view = queries[first + q].view();
      static_assert(std::is_same_v<typename decltype(view)::precision, QueryPrecision>);
      static_assert(detail::summable<Metric, decltype(view), typename embedding_matrix<Space, Precision>::row_view>());
      pack(detail::kernel_data(view), dimension, q, panel_.data());
      finish_.emplace_back(view);
    }
  }

  [[nodiscard]] std::size_t size() const noexcept { return finish_.size(); }
  /// Floats that `score` needs in its panel for `rows` rows.
  [[nodiscard]] static std::size_t panel_size(std::size_t rows) noexcept {
    return detail::packed_floats<QueryPrecision, Precision>(rows, dimension);
  }

  /// Scores of all queries with rows first .. first + count - 1, which must exist; `panel` has panel_size(count) floats.
  void score(const embedding_matrix<Space, Precision>& rows, std::size_t first, std::size_t count, float* panel, float* out,
             std::size_t out_stride) const noexcept {
    TESSERA_ASSERT(first <= rows.rows() && count <= rows.rows() - first);
    if (size() == 0) return;
    const auto& k = kernel::kernels().many_to_many;
    const auto pack = detail::pack_kernel<differences, Precision, QueryPrecision>(k);
    for (std::size_t i = 0; i < count; ++i) pack(detail::kernel_data(rows.row(first + i)), dimension, i, panel);
    const auto multiply = detail::packed_kernel<differences, QueryPrecision, Precision>(k);
    multiply(panel_.data(), size(), panel, count, dimension, out, out_stride);
    if constexpr (!detail::plainly_scored<Metric, Space, Precision>) {
      constexpr std::size_t together = 64;  // facts of rows that are worked out once for all queries
      typename finish::fact facts[together];
      for (std::size_t done = 0; done < count; done += together) {
        const std::size_t now = std::min(together, count - done);
        for (std::size_t i = 0; i < now; ++i) facts[i] = finish_[0].of(rows.row(first + done + i));
        for (std::size_t q = 0; q < size(); ++q) {
          float* scores = out + q * out_stride + done;
          for (std::size_t i = 0; i < now; ++i) scores[i] = finish_[q](static_cast<typename finish::sum>(scores[i]), facts[i]);
        }
      }
    }
  }

 private:
  static constexpr bool differences = detail::by_differences<Metric, Precision>;
  using finish = detail::pair_score<Metric, QueryPrecision, Space, Precision>;
  std::vector<float> panel_;
  std::vector<finish> finish_;
};

}  // namespace tessera::inline TESSERA_ABI
