// SPDX-License-Identifier: Apache-2.0
/// Qwen3 as a model type: the same layers as Qwen2's, with normalised heads (arXiv:2505.09388).
///
///     using my_model = ts::qwen3<my_space, ts::qwen3_shape{.layers = 4, .width = 256, .heads = 4, .kv_heads = 2, .head_width = 64}>;
#pragma once

#include <tessera/model/qwen_encoder.hpp>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space, qwen3_shape Shape, class Weights = f32, class... Heads>
using qwen3 = encoder_model<Space, qwen3_family, Shape, Weights, detail::qwen_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
