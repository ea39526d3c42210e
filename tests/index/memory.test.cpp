// SPDX-License-Identifier: Apache-2.0
// memory_bytes() is what the index has allocated: every allocation of this program is counted.
#include <tests/index/support.hpp>
#include <tests/support/allocations.hpp>

#include <tessera/index/bit_guide.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/index/one_bit.hpp>

#if TESSERA_TEST_COUNTS
using namespace tessera_tests;

namespace {

using space = ts::space<"counted", 100>;

template <class Index>
void says_what_it_holds() {
  using Precision = typename Index::precision;
  const auto rows = in_precision<Precision>(some_rows<space>(1000));
  const auto ids = some_ids(1000);
  const std::size_t before = bytes_held;
  Index index;
  for (std::size_t i = 0; i < 777; ++i) {
    if (!index.add(ids[i], rows.row(i))) FAIL("a row was refused");
    if (bytes_held - before != index.memory_bytes()) FAIL("after " << i + 1 << " rows: " << bytes_held - before << " held, " << index.memory_bytes() << " said");
  }
  succeed(index.add_rows(std::span(ids).subspan(777), [&] {
    auto rest = value_of(ts::embedding_matrix<space, Precision>::make(0));
    for (std::size_t i = 777; i < 1000; ++i) succeed(rest.append(rows.row(i)));
    return rest;
  }()));
  CHECK(bytes_held - before == index.memory_bytes());
}

}  // namespace

TEST_CASE("flat: memory_bytes is exact", "[index]") {
  says_what_it_holds<ts::flat<space, ts::f32>>();
  says_what_it_holds<ts::flat<space, ts::f16>>();
  says_what_it_holds<ts::flat<space, ts::i8>>();
  says_what_it_holds<ts::flat<space, ts::b1, ts::hamming>>();
}

TEST_CASE("hnsw: memory_bytes is exact", "[index]") {
  says_what_it_holds<ts::hnsw<space, ts::f32, ts::squared_l2>>();
  says_what_it_holds<ts::hnsw<space, ts::f32, ts::squared_l2, ts::one_bit_codes>>();
}

TEST_CASE("one_bit: memory_bytes is exact", "[index]") { says_what_it_holds<ts::one_bit<space, ts::f32, ts::squared_l2>>(); }
#endif
