// SPDX-License-Identifier: Apache-2.0
// What xtensor must not be made of embeddings, nor embeddings of xtensor's expressions.
#include <tessera/evaluate/pca.hpp>

namespace ts = tessera;

using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using e5 = ts::space<"e5_small_v2", 384, ts::pooling::mean, ts::unit_length>;
using three = ts::anonymous<3>;

namespace example {

extern const ts::embedding<minilm> vector;
extern const ts::embedding<e5> other;
extern const ts::embedding_matrix<minilm, ts::f16> half_rows;
extern const ts::embedding_matrix<minilm> rows;
extern const ts::pca<minilm> pca;
ts::embedding_matrix<minilm> make_rows();

#if CASE == 0  // f32, and extents that fit
auto view = ts::as_xtensor(rows);
ts::embedding<three> right = ts::to_embedding<three>(xt::xtensor_fixed<float, xt::xshape<3>>{1, 2, 3});
auto doubled = ts::to_embeddings<minilm>(ts::as_xtensor(rows) * 2.0f);
auto coordinates = pca.project<64>(vector);
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
#endif

}  // namespace example
