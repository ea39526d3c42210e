// SPDX-License-Identifier: Apache-2.0
#include <tests/support/result.hpp>

#include <tessera/base/bytes.hpp>
#include <tessera/base/half.hpp>

#include <array>
#include <limits>

namespace ts = tessera;
using tessera_tests::message_of;
using tessera_tests::succeed;
using tessera_tests::value_of;

TEST_CASE("bytes: little-endian reads at every alignment", "[bytes]") {
  std::array<std::byte, 24> raw{};
  for (std::size_t i = 0; i < raw.size(); ++i) raw[i] = static_cast<std::byte>(i + 1);
  for (std::size_t at = 0; at <= 16; ++at) {
    const auto first = static_cast<std::uint8_t>(at + 1);
    std::uint64_t wanted = 0;
    for (unsigned i = 8; i-- > 0;) wanted = wanted << 8U | (first + i);
    CHECK(value_of(ts::read_le<std::uint64_t>(raw, at)) == wanted);
    CHECK(value_of(ts::read_le<std::int32_t>(raw, at)) == static_cast<std::int32_t>(wanted));
    CHECK(value_of(ts::read_le<std::uint16_t>(raw, at)) == static_cast<std::uint16_t>(wanted));
    CHECK(value_of(ts::read_le<std::int8_t>(raw, at)) == static_cast<std::int8_t>(first));
  }
  const std::array<std::byte, 5> one = {std::byte{9}, std::byte{0}, std::byte{0}, std::byte{0x80}, std::byte{0x3f}};
  CHECK(value_of(ts::read_le<float>(one, 1)) == 1.0F);
  CHECK(value_of(ts::read_le<ts::bfloat16>(one, 3)).bits == 0x3f80);
  CHECK(value_of(ts::read_le<bool>(one, 0)));
  CHECK_FALSE(value_of(ts::read_le<bool>(one, 1)));
}

TEST_CASE("bytes: reads past the end are errors, also where the offset wraps", "[bytes]") {
  const std::array<std::byte, 8> raw{};
  CHECK(ts::read_le<std::uint64_t>(raw, 0).has_value());
  CHECK(message_of(ts::read_le<std::uint64_t>(raw, 1)) == "byte 1: wanted 8 bytes, found the end after 7");
  CHECK(message_of(ts::read_le<std::uint8_t>(raw, 8)) == "byte 8: wanted 1 bytes, found the end");
  for (const std::size_t offset :
       {std::size_t{9}, std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() - 3})
    CHECK_FALSE(ts::read_le<std::uint32_t>(raw, offset).has_value());
  CHECK_FALSE(ts::read_le<std::uint8_t>({}, 0).has_value());
}

TEST_CASE("bytes: arrays in both byte orders, misaligned, of exactly the right size", "[bytes]") {
  const std::array<std::byte, 9> raw = {std::byte{7}, std::byte{1}, std::byte{2}, std::byte{3}, std::byte{4},
                                        std::byte{5}, std::byte{6}, std::byte{7}, std::byte{8}};
  const std::span<const std::byte> odd = std::span(raw).subspan(1);
  std::array<std::uint32_t, 2> two{};
  succeed(ts::copy_le<std::uint32_t>(odd, two));
  CHECK(two == std::array<std::uint32_t, 2>{0x04030201, 0x08070605});
  succeed(ts::copy_be<std::uint32_t>(odd, two));
  CHECK(two == std::array<std::uint32_t, 2>{0x01020304, 0x05060708});
  std::array<std::uint16_t, 4> four{};
  succeed(ts::copy_be<std::uint16_t>(odd, four));
  CHECK(four[3] == 0x0708);
  std::array<bool, 8> flags{};
  succeed(ts::copy_le<bool>(odd, flags));
  CHECK(flags[0]);
  CHECK(message_of(ts::copy_le<std::uint32_t>(raw, two)) == "wanted 2 values of 4 bytes, found 9 bytes");
  CHECK_FALSE(ts::copy_le<std::uint32_t>(odd.first(4), two).has_value());
  succeed(ts::copy_le<float>({}, {}));
}
