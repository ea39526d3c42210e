// SPDX-License-Identifier: Apache-2.0
/// New vectors from whole ones: the leading part of a Matryoshka embedding, and several embeddings side by side.
///
/// | call          | value                                                                    | space                  |
/// | ------------- | ------------------------------------------------------------------------ | ---------------------- |
/// | truncate<M>(e) | the first M components; scaled to length 1 where e's space has unit length | truncated<Space, M>    |
/// | concat(a, b…) | a, b, … in the order written, each scaled by 1/sqrt(parts)                | concatenated<A, B, …>  |
///
///     auto small = ts::truncate<256>(embedding);        // compiles where the space was trained for 256
///     auto both = ts::concat(code_vector, text_vector);  // unit stays unit
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/type/embedding.hpp>

#include <algorithm>
#include <cmath>
#include <concepts>

namespace tessera::inline TESSERA_ABI {

/// The first M components (arXiv:2205.13147). f32 only: narrow the result afterwards.
template <std::size_t M, embedding_like From>
[[nodiscard]] auto truncate(const From& source) noexcept {
  using space = typename From::space;
  constexpr bool shorter = M <= space::dimension;
  constexpr bool trained = space::truncates_to(M) || M == space::dimension;
  static_assert(shorter, "tessera: truncate<M> cannot go beyond the dimension of the embedding");
  static_assert(!shorter || trained || M == 0,
                "tessera: this space was not trained for this length (Matryoshka), so its first components are no embedding");
  static_assert(std::is_same_v<typename From::precision, f32>, "tessera: truncate<M> works on f32; narrow the result instead");
  static_assert(M > 0, "tessera: a dimension is at least 1");
  embedding<truncated<space, M>, f32> made;
  if constexpr (M > 0 && shorter && trained && std::is_same_v<typename From::precision, f32>) {
    if constexpr (space::unit_length) kernel::kernels().norm.l2_normalize_f32(source.data(), made.data(), M);
    else std::copy_n(source.data(), M, made.data());
    made.set_made_by(source.made_by());
  }
  return made;
}

/// What made a concatenation: its parts' fingerprints mixed, in order; unknown where one of them is.
template <std::same_as<fingerprint>... Parts>
[[nodiscard]] constexpr fingerprint concatenated_fingerprint(Parts... parts) noexcept {
  std::uint64_t mixed = 0;
  ((mixed = (mixed ^ parts.value) * 0x9E3779B97F4A7C15u + 1), ...);  // order matters: a·b is not b·a
  return (static_cast<bool>(parts) && ...) ? fingerprint{mixed} : fingerprint{};
}

/// Several f32 embeddings as one. The fingerprint of the whole mixes its parts', in order; unknown where one of them is.
template <embedding_like... Parts>
  requires(sizeof...(Parts) >= 2)
[[nodiscard]] auto concat(const Parts&... parts) noexcept {
  static_assert((std::is_same_v<typename Parts::precision, f32> && ...),
                "tessera: concat works on f32; narrow the result instead");
  embedding<concatenated<typename Parts::space...>, f32> made;
  if constexpr ((std::is_same_v<typename Parts::precision, f32> && ...)) {
    const float scale = 1.0f / std::sqrt(static_cast<float>(sizeof...(Parts)));
    float* out = made.data();
    auto place = [&](const auto& part) {
      for (const float value : part) *out++ = value * scale;
    };
    (place(parts), ...);
    made.set_made_by(concatenated_fingerprint(parts.made_by()...));
  }
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
