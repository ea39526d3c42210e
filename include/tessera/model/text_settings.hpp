// SPDX-License-Identifier: Apache-2.0
/// How a model treats its texts: its tokenizer, their limit, its prompts and tasks, as its directory says.
///
///     encoder.settings().prompt("query")   // expected<string_view, error>: "Represent this sentence for searching relevant passages: "
#pragma once

#include <tessera/model/directory.hpp>
#include <tessera/text/tokenizer.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// A prompt's text, and the tokens at the beginning of a text behind it that pooling leaves out.
struct counted_prompt {
  std::string text;
  std::size_t tokens;
};

/// How a model treats its texts; fixed when it is loaded.
struct text_settings {
  std::optional<tokenizer> tokens = {};  ///< none where the model was loaded for ready tokens only
  std::size_t max_tokens = 0;  ///< of one text, special tokens included
  bool special_tokens = true;  ///< of the tokenizer, around each text
  std::optional<token_id> left_out = {};  ///< a token that no text is given
  bool lower_case = false;
  bool pool_prompt = true;     ///< false: the prompt's tokens are left out of the pooling
  std::string beginning = {};  ///< what every text begins with that this model is given: the question of some rerankers
  std::vector<std::pair<std::string, std::string>> prompts = {};
  std::optional<std::string> default_prompt = {};
  std::vector<model_task> tasks = {};  ///< of a model with adapters, by their number
  std::vector<counted_prompt> counted = {};  ///< where prompts are not pooled: all of them, those of tasks included

  /// The text behind a name, "" for none. Error: not_found, listing the known names.
  [[nodiscard]] result<std::string_view> prompt(std::optional<std::string_view> name) const;
  /// The number of a task. Error: not_found, listing the known names.
  [[nodiscard]] result<std::uint32_t> task(std::string_view name) const;
  /// Fills `counted` where prompts are not pooled. Errors: those of the tokenizer.
  [[nodiscard]] result<> count_prompts();
  /// Tokens that pooling leaves out behind this prompt.
  [[nodiscard]] std::size_t left_out_by(std::string_view prompt) const noexcept;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/text_settings-inl.hpp>
#endif
