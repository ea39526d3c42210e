// SPDX-License-Identifier: Apache-2.0
// Rows of one space: growth keeps them, their padding is zero, and what fails changes nothing.
#include <tests/support/result.hpp>

#include <tessera/type/matrix.hpp>

#include <limits>
#include <utility>

namespace ts = tessera;
using tessera_tests::succeed;
using tessera_tests::value_of;

using five = ts::space<"five", 5>;

namespace {

/// A vector whose values, scale and norm say which it is.
template <class Precision>
ts::embedding<five, Precision> numbered(std::size_t number) {
  ts::embedding<five, Precision> made;
  for (std::size_t i = 0; i < made.stored; ++i) {
    using storage = typename Precision::storage;
    if constexpr (sizeof(storage) == 1) made[i] = static_cast<storage>(number % 31 + i);
    else made[i] = storage(static_cast<float>(number * 8 + i));
  }
  ts::row_facts<Precision> facts;
  if constexpr (requires { facts.norm; }) facts.norm = static_cast<float>(number) + 0.5f;
  if constexpr (requires { facts.scale; }) facts.scale = static_cast<float>(number) + 0.25f;
  made.set_facts(facts);
  return made;
}

template <class Precision>
bool is_numbered(const ts::embedding_matrix<five, Precision>& rows, std::size_t row, std::size_t number) {
  const auto wanted = numbered<Precision>(number);
  bool same = true;
  for (std::size_t i = 0; i < wanted.stored; ++i) {
    if constexpr (std::is_class_v<typename Precision::storage>) same = same && rows.row(row)[i].bits == wanted[i].bits;
    else same = same && rows.row(row)[i] == wanted[i];
  }
  const auto facts = rows.facts(row);
  if constexpr (requires { facts.norm; }) same = same && facts.norm == wanted.facts().norm && rows.norms()[row] == facts.norm;
  if constexpr (requires { facts.scale; }) same = same && facts.scale == wanted.facts().scale && rows.scales()[row] == facts.scale;
  return same;
}

}  // namespace

TEMPLATE_TEST_CASE("appended rows stay what they were while the matrix grows", "[type][matrix]", ts::f32, ts::f16, ts::bf16, ts::i8,
                   ts::i4, ts::b1) {
  ts::embedding_matrix<five, TestType> rows;
  CHECK(rows.empty());
  CHECK(rows.rows() == 0);
  for (std::size_t i = 0; i < 200; ++i) {
    if (i % 2 == 0) succeed(rows.append(numbered<TestType>(i)));
    else succeed(rows.append(numbered<TestType>(i).view()));
  }
  REQUIRE(rows.rows() == 200);
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < 200; ++i) wrong += is_numbered(rows, i, i) ? 0u : 1u;
  CHECK(wrong == 0);

  // Every row begins on a 64-byte boundary, and the padding behind its values is zero.
  const auto* bytes = reinterpret_cast<const unsigned char*>(rows.data());
  constexpr std::size_t stride = ts::embedding_matrix<five, TestType>::stride * sizeof(typename TestType::storage);
  constexpr std::size_t used = ts::embedding_matrix<five, TestType>::stored * sizeof(typename TestType::storage);
  std::size_t padding_set = 0;
  for (std::size_t i = 0; i < 200; ++i) {
    CHECK(reinterpret_cast<std::uintptr_t>(rows[i].data()) % 64 == 0);
    CHECK(static_cast<const void*>(rows[i].data()) == bytes + i * stride);
    for (std::size_t b = used; b < stride; ++b) padding_set += bytes[i * stride + b] != 0 ? 1u : 0u;
  }
  CHECK(padding_set == 0);
  CHECK(rows.memory_bytes() >= 200 * stride);
}

TEST_CASE("a matrix of zeros is filled row by row", "[type][matrix]") {
  auto rows = value_of(ts::embedding_matrix<five, ts::i8>::make(3));
  CHECK(rows.rows() == 3);
  CHECK(!rows.empty());
  for (std::size_t i = 0; i < 3; ++i)
    for (const std::int8_t value : rows[i]) CHECK(value == 0);
  CHECK(rows.facts(2).scale == 1.0f);
  CHECK(rows.facts(2).norm == ts::row_facts<ts::i8>::unknown);
  rows.values(1)[4] = 5;
  rows.set_facts(1, {.scale = 0.5f, .norm = 2.5f});
  rows.data()[rows.stride * 2] = 7;
  CHECK(rows[1][4] == 5);
  CHECK(rows[2][0] == 7);
  CHECK(rows[1].facts().scale == 0.5f);
  CHECK(rows.norms()[1] == 2.5f);
  CHECK(rows.scales().size() == 3);
  rows.set_made_by({8});
  CHECK(rows.made_by() == ts::fingerprint{8});
  CHECK(rows[0].made_by() == ts::fingerprint{8});
  CHECK(value_of(ts::embedding_matrix<five>::make(0)).empty());
}

TEST_CASE("a row of the matrix itself can be appended when that makes it move", "[type][matrix]") {
  ts::embedding_matrix<five, ts::f16> rows;
  succeed(rows.append(numbered<ts::f16>(3)));
  for (std::size_t i = 0; i < 100; ++i) succeed(rows.append(rows.row(i)));
  for (std::size_t i = 0; i <= 100; ++i) CHECK(is_numbered(rows, i, 3));
}

TEST_CASE("room reserved is room that appending needs not make", "[type][matrix]") {
  ts::embedding_matrix<five> rows;
  succeed(rows.reserve(50));
  CHECK(rows.rows() == 0);
  const float* const place = rows.data();
  for (std::size_t i = 0; i < 50; ++i) succeed(rows.append(numbered<ts::f32>(i)));
  CHECK(rows.data() == place);
  succeed(rows.reserve(10));  // less than there is
  CHECK(rows.data() == place);
  CHECK(rows.rows() == 50);
}

TEST_CASE("memory that there is not is an error, and the matrix is what it was", "[type][matrix]") {
  ts::embedding_matrix<five, ts::i8> rows;
  succeed(rows.append(numbered<ts::i8>(1)));
  // Beyond the address space, where no allocator is asked: the address sanitizer's would end the program.
  for (const std::size_t too_many : {std::numeric_limits<std::size_t>::max(), std::numeric_limits<std::size_t>::max() / 64}) {
    const auto reserved = rows.reserve(too_many);
    REQUIRE(!reserved);
    CHECK(reserved.error().code == ts::error_code::out_of_memory);
    CHECK(!ts::embedding_matrix<five>::make(too_many));
  }
  REQUIRE(rows.rows() == 1);
  CHECK(is_numbered(rows, 0, 1));
  succeed(rows.append(numbered<ts::i8>(2)));
  CHECK(is_numbered(rows, 1, 2));
}

TEST_CASE("a matrix that was moved from has no rows and can be used again", "[type][matrix]") {
  ts::embedding_matrix<five, ts::i4> rows;
  for (std::size_t i = 0; i < 20; ++i) succeed(rows.append(numbered<ts::i4>(i)));
  rows.set_made_by({5});
  ts::embedding_matrix<five, ts::i4> moved(std::move(rows));
  CHECK(moved.rows() == 20);
  CHECK(moved.made_by() == ts::fingerprint{5});
  CHECK(is_numbered(moved, 19, 19));
  CHECK(rows.rows() == 0);  // NOLINT: what a moved-from matrix is, is the question
  CHECK(!rows.made_by());
  CHECK(rows.memory_bytes() == 0);
  succeed(rows.append(numbered<ts::i4>(7)));
  CHECK(is_numbered(rows, 0, 7));
  rows = std::move(moved);
  CHECK(rows.rows() == 20);
  CHECK(moved.empty());  // NOLINT
}
