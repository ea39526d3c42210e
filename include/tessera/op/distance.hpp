// SPDX-License-Identifier: Apache-2.0
/// Distances and similarities between two vectors of one embedding space, in every precision.
///
/// | call                      | value, for a and b of dimension n            | precisions                              |
/// | ------------------------- | -------------------------------------------- | --------------------------------------- |
/// | dot(a, b)                 | sum of a_i·b_i                               | equal, or an f32 query against narrower |
/// | squared_l2_distance(a, b) | sum of (a_i - b_i)^2                         | the same                                |
/// | cosine_similarity(a, b)   | dot / (|a|·|b|), 0 where a or b is zero      | the same                                |
/// | unit_cosine(a, b)         | dot, which is the cosine at unit length      | the same; unit-length spaces only       |
/// | hamming_distance(a, b)    | number of bits that differ                   | b1                                      |
/// | jaccard_distance(a, b)    | 1 - |a and b| / |a or b|, 0 where both empty | b1                                      |
/// | sign_dot(a, b)            | sum of a_i where b's bit is set, -a_i else   | f32 and b1                              |
///
///     const float similarity = ts::cosine_similarity(query, document);
///
/// The order of a and b changes no bit. Vectors of two spaces do not compile. Sums are kept in f32 (integers in 32 bits); the
/// error bounds stand beside the scalar definitions in kernel/distance.hpp. NaN and infinity propagate as in IEEE arithmetic.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/type/embedding.hpp>

#include <cmath>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Both vectors live in one space, and their precisions can be compared: equal, or a wide query against narrow rows.
template <class A, class B>
[[nodiscard]] consteval bool comparable() {
  using PA = typename A::precision;
  using PB = typename B::precision;
  static_assert(std::is_same_v<typename A::space, typename B::space>,
                "tessera: these two vectors are of different embedding spaces, so their distance means nothing");
  static_assert(!std::is_same_v<PA, b1> && !std::is_same_v<PB, b1>,
                "tessera: this distance needs numbers, not binary codes (b1); use hamming_distance or jaccard_distance");
  static_assert(std::is_same_v<PA, PB> || std::is_same_v<PA, f32> || std::is_same_v<PB, f32>,
                "tessera: these two vectors have different precisions; only f32 is compared with a narrower one");
  static_assert(has_one_unit<typename A::space>,
                "tessera: every component of these codes has a unit of its own; score them with a prepared query");
  return has_one_unit<typename A::space> && std::is_same_v<typename A::space, typename B::space> && !std::is_same_v<PA, b1> &&
         !std::is_same_v<PB, b1> && (std::is_same_v<PA, PB> || std::is_same_v<PA, f32> || std::is_same_v<PB, f32>);
}

template <class A, class B>
[[nodiscard]] consteval bool binary() {
  static_assert(std::is_same_v<typename A::space, typename B::space>,
                "tessera: these two vectors are of different embedding spaces, so their distance means nothing");
  static_assert(std::is_same_v<typename A::precision, b1> && std::is_same_v<typename B::precision, b1>,
                "tessera: this distance counts bits, so it needs binary codes (b1); use quantize<b1>");
  return std::is_same_v<typename A::space, typename B::space> && std::is_same_v<typename A::precision, b1> &&
         std::is_same_v<typename B::precision, b1>;
}

/// The address as the kernels take it: 16-bit formats as their bits.
template <class View>
[[nodiscard]] const auto* kernel_data(const View& view) noexcept {
  using storage = typename View::storage;
  if constexpr (std::is_same_v<storage, float16> || std::is_same_v<storage, bfloat16>)
    return reinterpret_cast<const std::uint16_t*>(view.data());
  else
    return view.data();
}

/// sum of a_i·b_i over stored values, scales not yet applied.
template <class A, class B>
[[nodiscard]] auto raw_dot(const A& a, const B& b) noexcept {
  using PA = typename A::precision;
  using PB = typename B::precision;
  constexpr std::size_t n = A::dimension;
  const auto& kernel = kernel::kernels().distance;
  if constexpr (std::is_same_v<PA, f32> && std::is_same_v<PB, f32>) return kernel.dot_f32(a.data(), b.data(), n);
  else if constexpr (std::is_same_v<PB, f32>) return raw_dot(b, a);
  else if constexpr (std::is_same_v<PA, f32> && std::is_same_v<PB, f16>) return kernel.dot_f32_f16(a.data(), kernel_data(b), n);
  else if constexpr (std::is_same_v<PA, f32> && std::is_same_v<PB, bf16>) return kernel.dot_f32_bf16(a.data(), kernel_data(b), n);
  else if constexpr (std::is_same_v<PA, f32> && std::is_same_v<PB, i8>) return kernel.dot_f32_i8(a.data(), b.data(), n);
  else if constexpr (std::is_same_v<PA, f32> && std::is_same_v<PB, i4>) return kernel.dot_f32_i4(a.data(), b.data(), n);
  else if constexpr (std::is_same_v<PA, f16>) return kernel.dot_f16(kernel_data(a), kernel_data(b), n);
  else if constexpr (std::is_same_v<PA, bf16>) return kernel.dot_bf16(kernel_data(a), kernel_data(b), n);
  else if constexpr (std::is_same_v<PA, i8>) return kernel.dot_i8(a.data(), b.data(), n);
  else return kernel.dot_i4(a.data(), b.data(), n);
}

template <class View>
[[nodiscard]] float scale_of(const View& view) noexcept {
  if constexpr (scaled_precision<typename View::precision>) return view.facts().scale;
  else return 1.0f;
}

/// Euclidean length: the stored one where a narrow precision carries it.
template <class View>
[[nodiscard]] float length_of(const View& view) noexcept {
  using P = typename View::precision;
  if constexpr (!std::is_same_v<P, f32>)
    if (view.facts().norm >= 0.0f) return view.facts().norm;
  return std::sqrt(static_cast<float>(raw_dot(view, view))) * scale_of(view);
}

/// What squared L2 needs of a vector of codes: their scale, and the sum of their squares with it.
struct code_square {
  double scale, square;
};
template <class View>
[[nodiscard]] code_square square_of(const View& view) noexcept {
  const auto scale = static_cast<double>(scale_of(view));
  return {scale, static_cast<double>(raw_dot(view, view)) * scale * scale};
}
/// |a|^2 + |b|^2 - 2·a·b, put together in double so that nothing cancels between exact integer sums.
[[nodiscard]] inline float difference_of_codes(const code_square& a, const code_square& b, double dot) noexcept {
  const double distance = a.square + b.square - 2.0 * (dot * a.scale * b.scale);
  return static_cast<float>(distance < 0.0 ? 0.0 : distance);
}

/// sum of (a_i - b_i)^2 of two views that can be compared.
template <class A, class B>
[[nodiscard]] float squared_difference(const A& a, const B& b) noexcept {
  using PA = typename A::precision;
  using PB = typename B::precision;
  constexpr std::size_t n = A::dimension;
  const auto& kernel = kernel::kernels().distance;
  if constexpr (std::is_same_v<PA, f32> && std::is_same_v<PB, f32>) {
    return kernel.squared_l2_f32(a.data(), b.data(), n);
  } else if constexpr (std::is_same_v<PB, f32>) {
    return squared_difference(b, a);
  } else if constexpr (std::is_same_v<PA, f16>) {
    return kernel.squared_l2_f16(kernel_data(a), kernel_data(b), n);
  } else if constexpr (std::is_same_v<PA, bf16>) {
    return kernel.squared_l2_bf16(kernel_data(a), kernel_data(b), n);
  } else if constexpr (std::is_same_v<PB, f16>) {
    return kernel.squared_l2_f32_f16(a.data(), kernel_data(b), n);
  } else if constexpr (std::is_same_v<PB, bf16>) {
    return kernel.squared_l2_f32_bf16(a.data(), kernel_data(b), n);
  } else {
    return difference_of_codes(square_of(a), square_of(b), static_cast<double>(raw_dot(a, b)));
  }
}

/// An f32 query and signs, in this order.
template <class A, class B>
[[nodiscard]] consteval bool signed_by() {
  static_assert(std::is_same_v<typename A::space, typename B::space>,
                "tessera: these two vectors are of different embedding spaces, so their distance means nothing");
  static_assert(std::is_same_v<typename A::precision, f32> && std::is_same_v<typename B::precision, b1>,
                "tessera: sign_dot takes an f32 query and binary codes (b1), in this order");
  return std::is_same_v<typename A::space, typename B::space> && std::is_same_v<typename A::precision, f32> &&
         std::is_same_v<typename B::precision, b1>;
}

}  // namespace detail

/// sum of a_i·b_i.
template <embedding_like A, embedding_like B>
[[nodiscard]] float dot(const A& a, const B& b) noexcept {
  if constexpr (detail::comparable<A, B>())
    return static_cast<float>(detail::raw_dot(a.view(), b.view())) * (detail::scale_of(a) * detail::scale_of(b));
  else return 0.0f;
}

/// sum of (a_i - b_i)^2.
template <embedding_like A, embedding_like B>
[[nodiscard]] float squared_l2_distance(const A& a, const B& b) noexcept {
  if constexpr (detail::comparable<A, B>()) return detail::squared_difference(a.view(), b.view());
  else return 0.0f;
}

/// The cosine of the angle between a and b; 0 where either is zero.
template <embedding_like A, embedding_like B>
[[nodiscard]] float cosine_similarity(const A& a, const B& b) noexcept {
  if constexpr (!detail::comparable<A, B>()) {
    return 0.0f;
  } else if constexpr (std::is_same_v<typename A::precision, f32> && std::is_same_v<typename B::precision, f32>) {
    if constexpr (A::space::unit_length) return detail::raw_dot(a.view(), b.view());
    else return kernel::kernels().distance.cosine_f32(a.data(), b.data(), A::dimension);
  } else {
    const float lengths = detail::length_of(a.view()) * detail::length_of(b.view());
    return lengths == 0.0f ? 0.0f : dot(a, b) / lengths;
  }
}

/// The cosine as a plain dot product, which it is at unit length.
template <embedding_like A, embedding_like B>
[[nodiscard]] float unit_cosine(const A& a, const B& b) noexcept {
  static_assert(A::space::unit_length && B::space::unit_length,
                "tessera: this space does not promise unit length, so a dot product is not its cosine; use cosine_similarity");
  return dot(a, b);
}

/// Number of differing bits, 0 .. dimension.
template <embedding_like A, embedding_like B>
[[nodiscard]] std::uint32_t hamming_distance(const A& a, const B& b) noexcept {
  if constexpr (detail::binary<A, B>()) return kernel::kernels().distance.hamming_b1(a.data(), b.data(), A::stored);
  else return 0;
}

/// The inner product of an f32 query with the signs of a binary code: bits that are set count as 1, the others as -1.
template <embedding_like A, embedding_like B>
[[nodiscard]] float sign_dot(const A& query, const B& code) noexcept {
  if constexpr (detail::signed_by<A, B>()) return kernel::kernels().distance.dot_f32_b1(query.data(), code.data(), A::dimension);
  else return 0.0f;
}

/// 1 - (bits set in both) / (bits set in either).
template <embedding_like A, embedding_like B>
[[nodiscard]] float jaccard_distance(const A& a, const B& b) noexcept {
  if constexpr (detail::binary<A, B>()) return kernel::kernels().distance.jaccard_b1(a.data(), b.data(), A::stored);
  else return 0.0f;
}

}  // namespace tessera::inline TESSERA_ABI
