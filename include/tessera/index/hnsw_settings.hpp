// SPDX-License-Identifier: Apache-2.0
/// What a graph of near rows is made with (index/hnsw.hpp; the store's is the same).
///
///     auto index = ts::hnsw<model::space>::make({.degree = 32, .build_effort = 200});
#pragma once

#include <tessera/base/config.hpp>

#include <cstddef>
#include <cstdint>

namespace tessera::inline TESSERA_ABI {

struct hnsw_settings {
  std::size_t degree = 16;         ///< M: links a row gets, and has on levels above 0; twice as many on level 0
  std::size_t build_effort = 160;  ///< candidates for the links of a new row
  std::size_t effort = 64;         ///< candidates of a search that asks for no other number
  std::uint64_t seed = 1;          ///< of the levels
};

}  // namespace tessera::inline TESSERA_ABI
