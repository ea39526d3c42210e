// SPDX-License-Identifier: Apache-2.0
/// Leaves out the rows that cannot be among the nearest of a query, by i8 codes and a bound on what these can be wrong.
///
/// With any fixed vector m, a row r = m + y, y = s_r·c_r + e_r with i8 codes c_r, and a query q = s_q·c_q + e_q,
///
///     |q·r - q·m - s_q·s_r·(c_q·c_r)| <= |e_q|·|y| + |s_q·c_q|·|e_r|        (Cauchy-Schwarz)
///
/// where all lengths are measured, not assumed. m is the mean of some rows: embeddings share most of their length with it, and
/// the bound shrinks with |y|. What remains is scored by the kernel of the metric, so hits and bits are those of a full search. The
/// sums of i8 take a quarter of the time of f32. Room for all that is rounded in f32: 8·(n + 16)·2^-24 of |q|·(|y| + 2·|m|), and
/// for squared L2 of |q|² + |r|².
///
/// Whatever has no such bound (NaN, infinity, lengths beyond 10^±15) passes and is scored.
#pragma once

#include <tessera/op/convert.hpp>
#include <tessera/op/pair_score.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

template <class Metric, class Query, class Precision>
inline constexpr bool sievable = floating_precision<Query> && floating_precision<Precision> &&
                                 (std::is_same_v<Metric, cosine> || std::is_same_v<Metric, inner_product> ||
                                  std::is_same_v<Metric, squared_l2>);

/// n floats, zeros up to a multiple of four, which the kernel takes together.
template <std::size_t Dimension>
struct sieved_vector {
  static constexpr std::size_t steps = (Dimension + 3) / 4;
  alignas(vector_alignment) std::array<float, Dimension> values;
  alignas(vector_alignment) std::array<std::int8_t, 4 * steps> codes{};
  float scale = 0.0f;
  double length = 0.0, coded = 0.0, residual = 0.0;  // |x|, |scale·codes|, |x - scale·codes|, each rounded up
  bool usable = false;

  void encode() noexcept {
    constexpr double up = 1.0 + 0x1p-10;  // f32 sums of squares are off by less
    const auto& k = kernel::kernels();
    const float largest = k.quantize.max_abs(values.data(), Dimension);
    usable = largest < std::numeric_limits<float>::infinity();
    if (!usable) return;
    alignas(vector_alignment) float decoded[Dimension];
    scale = k.quantize.quantize_i8(values.data(), codes.data(), Dimension);
    k.quantize.dequantize_i8(codes.data(), scale, decoded, Dimension);
    length = up * std::sqrt(static_cast<double>(k.distance.dot_f32(values.data(), values.data(), Dimension)));
    coded = up * std::sqrt(static_cast<double>(k.distance.dot_f32(decoded, decoded, Dimension)));
    residual = up * std::sqrt(static_cast<double>(k.distance.squared_l2_f32(values.data(), decoded, Dimension)));
    usable = largest == 0.0f || (length > 1e-15 && length < 1e15);
  }
};

template <class Metric, class Query, embedding_space Space, class Precision>
class row_sieve {
 public:
  static constexpr std::size_t dimension = Space::dimension;
  static constexpr std::size_t panel_rows = kernel::sieve_rows;
  using matrix = embedding_matrix<Space, Precision>;
  using coded_vector = sieved_vector<dimension>;

  /// Whether this processor is faster for it, and sums of codes are exact in f32.
  [[nodiscard]] static bool available() noexcept {
    return kernel::kernels().sieve.sieve_pays() && dimension * 127 * 127 < (1u << 24u);
  }

  /// `sample` rows, at least one, give m.
  template <class Queries>
  row_sieve(const Queries& queries, std::size_t first, std::size_t count, const matrix& rows, std::size_t sample)
      : codes_(count * stride), about_(count), known_(count), passed_(count), panel_(coded_vector::steps * 4 * panel_rows) {
    std::array<double, dimension> sum{};
    coded_vector x;
    std::size_t taken = 0;
    for (std::size_t i = 0; i < sample; ++i) {
      cast_values<f32, Precision>(rows.row(i).data(), x.values.data(), dimension);
      if (!kernel::kernels().quantize.all_finite(x.values.data(), dimension)) continue;
      ++taken;
      for (std::size_t j = 0; j < dimension; ++j) sum[j] += static_cast<double>(x.values[j]);
    }
    double square = 0.0;
    for (std::size_t j = 0; j < dimension; ++j) {
      middle_[j] = taken == 0 ? 0.0f : static_cast<float>(sum[j] / static_cast<double>(taken));
      square += static_cast<double>(middle_[j]) * static_cast<double>(middle_[j]);
    }
    middle_length_ = std::sqrt(square);
    if (!(middle_length_ < 1e15)) middle_.fill(0.0f), middle_length_ = 0.0;
    for (std::size_t q = 0; q < count; ++q) {
      cast_values<f32, Query>(queries[first + q].data(), x.values.data(), dimension);
      x.encode();
      known_[q] = {x.length, x.coded, x.residual, 0.0, 0.0, 0.0, x.usable};
      for (std::size_t j = 0; j < dimension; ++j) {
        const double value = static_cast<double>(x.values[j]);
        known_[q].with_middle += value * static_cast<double>(middle_[j]);
        known_[q].square += value * value;
      }
      if constexpr (needs_lengths) {
        known_[q].divisor = static_cast<double>(length_of(queries[first + q].view()));
        known_[q].usable = x.usable && known_[q].divisor > 0.0;
      }
      std::int32_t codes = 0;
      for (const std::int8_t code : x.codes) codes += code;
      about_[q] = {-128 * codes, x.usable ? x.scale : 0.0f, 0.0f, 0.0f, 0.0f, 0.0f};
      std::copy_n(x.codes.data(), stride, codes_.data() + q * stride);
    }
  }

  /// What query q needs of a row from now on: a score that is not worse than `threshold`.
  void set_threshold(std::size_t q, float threshold) noexcept {
    constexpr double rounding = 8.0 * (dimension + 16.0) * 0x1p-24;
    const query_facts& x = known_[q];
    kernel::sieve_query& to = about_[q];
    const double wanted = static_cast<double>(threshold);
    double least = 0.0;
    double by_offset = 0.0;
    if constexpr (std::is_same_v<Metric, squared_l2>) {
      by_offset = -(1.0 - rounding);
      least = (x.square * (1.0 - rounding) - wanted * (1.0 + rounding)) / 2.0;
    } else if constexpr (needs_lengths) {
      by_offset = -wanted * x.divisor;
    } else {
      least = wanted;
    }
    least -= x.with_middle + 2.0 * rounding * x.length * middle_length_;
    const bool bounded = x.usable && std::fabs(least) < 1e30 && std::fabs(by_offset) < 1e30;
    to.by_length = static_cast<float>(x.residual + rounding * x.length);
    to.by_residual = static_cast<float>(x.coded) + std::numeric_limits<float>::min();
    to.by_offset = bounded ? static_cast<float>(by_offset) : 0.0f;
    to.least = bounded ? static_cast<float>(least) : -std::numeric_limits<float>::infinity();
  }

  /// Rows first .. first + count - 1 (at most 32) against all queries; passed(q) then has a bit for each row that may matter.
  void look_at(const matrix& rows, std::size_t first, std::size_t count) noexcept {
    coded_vector y;
    for (std::size_t r = 0; r < panel_rows; ++r) {
      const std::size_t row = first + std::min(r, count - 1);
      cast_values<f32, Precision>(rows.row(row).data(), y.values.data(), dimension);
      float offset = 0.0f;
      bool has_bound = true;
      if constexpr (needs_lengths) {
        offset = length_of(rows.row(row));
        has_bound = offset > 0.0f && offset < 1e15f;
      } else if constexpr (has_offset) {
        offset = kernel::kernels().distance.dot_f32(y.values.data(), y.values.data(), dimension) / 2.0f;
        has_bound = offset < 1e30f;
      }
      for (std::size_t j = 0; j < dimension; ++j) y.values[j] -= middle_[j];
      y.encode();
      const bool usable = y.usable && has_bound;
      scale_[r] = usable ? y.scale : 0.0f;
      length_[r] = usable ? static_cast<float>(y.length) : 0.0f;
      residual_[r] = usable ? static_cast<float>(y.residual) : std::numeric_limits<float>::infinity();
      offset_[r] = usable ? offset : 0.0f;
      for (std::size_t step = 0; step < coded_vector::steps; ++step)
        for (std::size_t i = 0; i < 4; ++i)
          panel_[(step * panel_rows + r) * 4 + i] = static_cast<std::uint8_t>(y.codes[4 * step + i] + 128);
    }
    const kernel::sieve_panel panel{panel_.data(), scale_.data(), length_.data(), residual_.data(), offset_.data()};
    kernel::kernels().sieve.sieve(codes_.data(), stride, about_.data(), about_.size(), panel, coded_vector::steps, passed_.data());
    const std::uint32_t real = count >= 32 ? ~std::uint32_t{0} : (std::uint32_t{1} << count) - 1;
    for (std::uint32_t& bits : passed_) bits &= real;
  }
  [[nodiscard]] std::uint32_t passed(std::size_t q) const noexcept { return passed_[q]; }

 private:
  static constexpr std::size_t stride = 4 * coded_vector::steps;
  /// A cosine that divides by lengths; at unit length in f32 it is the inner product.
  static constexpr bool needs_lengths = std::is_same_v<Metric, cosine> && !plainly_scored<Metric, Space, Precision>;
  static constexpr bool has_offset = needs_lengths || std::is_same_v<Metric, squared_l2>;

  struct query_facts {
    double length, coded, residual, with_middle, square, divisor;
    bool usable;
  };

  std::vector<std::int8_t> codes_;
  std::vector<kernel::sieve_query> about_;
  std::vector<query_facts> known_;
  std::vector<std::uint32_t> passed_;
  std::vector<std::uint8_t> panel_;
  std::array<float, panel_rows> scale_{}, length_{}, residual_{}, offset_{};
  alignas(vector_alignment) std::array<float, dimension> middle_{};
  double middle_length_ = 0.0;
};

}  // namespace tessera::inline TESSERA_ABI::detail
