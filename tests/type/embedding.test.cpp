// SPDX-License-Identifier: Apache-2.0
// Embeddings made from values of known and unknown number, and views of them.
#include <tests/support/result.hpp>

#include <tessera/type/embedding.hpp>

#include <array>
#include <cstdint>
#include <vector>

namespace ts = tessera;
using tessera_tests::message_of;
using tessera_tests::value_of;

using five = ts::space<"five", 5>;

TEST_CASE("an embedding of a number of values known at run time checks it", "[type][embedding]") {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  for (std::size_t n = 0; n <= values.size(); ++n) {
    const auto made = ts::embedding<five>::from(std::span(values).first(n), {}, {3});
    REQUIRE(made.has_value() == (n == 5));
    if (!made) CHECK(made.error().code == ts::error_code::mismatch);
  }
  CHECK(message_of(ts::embedding<five>::from(values)) == "embedding of five: wanted 5 values, found 6");

  const auto made = value_of(ts::embedding<five>::from(std::span(values).first(5), {}, {3}));
  CHECK(std::vector<float>(made.begin(), made.end()) == std::vector<float>{1, 2, 3, 4, 5});
  CHECK(made.made_by() == ts::fingerprint{3});

  // Packed codes are counted in storage elements: five of 4 bits lie in three bytes.
  const std::vector<std::uint8_t> codes = {0x21, 0x43, 0x05};
  const auto packed = value_of(ts::embedding<five, ts::i4>::from(codes, {.scale = 2.0f, .norm = 1.5f}));
  CHECK(packed[2] == 0x05);
  CHECK(packed.facts().scale == 2.0f);
  CHECK(packed.facts().norm == 1.5f);
  CHECK(!ts::embedding<five, ts::i4>::from(std::span(codes).first(2)));
}

TEST_CASE("an embedding owns its values on a 64-byte boundary, with zeros behind them", "[type][embedding]") {
  std::array<float, 5> values = {1, 2, 3, 4, 5};
  ts::embedding<five> made(values);
  values[0] = 9;
  CHECK(made[0] == 1);
  std::vector<ts::embedding<five>> many(3, made);
  for (const auto& one : many) {
    CHECK(reinterpret_cast<std::uintptr_t>(one.data()) % 64 == 0);
    for (std::size_t i = 5; i < 16; ++i) CHECK(one.data()[i] == 0.0f);
  }
  many[1][4] = 7;
  many[1].values()[3] = 8;
  many[1].data()[2] = 6;
  CHECK(many[1].values()[4] == 7);
  CHECK(std::as_const(many[1])[3] == 8);
  CHECK(many[2][4] == 5);
  made.set_made_by({4});
  CHECK(made.made_by() == ts::fingerprint{4});
}

TEST_CASE("a view looks at its owner and carries what stands beside the values", "[type][embedding]") {
  ts::embedding<five, ts::f16> owner;
  owner[1] = ts::float16(0.5f);
  owner.set_facts({.norm = 0.5f});
  owner.set_made_by({11});
  const ts::embedding_view<five, ts::f16, 64> wide = owner.view();
  const ts::embedding_view<five, ts::f16> view = wide;
  CHECK(view.data() == owner.data());
  CHECK(view.values().data() == owner.data());
  CHECK(view.facts().norm == 0.5f);
  CHECK(view.made_by() == ts::fingerprint{11});
  CHECK(view.end() - view.begin() == 5);
  CHECK(static_cast<float>(view.view()[1]) == 0.5f);
  owner[1] = ts::float16(2.0f);
  CHECK(static_cast<float>(view[1]) == 2.0f);
  STATIC_CHECK(decltype(view)::size() == 5);
}

TEST_CASE("views of spans of known extent", "[type][embedding]") {
  std::array<float, 5> values = {1, 2, 3, 4, 5};
  const ts::embedding_view<five> of_mutable{std::span(values), {}, {2}};
  const ts::embedding_view<five> of_const{std::span(std::as_const(values))};
  CHECK(of_mutable.data() == values.data());
  CHECK(of_const.data() == values.data());
  CHECK(of_mutable.made_by() == ts::fingerprint{2});
  alignas(4) std::array<std::byte, 5> bytes{std::byte{1}, std::byte{0xFF}};
  const ts::embedding_view<five, ts::i8> codes{std::span(bytes), {.scale = 0.25f}};
  CHECK(codes[0] == 1);
  CHECK(codes[1] == -1);
  CHECK(codes.facts().scale == 0.25f);
  const auto trusted = ts::embedding_view<five>::trusted(values.data(), {}, {6});
  CHECK(trusted[4] == 5);
  CHECK(trusted.made_by() == ts::fingerprint{6});
}

TEST_CASE("alignment and number of bytes are checked where their type does not say them", "[type][embedding]") {
  alignas(64) const std::array<std::byte, 128> block{};
  for (std::size_t offset = 0; offset < 64; ++offset) {
    const auto bytes = std::span(block).subspan(offset, 20);
    CHECK(ts::aligned_bytes<20, 1>::from(bytes).has_value());
    CHECK(ts::aligned_bytes<20, 4>::from(bytes).has_value() == (offset % 4 == 0));
    CHECK(ts::aligned_bytes<20, 64>::from(bytes).has_value() == (offset == 0));
    CHECK(ts::aligned_bytes<21, 1>::from(bytes).error().code == ts::error_code::mismatch);
  }
}
