// SPDX-License-Identifier: Apache-2.0
// The code of docs/adding-a-model.md.
#include <tessera/model/minilm.hpp>

namespace ts = tessera;

// [minilm]
using minilm_space = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using minilm = ts::bert<minilm_space, ts::bert_shape{.layers = 6, .width = 384, .heads = 12, .inner = 1536}>;
// [/minilm]

static_assert(std::is_same_v<minilm, ts::minilm_l6<>>);

namespace docs {

// [architecture]
struct my_shape {
  std::size_t vocabulary = 32'000, layers = 12, width = 512, heads = 8, kv_heads = 2, inner = 1536, window = 128;
  double theta = 100'000.0;
};

/// Each token sees those at most Window away, or all where it is 0.
template <my_shape Shape, std::size_t Window>
using my_attention = ts::self_attention<Shape.width, ts::heads<Shape.heads, ts::kv_heads<Shape.kv_heads>>, ts::window<Window>,
                                        ts::rotary<Shape.width / Shape.heads, Shape.theta>, ts::biases<false, false>>;
template <my_shape Shape>
using my_feed_forward = ts::gated_feed_forward<Shape.inner, ts::silu>::template stage<Shape.width>;

/// x + attention(norm(x)), then x + feed_forward(norm(x)).
template <my_shape Shape, std::size_t Window>
using my_layer = ts::sequence<ts::pre_norm<my_attention<Shape, Window>, ts::rms_norm<Shape.width>>,
                              ts::pre_norm<my_feed_forward<Shape>, ts::rms_norm<Shape.width>>>;

/// Two layers with a window, one without, and so on; the mean of the states through a map to the space's dimension.
template <ts::embedding_space Space, my_shape Shape, class Weights = ts::f32>
using mine = ts::model<Space, ts::stored_as<Weights>, ts::token_embedding<Shape.vocabulary, Shape.width>,
                       ts::repeat<Shape.layers, my_layer<Shape, Shape.window>, my_layer<Shape, Shape.window>, my_layer<Shape, 0>>,
                       ts::rms_norm<Shape.width>, ts::pool<Space::pooling_mode>, ts::dense<Shape.width, Space::dimension>,
                       ts::l2_normalize>;

using my_space = ts::space<"mine", 256, ts::pooling::mean, ts::unit_length, ts::matryoshka<64, 128>>;
using my_model = mine<my_space, my_shape{}>;
static_assert(my_model::parameter_count == 52'704'000);
static_assert(my_model::manifest()[1].label() == "layers.0.attention.norm.weight");
// [/architecture]

static_assert(mine<my_space, my_shape{.layers = 24}>::parameter_count > my_model::parameter_count);
static_assert(std::is_same_v<mine<my_space, my_shape{}, ts::i8>::space, my_model::space>);

}  // namespace docs
