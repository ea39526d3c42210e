// SPDX-License-Identifier: Apache-2.0
/// Decoders: from tokens back to a text.
///
///     "em", "##bed", "##ding", "!"  ->  "embedding!"
///     "▁Hello", "<0xE2>", "<0x82>", "<0xAC>"  ->  "Hello€"
///
/// Each step is a type with the settings of tokenizer.json and changes the list of tokens; what is left is joined. What
/// a step cannot know (case, accents, spaces) stays lost.
#pragma once

#include <tessera/text/pattern.hpp>

#include <concepts>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// WordPiece: tokens with the prefix continue the word before them, others follow after a space; cleanup undoes the
/// spaces that splitting put before punctuation and English contractions.
struct wordpiece_decoder {
  std::string prefix = "##";
  bool cleanup = true;

  void append(std::string& text, std::string_view token, bool is_first) const;
};

/// Without a decoder, tokens are joined by spaces.
struct space_decoder {};

/// ByteLevel: characters of the byte alphabet become their bytes; what is not UTF-8 then becomes U+FFFD.
struct byte_level_decoder {};
/// ByteFallback: tokens "<0x00>" to "<0xFF>" in a row become their text, or U+FFFD each where they are none.
struct byte_fallback_decoder {};
/// Metaspace: the mark becomes a blank, or nothing in the first token.
struct metaspace_decoder {
  std::string replacement = "\u2581";
  bool drops_first = true;
};
/// Replace: every match of a pattern in a token.
struct replace_decoder {
  text_pattern pattern;
  std::string content;
};
/// Strip: up to so many characters at the ends of each token.
struct strip_decoder {
  std::string content = " ";  ///< one character
  std::size_t start = 0, stop = 0;
};
/// Fuse: all tokens become one.
struct fuse_decoder {};
/// BPEDecoder: the suffix of words becomes a blank, at the end nothing.
struct suffix_decoder {
  std::string suffix = "</w>";
};

/// CTC: of equal tokens in a row one is left, the padding token nothing; cleanup is WordPiece's and makes the delimiter a
/// blank.
struct ctc_decoder {
  std::string pad_token = "<pad>";
  std::string word_delimiter = "|";
  bool cleanup = true;
};

using decoder_step =
    std::variant<space_decoder, wordpiece_decoder, byte_level_decoder, byte_fallback_decoder, metaspace_decoder,
                 replace_decoder, strip_decoder, fuse_decoder, suffix_decoder, ctc_decoder>;

struct decoder {
  std::vector<decoder_step> steps = {};

  decoder() = default;
  template <class Step>
    requires std::constructible_from<decoder_step, Step> && (!std::same_as<std::remove_cvref_t<Step>, decoder>)
  decoder(Step&& step) : steps(1, decoder_step(std::forward<Step>(step))) {}

  /// The text of tokens.
  [[nodiscard]] std::string decode(std::vector<std::string> tokens) const;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/decoder-inl.hpp>
#endif
