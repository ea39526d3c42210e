// SPDX-License-Identifier: Apache-2.0
/// What Stella's two sizes have in common (arXiv:2412.19048): one dense head for each dimension, chosen by the type, and the names of the
/// prompts. stella_400m.hpp and stella_1_5b.hpp are the models.
#pragma once

#include <tessera/graph/stage/pool.hpp>

#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// Names of Stella's prompts: a query for passages, and one for texts like itself. Passages have none.
struct stella_prompt {
  static constexpr std::string_view s2p_query = "s2p_query";
  static constexpr std::string_view s2s_query = "s2s_query";
};

namespace detail {

/// The head of a dimension, which lies in the folder 2_Dense_<Dimension> (loader.hpp).
template <std::size_t Width, std::size_t Dimension>
struct stella_head {
  static_assert(Dimension == 256 || Dimension == 768 || Dimension == 1024 || Dimension == 2048 || Dimension == 4096 ||
                    Dimension == 6144 || Dimension == 8192,
                "tessera: Stella v5 has heads of 256, 768, 1024, 2048, 4096, 6144 and 8192 dimensions");
  using type = dense<Width, Dimension>;
};

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
