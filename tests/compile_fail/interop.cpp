// SPDX-License-Identifier: Apache-2.0
// What xtensor and PostgreSQL must not be made of embeddings, nor embeddings of xtensor's expressions.
#include <tessera/evaluate/pca.hpp>
#include <tessera/interop/pgvector.hpp>
#include <tessera/op/metric.hpp>

namespace ts = tessera;

using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using e5 = ts::space<"e5_small_v2", 384, ts::pooling::mean, ts::unit_length>;
using three = ts::anonymous<3>;
using wide = ts::space<"concat2560", 2560>;

namespace example {

extern const ts::embedding<minilm> vector;
extern const ts::embedding<e5> other;
extern const ts::embedding_matrix<minilm, ts::f16> half_rows;
extern const ts::embedding_matrix<minilm> rows;
extern const ts::pca<minilm> pca;
extern ts::pgvector_writer<minilm> writer;
ts::embedding_matrix<minilm> make_rows();

#if CASE == 0  // f32, and extents that fit
auto view = ts::as_xtensor(rows);
ts::embedding<three> right = ts::to_embedding<three>(xt::xtensor_fixed<float, xt::xshape<3>>{1, 2, 3});
auto doubled = ts::to_embeddings<minilm>(ts::as_xtensor(rows) * 2.0f);
auto coordinates = pca.project<64>(vector);
auto column = ts::pgvector_index<wide, ts::f16, ts::cosine>("embedding");
auto copied = writer.add(1, vector);
#elif CASE == 1  // 16-bit floats
// expect: tessera: xtensor views are of f32; cast<f32> or dequantize first
// expect: f16
auto wrong = ts::as_xtensor(half_rows);
#elif CASE == 2  // an extent that the type of the expression says
// expect: tessera: the last extent of this expression is not the dimension of this space
// expect~: space<(\S*name<10>)?\{?"anonymous"\}?, 3
// expect: 4
auto wrong = ts::to_embedding<three>(xt::xtensor_fixed<float, xt::xshape<4>>{1, 2, 3, 4});
#elif CASE == 3  // a narrowing that is not spelled
// expect: tessera: the values of this expression are not float; spell the narrowing with xt::cast<float>
// expect: double
auto wrong = ts::to_embeddings<three>(xt::xtensor<double, 2>({2, 3}));
#elif CASE == 4  // a view of a matrix that is gone at the semicolon
// expect: tessera: what this views is gone at the end of the statement; give it a name first
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
auto wrong = ts::as_xtensor(make_rows());
#elif CASE == 5  // axes found in one space, a vector of another
// expect: tessera: these axes are of another embedding space
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = pca.project<64>(other);
#elif CASE == 6  // more dimensions than pgvector can index, in f32
// expect: tessera: pgvector indexes vectors of at most 2,000 dimensions; cast<f16> makes a halfvec (4,000), quantize<b1> bits (64,000)
// expect~: space<(\S*name<11>)?\{?"concat2560"\}?, 2560
auto wrong = ts::pgvector_index<wide, ts::f32, ts::cosine>("embedding");
#elif CASE == 7  // codes with scales in a column
// expect: tessera: PostgreSQL holds rows in f32 (vector), f16 (halfvec) or b1 (bit); cast<f16> or dequantize the others
// expect: i8
auto wrong = ts::pgvector_column<minilm, ts::i8>();
#elif CASE == 8  // a row of another model into a column
// expect: tessera: these rows are copied from another embedding space
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = writer.add(1, other);
#endif

}  // namespace example
