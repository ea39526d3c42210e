// SPDX-License-Identifier: Apache-2.0
/// WordPiece: a word is cut from the left into the longest tokens that the vocabulary has, or is unknown as a whole.
///
///     model.tokenize(text, words, each);         // "embeddings": each(7861, 0, 2) "em", each(8270, 2, 5) "##bed", ...
///
/// Schuster and Nakajima 2012, in the form of BERT: tokens inside a word carry a prefix in the vocabulary ("##"). A word that is
/// a token is found by one look-up; others walk two tries, one for the first token and one for the tokens inside.
#pragma once

#include <tessera/text/pre_tokenizer.hpp>
#include <tessera/text/trie.hpp>
#include <tessera/text/utf8.hpp>
#include <tessera/text/vocabulary.hpp>
#include <tessera/text/word_table.hpp>

#include <algorithm>
#include <array>
#include <memory>
#include <span>
#include <utility>

namespace tessera::inline TESSERA_ABI {

struct wordpiece_settings {
  std::string unknown_token = "[UNK]";
  std::string continuing_prefix = "##";
  std::size_t longest_word = 100;  ///< code points; a longer word is unknown
};

class wordpiece {
 public:
  /// Keeps the vocabulary. Errors: not_found where it lacks the unknown token.
  [[nodiscard]] static result<wordpiece> make(std::shared_ptr<const vocabulary> words, wordpiece_settings settings);

  /// Calls `each(id, begin, end)` for the tokens of every word, with byte ranges in `text`. Precondition: well-formed UTF-8, no
  /// word empty, at most `most_words` of them.
  template <class Each>
  void tokenize(std::string_view text, std::span<const word_range> words, Each&& each) const {
    TESSERA_ASSERT(words.size() <= most_words);
    struct asked {
      word_table::key key;
      std::size_t place = 0;
    };
    std::array<asked, most_words> known;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if (words[i].size() > most_bytes_known_) continue;
      known[i].key = word_table::load(text, words[i].begin, words[i].end);
      known[i].place = known_.ask(known[i].key);
    }
    for (std::size_t i = 0; i < words.size(); ++i) {
      const word_range word = words[i];
      const std::uint32_t whole =
          word.size() <= most_bytes_known_ ? known_.find(known[i].key, known[i].place) : word_table::none;
      if (whole != word_table::none) each(whole, word.begin, word.end);
      else cut(text.substr(word.begin, word.size()), word.begin, each);
    }
  }

  [[nodiscard]] token_id unknown() const noexcept { return unknown_; }
  [[nodiscard]] const vocabulary& words() const noexcept { return *words_; }
  [[nodiscard]] const wordpiece_settings& settings() const noexcept { return settings_; }

 private:
  [[nodiscard]] static std::size_t code_points(std::string_view text) noexcept {
    return static_cast<std::size_t>(
        std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
  }
  /// A word that is no token. All of its tokens must exist before one may be reported: the first ones wait in `pieces`, and of a
  /// word with more the rest is walked twice.
  template <class Each>
  void cut(std::string_view word, std::size_t shift, Each&& each) const {
    constexpr std::size_t most = 32;
    std::array<std::pair<token_id, std::size_t>, most> pieces;
    std::size_t count = 0;
    const bool too_long = word.size() > settings_.longest_word && code_points(word) > settings_.longest_word;
    if (too_long || !for_each_piece(word, [&](token_id id, std::size_t, std::size_t end) {
          if (count < most) pieces[count] = {id, end};
          ++count;
        }))
      return each(unknown_, shift, shift + word.size());
    if (count > most) {
      for_each_piece(word,
                     [&](token_id id, std::size_t begin, std::size_t end) { each(id, shift + begin, shift + end); });
      return;
    }
    std::size_t begin = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const auto [id, end] = pieces[i];
      each(id, shift + begin, shift + end);
      begin = end;
    }
  }
  /// The greedy walk. False where it ends before the word does.
  template <class Each>
  bool for_each_piece(std::string_view word, Each&& each) const {
    for (std::size_t at = 0; at < word.size();) {
      const trie::match next = (at == 0 ? starts_ : insides_).longest(word.substr(at));
      if (next.length == 0) return false;
      each(next.value, at, at + next.length);
      at += next.length;
    }
    return true;
  }

  std::shared_ptr<const vocabulary> words_;
  wordpiece_settings settings_;
  word_table known_;                  // short tokens as whole words
  std::size_t most_bytes_known_ = 0;  // the longest word that may be looked up there
  trie starts_;                       // all tokens
  trie insides_;                      // those with the continuing prefix, without it: few, so that they stay in cache
  token_id unknown_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/wordpiece-inl.hpp>
#endif
