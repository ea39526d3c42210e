// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/piece_normalizer.hpp.
#pragma once

#include <tessera/text/piece_normalizer.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE void piece_normalizer::normalize(const normalized_view& from, normalized_text& to) const {
  constexpr std::string_view mark = "\u2581";
  const std::string_view text = from.text;
  to.begin_aligned();
  if (text.empty()) return;
  to.make_room(text.size() + text.size() / 4);
  const bool at_front = from.character_origin(0).begin == 0;
  const bool adds = prefix && (at_front || prefix_every_piece);
  bool started = false;  // whether anything but blanks was written
  bool after_blank = single_blanks && (at_front || prefix_every_piece);  // blanks that follow are left out
  const auto start = [&](byte_range origin) {
    if (started) return;
    started = true;
    if (!adds || blanks_end_words) return;
    to.make_room(mark.size());
    to.push(mark, origin);
  };
  for (std::size_t at = 0; at < text.size();) {
    charsmap::match found;
    if (verbatim) found.length = verbatim->longest(text.substr(at)).length;
    std::string_view becomes = text.substr(at, found.length);
    if (found.length == 0 && map) {
      found = map->longest(text.substr(at));
      becomes = found.becomes;
    }
    if (found.length == 0) {
      found.length = utf8_size(text[at]);
      becomes = text.substr(at, found.length);
    }
    const byte_range origin = from.whole_origin(at, at + found.length);
    at += found.length;
    to.make_room(becomes.size() * mark.size());
    for (const char c : becomes) {
      if (c == ' ') {
        if (single_blanks && after_blank) continue;
        start(origin);
        to.make_room(mark.size());
        to.push(mark, origin);
        after_blank = true;
        continue;
      }
      start(origin);
      after_blank = false;
      to.make_room(1);
      to.push(c, origin);
    }
  }
  if (single_blanks) {
    const auto ends = [&] { return std::string_view(to.bytes.data(), to.bytes.size()).ends_with(mark); };
    while (ends()) {
      to.bytes.resize_within_room(to.bytes.size() - mark.size());
      to.source.resize_within_room(to.bytes.size());
    }
  }
  if (adds && blanks_end_words && !to.bytes.empty()) {
    to.make_room(mark.size());
    to.push(mark, to.source[to.source.size() - 1]);
  }
}

}  // namespace tessera::inline TESSERA_ABI
