// SPDX-License-Identifier: Apache-2.0
// Views and embeddings of values that are not what the type says: alignment, number, type, space.
#include <tessera/type/embedding.hpp>

namespace ts = tessera;

using minilm = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using e5 = ts::space<"e5_small_v2", 384, ts::pooling::mean, ts::unit_length>;

namespace example {

extern const std::span<const std::byte, 1536> bytes;
extern const std::span<const float> any_number;
extern const std::span<const float, 384> floats;
extern const std::span<const float, 383> short_by_one;
extern const std::span<const std::uint16_t, 384> bits;
extern const ts::aligned_bytes<768, 2> aligned;
extern const ts::embedding<e5> other;

#if CASE == 0  // values, and bytes whose type promises the alignment
const ts::embedding_view<minilm> of_floats(floats);
const ts::embedding_view<minilm, ts::f16> of_aligned(aligned);
const ts::embedding_view<minilm, ts::bf16> of_aligned_too(aligned);
const ts::embedding_view<minilm, ts::i8> of_bytes(bytes.first<384>());
const ts::embedding_view<minilm, ts::b1> of_bits(bytes.first<48>());
const ts::embedding<minilm> owner(floats);
const ts::embedding_view<minilm, ts::f32, 64> wide = owner;
const ts::embedding_view<minilm> weaker = wide;
#elif CASE == 1  // f16 over bytes
// expect: tessera: the type of these bytes does not promise the alignment of this view
// expect~: std::byte
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bf16\b
auto wrong = ts::embedding_view<minilm, ts::f16>(bytes.first<768>());
#elif CASE == 2  // bf16 over bytes
// expect: tessera: the type of these bytes does not promise the alignment of this view
// expect~: std::byte
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bbf16\b
auto wrong = ts::embedding_view<minilm, ts::bf16>(bytes.first<768>());
#elif CASE == 3  // f32 over bytes
// expect: tessera: the type of these bytes does not promise the alignment of this view
// expect~: std::byte
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
auto wrong = ts::embedding_view<minilm>(bytes);
#elif CASE == 4  // a whole register over floats
// expect: tessera: the type of these bytes does not promise the alignment of this view
// expect~: \b64(UL)?\b
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
auto wrong = ts::embedding_view<minilm, ts::f32, 64>(floats);
#elif CASE == 5  // a whole register over bytes that promise two
// expect: tessera: the type of these bytes does not promise the alignment of this view
// expect~: \b2(UL)? >= 64
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bf16\b
auto wrong = ts::embedding_view<minilm, ts::f16, 64>(aligned);
#elif CASE == 6  // one value too few
// expect: tessera: the extent of these values is not exactly the vector's
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: \b383(UL)?\b
auto wrong = ts::embedding_view<minilm>(short_by_one);
#elif CASE == 7  // one byte too many
// expect: tessera: the extent of these values is not exactly the vector's
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bi8\b
// expect~: \b385(UL)?\b
auto wrong = ts::embedding_view<minilm, ts::i8>(bytes.first<385>());
#elif CASE == 8  // aligned bytes of another precision's size
// expect: tessera: the extent of these values is not exactly the vector's
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bi8\b
// expect~: \b768(UL)?\b
auto wrong = ts::embedding_view<minilm, ts::i8>(aligned);
#elif CASE == 9  // a number of values known only at run time
// expect: tessera: the extent of these values is not exactly the vector's
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
auto wrong = ts::embedding_view<minilm>(any_number);
#elif CASE == 10  // values of another type
// expect: tessera: these values are not of the storage type of this precision; use cast<> or quantize<>
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bf16\b
// expect~: float16
auto wrong = ts::embedding_view<minilm, ts::f16>(bits);
#elif CASE == 11  // an alignment that is none
// expect: tessera: the alignment of a view is a power of two that suits its storage type
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: \b48(UL)?\b
auto wrong = ts::embedding_view<minilm, ts::f32, 48>::trusted(floats.data());
#elif CASE == 12  // an embedding of one value too few
// expect: tessera: the number of values is not the dimension of this space
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: \b383(UL)?\b
auto wrong = ts::embedding<minilm>(short_by_one);
#elif CASE == 13  // an embedding of values of another precision
// expect: tessera: these values are not of the storage type of this precision; use cast<> or quantize<>
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384.*?\bf16\b
auto wrong = ts::embedding<minilm, ts::f16>(floats);
#elif CASE == 14  // an embedding of another space taken as a list of values
// expect: tessera: an embedding of another space or precision is not a list of values
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<12>)?\{?"e5_small_v2"\}?, 384
auto wrong = ts::embedding<minilm>(other);
#endif

}  // namespace example
