// SPDX-License-Identifier: Apache-2.0
/// What became of short words, so that a word that comes again is not cut again: BPE and Unigram are functions of the
/// word alone.
///
///     auto key = ts::word_table::load(text, begin, end);
///     if (const auto* known = cache.find(key)) ...             // known->ids[i] ends at known->ends[i]
///
/// A direct-mapped table, one cache line a word, that lives with the encoding that is encoded into: no thread shares
/// it. In running text nine words in ten are found. It is made when an encoding is used a second time, or for a long
/// text: 1 MiB would not pay for one sentence.
#pragma once

#include <tessera/text/word_table.hpp>

#include <array>
#include <vector>

namespace tessera::inline TESSERA_ABI {

class word_cache {
 public:
  static constexpr std::size_t most_tokens = 9;
  static constexpr std::size_t slots = 16384;

  struct alignas(64) entry {
    word_table::key word;  // no word has the key 0: the last byte holds the length
    std::array<token_id, most_tokens> ids{};
    std::array<std::uint8_t, most_tokens> ends{};
    std::uint8_t count = 0;
  };
  static_assert(sizeof(entry) == 64);

  /// Readies the cache for the model `owner` (a number that no other model has) and a text of so many bytes; what
  /// another model left is forgotten.
  void prepare(std::uint64_t owner, std::size_t bytes) {
    constexpr std::size_t long_text = 4096;
    if (owner != owner_) {
      owner_ = owner;
      if (!entries_.empty()) entries_.assign(slots, entry{});
      return;
    }
    if (entries_.empty() && (used_ || bytes >= long_text)) entries_.assign(slots, entry{});
    used_ = true;
  }
  [[nodiscard]] bool ready() const noexcept { return !entries_.empty(); }

  /// The place of a word; starts to fetch it. Precondition: ready.
  [[nodiscard]] entry& place(const word_table::key& word) noexcept {
    std::uint64_t hash = (word.low ^ std::rotl(word.high, 23)) * 0x9e3779b97f4a7c15U;
    entry& at = entries_[hash >> 50U];
    __builtin_prefetch(&at);
    return at;
  }

 private:
  static_assert(slots == 1U << 14U);

  std::vector<entry> entries_;
  std::uint64_t owner_ = 0;
  bool used_ = false;
};

}  // namespace tessera::inline TESSERA_ABI
