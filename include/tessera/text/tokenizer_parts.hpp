// SPDX-License-Identifier: Apache-2.0
/// What a tokenizer is made of: the readers of file formats fill it in, `tokenizer::make` makes a tokenizer of it.
///
///     ts::tokenizer_parts parts{.normalize = ts::bert_normalizer{}, .split = ts::bert_pre_tokenizer{}, .model = words};
///
/// normalize, then split into words, then the model's tokens, then the special tokens of `process`; `join` is the way
/// back.
#pragma once

#include <tessera/text/added_tokens.hpp>
#include <tessera/text/bpe.hpp>
#include <tessera/text/decoder.hpp>
#include <tessera/text/padding.hpp>
#include <tessera/text/post_processor.hpp>
#include <tessera/text/pre_tokenizer.hpp>
#include <tessera/text/truncate.hpp>
#include <tessera/text/unigram.hpp>
#include <tessera/text/word_level.hpp>
#include <tessera/text/wordpiece.hpp>

namespace tessera::inline TESSERA_ABI {

using token_model = std::variant<wordpiece, bpe, unigram, word_level>;

struct tokenizer_parts {
  normalizer normalize = no_normalizer{};
  pre_tokenizer split = no_pre_tokenizer{};
  token_model model;
  template_processor process = {};
  decoder join = space_decoder{};
  std::vector<added_token> added = {};
  std::optional<truncation_settings> truncation = {};
  std::optional<padding_settings> padding = {};
};

}  // namespace tessera::inline TESSERA_ABI
