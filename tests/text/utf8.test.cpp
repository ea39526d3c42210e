// SPDX-License-Identifier: Apache-2.0
#include <tests/io/support.hpp>

#include <tessera/text/unicode.hpp>

namespace ts = tessera;
using tessera_tests::exact_bytes;

namespace {

/// Well-formed by definition: what encoding a scalar value gives, and nothing else.
bool is_encoding_of_some_scalar(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  std::uint32_t c = 0;
  switch (bytes.size()) {
    case 1: c = byte(0); break;
    case 2: c = (byte(0) & 0x1fU) << 6U | (byte(1) & 0x3fU); break;
    case 3: c = (byte(0) & 0x0fU) << 12U | (byte(1) & 0x3fU) << 6U | (byte(2) & 0x3fU); break;
    default: c = (byte(0) & 7U) << 18U | (byte(1) & 0x3fU) << 12U | (byte(2) & 0x3fU) << 6U | (byte(3) & 0x3fU); break;
  }
  if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff)) return false;
  char back[4];
  return std::string_view(back, ts::encode_utf8(c, back)) == bytes;
}

}  // namespace

TEST_CASE("utf8: every scalar value survives encoding and decoding in both directions", "[text]") {
  for (ts::code_point c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    char bytes[4];
    const std::string_view text(bytes, ts::encode_utf8(c, bytes));
    std::size_t at = 0, end = text.size();
    const bool right = ts::utf8_sequence(text, 0) == text.size() && ts::decode_utf8(text, at) == c &&
                       at == text.size() && ts::decode_utf8_before(text, end) == c && end == 0;
    if (!right) FAIL(c);
  }
}

TEST_CASE("utf8: sequences are well-formed exactly where some scalar value encodes so", "[text]") {
  // All of one, two and three bytes; of four, the edges of every range.
  const auto agrees = [](std::string_view bytes) {
    const std::size_t length = ts::utf8_sequence(bytes, 0);
    for (std::size_t n = 1; n <= bytes.size(); ++n)
      if (is_encoding_of_some_scalar(bytes.substr(0, n))) return length == n;
    return length == 0;
  };
  for (unsigned a = 0; a < 256; ++a)
    for (unsigned b = 0; b < 256; ++b)
      for (const unsigned c : {0x00U, 0x7fU, 0x80U, 0x8fU, 0x90U, 0x9fU, 0xa0U, 0xbfU, 0xc0U, 0xffU})
        for (const unsigned d : {0x00U, 0x7fU, 0x80U, 0xbfU, 0xc0U, 0xffU}) {
          const char bytes[] = {static_cast<char>(a), static_cast<char>(b), static_cast<char>(c), static_cast<char>(d)};
          for (std::size_t n = 1; n <= 4; ++n)
            if (!agrees({bytes, n})) FAIL(a << ' ' << b << ' ' << c << ' ' << d << " length " << n);
        }
}

TEST_CASE("utf8: the first bad byte is found wherever it stands", "[text]") {
  CHECK_FALSE(ts::find_invalid_utf8(""));
  for (std::size_t before = 0; before < 70; ++before) {
    const std::string text = std::string(before, 'a') + "\xc3\xa9" + std::string(before, 'b');
    CHECK_FALSE(ts::find_invalid_utf8(exact_bytes(text).text()));
    for (const std::string_view bad : {"\xff", "\xc3", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
      CHECK(ts::find_invalid_utf8(exact_bytes(text + std::string(bad)).text()) == text.size());
      CHECK(ts::find_invalid_utf8(exact_bytes(text + std::string(bad) + "cc").text()) == text.size());
    }
  }
  const auto failure = ts::check_utf8("abc\xff", "query");
  REQUIRE_FALSE(failure);
  CHECK(failure.error().code == ts::error_code::invalid_text);
  CHECK(failure.error().offset == 3);
  CHECK(failure.error().message() == "byte 3: query: wanted UTF-8, found byte 0xff");
}

TEST_CASE("unicode: classes, decompositions and lower case", "[text]") {
  using bits = ts::char_class;
  const auto has = [](ts::code_point c, unsigned bit) { return (ts::char_class_of(c) & bit) != 0; };
  CHECK(has(0, bits::removed));
  CHECK(has(0xfffd, bits::removed));
  CHECK(has(0x200d, bits::removed));
  CHECK(has(0xe000, bits::removed));
  CHECK(has(0x10fffd, bits::removed));
  CHECK_FALSE(has('\t', bits::removed));
  CHECK_FALSE(has(0x890, bits::removed));  // a format character younger than the reference
  CHECK(has(0x3000, bits::space));
  CHECK_FALSE(has(0x200b, bits::space));
  CHECK(has('$', bits::punctuation));
  CHECK(has(0x3001, bits::punctuation));
  CHECK_FALSE(has(0x20ac, bits::punctuation));
  CHECK(has(0x4e00, bits::ideograph));
  CHECK(has(0x2f800, bits::ideograph));
  CHECK_FALSE(has(0x3042, bits::ideograph));
  CHECK_FALSE(has(0x2b820, bits::ideograph));  // the gap in BERT's list
  CHECK(has(0x301, bits::mark));
  CHECK_FALSE(has(0x903, bits::mark));
  CHECK(has(0xe9, bits::decomposes));
  CHECK(has(0xac00, bits::decomposes));
  CHECK_FALSE(has(0x11938, bits::decomposes));  // Unicode 13; the reference normalises by 9
  CHECK(has(0x410, bits::cased));
  CHECK(ts::char_class_of('a') == 0);

  std::array<ts::code_point, ts::longest_decomposition> parts{};
  CHECK(ts::decompose(0x1d160, parts) == 3);
  CHECK(ts::decompose(0xac01, parts) == 3);
  CHECK((parts[0] == 0x1100 && parts[1] == 0x1161 && parts[2] == 0x11a8));
  CHECK(ts::decompose('a', parts) == 1);
  std::array<ts::code_point, ts::longest_lower_case> lower{};
  CHECK(ts::lower_case(0x130, lower) == 2);
  CHECK((lower[0] == 'i' && lower[1] == 0x307));
  CHECK((ts::lower_case(0x3a3, lower) == 1 && lower[0] == 0x3c3));
  CHECK((ts::lower_case(0x10d50, lower) == 1 && lower[0] == 0x10d70));
  CHECK((ts::lower_case(0xa7dc, lower) == 1 && lower[0] == 0x19b));
  CHECK(ts::combining_class(0x301) == 230);
  CHECK(ts::combining_class(0x898) == 0);

  // No decomposition is longer than promised, and none is decomposable again.
  for (ts::code_point c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c <= 0xdfff) continue;
    const std::size_t n = ts::decompose(c, parts);
    if (n == 1 && parts[0] == c) continue;
    for (std::size_t i = 0; i < n; ++i) {
      std::array<ts::code_point, ts::longest_decomposition> again{};
      if (ts::decompose(parts[i], again) != 1 || again[0] != parts[i]) FAIL(c);
    }
  }
}

TEST_CASE("unicode: word characters", "[text]") {
  for (const ts::code_point c :
       {ts::code_point{'a'}, ts::code_point{'_'}, ts::code_point{'9'}, ts::code_point{0xe9}, ts::code_point{0x301},
        ts::code_point{0x24b6}, ts::code_point{0x200d}, ts::code_point{0x10d4a}})
    CHECK(ts::is_word_character(c));
  for (const ts::code_point c : {ts::code_point{' '}, ts::code_point{'-'}, ts::code_point{0x20ac},
                                 ts::code_point{0x2028}, ts::code_point{0x378}})
    CHECK_FALSE(ts::is_word_character(c));
}
