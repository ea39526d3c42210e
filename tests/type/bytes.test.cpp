// SPDX-License-Identifier: Apache-2.0
// Vectors out of bytes: the same values at every alignment by a copy, a view or an error where no copy is made.
#include <tests/support/result.hpp>

#include <tessera/type/bytes.hpp>

#include <array>
#include <bit>
#include <cstring>
#include <vector>

namespace ts = tessera;
using tessera_tests::message_of;
using tessera_tests::value_of;

namespace {

using small = ts::space<"small", 6>;

/// 1, 2, 3 ... at `offset` of a 64-byte aligned block that ends with them.
struct placed {
  explicit placed(std::size_t offset, std::size_t size) : offset_(offset), size_(size) {
    for (std::size_t i = 0; i < size; ++i) block_[offset + i] = static_cast<std::byte>(i + 1);
  }
  [[nodiscard]] std::span<const std::byte> bytes() const { return std::span(block_).subspan(offset_, size_); }

 private:
  alignas(64) std::array<std::byte, 192> block_{};
  std::size_t offset_;
  std::size_t size_;
};

/// The bits of value i that `placed` holds, put together byte by byte.
template <class T>
std::uint64_t bits_at(std::size_t i) {
  std::uint64_t bits = 0;
  for (std::size_t b = sizeof(T); b-- > 0;) bits = bits << 8U | static_cast<std::uint8_t>(i * sizeof(T) + b + 1);
  return bits;
}

template <class T>
std::uint64_t bits_of(T value) {
  if constexpr (sizeof(T) == 4) return std::bit_cast<std::uint32_t>(value);
  else if constexpr (sizeof(T) == 2) return std::bit_cast<std::uint16_t>(value);
  else return std::bit_cast<std::uint8_t>(value);
}

}  // namespace

TEMPLATE_TEST_CASE("read copies little-endian values at every alignment", "[type][bytes]", ts::f32, ts::f16, ts::bf16, ts::i8) {
  using storage = typename TestType::storage;
  for (std::size_t offset = 0; offset <= 64; ++offset) {
    INFO("offset " << offset);
    const placed outside(offset, 6 * sizeof(storage));
    const auto read = value_of(ts::read<small, TestType>(outside.bytes()));
    REQUIRE(read.size() == 6);
    for (std::size_t i = 0; i < 6; ++i) CHECK(bits_of(read[i]) == bits_at<storage>(i));
    CHECK(!read.made_by());
  }
}

TEMPLATE_TEST_CASE("as looks at the bytes where their address allows it, and is an error elsewhere", "[type][bytes]", ts::f32,
                   ts::f16, ts::bf16, ts::i8) {
  using storage = typename TestType::storage;
  for (std::size_t offset = 0; offset <= 64; ++offset) {
    INFO("offset " << offset);
    const placed outside(offset, 6 * sizeof(storage));
    const auto view = ts::as<small, TestType>(outside.bytes());
    const auto values = ts::as<TestType>(outside.bytes());
    const auto wide = ts::as<small, TestType, 64>(outside.bytes());
    REQUIRE(view.has_value() == (offset % alignof(storage) == 0));
    REQUIRE(values.has_value() == view.has_value());
    REQUIRE(wide.has_value() == (offset % 64 == 0));
    if (view) {
      CHECK(static_cast<const void*>(view->data()) == outside.bytes().data());
      CHECK(static_cast<const void*>(values->data()) == outside.bytes().data());
      CHECK(values->size() == 6);
      for (std::size_t i = 0; i < 6; ++i) CHECK(bits_of((*view)[i]) == bits_at<storage>(i));
    } else {
      CHECK(view.error().code == ts::error_code::misaligned);
      CHECK(values.error().code == ts::error_code::misaligned);
    }
    if (!wide) CHECK(wide.error().code == ts::error_code::misaligned);
  }
}

TEST_CASE("errors of the door for bytes say what was wanted and found", "[type][bytes]") {
  const placed even(2, 24);
  const placed odd(3, 12);
  CHECK(message_of(ts::as<small, ts::f32>(even.bytes())) == "address of a vector: wanted a multiple of 4, found remainder 2");
  CHECK(message_of(ts::as<ts::f16>(odd.bytes())) == "address of f16 values: wanted a multiple of 2, found remainder 1");
  CHECK(message_of(ts::as<ts::f32>(even.bytes().first(23))) == "bytes of f32 values: wanted a multiple of 4 bytes, found 23");
  CHECK(message_of(ts::read<small>(even.bytes().first(23))) == "bytes of a vector of small: wanted 24 bytes, found 23");
}

TEMPLATE_TEST_CASE("a size that is not the vector's is an error, whatever it is", "[type][bytes]", ts::f32, ts::f16, ts::bf16,
                   ts::i8, ts::i4, ts::b1) {
  const std::size_t right = ts::storage_size<TestType>(6) * sizeof(typename TestType::storage);
  alignas(64) const std::array<std::byte, 64> zeros{};
  for (std::size_t size = 0; size <= 64; ++size) {
    INFO(size << " bytes");
    const auto bytes = std::span(zeros).first(size);
    const auto read = ts::read<small, TestType>(bytes);
    const auto view = ts::as<small, TestType>(bytes);
    const auto rows = ts::read_rows<small, TestType>(bytes);
    REQUIRE(read.has_value() == (size == right));
    REQUIRE(view.has_value() == (size == right));
    REQUIRE(rows.has_value() == (size % right == 0));
    if (!read) CHECK(read.error().code == ts::error_code::mismatch);
    if (!view) CHECK(view.error().code == ts::error_code::mismatch);
    if (!rows) CHECK(rows.error().code == ts::error_code::mismatch);
    else CHECK(rows->rows() == size / right);
  }
}

TEST_CASE("bits behind the last component must be zero, for every operation takes them so", "[type][bytes]") {
  // 6 signs fill 6 bits of a byte; 5 values of 4 bits fill two bytes and a half.
  for (unsigned byte = 0; byte < 256; ++byte) {
    INFO("byte " << byte);
    const std::array<std::byte, 1> signs = {static_cast<std::byte>(byte)};
    const auto read = ts::read<small, ts::b1>(signs);
    const auto view = ts::as<small, ts::b1>(signs);
    const auto rows = ts::read_rows<small, ts::b1>(signs);
    REQUIRE(read.has_value() == (byte < 64));
    REQUIRE(view.has_value() == (byte < 64));
    REQUIRE(rows.has_value() == (byte < 64));
    if (!read) {
      CHECK(read.error().code == ts::error_code::malformed);
      CHECK(view.error().code == ts::error_code::malformed);
      CHECK(rows.error().code == ts::error_code::malformed);
    }
    const std::array<std::byte, 3> nibbles = {std::byte{0xFF}, std::byte{0xFF}, static_cast<std::byte>(byte)};
    CHECK(ts::read<ts::anonymous<5>, ts::i4>(nibbles).has_value() == (byte < 16));
    CHECK(ts::read<ts::anonymous<6>, ts::i4>(nibbles).has_value());
    CHECK(ts::read<ts::anonymous<24>, ts::b1>(nibbles).has_value());
  }
}

TEST_CASE("facts and fingerprint given with the bytes stay beside them", "[type][bytes]") {
  const placed outside(8, 6);
  const ts::row_facts<ts::i8> facts{.scale = 0.5f, .norm = 3.0f};
  const auto copy = value_of(ts::read<small, ts::i8>(outside.bytes(), facts, {77}));
  CHECK(copy.facts().scale == 0.5f);
  CHECK(copy.facts().norm == 3.0f);
  CHECK(copy.made_by() == ts::fingerprint{77});
  const auto view = value_of(ts::as<small, ts::i8>(outside.bytes(), facts, {77}));
  CHECK(view.facts().scale == 0.5f);
  CHECK(view.facts().norm == 3.0f);
  CHECK(view.made_by() == ts::fingerprint{77});
  const auto without = value_of(ts::read<small, ts::i8>(outside.bytes()));
  CHECK(without.facts().scale == 1.0f);
  CHECK(without.facts().norm == ts::row_facts<ts::i8>::unknown);
}

TEST_CASE("rows without gaps become rows of a matrix", "[type][bytes]") {
  const placed outside(5, 3 * 6 * 2);
  const auto rows = value_of(ts::read_rows<small, ts::f16>(outside.bytes(), {9}));
  REQUIRE(rows.rows() == 3);
  for (std::size_t r = 0; r < 3; ++r)
    for (std::size_t i = 0; i < 6; ++i) CHECK(rows.row(r)[i].bits == bits_at<std::uint16_t>(r * 6 + i));
  CHECK(rows.made_by() == ts::fingerprint{9});
  CHECK(rows.facts(1).norm == ts::row_facts<ts::f16>::unknown);
  CHECK(value_of(ts::read_rows<small>({})).rows() == 0);
}

TEST_CASE("bytes that promise their alignment are checked once", "[type][bytes]") {
  const placed outside(4, 24);
  using promised = ts::aligned_bytes<24, 4>;
  const auto aligned = value_of(promised::from(outside.bytes()));
  CHECK(aligned.data() == outside.bytes().data());
  STATIC_CHECK(promised::size() == 24);
  const ts::embedding_view<small> view(aligned, {}, {5});
  CHECK(bits_of(view[5]) == bits_at<float>(5));
  CHECK(view.made_by() == ts::fingerprint{5});
  CHECK(message_of(ts::aligned_bytes<24, 8>::from(outside.bytes())) ==
        "address of a vector: wanted a multiple of 8, found remainder 4");
  CHECK(message_of(ts::aligned_bytes<20, 4>::from(outside.bytes())) == "bytes of a vector: wanted 20 bytes, found 24");
}
