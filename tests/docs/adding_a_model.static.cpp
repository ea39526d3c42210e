// SPDX-License-Identifier: Apache-2.0
// The code of docs/adding-a-model.md.
#include <tessera/model/minilm.hpp>

namespace ts = tessera;

// [minilm]
using minilm_space = ts::space<"minilm_l6", 384, ts::pooling::mean, ts::unit_length>;
using minilm = ts::bert<minilm_space, ts::bert_shape{.layers = 6, .width = 384, .heads = 12, .inner = 1536}>;
// [/minilm]

static_assert(std::is_same_v<minilm, ts::minilm_l6<>>);
