// SPDX-License-Identifier: Apache-2.0
/// Byte pair encoding: a word starts as its characters or bytes, and the pair of neighbours that the merges list first
/// is merged until none is left.
///
///     model.tokenize(text, words, scratch, each);       // " tokens": each(id of "Ġtokens", 0, 7)
///
/// Sennrich, Haddow and Birch 2016. Byte-level vocabularies (GPT-2, Qwen2, Llama 3) start from bytes; those with byte
/// fallback (Llama 2, Gemma) from characters, of which unknown ones become the tokens "<0x00>" to "<0xFF>" of their
/// bytes. Where the merges are ordered as training gives them, a word is cut from the left into tokens that stay apart
/// (text/merge_rules.hpp): O(bytes of the word * longest token), whatever the word. Other vocabularies are merged, short
/// words by scanning, a word of n characters with a heap in O(n log n).
#pragma once

#include <tessera/text/cached_words.hpp>
#include <tessera/text/merge_rules.hpp>
#include <tessera/text/trie.hpp>
#include <tessera/text/utf8.hpp>
#include <tessera/text/vocabulary.hpp>

#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct bpe_settings {
  std::optional<std::string> unknown_token = {};  ///< unset: unknown characters are dropped
  std::string continuing_prefix = {};             ///< of characters that do not begin a word
  std::string end_suffix = {};                    ///< of the character that ends a word
  bool fuse_unknown = false;                      ///< unknown characters in a row are one token
  bool byte_fallback = false;
  bool ignore_merges = false;  ///< a word that is a token is that token
  bool byte_level = false;     ///< words are bytes, tokens are written in the byte alphabet
  std::vector<token_id> whole = {};  ///< tokens found in words before anything merges, the longest at each place
};

/// Working memory, reused from call to call.
struct bpe_scratch {
  struct piece {
    token_id id;
    std::uint32_t end;  // in the word; a piece begins where the one before it ends
  };
  struct symbol {
    token_id id;
    std::uint32_t end;
    std::uint32_t previous, next;  // neighbours that are still there
    std::uint32_t rank, merged;    // of the pair with the next one
  };
  std::vector<piece> pieces;
  std::vector<symbol> symbols;      // of a long word
  std::vector<std::uint64_t> heap;  // rank, position
  std::vector<piece> prefixes;      // tokens at the front of what is left, with their lengths
  std::vector<std::uint64_t> dead;  // of a long word: bits of places that no cut goes on from
  merge_rules::memory apart;
  std::string composed;
};

class bpe {
 public:
  using scratch = bpe_scratch;

  /// Keeps the vocabulary. Of merges of one pair the last counts. Error: not_found where it lacks the unknown token.
  [[nodiscard]] static result<bpe> make(std::shared_ptr<const vocabulary> words, std::span<const bpe_merge> merges,
                                        bpe_settings settings);

  /// Calls `each(id, begin, end)` for the tokens of every word, with byte ranges in `text`; several may stand for one
  /// character. Precondition: well-formed UTF-8, no word empty, at most `most_words` of them.
  template <class Each>
  void tokenize(std::string_view text, std::span<const word_range> words, word_cache& cache, scratch& work,
                Each&& each) const {
    const auto cut_word = [&](std::string_view word, auto&& sink) {
      std::size_t begin = 0;
      for (const auto [id, end] : cut(word, work)) {
        sink(id, begin, std::size_t{end});
        begin = end;
      }
    };
    if (!splits_before_mark_) return detail::for_each_cached(text, words, known_, cache, cut_word, each);
    // No merge joins what stands before a blank's mark with the mark: each such part is a word of its own.
    std::array<word_range, most_words> parts;
    std::size_t count = 0;
    const auto flush = [&] {
      detail::for_each_cached(text, std::span<const word_range>(parts).first(count), known_, cache, cut_word, each);
      count = 0;
    };
    for (const word_range& word : words) {
      for (std::size_t begin = word.begin; begin < word.end;) {
        const std::size_t end = part_end(text, begin, word.end);
        parts[count++] = {begin, end};
        begin = end;
        if (count == most_words) flush();
      }
    }
    flush();
  }

  /// The tokens of one word, in order.
  [[nodiscard]] std::span<const bpe_scratch::piece> cut(std::string_view word, scratch& work) const;

  [[nodiscard]] std::optional<token_id> unknown() const noexcept { return unknown_; }
  [[nodiscard]] const vocabulary& words() const noexcept { return *words_; }
  [[nodiscard]] const bpe_settings& settings() const noexcept { return settings_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  static constexpr std::size_t few = 40;
  static constexpr token_id none = std::numeric_limits<token_id>::max();
  static constexpr std::string_view mark = "\u2581";

  /// Where a part that begins at `begin` ends: before the next mark that does not follow a mark.
  [[nodiscard]] static std::size_t part_end(std::string_view text, std::size_t begin, std::size_t end) noexcept {
    std::size_t at = begin;
    while (at < end && text.substr(at, mark.size()) == mark) at += mark.size();
    if (at >= end) return end;
    const std::size_t next = text.substr(0, end).find(mark, at);
    return next == std::string_view::npos ? end : next;
  }

  void split_bytes(std::string_view word, scratch& work) const;
  void split_characters(std::string_view word, scratch& work) const;
  void merge_few(std::vector<bpe_scratch::piece>& pieces) const;
  void merge_many(scratch& work) const;
  void put_unknown(std::string_view bytes, std::uint32_t begin, bool fused, scratch& work) const;
  [[nodiscard]] bool cut_apart(std::string_view word, scratch& work) const;
  void find_known(std::span<const bpe_merge> merges);

  std::shared_ptr<const vocabulary> words_;
  bpe_settings settings_;
  merge_rules rules_;
  std::array<token_id, 256> bytes_{};  // of the byte alphabet, or the fallback tokens
  std::vector<token_id> characters_;   // of the first plane
  word_table known_;                   // short words that become one token
  trie whole_;                         // of settings_.whole
  trie stable_;                        // stable tokens (text/merge_rules.hpp); empty where words are always merged
  std::size_t longest_ = 0;            // bytes of one of them; 0: none
  std::optional<token_id> unknown_;
  std::uint64_t number_ = 0;
  bool splits_before_mark_ = false;
  bool unknown_splits_ = false;  // an unknown character is tokens of its own, which never merge
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/bpe-inl.hpp>
#endif
