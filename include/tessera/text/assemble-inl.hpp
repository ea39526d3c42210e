// SPDX-License-Identifier: Apache-2.0
/// How the tokens of texts and the special tokens of a template come together in one encoding, whole or cut to windows.
///
/// Included by text/tokenizer-inl.hpp alone.
#pragma once

#include <tessera/text/encoding.hpp>
#include <tessera/text/post_processor.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

inline void copy_tokens(const encoding& from, token_range range, std::uint32_t type_id, encoding& to) {
  const auto copy = [&](const auto& source, auto& target) {
    target.insert(target.end(), source.begin() + static_cast<std::ptrdiff_t>(range.begin),
                  source.begin() + static_cast<std::ptrdiff_t>(range.end));
  };
  copy(from.ids, to.ids);
  copy(from.offsets, to.offsets);
  copy(from.special_tokens_mask, to.special_tokens_mask);
  to.type_ids.resize(to.ids.size(), type_id);
}

inline void put_special(const template_piece& piece, encoding& to) {
  to.ids.insert(to.ids.end(), piece.ids.begin(), piece.ids.end());
  to.offsets.resize(to.ids.size());
  to.type_ids.resize(to.ids.size(), piece.type_id);
  to.special_tokens_mask.resize(to.ids.size(), 1);
}

/// The template filled with one window of each text: windows[k] is the k-th text piece's.
inline void fill_template(std::span<const template_piece> pieces, bool special, const encoding& tokens,
                          std::span<const token_range> windows, encoding& to) {
  std::size_t text = 0;
  for (const template_piece& piece : pieces) {
    if (piece.what == template_piece::kind::special) {
      if (special) put_special(piece, to);
      continue;
    }
    const std::size_t begin = to.ids.size();
    copy_tokens(tokens, windows[text++], piece.type_id, to);
    to.texts[piece.what == template_piece::kind::second ? 1 : 0] = {begin, to.ids.size()};
  }
}

/// Cuts a complete encoding down to one window of each text, in place.
inline void keep_windows(std::span<const template_piece> pieces, bool special, std::array<token_range, 2> kept,
                         encoding& tokens) {
  const auto whole = tokens.texts;
  std::size_t from = 0, to = 0;
  for (const template_piece& piece : pieces) {
    const std::size_t text = piece.what == template_piece::kind::second ? 1 : 0;
    const bool is_special = piece.what == template_piece::kind::special;
    const token_range part = !is_special ? kept[text] : token_range{0, special ? piece.ids.size() : 0};
    const auto move = [&](auto& list) {
      const auto begin = list.begin() + static_cast<std::ptrdiff_t>(from + part.begin);
      std::copy(begin, begin + static_cast<std::ptrdiff_t>(part.size()),
                list.begin() + static_cast<std::ptrdiff_t>(to));
    };
    move(tokens.ids);
    move(tokens.offsets);
    move(tokens.type_ids);
    move(tokens.special_tokens_mask);
    if (!is_special) tokens.texts[text] = {to, to + part.size()};
    from += is_special ? part.size() : whole[text].size();
    to += part.size();
  }
  tokens.ids.resize(to);
  tokens.offsets.resize(to);
  tokens.type_ids.resize(to);
  tokens.special_tokens_mask.resize(to);
}

/// All combinations of windows, in the reference's order: what it gets by merging the pieces from left to right, each with
/// what overflowed it. The first is what is kept.
[[nodiscard]] inline std::vector<std::vector<token_range>> combine_windows(
    std::span<const std::vector<token_range>> texts) {
  std::vector<token_range> kept;
  std::vector<std::vector<token_range>> over;
  const auto with = [](std::vector<token_range> row, token_range next) {
    row.push_back(next);
    return row;
  };
  for (const auto& parts : texts) {
    std::vector<std::vector<token_range>> merged;
    for (const auto& row : over)
      for (const token_range& part : parts) merged.push_back(with(row, part));
    for (std::size_t i = 1; i < parts.size(); ++i) merged.push_back(with(kept, parts[i]));
    kept.push_back(parts[0]);
    over = std::move(merged);
  }
  over.insert(over.begin(), std::move(kept));
  return over;
}

}  // namespace tessera::inline TESSERA_ABI::detail
