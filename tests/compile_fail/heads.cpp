// SPDX-License-Identifier: Apache-2.0
// Attention whose widths do not come out: heads, key-value heads, rotary positions.
#include <tessera/graph/encoder_layer.hpp>
#include <tessera/graph/graph.hpp>

namespace ts = tessera;

template <class Attention>
inline constexpr std::size_t columns = Attention::fused;
template <std::size_t Width, class Heads, class Rotary = ts::no_rotary>
using attention = ts::graph<ts::token_embedding<1000, Width>,
                            ts::encoder_layer<Width, Heads, ts::feed_forward<4 * Width, ts::gelu>, ts::layer_norm<Width>, Rotary>>;

#if CASE == 0  // widths that divide, or are stated
static_assert(attention<384, ts::heads<12>>::sound && attention<100, ts::heads<6, ts::head_width<12>>, ts::rotary<12>>::sound);
static_assert(columns<ts::self_attention<384, ts::heads<12>>> == 3 * 384);
static_assert(columns<ts::self_attention<384, ts::heads<12, ts::kv_heads<4>>>> == 384 + 2 * 128);
static_assert(columns<ts::self_attention<100, ts::heads<6, ts::head_width<12>>>> == 3 * 72);
static_assert(columns<ts::self_attention<1024, ts::heads<16, ts::kv_heads<8>, ts::head_width<128>>, ts::rotary<128>>> == 4096);
static_assert(columns<ts::self_attention<384, ts::heads<12>, ts::rotary<16, 1e6>>> == 3 * 384);
#elif CASE == 1  // heads that do not divide the width
// expect: tessera: the heads do not divide the width; state head_width<...> where that is meant
// expect~: \b384(UL)?, \S*heads<7
using wrong = attention<384, ts::heads<7>>::output;
#elif CASE == 2  // more heads than components
// expect: tessera: the heads do not divide the width; state head_width<...> where that is meant
// expect~: \b8(UL)?, \S*heads<16
using wrong = attention<8, ts::heads<16>>::output;
#elif CASE == 3  // key-value heads that do not divide the heads
// expect: tessera: the key-value heads do not divide the heads
// expect~: heads<12, \S*kv_heads<5>
using wrong = attention<384, ts::heads<12, ts::kv_heads<5>>>::output;
#elif CASE == 4  // more key-value heads than heads
// expect: tessera: the key-value heads do not divide the heads
// expect~: heads<4, \S*kv_heads<8>
using wrong = attention<384, ts::heads<4, ts::kv_heads<8>>>::output;
#elif CASE == 5  // no heads
// expect: tessera: attention needs at least one head
// expect~: heads<0>
using wrong = attention<384, ts::heads<0>>::output;
#elif CASE == 6  // an odd rotary width
// expect: tessera: an odd rotary width cannot be split into pairs
// expect~: rotary<31
using wrong = attention<384, ts::heads<12>, ts::rotary<31>>::output;
#elif CASE == 7  // a rotary width beyond the head
// expect: tessera: the rotary width is larger than a head
// expect~: heads<12
// expect~: rotary<64
using wrong = attention<384, ts::heads<12>, ts::rotary<64>>::output;
#elif CASE == 8  // a rotary width beyond the head that was stated
// expect: tessera: the rotary width is larger than a head
// expect~: heads<6, \S*head_width<12>
// expect~: rotary<14
using wrong = attention<100, ts::heads<6, ts::head_width<12>>, ts::rotary<14>>::output;
#endif
