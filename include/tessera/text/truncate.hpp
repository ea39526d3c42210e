// SPDX-License-Identifier: Apache-2.0
/// Truncation: how many tokens of a text or pair are kept, and the windows of what is not.
///
///     keep_lengths(7, 12, 10, longest_first)     // 5 and 5
///     windows(10, 4, 1, text_side::right)        // [0,4) [3,7) [6,10)
///
/// Lengths are those of the texts without special tokens. The first window is what is kept; each next one shares `stride` tokens with
/// the one before it, and the last may be shorter.
#pragma once

#include <tessera/base/result.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Which of two texts is cut: the longer one (down to equal lengths), or always the same.
enum class truncation_strategy : std::uint8_t { longest_first, only_first, only_second };
/// The side of a text that is cut, or of a row that is padded.
enum class text_side : std::uint8_t { left, right };

/// The truncation block of a tokenizer.json.
struct truncation_settings {
  std::size_t max_length = 0;
  truncation_strategy strategy = truncation_strategy::longest_first;
  text_side direction = text_side::right;
  std::size_t stride = 0;
};

struct token_range {
  std::size_t begin = 0;
  std::size_t end = 0;
  [[nodiscard]] constexpr std::size_t size() const noexcept { return end - begin; }
  [[nodiscard]] constexpr bool operator==(const token_range&) const = default;
};

/// The lengths to which texts of `first` and `second` tokens are cut so that they sum to at most `most`. Errors: too_long where the
/// strategy forbids to cut enough.
[[nodiscard]] inline result<std::pair<std::size_t, std::size_t>> keep_lengths(std::size_t first, std::size_t second,
                                                                              bool with_pair, std::size_t most,
                                                                              truncation_strategy strategy) {
  if (most == 0) return std::pair(std::size_t{0}, std::size_t{0});
  if (first + second <= most) return std::pair(first, second);
  const std::size_t surplus = first + second - most;
  if (strategy == truncation_strategy::longest_first) {
    if (!with_pair) return std::pair(most, second);
    // The shorter text stays whole while it fits beside an equal one; otherwise the longer text, or the second, gets the odd token.
    std::size_t shorter = std::min(first, second);
    std::size_t longer = shorter > most ? shorter : std::max(shorter, most - shorter);
    if (shorter + longer > most) {
      shorter = most / 2;
      longer = shorter + most % 2;
    }
    return first > second ? std::pair(longer, shorter) : std::pair(shorter, longer);
  }
  const bool cut_first = strategy == truncation_strategy::only_first;
  const std::size_t length = cut_first ? first : second;
  if (length <= surplus || (!cut_first && !with_pair))
    return fail({.code = error_code::too_long,
                 .thing = "truncation",
                 .wanted = std::string("a ") + (cut_first ? "first" : "second") + " text of more than " +
                           std::to_string(surplus) + " tokens to cut",
                 .found = with_pair || cut_first ? std::to_string(length) + " tokens" : "no second text"});
  return cut_first ? std::pair(first - surplus, second) : std::pair(first, second - surplus);
}

/// The window that is kept of `length` tokens.
[[nodiscard]] constexpr token_range first_window(std::size_t length, std::size_t keep, text_side cut) noexcept {
  if (keep >= length) return {0, length};
  return cut == text_side::right ? token_range{0, keep} : token_range{length - keep, length};
}

/// Error (invalid_argument) where something is cut and windows would not advance.
[[nodiscard]] inline result<> check_stride(std::size_t length, std::size_t keep, std::size_t stride) {
  if (keep >= length || keep == 0 || stride < keep) return {};
  return fail({.code = error_code::invalid_argument,
               .thing = "stride",
               .wanted = "less than the " + std::to_string(keep) + " tokens kept of a text",
               .found = std::to_string(stride)});
}

/// The windows of `length` tokens when `keep` are kept; one window where nothing is cut. Errors: those of check_stride.
[[nodiscard]] inline result<std::vector<token_range>> windows(std::size_t length, std::size_t keep, std::size_t stride,
                                                              text_side cut) {
  TESSERA_CHECK(check_stride(length, keep, stride));
  std::vector<token_range> parts{first_window(length, keep, cut)};
  if (keep >= length) return parts;
  if (keep == 0) {  // everything overflows, in one piece
    parts.front() = {};
    parts.push_back({0, length});
    return parts;
  }
  const std::size_t step = keep - stride;
  if (cut == text_side::right) {
    for (std::size_t begin = step; parts.back().end < length; begin += step)
      parts.push_back({begin, std::min(begin + keep, length)});
  } else {
    for (std::size_t end = length - step; parts.back().begin > 0; end -= step)
      parts.push_back({end > keep ? end - keep : 0, end});
  }
  return parts;
}

}  // namespace tessera::inline TESSERA_ABI
