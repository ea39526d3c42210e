// SPDX-License-Identifier: Apache-2.0
// Parts and sums of embeddings that are no embeddings, or not of the space they are taken for.
#include <tessera/op/combine.hpp>
#include <tessera/op/convert.hpp>

namespace ts = tessera;

using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using nested = ts::space<"nested", 1024, ts::pooling::cls, ts::unit_length, ts::matryoshka<256, 512>>;

namespace example {

extern const ts::embedding<minilm> fixed;
extern const ts::embedding<nested> whole;
extern const ts::embedding<nested, ts::f16> half;

#if CASE == 0  // trained lengths; parts compared with parts
const auto middle = ts::truncate<512>(whole);
const auto small = ts::truncate<256>(middle);
const auto all = ts::truncate<384>(fixed);
const auto both = ts::concat(fixed, whole);
const float right[] = {ts::dot(small, small), ts::unit_cosine(both, both)};
#elif CASE == 1  // beyond the dimension
// expect: tessera: truncate<M> cannot go beyond the dimension of the embedding
// expect~: space<(\S*name<7>)?\{?"nested"\}?, 1024
// expect~: \b2048(UL)?\b
auto wrong = ts::truncate<2048>(whole);
#elif CASE == 2  // beyond a length it was cut to before
// expect: tessera: truncate<M> cannot go beyond the dimension of the embedding
// expect~: truncated<\S*space<(\S*name<7>)?\{?"nested"\}?, 1024
// expect~: \b512(UL)?\b
auto wrong = ts::truncate<512>(ts::truncate<256>(whole));
#elif CASE == 3  // a space that was not trained for any
// expect: tessera: this space was not trained for this length (Matryoshka), so its first components are no embedding
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: \b256(UL)?\b
auto wrong = ts::truncate<256>(fixed);
#elif CASE == 4  // a length it was not trained for
// expect: tessera: this space was not trained for this length (Matryoshka), so its first components are no embedding
// expect~: space<(\S*name<7>)?\{?"nested"\}?, 1024
// expect~: \b300(UL)?\b
auto wrong = ts::truncate<300>(whole);
#elif CASE == 5  // no components
// expect: tessera: a dimension is at least 1
// expect~: space<(\S*name<7>)?\{?"nested"\}?, 1024
auto wrong = ts::truncate<0>(whole);
#elif CASE == 6  // a narrow vector
// expect: tessera: truncate<M> works on f32; narrow the result instead
// expect~: space<(\S*name<7>)?\{?"nested"\}?, 1024.*?\bf16\b
auto wrong = ts::truncate<256>(half);
#elif CASE == 7  // a part against the whole
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: truncated<\S*space<(\S*name<7>)?\{?"nested"\}?, 1024
auto wrong = ts::dot(ts::truncate<256>(whole), whole);
#elif CASE == 8  // a concatenation against one of its halves
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: concatenated<\S*space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<7>)?\{?"nested"\}?, 1024
auto wrong = ts::dot(ts::concat(fixed, whole), fixed);
#elif CASE == 9  // the halves in the other order
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: concatenated<\S*space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: concatenated<\S*space<(\S*name<7>)?\{?"nested"\}?, 1024
auto wrong = ts::dot(ts::concat(fixed, whole), ts::concat(whole, fixed));
#elif CASE == 10  // a narrow half
// expect: tessera: concat works on f32; narrow the result instead
// expect~: space<(\S*name<7>)?\{?"nested"\}?, 1024.*?\bf16\b
auto wrong = ts::concat(fixed, half);
#endif

}  // namespace example
