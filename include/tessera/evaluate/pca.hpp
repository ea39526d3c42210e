// SPDX-License-Identifier: Apache-2.0
/// Principal component analysis: the axes along which embeddings vary most, and their coordinates in these axes.
///
///     TESSERA_TRY(const auto pca, ts::pca<space>::fit(rows));
///     pca.explained(64);                                            // share of the variance in the first 64 axes
///     TESSERA_TRY(const auto coordinates, pca.project<64>(rows));   // embedding_matrix<projected<space, 64>>
///
/// Mean and covariance (divided by the number of rows) are summed in double, and the eigenvectors found in double
/// (op/symmetric_eigen.hpp); a coordinate is rounded to f32 once. The sign of an axis, which is free, is chosen so that its
/// component of largest magnitude is positive. All axes together are a rotation: distances between rows stay.
#pragma once

#include <tessera/evaluate/sum.hpp>
#include <tessera/interop/xtensor.hpp>
#include <tessera/op/moments.hpp>
#include <tessera/op/symmetric_eigen.hpp>
#include <tessera/type/transformed.hpp>

#include <xtensor/xtensor.hpp>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space>
class pca {
 public:
  /// Of the rows. Errors: invalid_argument (no rows), not_finite.
  [[nodiscard]] static result<pca> fit(const embedding_matrix<Space>& rows) {
    constexpr std::size_t n = Space::dimension;
    pca made;
    TESSERA_TRY(made.mean_, mean_of(rows));
    TESSERA_TRY(const auto covariance, covariance_of(rows, made.mean_));
    TESSERA_TRY(auto eigen, symmetric_eigen(covariance, n));
    // A variance is not negative; what is below zero is rounding of zero.
    for (double& value : eigen.values) value = std::max(value, 0.0);
    made.variances_ = std::move(eigen.values);
    made.axes_ = std::move(eigen.vectors);
    return made;
  }

  /// [dimension]
  [[nodiscard]] std::span<const double> mean() const noexcept { return mean_; }
  /// [dimension], falling.
  [[nodiscard]] std::span<const double> variances() const noexcept { return variances_; }
  /// Axis i, [dimension], of length 1.
  [[nodiscard]] std::span<const double> axis(std::size_t i) const noexcept {
    TESSERA_ASSERT(i < Space::dimension);
    return std::span(axes_).subspan(i * Space::dimension, Space::dimension);
  }
  /// The share of all variance in the first `axes` axes, 0 .. 1; 1 where nothing varies.
  [[nodiscard]] double explained(std::size_t axes) const noexcept {
    const auto all = xt::adapt(variances_);
    const auto first = xt::view(all, xt::range(std::size_t{0}, std::min(axes, Space::dimension)));
    const double total = detail::sum_of(all);
    return total == 0.0 ? 1.0 : detail::sum_of(first) / total;
  }

  /// Coordinates of all rows in the first M axes. Errors: out_of_memory.
  template <std::size_t M>
  [[nodiscard]] result<embedding_matrix<projected<Space, M>>> project(const embedding_matrix<Space>& rows) const {
    TESSERA_TRY(auto made, (embedding_matrix<projected<Space, M>>::make(rows.rows())));
    for (std::size_t i = 0; i < rows.rows(); ++i) coordinates(rows.row(i).data(), made.values(i));
    made.set_made_by(detail::transformed(rows.made_by(), std::as_bytes(std::span(mean_))));
    return made;
  }
  /// Of one vector, with the same bits as in a matrix.
  template <std::size_t M, embedding_like Vector>
  [[nodiscard]] embedding<projected<Space, M>> project(const Vector& vector) const {
    static_assert(std::is_same_v<typename Vector::space, Space>, "tessera: these axes are of another embedding space");
    static_assert(std::is_same_v<typename Vector::precision, f32>, "tessera: f32 is projected; narrow the result instead");
    embedding<projected<Space, M>> made;
    coordinates(vector.data(), std::span<float>(made.values()));
    made.set_made_by(detail::transformed(vector.made_by(), std::as_bytes(std::span(mean_))));
    return made;
  }

 private:
  pca() = default;

  void coordinates(const float* vector, std::span<float> out) const {
    const xt::xtensor_fixed<double, xt::xshape<Space::dimension>> difference =
        xt::adapt(vector, xt::fixed_shape<Space::dimension>()) - xt::adapt(mean_.data(), xt::fixed_shape<Space::dimension>());
    for (std::size_t i = 0; i < out.size(); ++i)
      out[i] = static_cast<float>(
          detail::sum_of(difference * xt::adapt(axis(i).data(), xt::fixed_shape<Space::dimension>())));
  }

  std::vector<double> mean_;
  std::vector<double> variances_;
  std::vector<double> axes_;
};

}  // namespace tessera::inline TESSERA_ABI
