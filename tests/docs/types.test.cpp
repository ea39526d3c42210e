// SPDX-License-Identifier: Apache-2.0
// The code of docs/types.md: regions between `// [name]` and `// [/name]` are quoted there.
#include <tests/support/catch.hpp>

#include <tessera/op/combine.hpp>
#include <tessera/op/centred_signs.hpp>
#include <tessera/op/convert.hpp>
#include <tessera/op/dimension_ranges.hpp>
#include <tessera/op/rabitq.hpp>
#include <tessera/type/bytes.hpp>

#include <array>
#include <cstring>

namespace ts = tessera;

namespace {

// [spaces]
// A model's name, its dimension, how token states become one vector, and what holds of every vector.
using products = ts::space<"products", 256, ts::pooling::cls, ts::unit_length>;
using documents = ts::space<"documents", 1024, ts::pooling::mean, ts::unit_length, ts::matryoshka<256, 512>>;
using plain = ts::anonymous<384>;  // vectors that no model made
// [/spaces]

template <class Embedding>
void fill(Embedding& vector) {
  for (std::size_t i = 0; i < vector.size(); ++i) vector[i] = i % 16 == 0 ? 1.0f : 0.0f;
  const float length = std::sqrt(ts::dot(vector, vector));
  for (std::size_t i = 0; i < vector.size(); ++i) vector[i] /= length;
}

}  // namespace

TEST_CASE("docs/types.md: vectors") {
  // [vectors]
  ts::embedding<products> shoe;                                   // owns 256 floats on a 64-byte boundary
  ts::embedding_view<products> borrowed = shoe;                   // borrows them; promises what float promises
  ts::embedding_view<products, ts::f32, 64> aligned = shoe;       // promises a whole vector register
  auto rows = ts::embedding_matrix<products, ts::f16>::make(1000);  // what batch calls return; an error where memory ends
  // [/vectors]
  fill(shoe);
  REQUIRE(rows);
  CHECK(rows->rows() == 1000);
  CHECK(borrowed.data() == aligned.data());
}

TEST_CASE("docs/types.md: precisions") {
  ts::embedding<products> shoe;
  fill(shoe);
  // [narrow]
  const auto half = ts::cast<ts::f16>(shoe);         // f32, f16 and bf16 by cast
  const auto codes = ts::quantize<ts::i8>(shoe);     // i8, i4 and b1 by quantize: an error where a component is NaN or infinite
  const auto back = ts::dequantize(*codes);          // code · scale
  const float same = ts::cosine_similarity(shoe, half);    // an f32 query against narrower rows: no conversion is needed
  const float near = ts::cosine_similarity(shoe, *codes);
  // [/narrow]
  CHECK(same > 0.9999f);
  CHECK(near > 0.999f);
  CHECK(ts::cosine_similarity(shoe, back) > 0.999f);
  CHECK_FALSE(ts::quantize<ts::i8>([] {
    ts::embedding<products> broken;
    broken[0] = std::numeric_limits<float>::infinity();
    return broken;
  }()));
}

TEST_CASE("docs/types.md: learned codes") {
  auto rows = ts::embedding_matrix<products>::make(20);
  REQUIRE(rows);
  for (std::size_t i = 0; i < rows->rows(); ++i)
    for (std::size_t j = 0; j < 256; ++j) rows->values(i)[j] = static_cast<float>((i * 31 + j * 17) % 64) / 640.0f;
  const ts::embedding<products> shoe(rows->row(7).values());
  std::array<float, 20> scores{};
  std::array<float, 20> bounds{};
  // [learned]
  const auto ranges = ts::dimension_ranges<products>::train(*rows);   // an error where a row is not finite
  const auto fine = ranges->quantize(*rows);                          // embedding_matrix<per_dimension<products>, i8>
  ranges->prepare<ts::cosine>(shoe).score_rows(*fine, 0, 20, scores.data());

  const auto signs = ts::centred_signs<products>::train(*rows);
  const auto bits = signs->quantize(*rows);                           // embedding_matrix<centred<products>, b1>
  const float likely = ts::sign_dot(signs->centre(shoe), bits->row(3));

  const auto coder = ts::rabitq<products>::train(*rows);
  const auto codes = coder->quantize(*rows);
  coder->prepare(shoe)->estimate<ts::cosine>(*codes, 0, 20, scores.data(), bounds);   // |estimate - cosine| <= bound, 94 times in 100
  // [/learned]
  CHECK(likely < ts::sign_dot(signs->centre(shoe), bits->row(7)));
  CHECK(std::abs(scores[7] - 1.0f) <= 2.0f * bounds[7]);
}

TEST_CASE("docs/types.md: combining") {
  ts::embedding<documents> page;
  ts::embedding<products> shoe;
  fill(page);
  fill(shoe);
  // [combine]
  const auto small = ts::truncate<256>(page);   // compiles because `documents` was trained for 256 (Matryoshka)
  const auto both = ts::concat(page, shoe);     // each part times 1/sqrt(2): unit length stays unit length
  static_assert(decltype(small)::dimension == 256 && decltype(both)::dimension == 1280);
  // `small` and `shoe` have 256 components each and still do not compare: their spaces are two types.
  static_assert(!std::is_same_v<decltype(small)::space, decltype(shoe)::space>);
  // [/combine]
  CHECK(ts::dot(small, small) > 0.9999f);
  CHECK(ts::dot(both, both) > 0.9999f);
}

TEST_CASE("docs/types.md: bytes from outside") {
  ts::embedding<products> shoe;
  fill(shoe);
  std::vector<std::byte> message(12 + 1024);
  std::memcpy(message.data() + 12, shoe.data(), 1024);
  // [bytes]
  const auto bytes = std::span<const std::byte>(message).subspan(12);
  const auto copy = ts::read<products>(bytes);    // little-endian, at any alignment
  const auto view = ts::as<products>(bytes);      // no copy: an error where the address is not aligned for float
  // [/bytes]
  REQUIRE(copy);
  CHECK(ts::cosine_similarity(*copy, shoe) > 0.9999f);
  REQUIRE(view);
  CHECK_FALSE(ts::as<products>(std::span<const std::byte>(message).subspan(11, 1024)));
  CHECK_FALSE(ts::read<products>(std::span<const std::byte>(message)));
}

TEST_CASE("docs/types.md: fingerprints") {
  ts::embedding<products> shoe, hat;
  fill(shoe);
  fill(hat);
  // [fingerprint]
  shoe.set_made_by({0x5d0b6c1f35a1f60e});  // what encode does
  const auto narrow = ts::cast<ts::f16>(shoe);
  // [/fingerprint]
  CHECK(narrow.made_by() == shoe.made_by());
  CHECK_FALSE(hat.made_by());
}
