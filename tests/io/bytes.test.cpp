// SPDX-License-Identifier: Apache-2.0
#include <tests/io/support.hpp>

#include <tessera/io/bytes.hpp>
#include <tessera/io/quoted.hpp>

#include <limits>

namespace ts = tessera;
using tessera_tests::value_of;

TEST_CASE("bytes: what is appended is read back", "[bytes]") {
  std::string text;
  ts::append_le(text, std::uint32_t{0x01020304});
  CHECK(text == std::string("\4\3\2\1"));
  ts::append_le(text, -2.5);
  CHECK(value_of(ts::read_le<double>(std::as_bytes(std::span(text)), 4)) == -2.5);
  std::vector<std::byte> bytes;
  ts::append_le(bytes, std::int16_t{-2});
  CHECK(bytes == std::vector<std::byte>{std::byte{0xfe}, std::byte{0xff}});
  const std::uint16_t two[] = {0x0102, 0x0304};
  text.clear(), bytes.clear();
  ts::append_all_le(text, std::span(two));
  CHECK(text == std::string("\2\1\4\3"));
  ts::append_all_le(bytes, std::span(two).first(1));
  CHECK(bytes == std::vector<std::byte>{std::byte{2}, std::byte{1}});
}

TEST_CASE("bytes: sizes that leave 64 bits are noticed", "[bytes]") {
  constexpr std::uint64_t top = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t out = 0;
  CHECK(ts::multiply_sizes(top, 1, out));
  CHECK(out == top);
  CHECK(ts::multiply_sizes(0, top, out));
  CHECK_FALSE(ts::multiply_sizes(std::uint64_t{1} << 32U, std::uint64_t{1} << 32U, out));
  CHECK_FALSE(ts::multiply_sizes(top, 2, out));
  CHECK(ts::add_sizes(top - 1, 1, out));
  CHECK_FALSE(ts::add_sizes(top, 1, out));
}

TEST_CASE("quoted: outside text is safe to print", "[bytes]") {
  CHECK(ts::quoted("plain é 😀") == "\"plain é 😀\"");
  CHECK(ts::quoted("a\"b\\c\n\x7f") == "\"a\\\"b\\\\c\\x0a\\x7f\"");
  CHECK(ts::quoted("\x93NUMPY") == "\"\\x93NUMPY\"");
  CHECK(ts::quoted("\xed\xa0\x80") == "\"\\xed\\xa0\\x80\"");
  CHECK(ts::quoted("\xf4\x90\x80\x80\xe2\x82") == "\"\\xf4\\x90\\x80\\x80\\xe2\\x82\"");
  CHECK(ts::quoted(std::string_view("\0", 1)) == "\"\\x00\"");
  const std::string shown = ts::quoted(std::string(500, 'x') + "é");
  CHECK(shown.size() < 100);
  CHECK(shown.ends_with("…\""));
}
