// SPDX-License-Identifier: Apache-2.0
// Learned codes taken for ordinary ones, or learned in another space.
#include <tessera/op/centred_signs.hpp>
#include <tessera/op/dimension_ranges.hpp>
#include <tessera/op/rabitq.hpp>

namespace ts = tessera;

using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using e5 = ts::space<"e5_small_v2", 384, ts::pooling::mean, ts::unit_length>;

namespace example {

extern const ts::dimension_ranges<minilm> ranges;
extern const ts::centred_signs<minilm> signs;
extern const ts::rabitq<minilm> coder;
extern const ts::embedding<minilm> query;
extern const ts::embedding<minilm, ts::f16> half;
extern const ts::embedding<minilm, ts::b1> plain_signs;
extern const ts::embedding<e5> other;
extern const ts::embedding_matrix<minilm> rows;
extern const ts::embedding_matrix<e5> other_rows;
extern const ts::embedding<ts::per_dimension<minilm>, ts::i8> codes, more_codes;
extern const ts::embedding<ts::centred<minilm>, ts::b1> centred_codes;
extern const ts::rabitq_codes<e5> other_codes;
extern const ts::rabitq_query<minilm> prepared;

#if CASE == 0  // each code by its own coder
auto a = ranges.quantize(query);
auto b = ranges.quantize(rows);
auto c = ranges.prepare<ts::cosine>(query);
auto d = signs.quantize(rows);
auto e = ts::sign_dot(signs.centre(query), centred_codes);
auto f = coder.quantize(rows);
auto g = coder.prepare(query);
#elif CASE == 1  // codes in steps of their dimensions taken for numbers in one unit
// expect: tessera: every component of these codes has a unit of its own; score them with a prepared query
// expect~: per_dimension<.*?space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
auto wrong = ts::dot(codes, more_codes);
#elif CASE == 2  // signs around the mean against plain signs
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: centred<.*?space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
auto wrong = ts::hamming_distance(centred_codes, plain_signs);
#elif CASE == 3  // a query that was not centred
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: centred<.*?space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
auto wrong = ts::sign_dot(query, centred_codes);
#elif CASE == 4  // ranges of another model
// expect: tessera: these ranges are of another embedding space
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = ranges.quantize(other_rows);
#elif CASE == 5  // a query of another model for trained ranges
// expect: tessera: these ranges are of another embedding space
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = ranges.prepare<ts::cosine>(other);
#elif CASE == 6  // a mean of another model
// expect: tessera: this mean is of another embedding space
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = signs.quantize(other);
#elif CASE == 7  // RaBitQ codes of another model
// expect: tessera: this RaBitQ coder is of another embedding space
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = coder.prepare(other);
#elif CASE == 8  // codes of what is narrow already
// expect: tessera: quantize<> starts from f32; cast or dequantize first
// expect~: is_same_v<\S*f16, \S*f32>
auto wrong = ranges.quantize(half);
#elif CASE == 9  // a metric that these codes do not have
// expect: tessera: codes in trained ranges are scored by cosine, inner_product or squared_l2
// expect~: hamming
auto wrong = ranges.prepare<ts::hamming>(query);
#endif

}  // namespace example
