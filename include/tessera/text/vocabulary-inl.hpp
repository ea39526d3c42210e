// SPDX-License-Identifier: Apache-2.0
/// Definitions of text/vocabulary.hpp.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/text/vocabulary.hpp>

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

namespace tessera::inline TESSERA_ABI {

/// Eight bytes a step, multiplied and folded; good enough for tables whose keys a file fixes.
TESSERA_INLINE std::uint64_t vocabulary::hash(std::string_view token) noexcept {
  constexpr std::uint64_t factor = 0x9e3779b97f4a7c15U;
  std::uint64_t state = token.size() * factor;
  while (!token.empty()) {
    std::uint64_t word = 0;
    const std::size_t n = std::min<std::size_t>(token.size(), sizeof word);
    std::memcpy(&word, token.data(), n);
    state = (state ^ word) * factor;
    state ^= state >> 32U;
    token.remove_prefix(n);
  }
  return state;
}

TESSERA_INLINE result<vocabulary> vocabulary::make(std::span<const entry> entries) {
  vocabulary made;
  std::size_t bytes = 0;
  for (const entry& e : entries) bytes += e.token.size();
  if (bytes > std::numeric_limits<std::uint32_t>::max() ||
      entries.size() >= std::numeric_limits<std::uint32_t>::max() / 4)
    return fail({.code = error_code::too_long, .thing = "vocabulary", .wanted = "less than 4 GiB of tokens"});
  made.arena_.reserve(bytes);
  made.items_.reserve(entries.size());
  for (const entry& e : entries) {
    made.items_.push_back({.id = e.id,
                           .begin = static_cast<std::uint32_t>(made.arena_.size()),
                           .length = static_cast<std::uint32_t>(e.token.size())});
    made.arena_ += e.token;
  }
  std::ranges::sort(made.items_, {}, &item::id);
  for (std::size_t i = 1; i < made.items_.size(); ++i)
    if (made.items_[i].id == made.items_[i - 1].id)
      return fail({.code = error_code::malformed,
                   .thing = "id " + std::to_string(made.items_[i].id),
                   .wanted = "one token",
                   .found = tessera::quoted(made.text(made.items_[i - 1])) + " and " +
                            tessera::quoted(made.text(made.items_[i]))});
  made.slots_.assign(std::bit_ceil(entries.size() * 2 + 1), 0);
  const std::size_t mask = made.slots_.size() - 1;
  for (std::size_t i = 0; i < made.items_.size(); ++i) {
    const std::string_view token = made.text(made.items_[i]);
    std::size_t slot = hash(token) & mask;
    for (; made.slots_[slot] != 0; slot = (slot + 1) & mask) {
      const item& other = made.items_[made.slots_[slot] - 1];
      if (made.text(other) == token)
        return fail({.code = error_code::malformed,
                     .thing = "token " + tessera::quoted(token),
                     .wanted = "one id",
                     .found = std::to_string(other.id) + " and " + std::to_string(made.items_[i].id)});
    }
    made.slots_[slot] = static_cast<std::uint32_t>(i + 1);
  }
  return made;
}

TESSERA_INLINE std::optional<token_id> vocabulary::id_of(std::string_view token) const noexcept {
  if (items_.empty()) return std::nullopt;
  const std::size_t mask = slots_.size() - 1;
  for (std::size_t slot = hash(token) & mask; slots_[slot] != 0; slot = (slot + 1) & mask)
    if (const item& found = items_[slots_[slot] - 1]; text(found) == token) return found.id;
  return std::nullopt;
}

TESSERA_INLINE std::optional<std::string_view> vocabulary::token_of(token_id id) const noexcept {
  if (id < items_.size() && items_[id].id == id) return text(items_[id]);  // without holes the position is the id
  const auto found = std::ranges::lower_bound(items_, id, {}, &item::id);
  if (found == items_.end() || found->id != id) return std::nullopt;
  return text(*found);
}

}  // namespace tessera::inline TESSERA_ABI
