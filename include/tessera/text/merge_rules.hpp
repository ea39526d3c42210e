// SPDX-License-Identifier: Apache-2.0
/// The merges of a byte pair encoding, and which tokens stay apart.
///
///     rules.ranked(left, right)            // rank << 32 | result of the merge of two neighbours, or no_merge
///     rules.stay_apart(left, right)        // whether the text of both becomes exactly these two tokens
///
/// Where every merge ranks after those that make its parts, as training gives them, time runs with the rank: all merges
/// of one rank happen, from the left, before any of a later one. A token is *stable* if its own text becomes that token.
/// Two stable tokens stay apart if nothing merges across their border, and as what happens at a border depends on its
/// two sides alone until something crosses it, a text becomes t1 .. tn if and only if all ti are stable and neighbours
/// stay apart.
#pragma once

#include <tessera/text/vocabulary.hpp>

#include <limits>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Two tokens that become a third; merges are tried by ascending rank, equal ranks from the left.
struct bpe_merge {
  token_id left = 0, right = 0, result = 0;
  std::uint32_t rank = 0;
};

class merge_rules {
 public:
  static constexpr std::uint64_t no_merge = std::numeric_limits<std::uint64_t>::max();

  merge_rules() : pairs_(1) {}
  /// Of merges of one pair the last counts.
  explicit merge_rules(std::span<const bpe_merge> merges);

  /// The merge of two neighbours as rank << 32 | result; all ones where there is none.
  [[nodiscard]] std::uint64_t ranked(token_id left, token_id right) const noexcept {
    const std::uint64_t pair = pair_of(left, right);
    for (std::size_t at = place(pair);; at = (at + 1) & (pairs_.size() - 1)) {
      const slot& found = pairs_[at];
      if (found.pair == pair) return found.merge;
      if (found.pair == no_pair) return no_merge;
    }
  }

  /// Finds the stable tokens, given the ids of those that no merge has to make (`none` among them is passed over). False,
  /// and no token is stable, where the merges are not ordered. Precondition: ids lie below `id_bound`.
  bool find_stable(std::span<const bpe_merge> merges, std::span<const token_id> first, std::size_t id_bound);

  [[nodiscard]] bool stable(token_id id) const noexcept { return id < tokens_.size() && tokens_[id].stable; }

  /// Precondition: both are stable.
  [[nodiscard]] bool stay_apart(token_id left, token_id right) const noexcept {
    return ranked(left, right) == no_merge && nothing_crosses(left, right);
  }

  /// What `stay_apart` said, for some thousand pairs: a text has few, and going back in time is several look-ups.
  class memory {
   public:
    /// For the rules of the model `owner`, a number that no other model has; what another's left is forgotten.
    void prepare(std::uint64_t owner) {
      if (owner == owner_) return;
      owner_ = owner;
      entries_.assign(slots, empty);
    }

   private:
    friend merge_rules;
    static constexpr std::size_t slots = 8192;
    static constexpr std::uint64_t empty = std::numeric_limits<std::uint64_t>::max();
    std::vector<std::uint64_t> entries_;  // a pair's low 63 bits, then the answer
    std::uint64_t owner_ = 0;
  };
  /// The same, remembered. Preconditions: `told` is prepared, ids lie below 2^31.
  [[nodiscard]] bool stay_apart(token_id left, token_id right, memory& told) const noexcept {
    const std::uint64_t pair = pair_of(left, right) << 1U;
    std::uint64_t& entry = told.entries_[pair * 0x9e3779b97f4a7c15U >> 51U];
    if ((entry | 1U) != (pair | 1U)) entry = pair | (stay_apart(left, right) ? 1U : 0U);
    return (entry & 1U) != 0;
  }

  static constexpr token_id none = std::numeric_limits<token_id>::max();

 private:
  static constexpr std::uint64_t no_pair = std::numeric_limits<std::uint64_t>::max();
  struct slot {
    std::uint64_t pair = no_pair;
    std::uint64_t merge = no_merge;
  };
  struct origin {
    token_id left = none, right = none;  // none: no merge makes it
    std::uint32_t birth = 0;             // rank + 1 of the merge that makes it; 0 for first symbols
    bool stable = false;
  };

  [[nodiscard]] static constexpr std::uint64_t pair_of(token_id left, token_id right) noexcept {
    return std::uint64_t{left} << 32U | right;
  }
  [[nodiscard]] std::size_t place(std::uint64_t pair) const noexcept {
    std::uint64_t hash = pair * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29U;
    return hash & (pairs_.size() - 1);
  }
  /// Going back in time: at each moment two tokens stand at the border, and their merge, if any, must come too late.
  /// Of what happens at one rank the left side's event is first, then the border's, then the right side's.
  [[nodiscard]] bool nothing_crosses(token_id a, token_id b) const noexcept {
    for (;;) {
      const origin& left = tokens_[a];
      const origin& right = tokens_[b];
      if ((left.birth | right.birth) == 0) return true;
      const bool undoes_left = left.birth > right.birth;
      const std::uint64_t end = undoes_left ? std::uint64_t{left.birth} - 1 : std::uint64_t{right.birth};
      if (undoes_left) a = left.right;
      else b = right.left;
      if (ranked(a, b) >> 32U < end) return false;
    }
  }

  std::vector<slot> pairs_;     // a power of two, at most two thirds used
  std::vector<origin> tokens_;  // by id
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/merge_rules-inl.hpp>
#endif
