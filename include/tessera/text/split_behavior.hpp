// SPDX-License-Identifier: Apache-2.0
/// What a splitting pre-tokeniser does with the matches of its pattern.
///
///     "the-final--countdown" split at "-":
///     isolated                the|-|final|-|-|countdown
///     removed                 the|final|countdown
///     contiguous              the|-|final|--|countdown
///     merged_with_previous    the-|final-|-|countdown
///     merged_with_next        the|-final|-|-countdown
#pragma once

#include <tessera/base/config.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Bytes [begin, end) of a text that are one word.
struct word_range {
  std::size_t begin = 0;
  std::size_t end = 0;
  [[nodiscard]] constexpr std::size_t size() const noexcept { return end - begin; }
};

enum class split_behavior : std::uint8_t { isolated, removed, contiguous, merged_with_previous, merged_with_next };

namespace detail {

/// A stretch of text, and whether the pattern matched it. Stretches in order cover their text.
struct matched_range {
  std::size_t begin, end;
  bool match;
};

/// Appends the words that the behaviour makes of the stretches; none is empty.
inline void apply_behavior(split_behavior how, const std::vector<matched_range>& stretches, bool invert,
                           std::vector<word_range>& words) {
  const std::size_t first = words.size();
  const std::size_t count = stretches.size();
  bool before = false;  // whether the stretch before matched
  const auto is_match = [&](std::size_t i) { return stretches[i].match != invert; };
  for (std::size_t i = 0; i < count; ++i) {
    const auto [begin, end, matched] = stretches[i];
    const bool match = matched != invert;
    bool joins = false;
    switch (how) {
      case split_behavior::isolated: break;
      case split_behavior::removed:
        if (match) continue;
        break;
      case split_behavior::contiguous: joins = match == before; break;
      case split_behavior::merged_with_previous: joins = match && !before; break;
      // A match goes to what follows, unless that is a match itself: seen from behind, a stretch takes the match before
      // it.
      case split_behavior::merged_with_next: joins = !match && i != 0 && is_match(i - 1); break;
    }
    if (joins && words.size() > first) words.back().end = end;
    else words.push_back({begin, end});
    before = match;
  }
  const auto empty = [](const word_range& word) { return word.begin == word.end; };
  words.erase(std::remove_if(words.begin() + static_cast<std::ptrdiff_t>(first), words.end(), empty), words.end());
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
