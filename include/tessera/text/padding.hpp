// SPDX-License-Identifier: Apache-2.0
/// Padding: encodings filled up to one length, for whom needs rectangles. Models here take packed rows and never pad.
///
///     ts::pad(rows, {.multiple_of = 8, .pad_id = *tokenizer.padding_id()});      // rows[i].attention_mask is 0 where it was filled
#pragma once

#include <tessera/text/encoding.hpp>

#include <optional>
#include <string>

namespace tessera::inline TESSERA_ABI {

/// How rows are filled up to one length; the padding block of a tokenizer.json.
struct padding_settings {
  std::optional<std::size_t> length = {};  ///< fixed; unset: the longest row's
  std::size_t multiple_of = 0;             ///< the length is rounded up to a multiple; 0: not
  text_side direction = text_side::right;
  token_id pad_id = 0;
  std::uint32_t pad_type_id = 0;
  std::string pad_token = "[PAD]";
};

/// Fills encodings up to one length and sets their attention masks; a row over a fixed length stays as it is, unpadded.
void pad(std::span<encoding> rows, const padding_settings& settings = {});

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/padding-inl.hpp>
#endif
