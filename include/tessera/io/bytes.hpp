// SPDX-License-Identifier: Apache-2.0
/// Writing little-endian numbers, and arithmetic on sizes that a file states; reading is base/bytes.hpp.
///
///     ts::append_le(header, std::uint64_t{size});
///     ts::append_all_le(message, row.values());
///     std::uint64_t bytes;
///     if (!ts::multiply_sizes(rows, columns, bytes)) ...   // a shape beyond 64 bits
#pragma once

#include <tessera/base/bytes.hpp>

namespace tessera::inline TESSERA_ABI {

/// Writes `value` little-endian to the end of `out`, which is a string or a vector of bytes.
template <wire_number T, class Bytes>
void append_le(Bytes& out, T value) {
  auto bits = std::bit_cast<typename detail::unsigned_of_size<sizeof(T)>::type>(value);
  if constexpr (std::endian::native == std::endian::big && sizeof(T) > 1) bits = std::byteswap(bits);
  typename Bytes::value_type raw[sizeof(T)];
  std::memcpy(raw, &bits, sizeof bits);
  if constexpr (requires { out.append(raw, sizeof raw); }) out.append(raw, sizeof raw);
  else out.insert(out.end(), raw, raw + sizeof(T));
}

/// All of `values`, in one piece where memory holds them as a file does.
template <wire_number T, std::size_t Extent, class Bytes>
void append_all_le(Bytes& out, std::span<const T, Extent> values) {
  if constexpr (std::endian::native == std::endian::little && requires { out.append("", values.size_bytes()); }) {
    out.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  } else {
    for (const T value : values) append_le(out, value);
  }
}

/// a * b and a + b of sizes from outside; false where they leave 64 bits.
[[nodiscard]] constexpr bool multiply_sizes(std::uint64_t a, std::uint64_t b, std::uint64_t& product) noexcept {
  product = a * b;
  return a == 0 || product / a == b;
}
[[nodiscard]] constexpr bool add_sizes(std::uint64_t a, std::uint64_t b, std::uint64_t& sum) noexcept {
  sum = a + b;
  return sum >= a;
}

}  // namespace tessera::inline TESSERA_ABI
