// SPDX-License-Identifier: Apache-2.0
/// Added tokens: strings that are found in the text before any model sees it, such as "[MASK]" or "<|endoftext|>".
///
/// Tokens with `normalized` false are searched in the text as given, the others (their normalised form) in the
/// normalised pieces between. At each place the longest token wins, matches do not overlap, and a match that
/// single_word discards still consumes its text: the reference's rules.
#pragma once

#include <tessera/text/added_token.hpp>
#include <tessera/text/normalizer.hpp>
#include <tessera/text/trie.hpp>
#include <tessera/text/vocabulary.hpp>

#include <algorithm>
#include <bitset>

namespace tessera::inline TESSERA_ABI {

/// A search for some added tokens at once.
class added_token_finder {
 public:
  added_token_finder() = default;
  /// `patterns[i]` is what to search for tokens[i]. Precondition: no pattern twice, none empty.
  added_token_finder(std::vector<added_token> tokens, std::span<const std::string_view> patterns);

  [[nodiscard]] bool empty() const noexcept { return tokens_.empty(); }

  /// Calls `each(token, begin, end)` for every piece of `text` in order: token is null for text between tokens. `each`
  /// returns false to stop. Precondition: well-formed UTF-8.
  template <class Each>
  void for_each_piece(std::string_view text, Each&& each) const {
    std::size_t done = 0;
    for (std::size_t at = next_start(text, 0); at < text.size(); at = next_start(text, at)) {
      const trie::match found = patterns_.longest(text.substr(at));
      if (found.value == trie::no_value) {
        ++at;
        continue;
      }
      const added_token& token = tokens_[found.value];
      std::size_t begin = at;
      std::size_t end = at + found.length;
      at = end;
      if (token.single_word && (ends_with_word(text.substr(0, begin)) || starts_with_word(text.substr(end)))) continue;
      if (token.lstrip) begin = std::max(before_space(text, begin), done);
      if (token.rstrip) end = after_space(text, end);
      if (end <= begin) continue;  // blanks that the token before it has taken
      if (done < begin && !each(static_cast<const added_token*>(nullptr), done, begin)) return;
      if (!each(&token, begin, end)) return;
      done = end;
    }
    if (done < text.size()) each(static_cast<const added_token*>(nullptr), done, text.size());
  }

 private:
  /// The first place from `at` where a token may start.
  [[nodiscard]] std::size_t next_start(std::string_view text, std::size_t at) const noexcept {
    if (at >= text.size() || tokens_.empty()) return text.size();
    if (only_start_) {
      const void* found = std::memchr(text.data() + at, *only_start_, text.size() - at);
      return found == nullptr ? text.size() : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
    }
    while (at < text.size() && !starts_[static_cast<unsigned char>(text[at])]) ++at;
    return at;
  }
  [[nodiscard]] static bool ends_with_word(std::string_view text) noexcept;
  [[nodiscard]] static bool starts_with_word(std::string_view text) noexcept;
  [[nodiscard]] static std::size_t before_space(std::string_view text, std::size_t end) noexcept;
  [[nodiscard]] static std::size_t after_space(std::string_view text, std::size_t begin) noexcept;

  std::vector<added_token> tokens_;
  trie patterns_;
  std::bitset<256> starts_;
  std::optional<unsigned char> only_start_;  // most files have tokens in brackets only: memchr passes the rest
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/added_tokens-inl.hpp>
#endif
