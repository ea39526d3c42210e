// SPDX-License-Identifier: Apache-2.0
// Changes of precision that are not spelled, or spelled by the wrong name.
#include <tessera/op/convert.hpp>

namespace ts = tessera;

using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;

namespace example {

extern const ts::embedding<minilm> wide;
extern const ts::embedding<minilm, ts::f16> half;
extern const ts::embedding<minilm, ts::b1> bits;
extern const ts::embedding_matrix<minilm> rows;
extern const ts::embedding_matrix<minilm, ts::f16> half_rows;

#if CASE == 0  // every narrowing by its name
const ts::result<ts::embedding<minilm, ts::i8>> codes = ts::quantize<ts::i8>(wide);
const ts::embedding<minilm> back = ts::dequantize(*codes);
const ts::embedding<minilm, ts::bf16> other_half = ts::cast<ts::bf16>(half);
const ts::result<ts::embedding_matrix<minilm, ts::b1>> signs = ts::quantize<ts::b1>(rows);
const ts::result<ts::embedding_matrix<minilm, ts::f32>> widened = ts::cast<ts::f32>(half_rows);
#elif CASE == 1  // cast<> to integers
// expect: tessera: cast<> converts between f32, f16 and bf16; use quantize<> for i8, i4 and b1
// expect~: \bTo = \S*i8\b|castable<\S*i8, \S*f32>
auto wrong = ts::cast<ts::i8>(wide);
#elif CASE == 2  // cast<> of signs
// expect: tessera: cast<> converts between f32, f16 and bf16; use quantize<> for i8, i4 and b1
// expect~: \bFrom = \S*b1\b|castable<\S*f32, \S*b1>
auto wrong = ts::cast<ts::f32>(bits);
#elif CASE == 3  // quantize<> to half floats
// expect: tessera: quantize<> makes i8, i4 or b1; use cast<> for f16 and bf16
// expect~: \bTo = \S*f16\b|quantizable<\S*f16, \S*f32>
auto wrong = ts::quantize<ts::f16>(wide);
#elif CASE == 4  // quantize<> of what is narrow already
// expect: tessera: quantize<> starts from f32; cast or dequantize first
// expect~: is_same_v<\S*f16, \S*f32>
auto wrong = ts::quantize<ts::i8>(half);
#elif CASE == 5  // dequantize of half floats
// expect: tessera: dequantize widens i8 and i4; use cast<f32> for f16 and bf16 (b1 keeps no numbers)
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bf16\b
auto wrong = ts::dequantize(half);
#elif CASE == 6  // dequantize of signs
// expect: tessera: dequantize widens i8 and i4; use cast<f32> for f16 and bf16 (b1 keeps no numbers)
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bb1\b
auto wrong = ts::dequantize(bits);
#elif CASE == 7  // an f16 embedding of an f32 one
// expect: tessera: an embedding of another space or precision is not a list of values
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bf16\b
auto wrong = ts::embedding<minilm, ts::f16>(wide);
#elif CASE == 8  // cast<> of rows to integers
// expect: tessera: cast<> converts between f32, f16 and bf16; use quantize<> for i8, i4 and b1
// expect~: \bTo = \S*i8\b|castable<\S*i8, \S*f32>
auto wrong = ts::cast<ts::i8>(rows);
#elif CASE == 9  // quantize<> of rows that are narrow already
// expect: tessera: quantize<> starts from f32; cast or dequantize first
// expect~: is_same_v<\S*f16, \S*f32>
auto wrong = ts::quantize<ts::i8>(half_rows);
#endif

}  // namespace example
