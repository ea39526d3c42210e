// SPDX-License-Identifier: Apache-2.0
/// An embedding space as a type: which model made a vector, its dimension, its pooling, and whether it has unit length.
///
///     using products = ts::space<"products", 256, ts::pooling::cls, ts::unit_length>;
///     using documents = ts::space<"documents", 1024, ts::pooling::mean, ts::matryoshka<256, 512>>;
///     using plain = ts::anonymous<384>;   // vectors that no model made
///
/// Two spaces of one dimension are two types: comparing across them does not compile.
#pragma once

#include <tessera/type/name.hpp>
#include <tessera/type/pooling.hpp>

#include <array>
#include <concepts>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

/// Property of a space: every vector has length 1 in f32 (within rounding), or is zero.
struct unit_length {};

/// Property of a space: trained so that these prefixes of a vector are embeddings too (arXiv:2205.13147).
template <std::size_t... Dimensions>
struct matryoshka {
  [[nodiscard]] static constexpr bool contains(std::size_t dimension) noexcept {
    return ((dimension == Dimensions) || ...);
  }
};

namespace detail {
template <class Property>
inline constexpr bool is_matryoshka = false;
template <std::size_t... Dimensions>
inline constexpr bool is_matryoshka<matryoshka<Dimensions...>> = true;

template <class Property>
[[nodiscard]] constexpr bool property_truncates_to(std::size_t dimension) noexcept {
  if constexpr (is_matryoshka<Property>) return Property::contains(dimension);
  else return false;
}

/// One order, so that two spellings of a space are one type.
template <class... Properties>
inline constexpr bool are_properties = sizeof...(Properties) == 0;
template <class Only>
inline constexpr bool are_properties<Only> = std::same_as<Only, unit_length> || is_matryoshka<Only>;
template <class First, class Second>
inline constexpr bool are_properties<First, Second> = std::same_as<First, unit_length> && is_matryoshka<Second>;

/// The lengths of every `matryoshka` lie in 1 .. Whole.
template <std::size_t Whole, class Property>
inline constexpr bool lengths_within = true;
template <std::size_t Whole, std::size_t... Dimensions>
inline constexpr bool lengths_within<Whole, matryoshka<Dimensions...>> = ((Dimensions > 0 && Dimensions <= Whole) && ...);
}  // namespace detail

/// An embedding space. Name identifies the model; Properties are `unit_length` and `matryoshka<...>`, in that order.
template <name Name, std::size_t Dimension, pooling Pooling = pooling::mean, class... Properties>
struct space {
  static_assert(Dimension > 0, "tessera: a dimension is at least 1");
  static_assert(detail::are_properties<Properties...>,
                "tessera: a space's properties are unit_length and matryoshka<...>, once each and in this order");
  static_assert((detail::lengths_within<Dimension, Properties> && ...),
                "tessera: a length of matryoshka<...> lies beyond the dimension of the space, or is 0");

  static constexpr std::size_t dimension = Dimension;
  static constexpr auto pooling_mode = Pooling;
  static constexpr bool unit_length = (std::same_as<Properties, tessera::unit_length> || ...);
  static constexpr bool anonymous = Name.view() == "anonymous";

  /// The model's name.
  [[nodiscard]] static constexpr std::string_view label() noexcept { return Name.view(); }
  /// True where the first `shorter` components are an embedding by training.
  [[nodiscard]] static constexpr bool truncates_to(std::size_t shorter) noexcept {
    return shorter < Dimension && (detail::property_truncates_to<Properties>(shorter) || ...);
  }
};

/// The space of plain vectors: no model, no fingerprint, no promise of unit length.
template <std::size_t Dimension>
using anonymous = space<"anonymous", Dimension>;

/// Anything that describes an embedding space; user-defined spaces derive from `space` or offer the same members.
template <class T>
concept embedding_space = requires {
  { T::dimension } -> std::convertible_to<std::size_t>;
  { T::unit_length } -> std::convertible_to<bool>;
  { T::anonymous } -> std::convertible_to<bool>;
  { T::label() } -> std::convertible_to<std::string_view>;
  { T::truncates_to(std::size_t{}) } -> std::convertible_to<bool>;
  T::pooling_mode;
};

/// Whether all components of a space are in one unit, so that distances mean something. False for codes that have a unit in every
/// dimension (type/transformed.hpp).
template <class Space>
inline constexpr bool has_one_unit = true;

/// The first `Dimension` components of a Matryoshka space, scaled back to unit length where the whole had it.
template <embedding_space Whole, std::size_t Dimension>
struct truncated {
  static constexpr std::size_t dimension = Dimension;
  static constexpr auto pooling_mode = Whole::pooling_mode;
  static constexpr bool unit_length = Whole::unit_length;
  static constexpr bool anonymous = Whole::anonymous;
  [[nodiscard]] static constexpr std::string_view label() noexcept { return Whole::label(); }
  [[nodiscard]] static constexpr bool truncates_to(std::size_t shorter) noexcept {
    return shorter < Dimension && Whole::truncates_to(shorter);
  }
};

/// Several spaces side by side, in the order written; each part is scaled by 1/sqrt(number of parts), so unit stays unit.
template <embedding_space... Parts>
  requires(sizeof...(Parts) >= 2)
struct concatenated {
  static constexpr std::size_t dimension = (Parts::dimension + ...);
  static constexpr auto pooling_mode = pooling::mean;
  static constexpr bool unit_length = (Parts::unit_length && ...);
  static constexpr bool anonymous = false;
  /// The parts' names in order: "qodo+jina". Files tell spaces apart by it.
  [[nodiscard]] static constexpr std::string_view label() noexcept { return {label_.data(), label_.size()}; }
  [[nodiscard]] static constexpr bool truncates_to(std::size_t) noexcept { return false; }

 private:
  static constexpr auto label_ = [] {
    std::array<char, (Parts::label().size() + ...) + sizeof...(Parts) - 1> text{};
    std::size_t length = 0;
    const auto add = [&](std::string_view part) {
      if (length > 0) text[length++] = '+';
      for (const char c : part) text[length++] = c;
    };
    (add(Parts::label()), ...);
    return text;
  }();
};

}  // namespace tessera::inline TESSERA_ABI
