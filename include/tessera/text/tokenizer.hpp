// SPDX-License-Identifier: Apache-2.0
/// A tokenizer: texts to token ids with their places in the text, and back.
///
///     auto tokenizer = ts::tokenizer::open("models/all-MiniLM-L6-v2");        // also tokenizer.json, vocab.txt, a GGUF file
///     auto encoding = tokenizer->encode("a text", {.max_length = 256});       // result<encoding>
///     auto text = tokenizer->decode(encoding->ids);                           // "a text"
///
/// Immutable: every call is const and safe from many threads; copies share one model. Ids, offsets and texts are those
/// of the Hugging Face reference for the same file. `encode_into` reuses an encoding and allocates nothing when warm.
/// Truncation happens by `max_length` only; what the file says about truncation and padding is data for the caller.
#pragma once

#include <tessera/base/result.hpp>
#include <tessera/text/added_token.hpp>
#include <tessera/text/encoding.hpp>
#include <tessera/text/padding.hpp>
#include <tessera/text/truncate.hpp>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct tokenizer_parts;  // text/tokenizer_parts.hpp

struct encode_options {
  bool add_special_tokens = true;
  std::optional<std::size_t> max_length = {};  ///< tokens in all, the special ones included; unset: no limit
  truncation_strategy strategy = truncation_strategy::longest_first;
  text_side direction = text_side::right;  ///< the side that is cut
  std::size_t stride = 0;                  ///< tokens that an overflowing window shares with the one before it
  bool overflowing = false;                ///< also make the windows of what was cut off
};

class tokenizer {
 public:
  /// Reads a tokenizer.json, a sentencepiece .model, a vocab.txt, a GGUF file, or a directory with one of the first
  /// three. Errors: not_found, io, malformed, unsupported (naming what the file asks for and where it stands).
  [[nodiscard]] static result<tokenizer> open(std::string_view path);
  /// Errors: malformed where added tokens contradict each other or the vocabulary.
  [[nodiscard]] static result<tokenizer> make(tokenizer_parts parts);

  /// Errors: invalid_text (with the byte offset), too_long (4 GiB, or a strategy that cannot cut enough),
  /// invalid_argument (max_length below the special tokens; stride), unsupported (a text too costly for the file's
  /// regular expression, or with a character that the model has no token for).
  [[nodiscard]] result<encoding> encode(std::string_view text, const encode_options& options = {}) const;
  [[nodiscard]] result<encoding> encode(std::string_view text, std::string_view pair,
                                        const encode_options& options = {}) const;
  /// The same into `out`, whose memory is reused. After an error `out` holds nothing of use.
  [[nodiscard]] result<> encode_into(std::string_view text, const encode_options& options, encoding& out) const;
  [[nodiscard]] result<> encode_into(std::string_view text, std::string_view pair, const encode_options& options,
                                     encoding& out) const;

  /// The text of tokens. Error: not_found for an id that is no token.
  [[nodiscard]] result<std::string> decode(std::span<const token_id> ids, bool skip_special = true) const;

  [[nodiscard]] std::optional<token_id> id_of(std::string_view token) const noexcept;
  [[nodiscard]] std::optional<std::string_view> token_of(token_id id) const noexcept;
  /// Highest id that encode can give or decode accepts, + 1: what a model's embedding table must hold.
  [[nodiscard]] std::size_t vocabulary_size() const noexcept;
  [[nodiscard]] bool is_special(token_id id) const noexcept;

  /// Whether it is one of `added_tokens()`.
  [[nodiscard]] bool is_added(token_id id) const noexcept;

  /// The token of what is in no vocabulary, where the model has one.
  [[nodiscard]] std::optional<token_id> unknown_id() const noexcept;
  /// The first special token of one text ([CLS], <s>) and the last ([SEP], </s>), where the template has them.
  [[nodiscard]] std::optional<token_id> begin_id() const noexcept;
  [[nodiscard]] std::optional<token_id> end_id() const noexcept;
  /// The file's padding id, else the token "[PAD]" or "<pad>".
  [[nodiscard]] std::optional<token_id> padding_id() const noexcept;

  /// What the file says, never applied by encode.
  [[nodiscard]] const std::optional<truncation_settings>& truncation() const noexcept;
  [[nodiscard]] const std::optional<padding_settings>& padding() const noexcept;
  [[nodiscard]] const std::vector<added_token>& added_tokens() const noexcept;
  /// Special tokens that encode adds.
  [[nodiscard]] std::size_t special_tokens_added(bool with_pair = false) const noexcept;
  [[nodiscard]] const tokenizer_parts& parts() const noexcept;

 private:
  struct state;
  explicit tokenizer(std::shared_ptr<const state> made) noexcept : state_(std::move(made)) {}
  [[nodiscard]] result<> encode_whole(std::string_view text, const std::string_view* pair,
                                      const encode_options& options, encoding& out) const;
  [[nodiscard]] result<> encode_pieces(std::string_view text, const std::string_view* pair,
                                       const encode_options& options, encoding& out) const;

  std::shared_ptr<const state> state_;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/tokenizer-inl.hpp>
#endif
