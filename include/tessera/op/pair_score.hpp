// SPDX-License-Identifier: Apache-2.0
/// How the sum that a kernel makes of a query and a row becomes the score of a metric: what score_rows, score_listed and
/// packed_queries share.
///
/// `pair_score<Metric, QueryPrecision, Space, Precision>` is made once for a query. `of(row)` is what it needs of a row beside the
/// sum (scales, lengths, sums of squares), worked out once where many queries meet the row; `(sum, fact)` is the score, with the
/// bits of Metric{}(query, row).
#pragma once

#include <tessera/op/metric.hpp>
#include <tessera/type/matrix.hpp>

#include <type_traits>

namespace tessera::inline TESSERA_ABI::detail {

template <class Metric>
inline constexpr bool counts_bits = std::is_same_v<Metric, hamming> || std::is_same_v<Metric, jaccard>;
/// Whether a metric of ours stands for a sum over components; one of the user's own is asked row by row.
template <class Metric>
inline constexpr bool sums_components = std::is_same_v<Metric, cosine> || std::is_same_v<Metric, inner_product> ||
                                        std::is_same_v<Metric, squared_l2> || std::is_same_v<Metric, sign_product>;
/// Squared differences have a kernel for floats only: integer codes have two scales, which no integer sum takes in.
template <class Metric, class Precision>
inline constexpr bool by_differences = std::is_same_v<Metric, squared_l2> && floating_precision<Precision>;

template <class Metric, class A, class B>
[[nodiscard]] consteval bool summable() {
  if constexpr (std::is_same_v<Metric, sign_product>) return signed_by<A, B>();
  else return comparable<A, B>();
}

/// The kernel for one query and many rows, of the tables distance (rows in order) or gather (rows from a list).
template <bool SquaredL2, class Query, class Row, class Table>
[[nodiscard]] constexpr auto rows_kernel(const Table& k) noexcept {
  if constexpr (std::is_same_v<Row, f32>) return SquaredL2 ? k.squared_l2_rows_f32 : k.dot_rows_f32;
  else if constexpr (std::is_same_v<Row, f16> && std::is_same_v<Query, f16>)
    return SquaredL2 ? k.squared_l2_rows_f16 : k.dot_rows_f16;
  else if constexpr (std::is_same_v<Row, bf16> && std::is_same_v<Query, bf16>)
    return SquaredL2 ? k.squared_l2_rows_bf16 : k.dot_rows_bf16;
  else if constexpr (std::is_same_v<Row, f16>) return SquaredL2 ? k.squared_l2_rows_f32_f16 : k.dot_rows_f32_f16;
  else if constexpr (std::is_same_v<Row, bf16>) return SquaredL2 ? k.squared_l2_rows_f32_bf16 : k.dot_rows_f32_bf16;
  else if constexpr (std::is_same_v<Row, i8> && std::is_same_v<Query, i8>) return k.dot_rows_i8;
  else if constexpr (std::is_same_v<Row, i4> && std::is_same_v<Query, i4>) return k.dot_rows_i4;
  else if constexpr (std::is_same_v<Row, i8>) return k.dot_rows_f32_i8;
  else if constexpr (std::is_same_v<Row, i4>) return k.dot_rows_f32_i4;
  else return k.dot_rows_f32_b1;
}

/// The sum is the score: inner products of floats, f32's cosine at unit length, squared differences.
template <class Query>
class plain_score {
 public:
  using sum = float;
  struct fact {};
  template <class View>
  explicit plain_score(const View&) noexcept {}
  template <class Row>
  [[nodiscard]] fact of(const Row&) const noexcept { return {}; }
  [[nodiscard]] float operator()(sum score, fact) const noexcept { return score; }
};

/// Codes carry a scale; narrow floats and codes carry their length, which a cosine divides by.
template <bool ByLength, class Query>
class scaled_score {
 public:
  using sum = std::conditional_t<scaled_precision<Query>, std::int32_t, float>;
  struct fact {
    float scale, length;
  };
  template <class View>
  explicit scaled_score(const View& query) noexcept : query_(of(query)) {}
  template <class Row>
  [[nodiscard]] fact of(const Row& row) const noexcept {
    if constexpr (ByLength) return {scale_of(row), length_of(row)};
    else return {scale_of(row), 1.0f};
  }
  [[nodiscard]] float operator()(sum dot, fact row) const noexcept {
    const float score = static_cast<float>(dot) * (query_.scale * row.scale);
    if constexpr (!ByLength) {
      return score;
    } else {
      const float lengths = query_.length * row.length;
      return lengths == 0.0f ? 0.0f : score / lengths;
    }
  }

 private:
  fact query_;
};

/// f32 where the space does not promise unit length: kernel/distance.hpp's cosine from its three sums.
template <std::size_t Dimension>
class cosine_score {
 public:
  using sum = float;
  struct fact {
    float square;
    const float* data;
  };
  template <class View>
  explicit cosine_score(const View& query) noexcept : query_(of(query)) {}
  template <class Row>
  [[nodiscard]] fact of(const Row& row) const noexcept { return {raw_dot(row, row), row.data()}; }
  [[nodiscard]] float operator()(sum dot, fact row) const noexcept {
    if (kernel::cosine_in_range(query_.square, row.square)) [[likely]]
      return kernel::cosine_of_sums(dot, query_.square, row.square);
    return kernel::kernels().distance.cosine_f32(query_.data, row.data, Dimension);
  }

 private:
  fact query_;
};

/// Codes have two scales: |a|^2 + |b|^2 - 2·a·b, put together in double so that nothing cancels between exact integer sums.
template <class Query>
class code_difference {
 public:
  using sum = std::conditional_t<scaled_precision<Query>, std::int32_t, float>;
  using fact = code_square;
  template <class View>
  explicit code_difference(const View& query) noexcept : query_(square_of(query)) {}
  template <class Row>
  [[nodiscard]] fact of(const Row& row) const noexcept { return square_of(row); }
  [[nodiscard]] float operator()(sum dot, fact row) const noexcept {
    return difference_of_codes(query_, row, static_cast<double>(dot));
  }

 private:
  fact query_;
};

template <class Metric, class Space, class Precision>
inline constexpr bool plainly_scored =
    by_differences<Metric, Precision> || std::is_same_v<Metric, sign_product> ||
    (std::is_same_v<Metric, inner_product> && floating_precision<Precision>) ||
    (std::is_same_v<Metric, cosine> && Space::unit_length && std::is_same_v<Precision, f32>);

template <class Metric, class Query, class Space, class Precision>
using pair_score = std::conditional_t<
    plainly_scored<Metric, Space, Precision>, plain_score<Query>,
    std::conditional_t<std::is_same_v<Metric, squared_l2>, code_difference<Query>,
                       std::conditional_t<std::is_same_v<Precision, f32>, cosine_score<Space::dimension>,
                                          scaled_score<std::is_same_v<Metric, cosine>, Query>>>>;

}  // namespace tessera::inline TESSERA_ABI::detail
