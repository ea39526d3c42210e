// SPDX-License-Identifier: Apache-2.0
/// The fixtures of all families as types, with their weights in any precision: `toy::gte_v5<ts::bf16>` reads text/gte_v5.
#pragma once

#include <tests/model/support.hpp>

#include <tessera/model/bert_reranker.hpp>
#include <tessera/model/gemma3.hpp>
#include <tessera/model/gte_reranker.hpp>
#include <tessera/model/modernbert_reranker.hpp>
#include <tessera/model/nomic_bert.hpp>
#include <tessera/model/qwen2.hpp>
#include <tessera/model/qwen3_reranker.hpp>
#include <tessera/model/roberta_reranker.hpp>
#include <tessera/model/rotary_roberta.hpp>

namespace tessera_tests::toy {

using ts::pooling;
template <ts::name Name, std::size_t Width, pooling Pooling, class... More>
using unit = ts::space<Name, Width, Pooling, ts::unit_length, More...>;

template <class Weights = ts::f32>
using bert_mean = ts::bert<unit<"bert_mean", 48, pooling::mean>, bert_mean_shape, Weights>;
template <class Weights = ts::f32>
using roberta = ts::roberta<unit<"roberta", 48, pooling::cls>,
    ts::roberta_shape{.vocabulary = 220, .layers = 2, .width = 48, .heads = 6, .inner = 80, .positions = 28, .epsilon = 0.004}, Weights>;
template <class Weights = ts::f32>
using xlm_roberta = ts::roberta<unit<"xlm_roberta", 48, pooling::mean>,
    ts::roberta_shape{.vocabulary = 900, .layers = 2, .width = 48, .heads = 6, .inner = 80, .positions = 38, .epsilon = 0.004}, Weights>;
template <class Weights = ts::f32>
using jina_v3 = ts::rotary_roberta<unit<"jina_v3", 48, pooling::mean>,
    ts::rotary_roberta_shape{.vocabulary = 900, .layers = 2, .width = 48, .heads = 4, .inner = 96, .positions = 128, .epsilon = 0.003,
                             .theta = 60.0}, Weights>;

template <class Weights = ts::f32>
using gte_v5 = ts::gte<unit<"gte_v5", 48, pooling::cls>,
    ts::gte_shape{.vocabulary = 400, .layers = 2, .width = 48, .heads = 4, .inner = 72, .positions = 32, .types = 1, .epsilon = 0.004,
                  .theta = 50.0, .ntk_factor = 1.0}, Weights>;
template <class Weights = ts::f32>
using new_ntk_mixed = ts::gte<unit<"new_ntk_mixed", 48, pooling::cls>,
    ts::gte_shape{.vocabulary = 180, .layers = 2, .width = 48, .heads = 3, .inner = 40, .positions = 45, .types = 1, .epsilon = 0.005,
                  .theta = 80.0, .ntk_factor = 2.5, .ntk_mixed = 0.625}, Weights>;
template <class Weights = ts::f32>
using new_unpacked = ts::gte<unit<"new_unpacked", 32, pooling::cls>,
    ts::gte_shape{.vocabulary = 200, .layers = 2, .width = 32, .heads = 4, .inner = 56, .positions = 22, .types = 0, .epsilon = 0.005,
                  .theta = 100.0, .ntk_factor = 1.0}, Weights>;
/// Stella 400M's layout: one encoder, a dense head for each dimension, 32 or 96.
template <std::size_t Dimension, class Weights = ts::f32>
using stella = ts::gte<ts::space<"stella_new_ntk", Dimension, pooling::mean>,
    ts::gte_shape{.vocabulary = 700, .layers = 3, .width = 48, .heads = 4, .inner = 64, .positions = 128, .epsilon = 0.005,
                  .theta = 40.0},
    Weights, ts::dense<48, Dimension>>;

template <class Weights = ts::f32>
using qwen2_causal = ts::qwen2<unit<"qwen2_causal", 64, pooling::last_token>,
    ts::qwen2_shape{.vocabulary = 704, .layers = 3, .width = 48, .heads = 6, .head_width = 8, .inner = 80, .positions = 128,
                    .epsilon = 0.003, .theta = 200.0},
    Weights, ts::dense<48, 64, ts::identity>>;
template <class Weights = ts::f32>
using qwen2_sliding = ts::qwen2<ts::space<"qwen2_sliding", 32, pooling::mean>,
    ts::qwen2_shape{.vocabulary = 200, .layers = 3, .width = 32, .heads = 4, .head_width = 8, .inner = 48, .positions = 64,
                    .window = 5, .full_layers = 1, .epsilon = 0.002, .theta = 300.0}, Weights>;
template <class Weights = ts::f32>
using qwen2_bidirectional = ts::qwen2<unit<"qwen2_bidirectional", 32, pooling::mean>,
    ts::qwen2_shape{.vocabulary = 250, .layers = 2, .width = 32, .heads = 4, .head_width = 8, .inner = 64, .positions = 64,
                    .causal = false, .epsilon = 0.002, .theta = 300.0}, Weights>;
inline constexpr ts::qwen3_shape qwen3_shape{
    .vocabulary = 704, .layers = 2, .width = 48, .heads = 4, .kv_heads = 2, .head_width = 16, .inner = 72, .positions = 128,
    .epsilon = 0.004, .theta = 300.0};
template <class Weights = ts::f32>
using qwen3_embed = ts::qwen3<unit<"qwen3_embed", 48, pooling::last_token>, qwen3_shape, Weights>;

template <class Weights = ts::f32>
using modernbert = ts::modernbert<unit<"modernbert", 48, pooling::mean>,
    ts::modernbert_shape{.vocabulary = 320, .layers = 4, .width = 48, .heads = 4, .inner = 56, .positions = 36, .local_attention = 10,
                         .epsilon = 0.004, .global_theta = 400.0, .local_theta = 50.0}, Weights>;
inline constexpr ts::nomic_bert_shape nomic_bert_shape{
    .vocabulary = 300, .layers = 2, .width = 48, .heads = 4, .inner = 64, .positions = 30, .epsilon = 0.003, .theta = 70.0};
template <class Weights = ts::f32>
using nomic_bert = ts::nomic_bert<unit<"nomic_bert", 48, pooling::mean>, nomic_bert_shape, Weights>;
template <class Weights = ts::f32>
using nomic_moe = ts::nomic_bert<unit<"nomic_moe", 24, pooling::mean>,
    ts::nomic_bert_shape{.vocabulary = 90, .layers = 4, .width = 24, .heads = 2, .inner = 40, .positions = 32, .types = 1,
                         .experts = 4, .used = 2, .bias = true, .activation = ts::kernel::activation::gelu_erf, .epsilon = 0.001,
                         .theta = 50.0}, Weights>;
template <class Weights = ts::f32>
using embedding_gemma = ts::gemma3<unit<"embedding_gemma", 48, pooling::mean, ts::matryoshka<8, 16, 32>>,
    ts::gemma3_shape{.vocabulary = 901, .layers = 4, .width = 48, .head_width = 16, .inner = 64, .positions = 128, .window = 8,
                     .global_every = 3, .query_scalar = 10, .epsilon = 0.004, .global_theta = 500.0, .local_theta = 40.0},
    Weights, ts::dense<48, 96, ts::identity, ts::without_bias>, ts::dense<96, 48, ts::identity, ts::without_bias>>;

template <class Weights = ts::f32>
using bert_reranker = ts::bert_reranker<
    ts::bert_shape{.vocabulary = 700, .layers = 2, .width = 32, .heads = 4, .inner = 64, .positions = 44, .epsilon = 0.003}, Weights>;
template <class Weights = ts::f32>
using roberta_reranker = ts::roberta_reranker<
    ts::roberta_shape{.vocabulary = 900, .layers = 2, .width = 40, .heads = 5, .inner = 72, .positions = 42, .epsilon = 0.003}, Weights>;
template <class Weights = ts::f32>
using gte_reranker = ts::gte_reranker<
    ts::gte_shape{.vocabulary = 200, .layers = 2, .width = 32, .heads = 4, .inner = 48, .positions = 24, .types = 1, .epsilon = 0.003,
                  .theta = 90.0, .ntk_factor = 1.0}, Weights>;
template <class Weights = ts::f32>
using modernbert_reranker = ts::modernbert_reranker<
    ts::modernbert_shape{.vocabulary = 700, .layers = 3, .width = 32, .heads = 4, .inner = 40, .positions = 30, .local_attention = 8,
                         .epsilon = 0.002},
    Weights, pooling::mean, ts::gelu, ts::without_bias>;
template <class Weights = ts::f32>
using qwen3_reranker = ts::qwen3_reranker<qwen3_shape, Weights>;

}  // namespace tessera_tests::toy

namespace tessera_tests {

/// Token states and vectors of the reference, and the type against what its directory describes. The space has the fixture's name.
template <class Toy>
void check_toy(double tolerance, const std::string& vectors_name = {}) {
  const std::string folder = fixture("text/" + std::string(Toy::space::label())).string();
  check_ids<Toy>(folder, tolerance, vectors_name);
  check_description<Toy>(folder);
}

}  // namespace tessera_tests
