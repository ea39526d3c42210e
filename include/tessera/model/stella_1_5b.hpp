// SPDX-License-Identifier: Apache-2.0
/// NovaSearch/stella_en_1.5B_v5 (arXiv:2412.19048): Qwen2 that attends both ways, mean pooling and the dense head of the dimension that the
/// type names, as it is (no unit length).
///
///     auto encoder = ts::load<ts::stella_1_5b<1024, ts::bf16>>("models/stella_en_1.5B_v5");
///     encoder->encode(question, {.prompt = ts::stella_prompt::s2p_query});
#pragma once

#include <tessera/model/qwen2.hpp>
#include <tessera/model/stella.hpp>

namespace tessera::inline TESSERA_ABI {

template <std::size_t Dimension = 1024>
using stella_1_5b_space = space<"stella_en_1_5b_v5", Dimension, pooling::mean>;

template <std::size_t Dimension = 1024, class Weights = f32>
using stella_1_5b = qwen2<stella_1_5b_space<Dimension>, qwen2_shape{.causal = false}, Weights,
                          typename detail::stella_head<qwen2_shape{}.width, Dimension>::type>;

}  // namespace tessera::inline TESSERA_ABI
