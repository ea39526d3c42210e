// SPDX-License-Identifier: Apache-2.0
/// Post-processing: which special tokens stand around a text or a pair, and which type each part has.
///
///     [CLS] $A [SEP]                 for one text
///     [CLS] $A [SEP] $B:1 [SEP]:1    for a pair
///
/// TemplateProcessing, BertProcessing and RobertaProcessing of tokenizer.json, and the absence of them, are all such
/// templates. ByteLevel as a post-processor, alone or before a template, takes blanks at the ends of tokens out of
/// their offsets.
#pragma once

#include <tessera/text/vocabulary.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

struct template_piece {
  enum class kind : std::uint8_t { first, second, special };
  kind what = kind::first;
  std::uint32_t type_id = 0;
  std::vector<token_id> ids = {};  ///< of a special piece
};

struct template_processor {
  /// Blanks taken out of offsets: none, all, or all but the one that the pre-tokeniser may have put before the first
  /// word.
  enum class trim : std::uint8_t { none, all, all_but_prefix };

  std::vector<template_piece> single{{.what = template_piece::kind::first}};
  std::vector<template_piece> pair{{.what = template_piece::kind::first},
                                   {.what = template_piece::kind::second, .type_id = 1}};
  trim trims_blanks = trim::none;

  [[nodiscard]] const std::vector<template_piece>& pieces(bool with_pair) const noexcept {
    return with_pair ? pair : single;
  }
  /// Special tokens put in.
  [[nodiscard]] std::size_t added(bool with_pair) const noexcept {
    std::size_t count = 0;
    for (const template_piece& piece : pieces(with_pair)) count += piece.ids.size();
    return count;
  }
};

}  // namespace tessera::inline TESSERA_ABI
