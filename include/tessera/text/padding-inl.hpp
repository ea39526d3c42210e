// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/padding.hpp.
#pragma once

#include <tessera/text/padding.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE void pad(std::span<encoding> rows, const padding_settings& settings) {
  std::size_t length = 0;
  for (const encoding& row : rows) length = std::max(length, row.size());
  length = settings.length.value_or(length);
  if (settings.multiple_of != 0)
    length = (length + settings.multiple_of - 1) / settings.multiple_of * settings.multiple_of;
  for (encoding& row : rows) {
    row.attention_mask.assign(row.size(), 1);
    if (row.size() >= length) continue;
    const std::size_t missing = length - row.size();
    const auto fill = [&](auto& list, auto value) {
      list.insert(settings.direction == text_side::left ? list.begin() : list.end(), missing, value);
    };
    fill(row.attention_mask, std::uint8_t{0});
    fill(row.ids, settings.pad_id);
    fill(row.type_ids, settings.pad_type_id);
    fill(row.offsets, byte_range{});
    fill(row.special_tokens_mask, std::uint8_t{1});
    if (settings.direction == text_side::left)
      for (token_range& text : row.texts) text = {text.begin + missing, text.end + missing};
  }
}

}  // namespace tessera::inline TESSERA_ABI
