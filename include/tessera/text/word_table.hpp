// SPDX-License-Identifier: Apache-2.0
/// A map from short words to numbers: a word of at most 15 bytes is two registers, looked up without a loop over its
/// bytes.
///
///     const auto key = ts::word_table::load(text, begin, end);       // end - begin <= 15
///     const auto place = words.ask(key);                             // starts to fetch
///     if (auto id = words.find(key, place); id != ts::word_table::none) ...
///
/// Four words in five of a text are tokens as a whole; finding them here instead of walking a trie spares the branch
/// that is predicted wrong at the end of every walk.
#pragma once

#include <tessera/text/vocabulary.hpp>

#include <bit>
#include <cstring>

namespace tessera::inline TESSERA_ABI {

class word_table {
 public:
  static constexpr std::size_t longest = 15;
  static constexpr std::uint32_t none = 0xffffffffU;

  /// The bytes of a word, zeros behind, and in the last byte its length: zeros may also be its own.
  struct key {
    std::uint64_t low = 0, high = 0;
    [[nodiscard]] constexpr bool operator==(const key&) const = default;
  };

  word_table() : slots_(1) {}
  /// Enters those of `words` that are not empty and not longer than `longest`; others are never found.
  explicit word_table(const vocabulary& words);

  class builder;

  /// The key of text[begin, end). Reads whole registers where the text around the word allows. Precondition: 1 to 15
  /// bytes.
  [[nodiscard]] static key load(std::string_view text, std::size_t begin, std::size_t end) noexcept {
    const std::size_t size = end - begin;
    TESSERA_ASSERT(size >= 1 && size <= longest && end <= text.size());
    std::uint64_t words[2] = {};
    if (begin + sizeof words <= text.size()) std::memcpy(words, text.data() + begin, sizeof words);
    else std::memcpy(words, text.data() + begin, size);
    // What stands behind the word is cut off; little-endian order is that of the bytes.
    for (std::uint64_t& word : words)
      if constexpr (std::endian::native == std::endian::big) word = std::byteswap(word);
    constexpr std::uint64_t all = ~std::uint64_t{0};
    const std::size_t bits = size * 8;
    const std::uint64_t length = std::uint64_t{size} << 56U;
    if (size <= 8) return {words[0] & all >> (64 - bits), length};
    return {words[0], (words[1] & all >> (128 - bits)) | length};
  }

  /// Where the search for a word starts. Words that are looked up together should all be asked for first: the processor
  /// then fetches them side by side instead of one after the other.
  [[nodiscard]] std::size_t ask(const key& word) const noexcept {
    const std::size_t at = place(word);
    __builtin_prefetch(&slots_[at]);
    return at;
  }
  /// The number of the word that was asked for at `at`, or none.
  [[nodiscard]] std::uint32_t find(const key& word, std::size_t at) const noexcept {
    for (;; at = (at + 1) & (slots_.size() - 1)) {
      const slot& found = slots_[at];
      if (found.word == word || found.value == none) return found.value;
    }
  }

 private:
  struct slot {
    key word;
    std::uint32_t value = none;
  };
  [[nodiscard]] std::size_t place(const key& word) const noexcept {
    std::uint64_t hash = (word.low ^ std::rotl(word.high, 23)) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 32U;
    return hash & (slots_.size() - 1);
  }

  std::vector<slot> slots_;  // a power of two, at most half used
};

/// Fills a table word by word.
class word_table::builder {
 public:
  /// Of at most so many words.
  explicit builder(std::size_t most) { made_.slots_.assign(std::bit_ceil(most * 2 + 1), slot{}); }
  /// Precondition: 1 to `longest` bytes, each word once.
  void enter(std::string_view text, std::uint32_t value) {
    const key word = load(text, 0, text.size());
    std::size_t at = made_.place(word);
    while (made_.slots_[at].value != none) at = (at + 1) & (made_.slots_.size() - 1);
    made_.slots_[at] = {word, value};
  }
  [[nodiscard]] word_table finish() && { return std::move(made_); }

 private:
  word_table made_;
};

inline word_table::word_table(const vocabulary& words) {
  builder made(words.size());
  for (std::size_t i = 0; i < words.size(); ++i)
    if (const auto [token, id] = words[i]; !token.empty() && token.size() <= longest) made.enter(token, id);
  *this = std::move(made).finish();
}

}  // namespace tessera::inline TESSERA_ABI
