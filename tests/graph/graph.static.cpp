// SPDX-License-Identifier: Apache-2.0
// What graphs say of themselves at compile time: parameters, workspace, manifests, edges.
#include <tessera/graph/encoder_layer.hpp>
#include <tessera/graph/graph.hpp>

namespace ts = tessera;

namespace {

/// The user's variant of the design page.
using product_graph =
    ts::graph<ts::token_embedding<32'000, 256>, ts::learned_positions<512, 256>, ts::layer_norm<256>,
              ts::repeat<4, ts::encoder_layer<256, ts::heads<8>, ts::feed_forward<1024, ts::gelu>>>, ts::pool<ts::pooling::cls>,
              ts::l2_normalize>;
static_assert(product_graph::sound);
static_assert(product_graph::parameter_count == 11'482'624);
static_assert(product_graph::workspace_bytes({.texts = 32, .tokens = 4096}) < 64 << 20);
static_assert(product_graph::workspace_bytes({.texts = 1, .tokens = 16}) < product_graph::workspace_bytes({.texts = 1, .tokens = 17}));
static_assert(product_graph::vocabulary == 32'000 && product_graph::positions == 512 && product_graph::types == 0);
static_assert(product_graph::token_width == 256);
static_assert(std::is_same_v<product_graph::output, ts::produces<ts::axis::texts, 256>>);

/// Tables, norm, and four layers of 16 tensors.
static_assert(product_graph::manifest().size() == 4 + 4 * 16);
static_assert(product_graph::manifest()[0].label() == "token_embedding.weight");
static_assert(product_graph::manifest()[0].shape == std::array<std::size_t, 3>{32'000, 256});
static_assert(product_graph::manifest()[0].axes[0] == "rows" && product_graph::manifest()[0].rank == 2);
static_assert(product_graph::manifest()[3].label() == "norm.bias" && product_graph::manifest()[3].rank == 1);
static_assert(product_graph::manifest()[4].label() == "layers.0.attention.query.weight");
static_assert(product_graph::manifest()[67].label() == "layers.3.feed_forward.norm.bias");
static_assert(product_graph::manifest()[14].label() == "layers.0.feed_forward.up.weight");
static_assert(product_graph::manifest()[14].shape == std::array<std::size_t, 3>{1024, 256});

/// Ten layers: two-digit names; two heads one after the other: dense and dense.1.
using deep = ts::graph<ts::token_embedding<10, 8>, ts::repeat<11, ts::encoder_layer<8, ts::heads<2>, ts::feed_forward<4, ts::relu>>>,
                       ts::pool<ts::pooling::max>, ts::dense<8, 6, ts::tanh>, ts::dense<6, 3, ts::identity, ts::without_bias>>;
static_assert(deep::manifest()[1 + 10 * 16].label() == "layers.10.attention.query.weight");
static_assert(deep::manifest()[1 + 11 * 16].label() == "dense.weight");
static_assert(deep::manifest()[1 + 11 * 16 + 2].label() == "dense.1.weight");
static_assert(deep::manifest().size() == 1 + 11 * 16 + 3);
static_assert(deep::output::width == 3);

/// Grouped queries and a stated head width: query 6 · 12, key and value 2 · 12.
using grouped = ts::self_attention<48, ts::heads<6, ts::kv_heads<2>, ts::head_width<12>>, ts::rotary<12>, ts::causal>;
static_assert(grouped::layout::query == 72 && grouped::layout::key == 24 && grouped::fused == 120);
static_assert(grouped::shape.causal && grouped::shape.kv_heads == 2);

// The square root that the scale is made of.
static_assert(ts::detail::square_root(1.0) == 1.0 && ts::detail::square_root(64.0) == 8.0 && ts::detail::square_root(0.25) == 0.5);
static_assert(ts::detail::square_root(2.0) * ts::detail::square_root(2.0) - 2.0 < 1e-15);

}  // namespace
