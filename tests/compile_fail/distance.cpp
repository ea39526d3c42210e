// SPDX-License-Identifier: Apache-2.0
// Distances between vectors that have none: other spaces, other dimensions, other kinds of components.
#include <tessera/op/distance.hpp>
#include <tessera/op/metric.hpp>

namespace ts = tessera;

using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using e5 = ts::space<"e5_small_v2", 384, ts::pooling::mean, ts::unit_length>;
using stella = ts::space<"stella_400m", 1024>;

namespace example {

extern const ts::embedding<minilm> query, document;
extern const ts::embedding<minilm, ts::f16> half;
extern const ts::embedding<minilm, ts::i8> codes;
extern const ts::embedding<minilm, ts::b1> bits;
extern const ts::embedding<e5> other;
extern const ts::embedding<e5, ts::b1> other_bits;
extern const ts::embedding<stella> longer;
extern const ts::embedding<ts::anonymous<3>> plain;

#if CASE == 0  // one space, precisions that go together
const ts::embedding_view<minilm> view = document;
float right[] = {ts::dot(query, view),           ts::squared_l2_distance(query, half),
                 ts::cosine_similarity(codes, query), ts::unit_cosine(query, document),
                 ts::cosine{}(query, half),      ts::inner_product{}(longer, longer),
                 ts::squared_l2{}(plain, plain), ts::hamming{}(bits, bits),
                 ts::jaccard{}(other_bits, other_bits), ts::sign_dot(query, bits)};
#elif CASE == 1  // two models of one dimension
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = ts::dot(query, other);
#elif CASE == 2  // two dimensions
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"stella_400m"\}?, 1024
auto wrong = ts::cosine_similarity(query, longer);
#elif CASE == 3  // two spaces, squared L2
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = ts::squared_l2_distance(query, other);
#elif CASE == 4  // two spaces, unit length
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = ts::unit_cosine(query, other);
#elif CASE == 5  // two spaces, through the metric that types an index
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = ts::cosine{}(query, other);
#elif CASE == 6  // two spaces, binary codes
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = ts::jaccard_distance(bits, other_bits);
#elif CASE == 7  // Hamming on floats
// expect: tessera: this distance counts bits, so it needs binary codes (b1); use quantize<b1>
// expect~: is_same_v<\S*f32, \S*b1>
// expect~: embedding<\S*space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
auto wrong = ts::hamming_distance(query, document);
#elif CASE == 8  // Hamming of a float query against binary codes
// expect: tessera: this distance counts bits, so it needs binary codes (b1); use quantize<b1>
// expect~: is_same_v<\S*f32, \S*b1>
auto wrong = ts::hamming_distance(query, bits);
#elif CASE == 9  // Jaccard on half floats
// expect: tessera: this distance counts bits, so it needs binary codes (b1); use quantize<b1>
// expect~: is_same_v<\S*f16, \S*b1>
auto wrong = ts::jaccard_distance(half, half);
#elif CASE == 10  // Hamming on integer codes, through the metric
// expect: tessera: this distance counts bits, so it needs binary codes (b1); use quantize<b1>
// expect~: is_same_v<\S*i8, \S*b1>
auto wrong = ts::hamming{}(codes, codes);
#elif CASE == 11  // L2 on binary codes
// expect: tessera: this distance needs numbers, not binary codes (b1); use hamming_distance or jaccard_distance
// expect~: embedding<\S*space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bb1>
auto wrong = ts::squared_l2_distance(bits, bits);
#elif CASE == 12  // the dot product of a float query and binary codes
// expect: tessera: this distance needs numbers, not binary codes (b1); use hamming_distance or jaccard_distance
// expect~: embedding<\S*space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bb1>
auto wrong = ts::dot(query, bits);
#elif CASE == 13  // two narrow precisions
// expect: tessera: these two vectors have different precisions; only f32 is compared with a narrower one
// expect~: is_same_v<\S*f16, \S*i8>
auto wrong = ts::dot(half, codes);
#elif CASE == 14  // cosine's shortcut without unit length
// expect: tessera: this space does not promise unit length, so a dot product is not its cosine; use cosine_similarity
// expect~: space<(\S*name<12>)?\{?"stella_400m"\}?, 1024
auto wrong = ts::unit_cosine(longer, longer);
#elif CASE == 15  // the same shortcut on plain vectors
// expect: tessera: this space does not promise unit length, so a dot product is not its cosine; use cosine_similarity
// expect~: space<(\S*name<10>)?\{?"anonymous"\}?, 3
auto wrong = ts::unit_cosine(plain, plain);
#elif CASE == 16  // signs first
// expect: tessera: sign_dot takes an f32 query and binary codes (b1), in this order
// expect~: is_same_v<\S*b1, \S*f32>
auto wrong = ts::sign_dot(bits, query);
#elif CASE == 17  // signs of another model
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = ts::sign_product{}(query, other_bits);
#endif

}  // namespace example
