// SPDX-License-Identifier: Apache-2.0
/// Spaces of vectors that were moved or turned: a centred or projected vector is never compared with an original one.
///
/// | space                | vectors                                               |
/// | -------------------- | ----------------------------------------------------- |
/// | centred<Space>       | x - mean                                              |
/// | projected<Space, M>  | the first M coordinates of x - mean in principal axes |
/// | per_dimension<Space> | each component in steps of a range of its own         |
/// | rotated<Space>       | x - mean after a random rotation                      |
///
/// None has unit length. The fingerprint of the model is mixed with that of the transformation, so vectors centred by two
/// different means are told apart.
#pragma once

#include <tessera/base/fingerprint.hpp>
#include <tessera/type/matrix.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// What all of them have of the space that they come from.
template <embedding_space Whole>
struct transformed_space {
  static constexpr std::size_t dimension = Whole::dimension;
  static constexpr auto pooling_mode = Whole::pooling_mode;
  static constexpr bool unit_length = false;
  static constexpr bool anonymous = Whole::anonymous;
  [[nodiscard]] static constexpr std::string_view label() noexcept { return Whole::label(); }
  [[nodiscard]] static constexpr bool truncates_to(std::size_t) noexcept { return false; }
};

}  // namespace detail

template <embedding_space Whole>
struct centred : detail::transformed_space<Whole> {};

template <embedding_space Whole, std::size_t Dimension>
struct projected : detail::transformed_space<Whole> {
  static_assert(Dimension > 0 && Dimension <= Whole::dimension,
                "tessera: a projection has at least 1 and at most as many coordinates as its space has dimensions");
  static constexpr std::size_t dimension = Dimension;
  /// The axes come in falling order of variance, so the leading coordinates are the projection on fewer of them.
  [[nodiscard]] static constexpr bool truncates_to(std::size_t shorter) noexcept { return shorter < Dimension; }
};

template <embedding_space Whole>
struct per_dimension : detail::transformed_space<Whole> {};
template <class Whole>
inline constexpr bool has_one_unit<per_dimension<Whole>> = false;

template <embedding_space Whole>
struct rotated : detail::transformed_space<Whole> {};

namespace detail {

/// The fingerprint of vectors made by `model` and then transformed; 0 where the model is unknown.
[[nodiscard]] inline fingerprint transformed(fingerprint model, std::span<const std::byte> parameters) noexcept {
  if (!model) return {};
  const std::uint64_t mixed = digest64(parameters, model.value);
  return {mixed == 0 ? 1 : mixed};
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
