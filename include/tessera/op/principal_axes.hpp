// SPDX-License-Identifier: Apache-2.0
/// The mean of some vectors and the axes along which they differ most, with proved bounds on what arithmetic in f32 makes of them.
///
///     const auto axes = ts::principal_axes::train(384, count, [&](std::size_t i, float* x) { ...row i...; return true; });
///     axes->centre(x, y);                  // y = x - m, rounded
///     axes->rotate(y, 64, b);              // b_i = r_i·y for the 64 axes of largest variance
///     axes->share(64);                     // of the variance lies along them
///     axes->keep(64);                      // the others are forgotten
///
/// The rows r_i of R are the eigenvectors of the covariance of a sample, in f32. Nothing below needs them to be exact, only what is
/// measured of them: with eps = defect() >= |R·R^T - I| (and, R being square, |R^T·R - I|, which has the same singular values) and
/// u = 2^-24, for any vectors x, y, with computed b ≈ R·y,
///
///     |x·y - (R·x)·(R·y)| <= eps·|x|·|y|        and        |b - R·y| over d axes <= slack(d)·|y|,  slack(d) = 2·n·u·(1 + eps)·sqrt(d)
///
/// the second because each sum of n products is off by at most 2·n·u·|r_i|·|y| (kernel/distance.hpp).
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/op/symmetric_eigen.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

class principal_axes {
 public:
  static constexpr std::size_t most_samples = 8192;

  /// From up to 8192 of `count` vectors of n components, evenly taken. `fetch(i, x)` writes vector i and returns false where it is not
  /// one to learn from. Errors: invalid_argument (none is), not_finite.
  template <class Fetch>
  [[nodiscard]] static result<principal_axes> train(std::size_t n, std::size_t count, const Fetch& fetch) {
    const std::size_t samples = std::min(count, most_samples);
    std::vector<float> sample;
    sample.reserve(samples * n);
    std::vector<double> sum(n, 0.0);
    for (std::size_t s = 0; s < samples; ++s) {
      sample.resize(sample.size() + n);
      float* x = sample.data() + sample.size() - n;
      const float* const kept = fetch(s * count / samples, x) && is_moderate(x, n) ? x : nullptr;
      if (kept == nullptr) sample.resize(sample.size() - n);
      else
        for (std::size_t j = 0; j < n; ++j) sum[j] += static_cast<double>(x[j]);
    }
    const std::size_t taken = sample.size() / n;
    if (taken == 0)
      return fail({.code = error_code::invalid_argument, .thing = "vectors to learn axes from", .wanted = "at least one", .found = "none"});
    principal_axes made;
    made.mean_.resize(n);
    for (std::size_t j = 0; j < n; ++j) made.mean_[j] = static_cast<float>(sum[j] / static_cast<double>(taken));
    for (std::size_t s = 0; s < taken; ++s) made.centre(sample.data() + s * n, sample.data() + s * n);
    TESSERA_TRY(const auto eigen, symmetric_eigen(products(sample, n), n));
    double total = 0.0;
    for (const double value : eigen.values) made.share_.push_back(total += std::max(value, 0.0));
    for (double& value : made.share_) value = total > 0.0 ? value / total : 1.0;
    made.axes_.resize(n * n);
    std::transform(eigen.vectors.begin(), eigen.vectors.end(), made.axes_.begin(), [](double x) { return static_cast<float>(x); });
    made.measure_defect();
    made.pack();
    return made;
  }

  /// Those that the components have already, around zero: where there is nothing to learn from yet.
  [[nodiscard]] static principal_axes none(std::size_t n) {
    principal_axes made;
    made.mean_.assign(n, 0.0f);
    made.axes_.assign(n * n, 0.0f);
    for (std::size_t i = 0; i < n; ++i) {
      made.axes_[i * n + i] = 1.0f;
      made.share_.push_back(static_cast<double>(i + 1) / static_cast<double>(n));
    }
    made.pack();
    return made;
  }

  /// Those that a file kept: `axes` [d, n] around `mean` [n]. Nothing is said of their share. Errors: malformed (no numbers of the size of
  /// a mean and of axes).
  [[nodiscard]] static result<principal_axes> from(std::vector<float> mean, std::vector<float> axes) {
    const std::size_t n = mean.size();
    const bool sound = n > 0 && !axes.empty() && axes.size() % n == 0 && axes.size() <= n * n && is_moderate(mean.data(), n) &&
                       std::all_of(axes.begin(), axes.end(), [](float x) { return std::fabs(x) <= 2.0f; });
    if (!sound)
      return fail({.code = error_code::malformed,
                   .thing = "principal axes",
                   .wanted = "a mean and axes of unit length",
                   .found = std::to_string(n) + " and " + std::to_string(axes.size()) + " numbers"});
    principal_axes made;
    made.mean_ = std::move(mean);
    made.axes_ = std::move(axes);
    made.pack();
    return made;
  }

  [[nodiscard]] std::size_t dimension() const noexcept { return mean_.size(); }
  /// Axes that are kept: all, unless `keep` or a file says else.
  [[nodiscard]] std::size_t count() const noexcept { return axes_.size() / mean_.size(); }
  [[nodiscard]] std::span<const float> mean() const noexcept { return mean_; }
  [[nodiscard]] std::span<const float> axes() const noexcept { return axes_; }
  /// Only the first d of them from now on; `rotate_rows` then fills [rows, d].
  void keep(std::size_t d) {
    if (d >= count()) return;
    axes_.resize(d * dimension());
    axes_.shrink_to_fit();
    packed_ = {};
    pack();
  }
  /// The share of the sample's variance along the first d axes.
  [[nodiscard]] double share(std::size_t d) const noexcept { return d == 0 ? 0.0 : share_[std::min(d, share_.size()) - 1]; }
  [[nodiscard]] double defect() const noexcept { return defect_; }
  [[nodiscard]] double slack(std::size_t d) const noexcept {
    return 2.0 * static_cast<double>(dimension()) * 0x1p-24 * (1.0 + defect_) * std::sqrt(static_cast<double>(d));
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return (mean_.capacity() + axes_.capacity() + packed_.capacity()) * sizeof(float) + share_.capacity() * sizeof(double);
  }

  /// y = x - m; x and y may be one.
  void centre(const float* x, float* y) const noexcept {
    for (std::size_t j = 0; j < mean_.size(); ++j) y[j] = x[j] - mean_[j];
  }
  /// b_i = r_i·y for the first d axes.
  void rotate(const float* y, std::size_t d, float* b) const noexcept {
    kernel::kernels().distance.dot_rows_f32(y, axes_.data(), dimension(), d, dimension(), b);
  }
  /// Vectors that are rotated together: [rows, count()] from [rows, n], with the bits of `rotate`.
  void rotate_rows(const float* y, std::size_t rows, std::vector<float>& panel, float* b) const noexcept {
    const auto& k = kernel::kernels().many_to_many;
    const std::size_t n = dimension();
    panel.resize(k.packed_size(rows, n));
    for (std::size_t r = 0; r < rows; ++r) k.pack_f32(y + r * n, n, r, panel.data());
    k.dot(panel.data(), rows, packed_.data(), count(), n, b, count());
  }

 private:
  principal_axes() = default;

  void pack() {
    const auto& k = kernel::kernels().many_to_many;
    const std::size_t n = dimension();
    packed_.resize(k.packed_size(count(), n));
    for (std::size_t i = 0; i < count(); ++i) k.pack_f32(axes_.data() + i * n, n, i, packed_.data());
  }

  /// Numbers whose squares sum in f32.
  [[nodiscard]] static bool is_moderate(const float* x, std::size_t n) noexcept {
    return std::all_of(x, x + n, [](float value) { return std::fabs(value) < 1e15f; });
  }

  /// X^T·X of the vectors, in blocks whose sums are added in double.
  [[nodiscard]] static std::vector<double> products(const std::vector<float>& x, std::size_t n) {
    constexpr std::size_t together = 1024;
    const auto& k = kernel::kernels().many_to_many;
    const std::size_t rows = x.size() / n;
    std::vector<float> column(std::min(together, rows));
    std::vector<float> panel(k.packed_size(n, column.size()));
    std::vector<float> block(n * n);
    std::vector<double> sum(n * n, 0.0);
    for (std::size_t first = 0; first < rows; first += together) {
      const std::size_t now = std::min(together, rows - first);
      for (std::size_t j = 0; j < n; ++j) {
        for (std::size_t r = 0; r < now; ++r) column[r] = x[(first + r) * n + j];
        k.pack_f32(column.data(), now, j, panel.data());
      }
      k.dot(panel.data(), n, panel.data(), n, now, block.data(), n);
      for (std::size_t i = 0; i < n * n; ++i) sum[i] += static_cast<double>(block[i]);
    }
    for (double& value : sum) value /= static_cast<double>(rows);
    return sum;
  }

  /// The Frobenius norm of R·R^T - I, with what double itself rounds.
  void measure_defect() {
    const std::size_t n = dimension();
    double square = 0.0;
    for (std::size_t i = 0; i < n; ++i)
      for (std::size_t j = 0; j <= i; ++j) {
        double sum = i == j ? -1.0 : 0.0;
        for (std::size_t c = 0; c < n; ++c) sum += static_cast<double>(axes_[i * n + c]) * static_cast<double>(axes_[j * n + c]);
        square += (i == j ? 1.0 : 2.0) * sum * sum;
      }
    const double size = static_cast<double>(n);
    defect_ = std::sqrt(square) * (1.0 + 0x1p-30) + size * size * 0x1p-51;
  }

  std::vector<float> mean_;     // [n]
  std::vector<float> axes_;     // [count, n]
  std::vector<float> packed_;   // the same, as many_to_many reads them
  std::vector<double> share_;   // [n], rising to 1
  double defect_ = 0.0;
};

}  // namespace tessera::inline TESSERA_ABI
