// SPDX-License-Identifier: Apache-2.0
/// Unigram: the cut of a word into tokens whose scores sum to the most.
///
///     model.tokenize(text, words, cache, scratch, each);       // "▁tokens": each(id of "▁token", 0, 8), each(id of "s", 8, 9)
///
/// Kudo 2018; Viterbi over the tokens that begin at each character: O(bytes of the word * longest token). A character
/// that is no token costs the lowest score less 10; such characters in a row are one unknown token, or the tokens
/// "<0x00>" to "<0xFF>" of their bytes.
#pragma once

#include <tessera/text/cached_words.hpp>
#include <tessera/text/trie.hpp>
#include <tessera/text/vocabulary.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct unigram_settings {
  static constexpr double unknown_penalty = 10.0;  ///< an unknown character costs so much more than any token

  std::optional<token_id> unknown = {};  ///< unset: a text with an unknown character is an error
  bool byte_fallback = false;
  /// What an unknown character costs; unset: the lowest score of all tokens less 10.
  std::optional<double> unknown_score = {};
  bool single_precision = false;   ///< sums are rounded to float, as sentencepiece does
  std::vector<token_id> hidden = {};  ///< tokens that are never found in text (control tokens of sentencepiece)
};

/// Working memory, reused from call to call.
struct unigram_scratch {
  struct node {
    double score;  // of the best cut that ends here
    std::uint32_t start;
    token_id id;
  };
  struct piece {
    token_id id;
    std::uint32_t begin, end;
  };
  std::vector<node> nodes;
  std::vector<piece> pieces;
  bool lacks_unknown = false;  // set where a character was unknown and the model has no token for that
};

class unigram {
 public:
  using scratch = unigram_scratch;

  /// Keeps the vocabulary. `scores` are those of (*words)[i]. Errors: invalid_argument (an unknown token that is no
  /// id), not_finite.
  [[nodiscard]] static result<unigram> make(std::shared_ptr<const vocabulary> words, std::vector<double> scores,
                                            unigram_settings settings);

  /// Calls `each(id, begin, end)` for the tokens of every word, with byte ranges in `text`. Precondition: well-formed
  /// UTF-8, no word empty, at most `most_words` of them.
  template <class Each>
  void tokenize(std::string_view text, std::span<const word_range> words, word_cache& cache, scratch& work,
                Each&& each) const {
    detail::for_each_cached(
        text, words, known_, cache,
        [&](std::string_view word, auto&& sink) {
          for (const unigram_scratch::piece& p : cut(word, work)) sink(p.id, p.begin, p.end);
        },
        each);
  }

  /// The tokens of one word, in order.
  [[nodiscard]] std::span<const unigram_scratch::piece> cut(std::string_view word, scratch& work) const;

  [[nodiscard]] std::optional<token_id> unknown() const noexcept { return settings_.unknown; }
  [[nodiscard]] const vocabulary& words() const noexcept { return *words_; }
  [[nodiscard]] const unigram_settings& settings() const noexcept { return settings_; }
  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }

 private:
  void put(std::string_view word, std::uint32_t begin, std::uint32_t end, scratch& work) const;
  template <bool Single>
  void find_best(std::string_view word, scratch& work) const;

  std::shared_ptr<const vocabulary> words_;
  unigram_settings settings_;
  word_table known_;           // none: what a token becomes is found out when it comes
  trie tokens_;                // its values are places in `scores_` and `ids_`
  std::vector<double> scores_;
  std::vector<token_id> ids_;
  double unknown_score_ = 0;
  std::uint64_t number_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/unigram-inl.hpp>
#endif
