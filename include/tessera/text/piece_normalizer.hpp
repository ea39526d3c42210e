// SPDX-License-Identifier: Apache-2.0
/// The normaliser of sentencepiece: a character map by longest match, runs of blanks, the blank before the first word,
/// and "▁" for blanks.
///
///     ts::piece_normalizer{}.normalize({"  Hello   world "}, out);      // "▁Hello▁world"
///
/// sentencepiece's normalizer.cc. Byte by byte the text knows where it came from: what a key of the map became stands
/// for the key.
#pragma once

#include <tessera/text/charsmap.hpp>
#include <tessera/text/normalized.hpp>
#include <tessera/text/trie.hpp>

#include <memory>
#include <optional>

namespace tessera::inline TESSERA_ABI {

struct piece_normalizer {
  std::optional<charsmap> map = {};
  bool prefix = true;               ///< a blank before the text (after it where blanks end words)
  bool prefix_every_piece = false;  ///< also before texts behind an added token, as llama.cpp does
  bool single_blanks = true;        ///< one blank for several, none at the ends
  bool blanks_end_words = false;
  std::shared_ptr<const trie> verbatim = {};  ///< texts that the map leaves alone, the longest at each place

  void normalize(const normalized_view& from, normalized_text& to) const;
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/piece_normalizer-inl.hpp>
#endif
