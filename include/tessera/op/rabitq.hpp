// SPDX-License-Identifier: Apache-2.0
/// One bit a dimension with an unbiased estimate of products and distances and a bound on its error: RaBitQ (Gao and Long, SIGMOD
/// 2024, arXiv:2405.12497).
///
///     TESSERA_TRY(const auto coder, ts::rabitq<space>::train(rows));       // centre c, the mean; random rotation P
///     TESSERA_TRY(const auto codes, coder.quantize(rows));
///     TESSERA_TRY(const auto prepared, coder.prepare(query));
///     prepared.estimate<ts::squared_l2>(codes, 0, codes.rows(), values, bounds);
///
/// A row x is kept as the signs s of y = P(x - c) and a few numbers. With q' = P(q - c), n dimensions and a = |y|_1/(sqrt(n)·|y|),
/// the cosine between y and its signs, (s·q')·|y|²/|y|_1 estimates y·q' = (x - c)·(q - c), from which follow
///
///     x·q = y·q' + c·(x - c) + c·q,        |x - q|² = |y|² + |q'|² - 2·y·q'.
///
/// Over random rotations the estimate has no bias, and |estimate - y·q'| <= e·|y|·|q'|·sqrt((1 - a²)/a²)/sqrt(n - 1) fails as rarely
/// as the first coordinate of a random unit vector of n - 1 dimensions exceeds e/sqrt(n - 1): 5.7 % for e = 1.9. With
/// e = sqrt(n - 1) it never fails (Cauchy-Schwarz). Bounds have room for what f32 rounds.
#pragma once

#include <tessera/op/convert.hpp>
#include <tessera/op/metric.hpp>
#include <tessera/op/moments.hpp>
#include <tessera/op/random_rotation.hpp>
#include <tessera/type/transformed.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// What stands beside the bits of a row.
struct rabitq_facts {
  float factor = 0.0f;    ///< |y|²/|y|_1: from s·q' to the estimate of y·q'
  float error = 0.0f;     ///< |y|·sqrt((1 - a²)/a²)/sqrt(n - 1)
  float length = 0.0f;    ///< |y|
  float centred = 0.0f;   ///< c·(x - c)
  float norm = 0.0f;      ///< |x|
};

template <embedding_space Space>
class rabitq;

/// Codes of rows: bits in the space rotated<Space>, and the facts of each row.
template <embedding_space Space>
class rabitq_codes {
 public:
  using matrix = embedding_matrix<rotated<Space>, b1>;

  [[nodiscard]] std::size_t rows() const noexcept { return bits_.rows(); }
  [[nodiscard]] const matrix& bits() const noexcept { return bits_; }
  [[nodiscard]] std::span<const rabitq_facts> facts() const noexcept { return facts_; }
  [[nodiscard]] fingerprint made_by() const noexcept { return bits_.made_by(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return bits_.memory_bytes() + facts_.capacity() * sizeof(rabitq_facts); }

 private:
  template <embedding_space>
  friend class rabitq;
  matrix bits_;
  std::vector<rabitq_facts> facts_;
};

/// A query, rotated for codes of one rabitq.
template <embedding_space Space>
class rabitq_query {
 public:
  /// How often a bound may fail: see above.
  static constexpr float usual_confidence = 1.9f;
  /// Never.
  [[nodiscard]] static float certain() noexcept { return std::sqrt(static_cast<float>(Space::dimension)); }

  /// Estimates of the metric (cosine, inner_product, squared_l2) for rows first .. first + count - 1, which must exist. Where
  /// `bounds` is not empty it takes as many bounds: |values[i] - exact| <= bounds[i] with this confidence.
  template <metric Metric>
  void estimate(const rabitq_codes<Space>& codes, std::size_t first, std::size_t count, float* values,
                std::span<float> bounds = {}, float confidence = usual_confidence) const noexcept {
    TESSERA_ASSERT(first <= codes.rows() && count <= codes.rows() - first);
    using matrix = typename rabitq_codes<Space>::matrix;
    if (count == 0) return;
    kernel::kernels().distance.dot_rows_f32_b1(rotated_.data(), codes.bits().row(first).data(), matrix::stride, count,
                                               Space::dimension, values);
    finish<Metric>(codes, [first](std::size_t i) { return first + i; }, count, values, bounds, confidence);
  }
  /// The same for rows at[i].
  template <metric Metric>
  void estimate_listed(const rabitq_codes<Space>& codes, std::span<const std::uint32_t> at, float* values,
                       std::span<float> bounds = {}, float confidence = usual_confidence) const noexcept {
    using matrix = typename rabitq_codes<Space>::matrix;
    if (at.empty()) return;
    kernel::kernels().gather.dot_rows_f32_b1(rotated_.data(), codes.bits().data(), matrix::stride, at.data(), at.size(),
                                             Space::dimension, values);
    finish<Metric>(codes, [at](std::size_t i) { return at[i]; }, at.size(), values, bounds, confidence);
  }

 private:
  friend class rabitq<Space>;
  rabitq_query() = default;

  template <class Metric, class RowOf>
  void finish(const rabitq_codes<Space>& codes, const RowOf& row_of, std::size_t count, float* values, std::span<float> bounds,
              float confidence) const noexcept {
    constexpr bool known =
        std::is_same_v<Metric, cosine> || std::is_same_v<Metric, inner_product> || std::is_same_v<Metric, squared_l2>;
    static_assert(known, "tessera: RaBitQ estimates cosine, inner_product and squared_l2");
    TESSERA_ASSERT(bounds.empty() || bounds.size() >= count);
    TESSERA_ASSERT(!made_by_ || !codes.made_by() || made_by_ == codes.made_by());
    constexpr float rounding = 4.0f * (static_cast<float>(Space::dimension) + 16.0f) * 0x1p-24f;
    for (std::size_t i = 0; i < count; ++i) {
      const rabitq_facts& row = codes.facts()[row_of(i)];
      const float product = values[i] * row.factor;
      float bound = length_ * (confidence * row.error + rounding * row.length);
      if constexpr (std::is_same_v<Metric, squared_l2>) {
        values[i] = std::max(0.0f, row.length * row.length + length_ * length_ - 2.0f * product);
        bound = 2.0f * bound + rounding * (row.length * row.length + length_ * length_);
      } else {
        values[i] = product + row.centred + centred_;
        bound += rounding * (norm_ + length_) * row.norm;
        bound += rounding * norm_ * row.length;
        if constexpr (std::is_same_v<Metric, cosine>) {
          const float norms = row.norm * norm_;
          values[i] = norms == 0.0f ? 0.0f : std::clamp(values[i] / norms, -1.0f, 1.0f);
          bound = norms == 0.0f ? 0.0f : bound / norms + rounding;
        }
      }
      if (!bounds.empty()) bounds[i] = bound;
    }
  }

  alignas(vector_alignment) std::array<float, Space::dimension> rotated_{};  // q'
  float length_ = 0.0f;                                                      // |q'|
  float centred_ = 0.0f;                                                     // c·q
  float norm_ = 0.0f;                                                        // |q|
  fingerprint made_by_{};
};

template <embedding_space Space>
class rabitq {
 public:
  static constexpr std::size_t dimension = Space::dimension;
  using code_space = rotated<Space>;
  static_assert(dimension >= 2, "tessera: RaBitQ needs at least 2 dimensions");

  /// The mean of the rows as centre, and the rotation that `seed` gives. Errors: invalid_argument (no rows), not_finite.
  [[nodiscard]] static result<rabitq> train(const embedding_matrix<Space>& rows, std::uint64_t seed = 1) {
    TESSERA_TRY(const auto mean, mean_of(rows));
    rabitq made;
    for (std::size_t i = 0; i < dimension; ++i) made.centre_[i] = static_cast<float>(mean[i]);
    made.rotation_ = random_rotation(dimension, seed);
    made.seed_ = seed;
    return made;
  }

  [[nodiscard]] std::span<const float, dimension> centre() const noexcept { return centre_; }
  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }

  /// Codes of all rows. Errors: not_finite (names the row), out_of_memory.
  template <embedding_space RowSpace, precision Precision>
  [[nodiscard]] result<rabitq_codes<Space>> quantize(const embedding_matrix<RowSpace, Precision>& rows) const {
    rabitq_codes<Space> made;
    if constexpr (accepts<embedding_matrix<RowSpace, Precision>>()) {
      TESSERA_TRY(made.bits_, rabitq_codes<Space>::matrix::make(rows.rows()));
      made.facts_.resize(rows.rows());
      for (std::size_t i = 0; i < rows.rows(); ++i) {
        placed y;
        if (!place(rows.row(i).data(), y)) return fail(detail::not_finite_error(i));
        kernel::kernels().quantize.binarize(y.values.data(), made.bits_.values(i).data(), dimension);
        made.facts_[i] = facts_of(y);
      }
      made.bits_.set_made_by(made_from(rows.made_by()));
    }
    return made;
  }

  /// A query for these codes. Errors: not_finite.
  template <embedding_like Query>
  [[nodiscard]] result<rabitq_query<Space>> prepare(const Query& query) const {
    rabitq_query<Space> made;
    if constexpr (accepts<Query>()) {
      placed y;
      if (!place(query.data(), y)) return fail(detail::not_finite_error(0));
      made.rotated_ = y.values;
      made.length_ = static_cast<float>(y.length);
      made.centred_ = static_cast<float>(y.with_centre + y.centre_square);
      made.norm_ = static_cast<float>(y.norm);
      made.made_by_ = made_from(query.made_by());
    }
    return made;
  }

 private:
  /// P(x - c), and what is measured of x on the way.
  struct placed {
    alignas(vector_alignment) std::array<float, dimension> values;
    double length, with_centre, centre_square, norm;  // |y|, c·(x - c), |c|², |x|
  };

  rabitq() = default;

  template <class Given>
  [[nodiscard]] static consteval bool accepts() {
    static_assert(std::is_same_v<typename Given::space, Space>, "tessera: this RaBitQ coder is of another embedding space");
    static_assert(std::is_same_v<typename Given::precision, f32>, "tessera: quantize<> starts from f32; cast or dequantize first");
    return std::is_same_v<typename Given::space, Space> && std::is_same_v<typename Given::precision, f32>;
  }

  /// False where x, or its difference from the centre, is not finite in f32.
  [[nodiscard]] bool place(const float* x, placed& y) const noexcept {
    const auto& k = kernel::kernels();
    alignas(vector_alignment) float difference[dimension];
    y.with_centre = y.centre_square = y.norm = 0.0;
    for (std::size_t i = 0; i < dimension; ++i) {
      difference[i] = x[i] - centre_[i];
      const double c = static_cast<double>(centre_[i]);
      const double value = static_cast<double>(x[i]);
      y.with_centre += c * (value - c);
      y.centre_square += c * c;
      y.norm += value * value;
    }
    y.norm = std::sqrt(y.norm);
    if (!k.quantize.all_finite(difference, dimension)) return false;
    k.distance.dot_rows_f32(difference, rotation_.data(), dimension, dimension, dimension, y.values.data());
    if (!k.quantize.all_finite(y.values.data(), dimension)) return false;
    y.length = 0.0;
    for (const float value : y.values) y.length += static_cast<double>(value) * static_cast<double>(value);
    y.length = std::sqrt(y.length);
    return true;
  }

  [[nodiscard]] static rabitq_facts facts_of(const placed& y) noexcept {
    double sum = 0.0;
    for (const float value : y.values) sum += std::fabs(static_cast<double>(value));
    rabitq_facts made;
    made.length = static_cast<float>(y.length);
    made.centred = static_cast<float>(y.with_centre);
    made.norm = static_cast<float>(y.norm);
    if (sum > 0.0) {
      const double n = static_cast<double>(dimension);
      const double aligned = sum * sum / (n * y.length * y.length);  // a²
      made.factor = static_cast<float>(y.length * y.length / sum);
      made.error = static_cast<float>(y.length * std::sqrt(std::max(0.0, 1.0 - aligned) / aligned / (n - 1.0)));
    }
    return made;
  }

  [[nodiscard]] fingerprint made_from(fingerprint model) const noexcept {
    return detail::transformed(detail::transformed(model, std::as_bytes(centre())), std::as_bytes(std::span(&seed_, 1)));
  }

  alignas(vector_alignment) std::array<float, dimension> centre_{};
  std::vector<float> rotation_;  // [dimension, dimension]
  std::uint64_t seed_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI
