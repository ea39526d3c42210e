// SPDX-License-Identifier: Apache-2.0
/// Qwen2 as a model type: Stella 1.5B, gte-Qwen2 and Qodo-Embed-1 are of this family (arXiv:2407.10671).
///
///     using my_model = ts::qwen2<my_space, ts::qwen2_shape{.layers = 4, .width = 256, .heads = 4, .kv_heads = 2, .head_width = 64}>;
#pragma once

#include <tessera/model/qwen_encoder.hpp>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space, qwen2_shape Shape, class Weights = f32, class... Heads>
using qwen2 = encoder_model<Space, qwen2_family, Shape, Weights, detail::qwen_encoder<Shape>, Heads...>;

}  // namespace tessera::inline TESSERA_ABI
