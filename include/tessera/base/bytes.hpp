// SPDX-License-Identifier: Apache-2.0
/// The one door for numbers from outside: copying reads of little- and big-endian values at any alignment, checked
/// against the end.
///
///     TESSERA_TRY(const auto length, ts::read_le<std::uint64_t>(file.bytes(), 0));    // error: past the end
///     TESSERA_CHECK(ts::copy_le<float>(file.bytes().subspan(8, 4 * n), values));      // error: sizes differ
///
/// Bytes are never read through a pointer of another type: files promise no alignment, and a file's byte order need not
/// be the processor's.
#pragma once

#include <tessera/base/result.hpp>

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

/// Numbers as they stand in files: arithmetic types of 1, 2, 4 or 8 bytes, and 16-bit floats held as bits.
template <class T>
concept wire_number = std::is_trivially_copyable_v<T> &&
                      (sizeof(T) == 1 || sizeof(T) == 2 || sizeof(T) == 4 || sizeof(T) == 8) &&
                      (std::is_arithmetic_v<T> || requires(T value) {
                        { value.bits } -> std::same_as<std::uint16_t&>;
                      });

namespace detail {

template <std::size_t Size>
struct unsigned_of_size;
template <>
struct unsigned_of_size<1> {
  using type = std::uint8_t;
};
template <>
struct unsigned_of_size<2> {
  using type = std::uint16_t;
};
template <>
struct unsigned_of_size<4> {
  using type = std::uint32_t;
};
template <>
struct unsigned_of_size<8> {
  using type = std::uint64_t;
};

/// sizeof(T) bytes at `from`, which stand in `Order`.
template <std::endian Order, wire_number T>
[[nodiscard]] T load(const std::byte* from) noexcept {
  typename unsigned_of_size<sizeof(T)>::type bits;
  std::memcpy(&bits, from, sizeof bits);
  if constexpr (Order != std::endian::native && sizeof(T) > 1) bits = std::byteswap(bits);
  if constexpr (std::is_same_v<T, bool>) return bits != 0;  // any other byte in a bool would be undefined
  else return std::bit_cast<T>(bits);
}

template <std::endian Order, wire_number T>
[[nodiscard]] result<> copy(std::span<const std::byte> from, std::span<T> to) {
  if (from.size() / sizeof(T) != to.size() || from.size() % sizeof(T) != 0)
    return fail({.code = error_code::mismatch,
                 .wanted = std::to_string(to.size()) + " values of " + std::to_string(sizeof(T)) + " bytes",
                 .found = std::to_string(from.size()) + " bytes"});
  if constexpr ((Order == std::endian::native || sizeof(T) == 1) && !std::is_same_v<T, bool>) {
    if (!to.empty()) std::memcpy(to.data(), from.data(), from.size());
  } else {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] = load<Order, T>(from.data() + i * sizeof(T));
  }
  return {};
}

}  // namespace detail

/// The little-endian T at byte `offset` of `bytes`. Error: malformed, where fewer than sizeof(T) bytes follow.
template <wire_number T>
[[nodiscard]] result<T> read_le(std::span<const std::byte> bytes, std::size_t offset) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) [[unlikely]]
    return fail({.code = error_code::malformed,
                 .wanted = std::to_string(sizeof(T)) + " bytes",
                 .found = offset < bytes.size() ? "the end after " + std::to_string(bytes.size() - offset) : "the end",
                 .offset = offset});
  return detail::load<std::endian::little, T>(bytes.data() + offset);
}

/// Fills `to` from exactly as many little-endian values. Error: mismatch, where `from` has another size.
template <wire_number T>
[[nodiscard]] result<> copy_le(std::span<const std::byte> from, std::span<T> to) {
  return detail::copy<std::endian::little>(from, to);
}

/// Fills `to` from exactly as many big-endian values. Error: mismatch, where `from` has another size.
template <wire_number T>
[[nodiscard]] result<> copy_be(std::span<const std::byte> from, std::span<T> to) {
  return detail::copy<std::endian::big>(from, to);
}

}  // namespace tessera::inline TESSERA_ABI
