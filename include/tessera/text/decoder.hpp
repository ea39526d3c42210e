// SPDX-License-Identifier: Apache-2.0
/// Decoders: from tokens back to a text.
///
///     "em", "##bed", "##ding", "!"  ->  "embedding!"
///
/// A decoder is fed token by token and appends to the text; what it cannot know (case, accents, spaces) stays lost.
#pragma once

#include <tessera/base/config.hpp>

#include <string>
#include <string_view>
#include <variant>

namespace tessera::inline TESSERA_ABI {

/// WordPiece: tokens with the prefix continue the word before them, others follow after a space; cleanup undoes the spaces that
/// splitting put before punctuation and English contractions.
struct wordpiece_decoder {
  std::string prefix = "##";
  bool cleanup = true;

  void append(std::string& text, std::string_view token, bool is_first) const;
};

/// Without a decoder, tokens are joined by spaces.
struct space_decoder {
  void append(std::string& text, std::string_view token, bool is_first) const;
};

using decoder = std::variant<space_decoder, wordpiece_decoder>;

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/decoder-inl.hpp>
#endif
