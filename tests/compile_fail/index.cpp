// SPDX-License-Identifier: Apache-2.0
// Rows and queries that an index must not take.
#include <tessera/index/exchange.hpp>
#include <tessera/index/flat.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/op/combine.hpp>

namespace ts = tessera;

using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using e5 = ts::space<"e5_small_v2", 384, ts::pooling::mean, ts::unit_length>;
using stella = ts::space<"stella_400m", 1024>;

namespace example {

extern ts::flat<minilm, ts::f16> index;
extern ts::flat<minilm> wide_index;
extern ts::flat<minilm, ts::b1, ts::hamming> binary_index;
extern ts::flat<minilm, ts::b1, ts::sign_product> sign_index;
extern ts::flat<minilm, ts::i8> coded_index;
extern ts::hnsw<minilm, ts::f16> graph;
extern const ts::embedding<minilm> query;
extern const ts::embedding<minilm, ts::f16> half;
extern const ts::embedding<minilm, ts::i8> codes;
extern const ts::embedding<minilm, ts::b1> bits;
extern const ts::embedding<e5> other;
extern const ts::embedding<stella, ts::f16> longer;
extern ts::embedding_matrix<minilm, ts::f16> half_rows;
extern ts::embedding_matrix<e5, ts::f16> other_rows;
extern const std::uint64_t ids[10];

#if CASE == 0  // rows of the index's type; queries also in f32
ts::result<> right[] = {index.add(1, half), index.add(2, ts::cast<ts::f16>(query)), index.add(3, half_rows.row(0)),
                        index.add_rows(ids, half_rows), wide_index.add(1, query), binary_index.add(1, bits)};
auto hits = index.search(query, 10);
auto hits_of_half = index.search(half, 10);
auto hits_of_all = wide_index.search(ts::embedding_matrix<minilm>(), 10);
auto nearest_codes = binary_index.search(bits, 10);
auto nearest_signs = sign_index.search(query, 10);
ts::result<> linked[] = {graph.add(1, half), graph.add_rows(ids, half_rows), graph.update(1, half)};
auto hits_of_graph = graph.search(query, 10);
auto parts = ts::parts_of(graph);
auto taken_over = ts::index_from<ts::hnsw<minilm, ts::f16>>(ts::index_parts{});
#elif CASE == 1  // a row of another model, longer too
// expect: tessera: this index holds another embedding space
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"stella_400m"\}?, 1024
auto wrong = index.add(1, longer);
#elif CASE == 2  // rows of another model of the same dimension
// expect: tessera: this index holds another embedding space
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = index.add_rows(ids, other_rows);
#elif CASE == 3  // a query of another model
// expect: tessera: this index holds another embedding space
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = index.search(other, 10);
#elif CASE == 4  // a matrix of queries of another model
// expect: tessera: this index holds another embedding space
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = index.search(other_rows, 10);
#elif CASE == 5  // a concatenation, where the index holds one half
// expect: tessera: this index holds another embedding space
// expect~: concatenated<
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = wide_index.add(1, ts::concat(query, other));
#elif CASE == 6  // a row that was not narrowed
// expect: tessera: this index holds another precision (cast<> or quantize<> the rows; queries may be f32)
// expect: f16
// expect: f32
auto wrong = index.add(1, query);
#elif CASE == 7  // a moved matrix of codes
// expect: tessera: this index holds another precision (cast<> or quantize<> the rows; queries may be f32)
// expect: f16
// expect: i8
auto wrong = index.add_rows(ids, ts::embedding_matrix<minilm, ts::i8>());
#elif CASE == 8  // a narrow query to other rows
// expect: tessera: this index holds another precision (queries have the rows' precision or are f32)
// expect: f16
// expect: i8
auto wrong = index.search(codes, 10);
#elif CASE == 9  // numbers, where the index compares bits
// expect: tessera: this index holds binary codes, so its queries are binary codes too; use quantize<b1>
// expect: b1
// expect: f32
auto wrong = binary_index.search(query, 10);
#elif CASE == 10  // cosine of bits
// expect: tessera: hamming, jaccard and sign_product take binary codes (b1), the other metrics numbers
// expect~: flat<\S*space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect[clang]: cosine
ts::flat<minilm, ts::b1> wrong;
#elif CASE == 11  // Hamming of numbers
// expect: tessera: hamming, jaccard and sign_product take binary codes (b1), the other metrics numbers
// expect~: flat<\S*space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect: hamming
ts::flat<minilm, ts::i8, ts::hamming> wrong;
#elif CASE == 12  // a binary query where signs meet numbers
// expect: tessera: this index meets its binary codes with f32 queries (sign_product); for binary queries use hamming
// expect~: is_same_v<\S*b1, \S*f32>
auto wrong = sign_index.search(bits, 10);
#elif CASE == 13  // a row of another model for a graph
// expect: tessera: this index holds another embedding space
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"stella_400m"\}?, 1024
auto wrong = graph.add(1, longer);
#elif CASE == 14  // a query of another model for a graph
// expect: tessera: this index holds another embedding space
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = graph.search(other, 10);
#elif CASE == 15  // a row for a graph that was not narrowed
// expect: tessera: this index holds another precision (cast<> or quantize<> the rows; queries may be f32)
// expect: f16
// expect: f32
auto wrong = graph.update(1, query);
#elif CASE == 16  // codes for a file that has no place for their scales
// expect: tessera: files of other libraries hold rows of f32, f16, bf16 or b1; i8 and i4 have scales beside them
// expect~: b1|i8
auto wrong = ts::parts_of(coded_index);
#endif

}  // namespace example
