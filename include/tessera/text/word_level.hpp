// SPDX-License-Identifier: Apache-2.0
/// WordLevel: a word is a token or unknown.
///
///     model.tokenize(text, words, each);         // "hello": each(1, 0, 5)
#pragma once

#include <tessera/text/split_behavior.hpp>
#include <tessera/text/vocabulary.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace tessera::inline TESSERA_ABI {

class word_level {
 public:
  /// Keeps the vocabulary. Where it lacks the unknown token, a text with an unknown word is an error.
  word_level(std::shared_ptr<const vocabulary> words, std::string_view unknown_token)
      : words_(std::move(words)), unknown_(words_->id_of(unknown_token)) {}

  /// Calls `each(id, begin, end)` for every word; false, leaving it out, where one is unknown and the model has no token
  /// for that.
  template <class Each>
  [[nodiscard]] bool tokenize(std::string_view text, std::span<const word_range> words, Each&& each) const {
    bool all = true;
    for (const word_range word : words) {
      std::optional<token_id> id = words_->id_of(text.substr(word.begin, word.size()));
      if (!id) id = unknown_;
      if (id) each(*id, word.begin, word.end);
      all = all && id;
    }
    return all;
  }

  [[nodiscard]] std::optional<token_id> unknown() const noexcept { return unknown_; }
  [[nodiscard]] const vocabulary& words() const noexcept { return *words_; }

 private:
  std::shared_ptr<const vocabulary> words_;
  std::optional<token_id> unknown_;
};

}  // namespace tessera::inline TESSERA_ABI
