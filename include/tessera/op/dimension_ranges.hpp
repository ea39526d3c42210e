// SPDX-License-Identifier: Apache-2.0
/// i8 codes with a range for each dimension, learned from rows: x_i is about centre_i + step_i·code_i.
///
///     TESSERA_TRY(const auto ranges, ts::dimension_ranges<space>::train(rows));
///     TESSERA_TRY(const auto codes, ranges.quantize(rows));        // embedding_matrix<per_dimension<space>, i8>
///     const auto prepared = ranges.prepare<ts::cosine>(query);      // f32 query: its steps and centres worked in
///     prepared.score_rows(codes, 0, codes.rows(), scores);
///
/// Where dimensions differ in spread or lie off zero, as those of embeddings do, a range each makes finer steps than one scale a
/// vector. centre_i is the middle of the range, step_i its width / 254. `worst_error(i)` bounds |x_i - decoded_i| for x_i within the
/// trained range; what lies outside is clamped to it. Codes are in a space of their own, so that no distance takes them for
/// ordinary i8: every component has a unit of its own.
#pragma once

#include <tessera/op/convert.hpp>
#include <tessera/op/metric.hpp>
#include <tessera/op/moments.hpp>
#include <tessera/type/transformed.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space>
class dimension_ranges;

/// A query for codes of one dimension_ranges; `Metric` is cosine, inner_product or squared_l2.
template <metric Metric, embedding_space Space>
class ranged_query {
 public:
  using codes = embedding_matrix<per_dimension<Space>, i8>;

  /// Scores with rows first .. first + count - 1, which must exist: those of the metric with the decoded rows.
  void score_rows(const codes& rows, std::size_t first, std::size_t count, float* out) const noexcept {
    TESSERA_ASSERT(first <= rows.rows() && count <= rows.rows() - first && fits(rows));
    if (count == 0) return;
    kernel::kernels().distance.dot_rows_f32_i8(scaled_.data(), rows.row(first).data(), codes::stride, count, Space::dimension, out);
    for (std::size_t i = 0; i < count; ++i) out[i] = score(out[i], rows.facts(first + i).norm);
  }
  /// Scores with rows at[i], which must exist.
  void score_listed(const codes& rows, std::span<const std::uint32_t> at, float* out) const noexcept {
    TESSERA_ASSERT(fits(rows));
    if (at.empty()) return;
    kernel::kernels().gather.dot_rows_f32_i8(scaled_.data(), rows.data(), codes::stride, at.data(), at.size(), Space::dimension, out);
    for (std::size_t i = 0; i < at.size(); ++i) out[i] = score(out[i], rows.facts(at[i]).norm);
  }

  /// At most this lies between the inner product with a row and that with its codes, for rows within the trained ranges: sum of
  /// |q_i|·worst_error(i), and what the sums round in f32.
  [[nodiscard]] float worst_error() const noexcept { return worst_error_; }

 private:
  friend class dimension_ranges<Space>;
  ranged_query() = default;

  [[nodiscard]] bool fits(const codes& rows) const noexcept { return !made_by_ || !rows.made_by() || made_by_ == rows.made_by(); }
  [[nodiscard]] float score(float sum, float norm) const noexcept {
    const float product = centred_ + sum;
    if constexpr (std::is_same_v<Metric, inner_product>) return product;
    if constexpr (std::is_same_v<Metric, cosine>) return length_ * norm == 0.0f ? 0.0f : product / (length_ * norm);
    const double row = static_cast<double>(norm);
    const double query = static_cast<double>(length_);
    const double distance = query * query + row * row - 2.0 * static_cast<double>(product);
    return static_cast<float>(distance < 0.0 ? 0.0 : distance);
  }

  alignas(vector_alignment) std::array<float, Space::dimension> scaled_{};  // q_i·step_i
  float centred_ = 0.0f;                                                    // sum of q_i·centre_i
  float length_ = 0.0f;
  float worst_error_ = 0.0f;
  fingerprint made_by_{};
};

template <embedding_space Space>
class dimension_ranges {
 public:
  static constexpr std::size_t dimension = Space::dimension;
  using code_space = per_dimension<Space>;

  /// The least and the greatest value of each dimension. Errors: invalid_argument (no rows), not_finite.
  [[nodiscard]] static result<dimension_ranges> train(const embedding_matrix<Space>& rows) {
    TESSERA_CHECK(detail::has_finite_rows(rows));
    dimension_ranges made;
    for (std::size_t j = 0; j < dimension; ++j) {
      float low = rows.row(0)[j];
      float high = low;
      for (std::size_t i = 1; i < rows.rows(); ++i) {
        low = std::min(low, rows.row(i)[j]);
        high = std::max(high, rows.row(i)[j]);
      }
      const auto [from, to] = std::pair{static_cast<double>(low), static_cast<double>(high)};
      made.centres_[j] = static_cast<float>((from + to) / 2.0);
      made.steps_[j] = static_cast<float>((to - from) / 254.0);
    }
    return made;
  }

  [[nodiscard]] std::span<const float, dimension> centres() const noexcept { return centres_; }
  [[nodiscard]] std::span<const float, dimension> steps() const noexcept { return steps_; }

  /// Half a step, and what step, quotient and decoding round in f32.
  [[nodiscard]] double worst_error(std::size_t i) const noexcept {
    const double step = static_cast<double>(steps_[i]);
    return step * (0.5 + 0x1p-14) + 0x1p-23 * (std::fabs(static_cast<double>(centres_[i])) + 128.0 * step) + 0x1p-143;
  }

  /// Codes of one vector. Errors: not_finite.
  template <embedding_like Vector>
  [[nodiscard]] result<embedding<code_space, i8>> quantize(const Vector& vector) const {
    embedding<code_space, i8> made;
    if constexpr (accepts<Vector>()) {
      row_facts<i8> facts;
      if (!code(vector.data(), made.data(), facts)) return fail(detail::not_finite_error(0));
      made.set_facts(facts);
      made.set_made_by(made_from(vector.made_by()));
    }
    return made;
  }
  /// Codes of all rows. Errors: not_finite (names the row), out_of_memory.
  template <embedding_space RowSpace, precision Precision>
  [[nodiscard]] result<embedding_matrix<code_space, i8>> quantize(const embedding_matrix<RowSpace, Precision>& rows) const {
    TESSERA_TRY(auto made, (embedding_matrix<code_space, i8>::make(rows.rows())));
    if constexpr (accepts<embedding_matrix<RowSpace, Precision>>()) {
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        row_facts<i8> facts;
        if (!code(rows.row(i).data(), made.values(i).data(), facts)) return fail(detail::not_finite_error(i));
        made.set_facts(i, facts);
      }
      made.set_made_by(made_from(rows.made_by()));
    }
    return made;
  }

  /// centre_i + step_i·code_i.
  template <embedding_like Codes>
  [[nodiscard]] embedding<Space> dequantize(const Codes& codes) const noexcept {
    static_assert(std::is_same_v<typename Codes::space, code_space> && std::is_same_v<typename Codes::precision, i8>,
                  "tessera: these are no codes of this space's trained ranges");
    embedding<Space> made;
    if constexpr (std::is_same_v<typename Codes::space, code_space> && std::is_same_v<typename Codes::precision, i8>)
      kernel::kernels().quantize.dequantize_dimensions_i8(codes.data(), centres_.data(), steps_.data(), made.data(), dimension);
    return made;
  }

  /// A query to score codes with.
  template <metric Metric, embedding_like Query>
  [[nodiscard]] ranged_query<Metric, Space> prepare(const Query& query) const noexcept {
    constexpr bool known =
        std::is_same_v<Metric, cosine> || std::is_same_v<Metric, inner_product> || std::is_same_v<Metric, squared_l2>;
    static_assert(known, "tessera: codes in trained ranges are scored by cosine, inner_product or squared_l2");
    ranged_query<Metric, Space> made;
    if constexpr (known && accepts<Query>()) {
      double centred = 0.0;
      double error = 0.0;
      double magnitude = 0.0;
      for (std::size_t i = 0; i < dimension; ++i) {
        const double q = static_cast<double>(query.data()[i]);
        made.scaled_[i] = query.data()[i] * steps_[i];
        centred += q * static_cast<double>(centres_[i]);
        error += std::fabs(q) * worst_error(i);
        magnitude += std::fabs(q) * (std::fabs(static_cast<double>(centres_[i])) + 128.0 * static_cast<double>(steps_[i]));
      }
      made.centred_ = static_cast<float>(centred);
      made.length_ = detail::length_of(query.view());
      made.worst_error_ = static_cast<float>(error * 1.0001 + (2.0 * dimension + 8.0) * 0x1p-24 * magnitude + 0x1p-120);
      made.made_by_ = made_from(query.made_by());
    }
    return made;
  }

 private:
  dimension_ranges() = default;

  template <class Given>
  [[nodiscard]] static consteval bool accepts() {
    static_assert(std::is_same_v<typename Given::space, Space>, "tessera: these ranges are of another embedding space");
    static_assert(std::is_same_v<typename Given::precision, f32>, "tessera: quantize<> starts from f32; cast or dequantize first");
    return std::is_same_v<typename Given::space, Space> && std::is_same_v<typename Given::precision, f32>;
  }

  [[nodiscard]] bool code(const float* vector, std::int8_t* codes, row_facts<i8>& facts) const noexcept {
    const auto& k = kernel::kernels();
    if (!k.quantize.all_finite(vector, dimension)) return false;
    k.quantize.quantize_dimensions_i8(vector, centres_.data(), steps_.data(), codes, dimension);
    alignas(vector_alignment) float decoded[dimension];
    k.quantize.dequantize_dimensions_i8(codes, centres_.data(), steps_.data(), decoded, dimension);
    facts.norm = std::sqrt(k.distance.dot_f32(decoded, decoded, dimension));
    return true;
  }

  [[nodiscard]] fingerprint made_from(fingerprint model) const noexcept {
    return detail::transformed(detail::transformed(model, std::as_bytes(centres())), std::as_bytes(steps()));
  }

  alignas(vector_alignment) std::array<float, dimension> centres_{};
  alignas(vector_alignment) std::array<float, dimension> steps_{};
};

}  // namespace tessera::inline TESSERA_ABI
