// SPDX-License-Identifier: Apache-2.0
/// One vector or a matrix in another precision; every narrowing is spelled.
///
/// | call            | from                 | to              | errors                                              |
/// | --------------- | -------------------- | --------------- | --------------------------------------------------- |
/// | cast<f16>(x)    | f32, f16, bf16       | f32, f16, bf16  | none: rounds to nearest even, NaN and overflow kept |
/// | quantize<i8>(x) | f32                  | i8, i4, b1      | not_finite: NaN or infinity has no code             |
/// | dequantize(x)   | i8, i4               | f32             | none                                                |
///
///     auto compact = ts::cast<ts::f16>(embedding);
///     auto codes = ts::quantize<ts::i8>(embedding);   // result: an error value for NaN
///
/// The worst case error of a component is `Precision::worst_error` (type/precision.hpp). Narrow vectors carry the length of what
/// they store, so that a later cosine needs no second pass.
#pragma once

#include <tessera/op/distance.hpp>
#include <tessera/type/matrix.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <class To, class From, class Source, class Target>
void cast_values(const Source* source, Target* target, std::size_t n) noexcept {
  const auto& kernel = kernel::kernels().convert;
  if constexpr (std::is_same_v<To, From>) std::copy_n(source, n, target);
  else if constexpr (std::is_same_v<From, f32> && std::is_same_v<To, f16>) kernel.f32_to_f16(source, &target->bits, n);
  else if constexpr (std::is_same_v<From, f32> && std::is_same_v<To, bf16>) kernel.f32_to_bf16(source, &target->bits, n);
  else if constexpr (std::is_same_v<From, f16> && std::is_same_v<To, f32>) kernel.f16_to_f32(&source->bits, target, n);
  else if constexpr (std::is_same_v<From, bf16> && std::is_same_v<To, f32>) kernel.bf16_to_f32(&source->bits, target, n);
  else
    for (std::size_t i = 0; i < n; ++i) target[i] = Target(static_cast<float>(source[i]));
}

/// The length of the stored values, where the precision keeps one.
template <embedding_space Space, precision Precision>
[[nodiscard]] row_facts<Precision> measured_facts(embedding_view<Space, Precision> view) noexcept {
  row_facts<Precision> facts = view.facts();
  if constexpr (requires { facts.norm; })
    facts.norm = std::sqrt(static_cast<float>(raw_dot(view, view))) * scale_of(view);
  return facts;
}

template <class To, class From>
constexpr bool castable() {
  static_assert(floating_precision<To> && floating_precision<From>,
                "tessera: cast<> converts between f32, f16 and bf16; use quantize<> for i8, i4 and b1, dequantize for the way back");
  return floating_precision<To> && floating_precision<From>;
}

template <class To, class From>
constexpr bool quantizable() {
  static_assert(!floating_precision<To>, "tessera: quantize<> makes i8, i4 or b1; use cast<> for f16 and bf16");
  static_assert(std::is_same_v<From, f32>, "tessera: quantize<> starts from f32; cast or dequantize first");
  return !floating_precision<To> && std::is_same_v<From, f32>;
}

/// Writes the codes and returns what belongs beside them; false where the input is not finite.
template <precision To>
[[nodiscard]] bool quantize_values(const float* source, typename To::storage* target, std::size_t n,
                                   row_facts<To>& facts) noexcept {
  const auto& kernel = kernel::kernels().quantize;
  if (!kernel.all_finite(source, n)) return false;
  if constexpr (std::is_same_v<To, i8>) facts.scale = kernel.quantize_i8(source, target, n);
  if constexpr (std::is_same_v<To, i4>) facts.scale = kernel.quantize_i4(source, target, n);
  if constexpr (std::is_same_v<To, b1>) kernel.binarize(source, target, n);
  return true;
}

[[nodiscard]] inline error not_finite_error(std::size_t row) {
  return {.code = error_code::not_finite,
          .thing = "vector " + std::to_string(row),
          .wanted = "finite components to quantize",
          .found = "NaN or infinity"};
}

}  // namespace detail

/// The same vector in another floating precision.
template <precision To, embedding_like From>
[[nodiscard]] embedding<typename From::space, To> cast(const From& source) noexcept {
  embedding<typename From::space, To> made;
  if constexpr (detail::castable<To, typename From::precision>()) {
    detail::cast_values<To, typename From::precision>(source.data(), made.data(), From::dimension);
    made.set_facts(detail::measured_facts<typename From::space, To>(made));
    made.set_made_by(source.made_by());
  }
  return made;
}

/// All rows in another floating precision. Errors: out_of_memory.
template <precision To, embedding_space Space, precision From>
[[nodiscard]] result<embedding_matrix<Space, To>> cast(const embedding_matrix<Space, From>& source) {
  using matrix = embedding_matrix<Space, To>;
  TESSERA_TRY(auto made, matrix::make(source.rows()));
  if constexpr (detail::castable<To, From>()) {
    for (std::size_t i = 0; i < source.rows(); ++i) {
      detail::cast_values<To, From>(source.row(i).data(), made.values(i).data(), Space::dimension);
      made.set_facts(i, detail::measured_facts<Space, To>(made.row(i)));
    }
    made.set_made_by(source.made_by());
  }
  return made;
}

/// Integer or sign codes of an f32 vector. Errors: not_finite.
template <precision To, embedding_like From>
[[nodiscard]] result<embedding<typename From::space, To>> quantize(const From& source) {
  embedding<typename From::space, To> made;
  if constexpr (detail::quantizable<To, typename From::precision>()) {
    row_facts<To> facts;
    if (!detail::quantize_values<To>(source.data(), made.data(), From::dimension, facts))
      return fail(detail::not_finite_error(0));
    made.set_facts(facts);
    made.set_facts(detail::measured_facts<typename From::space, To>(made));
    made.set_made_by(source.made_by());
  }
  return made;
}

/// Codes of all rows. Errors: not_finite (names the row), out_of_memory.
template <precision To, embedding_space Space, precision From>
[[nodiscard]] result<embedding_matrix<Space, To>> quantize(const embedding_matrix<Space, From>& source) {
  using matrix = embedding_matrix<Space, To>;
  TESSERA_TRY(auto made, matrix::make(source.rows()));
  if constexpr (detail::quantizable<To, From>()) {
    for (std::size_t i = 0; i < source.rows(); ++i) {
      row_facts<To> facts;
      if (!detail::quantize_values<To>(source.row(i).data(), made.values(i).data(), Space::dimension, facts))
        return fail(detail::not_finite_error(i));
      made.set_facts(i, facts);
      made.set_facts(i, detail::measured_facts<Space, To>(made.row(i)));
    }
    made.set_made_by(source.made_by());
  }
  return made;
}

/// code · scale of every component.
template <embedding_like From>
[[nodiscard]] embedding<typename From::space, f32> dequantize(const From& source) noexcept {
  embedding<typename From::space, f32> made;
  static_assert(scaled_precision<typename From::precision>,
                "tessera: dequantize widens i8 and i4; use cast<f32> for f16 and bf16 (b1 keeps no numbers)");
  if constexpr (scaled_precision<typename From::precision>) {
    const auto& kernel = kernel::kernels().quantize;
    const float scale = source.facts().scale;
    if constexpr (std::is_same_v<typename From::precision, i8>)
      kernel.dequantize_i8(source.data(), scale, made.data(), From::dimension);
    else kernel.dequantize_i4(source.data(), scale, made.data(), From::dimension);
    made.set_made_by(source.made_by());
  }
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
