// SPDX-License-Identifier: Apache-2.0
// Spaces and dimensions that cannot be, and rows put among rows of another space.
#include <tessera/type/dimension.hpp>
#include <tessera/type/matrix.hpp>

namespace ts = tessera;

using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using e5 = ts::space<"e5_small_v2", 384, ts::pooling::mean, ts::unit_length>;

namespace example {

extern ts::embedding_matrix<minilm> rows;
extern const ts::embedding<minilm> row;
extern const ts::embedding<e5> other;
extern const ts::embedding<minilm, ts::f16> half;

#if CASE == 0  // the space itself, and a row of it
static_assert(ts::dimension<1>::value == 1 && ts::anonymous<1>::dimension == 1);
static_assert(ts::space<"all", 8, ts::pooling::cls, ts::unit_length, ts::matryoshka<2, 4>>::truncates_to(4));
const ts::result<> of_view = rows.append(row.view());
const ts::result<> of_embedding = rows.append(row);
#elif CASE == 1  // no dimension
// expect: tessera: a dimension is at least 1
// expect~: dimension<0
auto wrong = ts::dimension<0>();
#elif CASE == 2  // a space without one
// expect: tessera: a dimension is at least 1
// expect~: space<(\S*name<5>)?\{?"none"\}?, 0
bool wrong = ts::space<"none", 0>::unit_length;
#elif CASE == 3  // a property that is none
// expect: tessera: a space's properties are unit_length and matryoshka<...>, once each and in this order
// expect~: space<(\S*name<4>)?\{?"odd"\}?, 3
bool wrong = ts::space<"odd", 3, ts::pooling::cls, ts::f16>::unit_length;
#elif CASE == 4  // prefixes longer than the whole
// expect: tessera: a length of matryoshka<...> lies beyond the dimension of the space, or is 0
// expect~: matryoshka<4, 8>
bool wrong = ts::space<"odd", 6, ts::pooling::cls, ts::matryoshka<4, 8>>::unit_length;
#elif CASE == 5  // a row of another space
// expect: tessera: this matrix holds another embedding space
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = rows.append(other);
#elif CASE == 6  // a row of another precision
// expect: tessera: this matrix holds another precision; cast<> or quantize<> the row
// expect~: is_same_v<\S*f16, \S*f32>
auto wrong = rows.append(half);
#endif

}  // namespace example
