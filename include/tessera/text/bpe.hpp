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

#include <algorithm>
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
  std::string marked;  // a word with marks for its blanks
  std::string front;   // the first word of a text behind a blank
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
        sink(id, std::min<std::size_t>(begin, end - 1), std::size_t{end});  // at the end of a word several may share a byte
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

  /// From now on this model also reads texts as they are, where a normaliser would write a mark for each blank and, if `prefixed`, one
  /// before the text. False, and nothing changes, where a text cannot be cut between any two bytes that no token has side by side.
  [[nodiscard]] bool read_blanks(bool prefixed);
  /// Whether it reads this text so: one with a mark of its own beside a blank is left to the normaliser.
  [[nodiscard]] bool reads_blanks(std::string_view text) const noexcept {
    if (joined_.empty()) return false;
    for (std::size_t at = text.find(mark); at != std::string_view::npos; at = text.find(mark, at + mark.size())) {
      const std::size_t end = at + mark.size();
      if (at == 0 ? prefixed_ : text[at - 1] == ' ') return false;
      if (end < text.size() && text[end] == ' ') return false;
    }
    return true;
  }
  /// Calls `each(id, begin, end)` for the tokens of such a text, with byte ranges in it, until `more()` is false; several may stand for
  /// one character.
  template <class Each, class More>
  void tokenize_blanks(std::string_view text, word_cache& cache, scratch& work, Each&& each, More&& more) const;

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

  /// Whether a token has these two bytes side by side, a blank standing for the mark.
  [[nodiscard]] bool joined(char first, char second) const noexcept {
    const auto pair = static_cast<std::size_t>(static_cast<unsigned char>(first)) << 8U | static_cast<unsigned char>(second);
    return (joined_[pair / 64] >> pair % 64 & 1U) != 0;
  }
  [[nodiscard]] std::size_t joined_end(std::string_view text, std::size_t begin) const noexcept {
    std::size_t at = begin + 1;
    while (at < text.size() && joined(text[at - 1], text[at])) ++at;
    return at;
  }
  /// Calls sink(id, begin, end) for the tokens of a word that may begin with blanks and has none behind them.
  template <class Sink>
  void cut_blanks(std::string_view word, scratch& work, Sink&& sink) const;

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
  std::vector<std::uint64_t> joined_;  // a bit for two bytes; empty where blanks are not read
  bool prefixed_ = false;
  bool splits_before_mark_ = false;
  bool unknown_splits_ = false;  // an unknown character is tokens of its own, which never merge
};

template <class Sink>
void bpe::cut_blanks(std::string_view word, scratch& work, Sink&& sink) const {
  const std::size_t blanks = std::min(word.find_first_not_of(' '), word.size());
  std::string_view marked = word;
  if (blanks != 0) {
    work.marked.clear();
    for (std::size_t i = 0; i < blanks; ++i) work.marked += mark;
    marked = work.marked += word.substr(blanks);
  }
  const auto place = [&](std::size_t at) {
    return at < blanks * mark.size() ? at / mark.size() : at - blanks * (mark.size() - 1);
  };
  std::size_t begin = 0;
  for (const auto [id, end] : cut(marked, work)) {
    sink(id, place(begin), place(end));
    begin = end;
  }
}

template <class Each, class More>
void bpe::tokenize_blanks(std::string_view text, word_cache& cache, scratch& work, Each&& each, More&& more) const {
  if (text.empty()) return;
  const auto cut_word = [&](std::string_view word, auto&& sink) { cut_blanks(word, work, sink); };
  std::size_t at = 0;
  if (prefixed_) {
    if (joined(' ', text.front())) at = joined_end(text, 0);
    work.front.assign(1, ' ') += text.substr(0, at);
    const word_range whole{0, work.front.size()};
    detail::for_each_cached(work.front, std::span(&whole, 1), known_, cache, cut_word,
                            [&](token_id id, std::size_t begin, std::size_t end) {
                              // The mark alone stands for the character that it was put before.
                              each(id, begin == 0 ? 0 : begin - 1, end == 1 ? utf8_size(text.front()) : end - 1);
                            });
  }
  std::array<word_range, most_words> words;
  while (at < text.size() && more()) {
    std::size_t count = 0;
    while (at < text.size() && count < most_words) {
      const std::size_t end = joined_end(text, at);
      words[count++] = {at, end};
      at = end;
    }
    detail::for_each_cached(text, std::span<const word_range>(words).first(count), known_, cache, cut_word, each);
  }
}

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/bpe-inl.hpp>
#endif
