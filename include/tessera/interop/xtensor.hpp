// SPDX-License-Identifier: Apache-2.0
/// Embeddings as xtensor views without a copy, and xtensor expressions back into embeddings with the dimension checked.
///
///     auto rows = ts::as_xtensor(matrix);                               // [rows, dimension], views the matrix
///     auto mean = xt::eval(xt::mean<double>(rows, {0}));
///     TESSERA_TRY(auto halved, ts::to_embeddings<space>(rows * 0.5f));  // error: another dimension
///     auto sum = ts::to_embedding<space>(ts::as_xtensor(a) + ts::as_xtensor(b));   // checked by the compiler
///
/// f32 only: xtensor has no 16-bit floats, and codes without their scale mean nothing. A view is valid as long as what it views
/// stays where it is. Define XTENSOR_USE_XSIMD (the CMake target does) and xtensor computes in xsimd's vectors; rows whose dimension
/// is a multiple of 16 lie without gaps and profit most.
#pragma once

#include <tessera/type/matrix.hpp>

#include <xtensor/xadapt.hpp>
#include <xtensor/xfixed.hpp>
#include <xtensor/xnoalias.hpp>
#include <xtensor/xview.hpp>

#include <array>
#include <utility>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <class Precision>
[[nodiscard]] consteval bool has_xtensor_form() {
  static_assert(std::is_same_v<Precision, f32>, "tessera: xtensor views are of f32; cast<f32> or dequantize first");
  return std::is_same_v<Precision, f32>;
}

template <class Space>
[[nodiscard]] consteval bool has_a_name() {
  static_assert(sizeof(Space) == 0, "tessera: what this views is gone at the end of the statement; give it a name first");
  return false;
}

/// [rows, dimension] over memory that the caller holds.
template <class Matrix, class Value>
[[nodiscard]] auto view_rows(Value* data, std::size_t rows) {
  const std::array<std::size_t, 2> shape{rows, Matrix::stride};
  auto whole = xt::adapt<xt::layout_type::row_major>(std::move(data), rows * Matrix::stride, xt::no_ownership(), shape);
  if constexpr (Matrix::stride == Matrix::dimension) return whole;
  else return xt::view(std::move(whole), xt::all(), xt::range(std::size_t{0}, Matrix::dimension));
}

/// The last extent of an expression where its type says it, else 0.
template <class Shape>
inline constexpr std::size_t last_extent = 0;
template <std::size_t... Extents>
  requires(sizeof...(Extents) > 0)
inline constexpr std::size_t last_extent<xt::fixed_shape<Extents...>> = std::array{Extents...}.back();

template <class Expression>
inline constexpr std::size_t fixed_dimension = last_extent<std::decay_t<typename Expression::shape_type>>;

/// The expression's values are f32, and its type does not say another dimension.
template <class Expression, class Space>
[[nodiscard]] consteval bool becomes_embeddings() {
  constexpr bool is_float = std::is_same_v<typename Expression::value_type, float>;
  constexpr std::size_t extent = fixed_dimension<Expression>;
  constexpr bool same_dimension = extent == 0 || extent == Space::dimension;
  static_assert(is_float, "tessera: the values of this expression are not float; spell the narrowing with xt::cast<float>");
  static_assert(same_dimension, "tessera: the last extent of this expression is not the dimension of this space");
  return is_float && same_dimension;
}

template <class Space, class Expression>
[[nodiscard]] error wrong_shape(const Expression& expression, const char* wanted) {
  std::string found = "[";
  for (const auto extent : expression.shape()) found += (found.size() > 1 ? ", " : "") + std::to_string(extent);
  return {.code = error_code::mismatch,
          .thing = "xtensor expression as " + std::string(Space::label()),
          .wanted = wanted + std::to_string(Space::dimension) + ']',
          .found = found + ']'};
}

}  // namespace detail

/// The rows as an array [rows, dimension], without the padding between them.
template <embedding_space Space, precision Precision>
[[nodiscard]] auto as_xtensor(const embedding_matrix<Space, Precision>& rows) {
  if constexpr (detail::has_xtensor_form<Precision>())
    return detail::view_rows<embedding_matrix<Space, Precision>>(rows.data(), rows.rows());
}
/// The same, writable.
template <embedding_space Space, precision Precision>
[[nodiscard]] auto as_xtensor(embedding_matrix<Space, Precision>& rows) {
  if constexpr (detail::has_xtensor_form<Precision>())
    return detail::view_rows<embedding_matrix<Space, Precision>>(rows.data(), rows.rows());
}
/// What is about to be destroyed has no view.
template <embedding_space Space, precision Precision>
bool as_xtensor(embedding_matrix<Space, Precision>&&) {
  return detail::has_a_name<Space>();
}

/// One vector as an array whose shape [dimension] is in its type.
template <embedding_like Vector>
[[nodiscard]] auto as_xtensor(const Vector& vector) {
  if constexpr (detail::has_xtensor_form<typename Vector::precision>())
    return xt::adapt(vector.data(), xt::fixed_shape<Vector::dimension>());
}

template <embedding_space Space, precision Precision>
bool as_xtensor(embedding<Space, Precision>&&) {
  return detail::has_a_name<Space>();
}

/// A vector from an expression [dimension]: an embedding where its type says that extent, else a result. Errors: mismatch.
template <embedding_space Space, class Expression>
[[nodiscard]] auto to_embedding(const xt::xexpression<Expression>& from, fingerprint made_by = {}) {
  const Expression& expression = from.derived_cast();
  embedding<Space> made;
  if constexpr (detail::becomes_embeddings<Expression, Space>()) {
    made.set_made_by(made_by);
    constexpr bool known = detail::fixed_dimension<Expression> != 0;
    const auto copy = [&] {
      auto target = xt::adapt(made.data(), xt::fixed_shape<Space::dimension>());
      xt::noalias(target) = expression;
    };
    if constexpr (known) {
      static_assert(std::tuple_size_v<std::decay_t<typename Expression::shape_type>> == 1,
                    "tessera: one embedding is made from an expression with one axis; use to_embeddings for rows");
      copy();
      return made;
    } else {
      if (expression.dimension() != 1 || expression.shape(0) != Space::dimension)
        return result<embedding<Space>>(fail(detail::wrong_shape<Space>(expression, "[")));
      copy();
      return result<embedding<Space>>(std::move(made));
    }
  } else {
    return made;
  }
}

/// A matrix from an expression [rows, dimension]. Errors: mismatch (another shape), out_of_memory.
template <embedding_space Space, class Expression>
[[nodiscard]] result<embedding_matrix<Space>> to_embeddings(const xt::xexpression<Expression>& from,
                                                            fingerprint made_by = {}) {
  const Expression& expression = from.derived_cast();
  if constexpr (detail::becomes_embeddings<Expression, Space>()) {
    if (expression.dimension() != 2 || expression.shape(1) != Space::dimension)
      return fail(detail::wrong_shape<Space>(expression, "[rows, "));
    TESSERA_TRY(auto made, embedding_matrix<Space>::make(expression.shape(0)));
    made.set_made_by(made_by);
    auto target = as_xtensor(made);
    if (!made.empty()) xt::noalias(target) = expression;
    return made;
  } else {
    return {};
  }
}

}  // namespace tessera::inline TESSERA_ABI
