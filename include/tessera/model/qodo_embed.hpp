// SPDX-License-Identifier: Apache-2.0
/// Qodo/Qodo-Embed-1-1.5B: code and text in one space; Qwen2 that attends both ways, the state of the last token, as it is (no unit
/// length), no prompts.
///
///     auto encoder = ts::load<ts::qodo_embed_1_5b<ts::bf16>>("models/Qodo-Embed-1-1.5B");
#pragma once

#include <tessera/model/qwen2.hpp>

namespace tessera::inline TESSERA_ABI {

using qodo_embed_1_5b_space = space<"qodo_embed_1_1_5b", 1536, pooling::last_token>;

template <class Weights = f32>
using qodo_embed_1_5b = qwen2<qodo_embed_1_5b_space, qwen2_shape{.causal = false}, Weights>;

}  // namespace tessera::inline TESSERA_ABI
