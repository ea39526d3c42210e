// SPDX-License-Identifier: Apache-2.0
/// Takes the common mean away from embeddings, which share a large one (Mu and Viswanath, arXiv:1702.01417).
///
///     TESSERA_TRY(const auto centring, ts::centring<space>::fit(rows));
///     TESSERA_TRY(const auto centred_rows, centring.apply(rows));     // embedding_matrix<centred<space>>
///     auto query_too = centring.apply(query);
///
/// The mean is summed in double and rounded to f32 once.
#pragma once

#include <tessera/interop/xtensor.hpp>
#include <tessera/op/moments.hpp>
#include <tessera/type/transformed.hpp>

#include <xtensor/xtensor.hpp>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space>
class centring {
 public:
  /// The mean of the rows. Errors: invalid_argument (no rows), not_finite.
  [[nodiscard]] static result<centring> fit(const embedding_matrix<Space>& rows) {
    centring made;
    TESSERA_TRY(made.exact_, mean_of(rows));
    made.mean_ = xt::cast<float>(xt::adapt(made.exact_));
    return made;
  }

  /// [dimension], in double.
  [[nodiscard]] std::span<const double> mean() const noexcept { return exact_; }

  /// All rows without the mean. Errors: out_of_memory.
  [[nodiscard]] result<embedding_matrix<centred<Space>>> apply(const embedding_matrix<Space>& rows) const {
    return to_embeddings<centred<Space>>(as_xtensor(rows) - mean_,
                                         detail::transformed(rows.made_by(), std::as_bytes(std::span(exact_))));
  }
  /// One vector without the mean, with the same bits as in a matrix.
  template <embedding_like Vector>
  [[nodiscard]] embedding<centred<Space>> apply(const Vector& vector) const {
    static_assert(std::is_same_v<typename Vector::space, Space>, "tessera: this mean is of another embedding space");
    return to_embedding<centred<Space>>(as_xtensor(vector) - mean_,
                                        detail::transformed(vector.made_by(), std::as_bytes(std::span(exact_))));
  }

 private:
  centring() = default;

  std::vector<double> exact_;
  xt::xtensor_fixed<float, xt::xshape<Space::dimension>> mean_;
};

}  // namespace tessera::inline TESSERA_ABI
