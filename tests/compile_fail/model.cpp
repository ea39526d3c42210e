// SPDX-License-Identifier: Apache-2.0
// Model types that are not what their space says, and vectors taken for those of another model.
#include <tessera/model/e5.hpp>
#include <tessera/model/minilm.hpp>
#include <tessera/model/stella_400m.hpp>
#include <tessera/model/with_model.hpp>
#include <tessera/op/distance.hpp>

namespace ts = tessera;

using products = ts::space<"products", 256, ts::pooling::cls, ts::unit_length>;
using layer = ts::encoder_layer<256, ts::heads<8>, ts::feed_forward<1024, ts::gelu>>;
using tokens = ts::token_embedding<32'000, 256>;
using cls = ts::pool<ts::pooling::cls>;
using mean = ts::pool<ts::pooling::mean>;

namespace example {

extern const ts::embedding<products> vector;

template <class Model>
using made_by = ts::embedding<typename Model::space>;

#if CASE == 0  // the pooling, dimension and length of the space
using right = ts::model<products, tokens, ts::learned_positions<512, 256>, ts::layer_norm<256>, ts::repeat<4, layer>, cls,
                        ts::l2_normalize>;
static_assert(right::dimension == 256 && right::parameter_count == 11'482'624);
static_assert(right::workspace_bytes({.texts = 32, .tokens = 4096}) < std::size_t{64} << 20);
const auto encoder = ts::load<right>("models/products");
const float similarity = ts::dot(vector, *encoder->encode("a multi-track sound editor"));
#elif CASE == 1  // a pooling that the space does not say
// expect~: tessera: this model pools in a way that its space does not say|tessera: the pooling stage is not the pooling of
// expect~: space<(\S*name<9>)?\{?"products"\}?, 256, \S*pooling::cls
// expect~: pool<\S*pooling::mean>
const auto wrong = ts::load<ts::model<products, tokens, layer, mean, ts::l2_normalize>>("models/products");
#elif CASE == 2  // another dimension
// expect: tessera: this model does not end in one vector a text of its space's dimension
// expect~: space<(\S*name<9>)?\{?"products"\}?, 256
// expect~: produces<\S*texts, 128>
const auto wrong = ts::load<ts::model<products, tokens, layer, cls, ts::dense<256, 128>, ts::l2_normalize>>("models/products");
#elif CASE == 3  // a space of unit length whose model does not normalise
// expect: tessera: a space has unit_length exactly where its model ends in l2_normalize
// expect~: space<(\S*name<9>)?\{?"products"\}?, 256
const auto wrong = ts::load<ts::model<products, tokens, layer, cls>>("models/products");
#elif CASE == 4  // no pooling at all
// expect: tessera: this model does not end in one vector a text of its space's dimension
// expect~: space<(\S*name<9>)?\{?"products"\}?, 256
// expect~: produces<\S*tokens, 256>
const auto wrong = ts::load<ts::model<products, tokens, layer>>("models/products");
#elif CASE == 5  // stages that disagree
// expect: tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes
// expect~: produces<\S*tokens, 256>
// expect~: wants<\S*tokens, 384>
const auto wrong = ts::load<ts::model<products, tokens, layer, ts::layer_norm<384>, cls, ts::l2_normalize>>("models/products");
#elif CASE == 6  // a BERT of a published shape whose heads do not divide its width
// expect: tessera: the heads do not divide the width; state head_width<...> where that is meant
// expect~: heads<7
using odd = ts::space<"odd", 384>;
const auto wrong = ts::load<ts::bert<odd, ts::bert_shape{.layers = 6, .width = 384, .heads = 7, .inner = 1536}>>("models/odd");
#elif CASE == 7  // vectors of two published models of one dimension
// expect: tessera: these two vectors are of different embedding spaces, so their distance means nothing
// expect~: space<(\S*name<10>)?\{?"minilm_l6"\}?, 384
// expect~: space<(\S*name<9>)?\{?"e5_small"\}?, 384
const float wrong = ts::dot(made_by<ts::minilm_l6<>>(), made_by<ts::e5_small<>>());
#elif CASE == 8  // weights in a precision that has no matrix kernel
// expect: tessera: weights in this precision have no matrix kernels; use f32, bf16, i8 or i4
// expect: b1
const auto wrong = ts::load<ts::minilm_l6<ts::b1>>("models/all-MiniLM-L6-v2");
#elif CASE == 9  // a dimension that a model has no head for
// expect: tessera: Stella v5 has heads of 256, 768, 1024, 2048, 4096, 6144 and 8192 dimensions
// expect~: stella_head<1024, 1000>
extern const made_by<ts::stella_400m<1000>> wrong;
#elif CASE == 10  // a visitor that gives each model its own type of answer
// expect: tessera: a visitor of models gives the same type of answer for each type of the registry
constexpr auto known = boost::hana::tuple_t<ts::minilm_l6<>, ts::e5_small<>>;
const auto wrong = ts::with_model("models/any", known, [](const auto& encoder) { return encoder.encode("a text"); });
#endif

}  // namespace example
