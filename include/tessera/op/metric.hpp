// SPDX-License-Identifier: Apache-2.0
/// The metrics an index can be typed by; each names its distance and says which end is near.
///
/// | metric        | score of a hit              | near is | precisions                |
/// | ------------- | --------------------------- | ------- | ------------------------- |
/// | cosine        | cosine_similarity           | large   | f32 f16 bf16 i8 i4        |
/// | inner_product | dot                         | large   | f32 f16 bf16 i8 i4        |
/// | squared_l2    | squared_l2_distance         | small   | f32 f16 bf16 i8 i4        |
/// | hamming       | hamming_distance            | small   | b1                        |
/// | jaccard       | jaccard_distance            | small   | b1                        |
/// | sign_product  | sign_dot                    | large   | b1, queries in f32        |
///
///     const float score = ts::cosine{}(query, document);
#pragma once

#include <tessera/op/distance.hpp>

namespace tessera::inline TESSERA_ABI {

struct cosine {
  static constexpr bool larger_is_nearer = true;
  static constexpr bool binary = false;
  static constexpr std::string_view label = "cosine";
  template <embedding_like A, embedding_like B>
  [[nodiscard]] float operator()(const A& a, const B& b) const noexcept {
    return cosine_similarity(a, b);
  }
};

struct inner_product {
  static constexpr bool larger_is_nearer = true;
  static constexpr bool binary = false;
  static constexpr std::string_view label = "inner_product";
  template <embedding_like A, embedding_like B>
  [[nodiscard]] float operator()(const A& a, const B& b) const noexcept {
    return dot(a, b);
  }
};

struct squared_l2 {
  static constexpr bool larger_is_nearer = false;
  static constexpr bool binary = false;
  static constexpr std::string_view label = "squared_l2";
  template <embedding_like A, embedding_like B>
  [[nodiscard]] float operator()(const A& a, const B& b) const noexcept {
    return squared_l2_distance(a, b);
  }
};

struct hamming {
  static constexpr bool larger_is_nearer = false;
  static constexpr bool binary = true;
  static constexpr std::string_view label = "hamming";
  template <embedding_like A, embedding_like B>
  [[nodiscard]] float operator()(const A& a, const B& b) const noexcept {
    return static_cast<float>(hamming_distance(a, b));
  }
};

struct jaccard {
  static constexpr bool larger_is_nearer = false;
  static constexpr bool binary = true;
  static constexpr std::string_view label = "jaccard";
  template <embedding_like A, embedding_like B>
  [[nodiscard]] float operator()(const A& a, const B& b) const noexcept {
    return jaccard_distance(a, b);
  }
};

struct sign_product {
  static constexpr bool larger_is_nearer = true;
  static constexpr bool binary = true;
  static constexpr std::string_view label = "sign_product";
  template <embedding_like A, embedding_like B>
  [[nodiscard]] float operator()(const A& query, const B& code) const noexcept {
    return sign_dot(query, code);
  }
};

template <class T>
concept metric = requires {
  { T::larger_is_nearer } -> std::convertible_to<bool>;
  { T::binary } -> std::convertible_to<bool>;
  { T::label } -> std::convertible_to<std::string_view>;
};

}  // namespace tessera::inline TESSERA_ABI
