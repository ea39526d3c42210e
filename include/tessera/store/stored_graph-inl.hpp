// SPDX-License-Identifier: Apache-2.0
/// Definitions of store/stored_graph.hpp.
#pragma once

#include <tessera/store/stored_graph.hpp>

namespace tessera::inline TESSERA_ABI::detail {

TESSERA_INLINE bool stored_graph::set_upper(std::span<const std::uint8_t> levels, std::span<const std::uint32_t> links) {
  std::size_t lists = 0;
  std::size_t high = 0;
  std::uint8_t highest = 0;
  for (const std::uint8_t level : levels) lists += level, high += level > 0 ? 1u : 0u, highest = std::max(highest, level);
  if (levels.size() != rows_ || highest > graph_links::highest_level || lists * degree_ != links.size()) return false;
  if (rows_ == 0 ? entry_ != none : entry_ >= rows_ || levels[entry_] != highest) return false;
  if (std::any_of(links.begin(), links.end(), [this](std::uint32_t to) { return to != none && to >= rows_; })) return false;
  high_.reserve(high);
  std::uint32_t at = 0;
  for (std::uint32_t row = 0; row < rows_; ++row) {
    if (levels[row] == 0) continue;
    high_.push_back({row, levels[row], at});
    at += static_cast<std::uint32_t>(levels[row] * degree_);
  }
  upper_.assign(links.begin(), links.end());
  return true;
}

}  // namespace tessera::inline TESSERA_ABI::detail
