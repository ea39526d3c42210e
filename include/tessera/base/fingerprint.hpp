// SPDX-License-Identifier: Apache-2.0
/// A fast 64-bit digest of bytes: tells one model's weights from another's, not an attacker's from yours (that is SHA-256's work).
///
/// Four independent multiply-xor lanes of 8 bytes, so that reading memory, not hashing, is the limit. The value is part of file
/// formats (index files name the model that made their rows) and does not change between versions or processors.
#pragma once

#include <tessera/base/bytes.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI {

/// The first 8 bytes of a digest over a model's tensors; 0 where no model made the vector.
struct fingerprint {
  std::uint64_t value = 0;
  [[nodiscard]] constexpr bool operator==(const fingerprint&) const = default;
  [[nodiscard]] constexpr explicit operator bool() const noexcept { return value != 0; }
};

namespace detail {

/// The last `digits` hexadecimal digits of a number.
[[nodiscard]] inline std::string hex_text(std::uint64_t value, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i > 0; --i, value >>= 4u) text[i - 1] = "0123456789abcdef"[value & 15u];
  return text;
}

[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t state, std::uint64_t word) noexcept {
  state = (state ^ word) * 0x9E3779B97F4A7C15u;
  return state ^ (state >> 29);
}

}  // namespace detail

/// The digest of `bytes`, continued from `seed`.
[[nodiscard]] inline std::uint64_t digest64(std::span<const std::byte> bytes, std::uint64_t seed = 0) noexcept {
  std::uint64_t lanes[4] = {seed, seed + 1, seed + 2, seed + 3};
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 32; at += 32, left -= 32)
    for (std::size_t i = 0; i < 4; ++i)
      lanes[i] = detail::mix(lanes[i], detail::load<std::endian::little, std::uint64_t>(at + 8 * i));
  std::byte tail[32]{};
  if (left > 0) std::memcpy(tail, at, left);
  std::uint64_t digest = bytes.size();
  for (std::size_t i = 0; i < 4; ++i)
    digest = detail::mix(digest, detail::mix(lanes[i], detail::load<std::endian::little, std::uint64_t>(tail + 8 * i)));
  return digest;
}

}  // namespace tessera::inline TESSERA_ABI
