// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/merge_rules.hpp.
#pragma once

#include <tessera/text/merge_rules.hpp>

#include <algorithm>
#include <bit>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE merge_rules::merge_rules(std::span<const bpe_merge> merges)
    : pairs_(std::bit_ceil(merges.size() + merges.size() / 2 + 1)) {
  for (const bpe_merge& merge : merges) {
    const std::uint64_t pair = pair_of(merge.left, merge.right);
    std::size_t at = place(pair);
    while (pairs_[at].pair != no_pair && pairs_[at].pair != pair) at = (at + 1) & (pairs_.size() - 1);
    pairs_[at] = {pair, std::uint64_t{merge.rank} << 32U | merge.result};
  }
}

/// A token is found stable from its parts: both are, its merge is the one that counts for them, and nothing crosses
/// their border before.
TESSERA_INLINE bool merge_rules::find_stable(std::span<const bpe_merge> merges, std::span<const token_id> first,
                                             std::size_t id_bound) {
  std::vector<std::uint32_t> latest(id_bound);  // the highest rank + 1 of merges that make a token
  for (const bpe_merge& merge : merges) latest[merge.result] = std::max(latest[merge.result], merge.rank + 1);
  const auto in_order = [&](const bpe_merge& merge) {
    return merge.rank + 1 > std::max(latest[merge.left], latest[merge.right]);
  };
  if (!std::ranges::all_of(merges, in_order)) return false;
  tokens_.assign(id_bound, origin{});
  for (const token_id id : first)
    if (id != none) tokens_[id].stable = true;
  for (const bpe_merge& merge : merges) {
    origin& made = tokens_[merge.result];
    if (made.stable || !tokens_[merge.left].stable || !tokens_[merge.right].stable) continue;
    const std::uint64_t used = ranked(merge.left, merge.right);
    if (used != (std::uint64_t{merge.rank} << 32U | merge.result) || !nothing_crosses(merge.left, merge.right)) continue;
    made = {merge.left, merge.right, merge.rank + 1, true};
  }
  return true;
}

}  // namespace tessera::inline TESSERA_ABI
