// SPDX-License-Identifier: Apache-2.0
/// NovaSearch/stella_en_400M_v5 (arXiv:2412.19048): mean pooling and the dense head of the dimension that the type names, as it is (no unit
/// length).
///
///     auto encoder = ts::load<ts::stella_400m<1024>>("models/stella_en_400M_v5");
///     encoder->encode(question, {.prompt = ts::stella_prompt::s2p_query});
///     using index = ts::flat<ts::stella_400m<2048>::space, ts::f16, ts::cosine>;
#pragma once

#include <tessera/model/gte.hpp>
#include <tessera/model/stella.hpp>

namespace tessera::inline TESSERA_ABI {

template <std::size_t Dimension = 1024>
using stella_400m_space = space<"stella_en_400m_v5", Dimension, pooling::mean>;

template <std::size_t Dimension = 1024, class Weights = f32>
using stella_400m =
    gte<stella_400m_space<Dimension>, gte_shape{}, Weights, typename detail::stella_head<gte_shape{}.width, Dimension>::type>;

}  // namespace tessera::inline TESSERA_ABI
