// SPDX-License-Identifier: Apache-2.0
// What the types refuse. As it stands this compiles; -DMISTAKE=1 to 6 adds one line that does not, and beside it stands the
// sentence that the compiler then prints (the tests compile each).
#include <tessera/index/flat.hpp>
#include <tessera/op/combine.hpp>

#include <cstdio>

namespace ts = tessera;

// [spaces]
// Two models of 384 dimensions: two spaces, two types.
using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using bge_small = ts::space<"bge_small_en_v1_5", 384, ts::pooling::cls, ts::unit_length>;
// [/spaces]

int main() {
  ts::embedding<minilm> a, b;
  ts::embedding<bge_small> other;
  ts::flat<minilm, ts::f16> index;
  a[0] = b[0] = other[0] = 1.0f;

#if MISTAKE == 1
  const auto wrong = ts::cosine_similarity(a, other);  // tessera: these two vectors are of different embedding spaces
#elif MISTAKE == 2
  const auto wrong = index.add(1, ts::cast<ts::f16>(other));  // tessera: this index holds another embedding space
#elif MISTAKE == 3
  const auto wrong = index.add(1, a);  // tessera: this index holds another precision
#elif MISTAKE == 4
  const auto wrong = ts::hamming_distance(a, b);  // tessera: this distance counts bits, so it needs binary codes
#elif MISTAKE == 5
  const auto wrong = ts::truncate<128>(a);  // tessera: this space was not trained for this length
#elif MISTAKE == 6
  const std::byte message[2 * 384] = {};
  const ts::embedding_view<minilm, ts::f16> wrong{std::span(message)};  // tessera: the type of these bytes does not promise
#endif

  // What no type can know is checked when the program runs: two models of one type have two fingerprints.
  a.set_made_by({1});
  b.set_made_by({2});
  const bool added = index.add(1, ts::cast<ts::f16>(a)).has_value();
  const auto hits = index.search(b, 1);
  std::printf("cosine %.1f\n", static_cast<double>(ts::cosine_similarity(a, b)));
  std::printf("%s\n", hits ? "found" : hits.error().message().c_str());
  return added && !hits ? 0 : 1;
}
