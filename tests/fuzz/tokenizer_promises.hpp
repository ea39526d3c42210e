// SPDX-License-Identifier: Apache-2.0
/// What every tokenizer promises, whatever file it was read from.
#pragma once

#include <tests/fuzz/target.hpp>

#include <tessera/text/tokenizer.hpp>

#include <string>

namespace ts = tessera;

namespace tessera_fuzz {

inline void check(const ts::tokenizer& tokenizer, std::string_view text, const ts::encode_options& options) {
  const auto encoding = tokenizer.encode(text, options);
  if (!encoding) {
    promise(!encoding.error().message().empty(), "an error says something");
    return;
  }
  const std::size_t count = encoding->size();
  promise(encoding->offsets.size() == count && encoding->type_ids.size() == count &&
                            encoding->special_tokens_mask.size() == count,
                        "the lists of an encoding have one length");
  promise(!options.max_length || count <= *options.max_length, "no more tokens than max_length");
  for (std::size_t i = 0; i < count; ++i) {
    promise(encoding->ids[i] < tokenizer.vocabulary_size(), "ids lie below the size of the vocabulary");
    const auto range = encoding->offsets[i];
    promise(range.begin <= range.end && range.end <= text.size(), "offsets lie within the text");
  }
  // A template may name ids that the vocabulary skips: encode gives them, as the reference does, and decode says that
  // they are no token.
  const auto decoded = tokenizer.decode(encoding->ids, false);
  promise(decoded.has_value() || decoded.error().code == ts::error_code::not_found,
                        "ids are decoded or said to be no token");
}

/// On texts of everybody's and on one of the input's own.
inline void check_tokenizer(const ts::tokenizer& tokenizer, std::string_view own) {
  for (const std::string_view sample :
       {std::string_view(), std::string_view("Hello, w\u00f6rld! \u4f60\u597d [SEP] [MASK]x 1e9  aaaaaaa\u0000"), own}) {
    check(tokenizer, sample, {});
    check(tokenizer, sample, {.add_special_tokens = false});
    check(tokenizer, sample, {.max_length = 8, .stride = 2, .overflowing = true});
  }
}

}  // namespace tessera_fuzz
