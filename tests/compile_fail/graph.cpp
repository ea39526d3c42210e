// SPDX-License-Identifier: Apache-2.0
// Graphs whose neighbouring stages disagree: in width, in what a row is, at any depth.
#include <tessera/graph/encoder_layer.hpp>
#include <tessera/graph/graph.hpp>
#include <tessera/graph/stage/experts.hpp>

namespace ts = tessera;

using layer = ts::encoder_layer<384, ts::heads<12>, ts::feed_forward<1536, ts::gelu>>;
using mean = ts::pool<ts::pooling::mean>;

#if CASE == 0  // every stage takes what the one before it makes
using right = ts::graph<ts::token_embedding<1000, 384>, ts::learned_positions<64, 384>, ts::layer_norm<384>, ts::repeat<2, layer>,
                        ts::sequence<ts::layer_norm<384>, layer>, mean, ts::dense<384, 128>, ts::l2_normalize>;
static_assert(right::sound && right::output::width == 128);
static_assert(ts::graph<ts::token_embedding<1000, 384>, ts::repeat<1, mean>>::sound);
using adapted_layer = ts::encoder_layer<384, ts::heads<12>, ts::feed_forward<1536, ts::gelu, ts::adapters<5, 4>>, ts::layer_norm<384>,
                                        ts::adapters<5, 8>>;
static_assert(ts::graph<ts::token_embedding<1000, 384>, adapted_layer, mean>::adapters == 5);
#elif CASE == 1  // another width
// expect: tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes
// expect~: produces<\S*tokens, 384>
// expect~: wants<\S*tokens, 512>
using wrong = ts::graph<ts::token_embedding<1000, 384>, ts::layer_norm<512>>::output;
#elif CASE == 2  // another width far into the graph
// expect: tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes
// expect~: produces<\S*tokens, 384>
// expect~: wants<\S*tokens, 512>
using wrong = ts::graph<ts::token_embedding<1000, 384>, ts::learned_positions<64, 384>, ts::layer_norm<384>, layer, layer, layer,
                        layer, ts::layer_norm<512>, mean>::output;
#elif CASE == 3  // another width behind the pooling
// expect: tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes
// expect~: produces<\S*texts, 384>
// expect~: wants<\S*texts, 768>
using wrong = ts::graph<ts::token_embedding<1000, 384>, layer, mean, ts::dense<768, 128>>::output;
#elif CASE == 4  // ids where there should be rows
// expect: tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes
// expect~: produces<\S*ids>
// expect~: wants<\S*tokens, 384>
using wrong = ts::graph<layer, mean>::output;
#elif CASE == 5  // rows of tokens where there should be one for each text
// expect: tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes
// expect~: produces<\S*tokens, 384>
// expect~: wants<\S*texts, 0>
using wrong = ts::graph<ts::token_embedding<1000, 384>, ts::l2_normalize>::output;
#elif CASE == 6  // pooled twice
// expect: tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes
// expect~: produces<\S*texts, 384>
// expect~: wants<\S*tokens, 0>
using wrong = ts::graph<ts::token_embedding<1000, 384>, mean, mean>::output;
#elif CASE == 7  // a stage that is repeated, of another width
// expect: tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes
// expect~: produces<\S*tokens, 512>
// expect~: wants<\S*tokens, 384>
using wrong = ts::graph<ts::token_embedding<1000, 512>, ts::repeat<6, layer>>::output;
#elif CASE == 8  // a stage that does not take what it makes, repeated
// expect: tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes
// expect~: produces<\S*texts, 384>
// expect~: wants<\S*tokens, 0>
using wrong = ts::graph<ts::token_embedding<1000, 384>, ts::repeat<2, mean>>::output;
#elif CASE == 9  // inside a sequence
// expect: tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes
// expect~: produces<\S*tokens, 384>
// expect~: wants<\S*tokens, 512>
using wrong = ts::graph<ts::token_embedding<1000, 384>, ts::sequence<layer, ts::layer_norm<512>>, mean>::output;
#elif CASE == 10  // the norm inside a layer that is repeated
// expect: tessera: two neighbouring stages of this graph disagree: the second does not take what the first makes
// expect~: produces<\S*tokens, 384>
// expect~: wants<\S*tokens, 512>
using narrow_norm = ts::encoder_layer<384, ts::heads<12>, ts::feed_forward<1536, ts::gelu>, ts::layer_norm<512>>;
using wrong = ts::graph<ts::token_embedding<1000, 384>, ts::repeat<2, narrow_norm>>::output;
#elif CASE == 11  // a feed-forward with fewer adapters than the attention
// expect: tessera: the stages of this graph have different numbers of adapters
// expect~: adapters<\S*5, 4
using uneven_layer = ts::encoder_layer<384, ts::heads<12>, ts::feed_forward<1536, ts::gelu, ts::adapters<4, 4>>, ts::layer_norm<384>,
                                       ts::adapters<5, 4>>;
constexpr std::size_t wrong = ts::graph<ts::token_embedding<1000, 384>, uneven_layer, mean>::adapters;
#elif CASE == 12  // a token given to more experts than there are
// expect: tessera: a token is given to one expert at least, and to all at most
// expect: impossible_experts<4, 5>
using wrong = ts::graph<ts::token_embedding<1000, 384>,
                        ts::encoder_layer<384, ts::heads<12>, ts::expert_feed_forward<4, 5, 64, ts::gelu>>>::output;
#endif
