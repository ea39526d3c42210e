// SPDX-License-Identifier: Apache-2.0
/// A transformer encoder layer as BERT has it: attention, then feed-forward, each added to its input and normalised.
///
///     ts::encoder_layer<256, ts::heads<8>, ts::feed_forward<1024, ts::gelu>>
///     ts::encoder_layer<384, ts::heads<12>, ts::feed_forward<1536, ts::gelu>, ts::layer_norm<384, 1e-5>>
///
/// x = norm(x + attention(x)); x = norm(x + feed_forward(x)) (arXiv:1810.04805).
#pragma once

#include <tessera/graph/sequence.hpp>
#include <tessera/graph/stage/attention.hpp>
#include <tessera/graph/stage/feed_forward.hpp>
#include <tessera/graph/stage/norm.hpp>
#include <tessera/graph/stage/residual.hpp>

namespace tessera::inline TESSERA_ABI {

/// Options change the attention: `rotary<...>`, `causal`, `adapters<...>`, ... (graph/stage/attention.hpp).
template <std::size_t Width, class Heads, class FeedForward, class Norm = layer_norm<Width>, class... Options>
struct encoder_layer : sequence<post_norm<self_attention<Width, Heads, Options...>, Norm>,
                                post_norm<typename FeedForward::template stage<Width>, Norm>> {
  using output = produces<axis::tokens, Width>;
};

/// Describes one such layer from sizes known only at run time, under the same names.
namespace described {
template <class Sink>
constexpr void encoder_layer(Sink sink, std::size_t width, std::size_t query_width, std::size_t key_width, std::size_t inner,
                             adapter_sizes adapters = {}) {
  self_attention(sink.scope("attention"),
                 {.width = width, .query_width = query_width, .key_width = key_width, .adapters = adapters});
  norm(sink.scope("attention").scope("norm"), width);
  feed_forward(sink.scope("feed_forward"), {.width = width, .inner = inner, .adapters = adapters});
  norm(sink.scope("feed_forward").scope("norm"), width);
}
}  // namespace described

}  // namespace tessera::inline TESSERA_ABI
