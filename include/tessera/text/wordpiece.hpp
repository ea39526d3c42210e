// SPDX-License-Identifier: Apache-2.0
/// WordPiece: a word is cut from the left into the longest tokens that the vocabulary has, or is unknown as a whole.
///
///     model.tokenize("embeddings", each);        // each(id, begin, end): 7861 "em" [0, 2), 8270 "##bed" [2, 5), ...
///
/// Schuster and Nakajima 2012, in the form of BERT: tokens inside a word carry a prefix in the vocabulary ("##"). The vocabulary is one
/// trie; the prefix is walked once, when the model is made, so that a token costs one load a byte and nothing is copied.
#pragma once

#include <tessera/text/trie.hpp>
#include <tessera/text/utf8.hpp>
#include <tessera/text/vocabulary.hpp>

#include <algorithm>
#include <memory>

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

  /// Calls `each(id, begin, end)` for the tokens of `word`, with byte ranges in it. Precondition: well-formed UTF-8, not empty.
  template <class Each>
  void tokenize(std::string_view word, Each&& each) const {
    if (word.size() > settings_.longest_word && code_points(word) > settings_.longest_word) {
      each(unknown_, std::size_t{0}, word.size());
      return;
    }
    // The first token usually is the whole word. Where later ones are needed, all must exist before one may be reported.
    const trie::match first = pieces_.longest(word);
    if (first.length == word.size()) {
      each(first.value, std::size_t{0}, word.size());
      return;
    }
    if (!covers(word, first.length)) {
      each(unknown_, std::size_t{0}, word.size());
      return;
    }
    each(first.value, std::size_t{0}, first.length);
    for (std::size_t at = first.length; at < word.size();) {
      const trie::match next = pieces_.longest(word.substr(at), inside_);
      each(next.value, at, at + next.length);
      at += next.length;
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
  /// Whether tokens cover the word from `at` on, `at` not 0.
  [[nodiscard]] bool covers(std::string_view word, std::size_t at) const noexcept {
    if (at == 0 || inside_ == trie::no_value) return false;
    while (at < word.size()) {
      const std::size_t length = pieces_.longest(word.substr(at), inside_).length;
      if (length == 0) return false;
      at += length;
    }
    return true;
  }

  std::shared_ptr<const vocabulary> words_;
  wordpiece_settings settings_;
  trie pieces_;
  trie::node inside_ = trie::no_value;  // the node of the continuing prefix, or no_value where no token has it
  token_id unknown_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/wordpiece-inl.hpp>
#endif
