// SPDX-License-Identifier: Apache-2.0
/// Binary codes of signs around the mean of some rows: bit i is x_i > mean_i.
///
///     TESSERA_TRY(const auto signs, ts::centred_signs<space>::train(rows));
///     TESSERA_TRY(const auto codes, signs.quantize(rows));               // embedding_matrix<centred<space>, b1>
///     ts::hamming_distance(codes.row(0), codes.row(1));
///     ts::sign_dot(signs.centre(query), codes.row(0));                    // f32 query: finer, a little slower
///
/// Embeddings share a large mean, which makes many plain signs the same in all of them; around the mean each bit tells about half of
/// the rows from the others. The bit is exact (x and the mean are compared, not subtracted); how far x_i lies from the mean is
/// lost. Codes are in the space centred<Space>, so that none is compared with a plain sign code.
#pragma once

#include <tessera/op/convert.hpp>
#include <tessera/op/moments.hpp>
#include <tessera/type/transformed.hpp>

#include <array>
#include <span>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space>
class centred_signs {
 public:
  static constexpr std::size_t dimension = Space::dimension;
  using code_space = centred<Space>;

  /// The mean of the rows, summed in double and rounded to f32 once. Errors: invalid_argument (no rows), not_finite.
  [[nodiscard]] static result<centred_signs> train(const embedding_matrix<Space>& rows) {
    TESSERA_TRY(const auto mean, mean_of(rows));
    centred_signs made;
    for (std::size_t i = 0; i < dimension; ++i) made.mean_[i] = static_cast<float>(mean[i]);
    return made;
  }

  [[nodiscard]] std::span<const float, dimension> mean() const noexcept { return mean_; }

  /// Bits of one vector. Errors: not_finite.
  template <embedding_like Vector>
  [[nodiscard]] result<embedding<code_space, b1>> quantize(const Vector& vector) const {
    embedding<code_space, b1> made;
    if constexpr (accepts<Vector>()) {
      if (!code(vector.data(), made.data())) return fail(detail::not_finite_error(0));
      made.set_made_by(made_from(vector.made_by()));
    }
    return made;
  }
  /// Bits of all rows. Errors: not_finite (names the row), out_of_memory.
  template <embedding_space RowSpace, precision Precision>
  [[nodiscard]] result<embedding_matrix<code_space, b1>> quantize(const embedding_matrix<RowSpace, Precision>& rows) const {
    TESSERA_TRY(auto made, (embedding_matrix<code_space, b1>::make(rows.rows())));
    if constexpr (accepts<embedding_matrix<RowSpace, Precision>>()) {
      for (std::size_t i = 0; i < rows.rows(); ++i)
        if (!code(rows.row(i).data(), made.values(i).data())) return fail(detail::not_finite_error(i));
      made.set_made_by(made_from(rows.made_by()));
    }
    return made;
  }

  /// x - mean, for an f32 query against codes.
  template <embedding_like Vector>
  [[nodiscard]] embedding<code_space> centre(const Vector& vector) const noexcept {
    embedding<code_space> made;
    if constexpr (accepts<Vector>()) {
      for (std::size_t i = 0; i < dimension; ++i) made[i] = vector.data()[i] - mean_[i];
      made.set_made_by(made_from(vector.made_by()));
    }
    return made;
  }

 private:
  centred_signs() = default;

  template <class Given>
  [[nodiscard]] static consteval bool accepts() {
    static_assert(std::is_same_v<typename Given::space, Space>, "tessera: this mean is of another embedding space");
    static_assert(std::is_same_v<typename Given::precision, f32>, "tessera: quantize<> starts from f32; cast or dequantize first");
    return std::is_same_v<typename Given::space, Space> && std::is_same_v<typename Given::precision, f32>;
  }
  [[nodiscard]] bool code(const float* vector, std::uint8_t* bits) const noexcept {
    const auto& k = kernel::kernels().quantize;
    if (!k.all_finite(vector, dimension)) return false;
    k.binarize_around(vector, mean_.data(), bits, dimension);
    return true;
  }
  [[nodiscard]] fingerprint made_from(fingerprint model) const noexcept {
    return detail::transformed(model, std::as_bytes(mean()));
  }

  alignas(vector_alignment) std::array<float, dimension> mean_{};
};

}  // namespace tessera::inline TESSERA_ABI
