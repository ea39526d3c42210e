// SPDX-License-Identifier: Apache-2.0
/// The tokens of a model and their ids, in both directions.
///
///     vocabulary.id_of("##ing")      // 2075
///     vocabulary.token_of(2075)      // "##ing"
///
/// One arena of bytes, an open-addressed table for token to id (one probe on average), ids in ascending order for id to token. Ids may
/// have holes: memory follows the tokens, not the highest id.
#pragma once

#include <tessera/base/result.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

using token_id = std::uint32_t;

class vocabulary {
 public:
  vocabulary() = default;

  /// A token to enter. `origin` of errors is the caller's.
  struct entry {
    std::string_view token;
    token_id id;
  };
  /// Copies the entries. Errors: malformed where one token has two ids, or one id two tokens; too_long above 4 GiB.
  [[nodiscard]] static result<vocabulary> make(std::span<const entry> entries);

  [[nodiscard]] std::optional<token_id> id_of(std::string_view token) const noexcept;
  [[nodiscard]] std::optional<std::string_view> token_of(token_id id) const noexcept;

  /// Number of tokens.
  [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
  /// Highest id + 1; 0 where there are no tokens.
  [[nodiscard]] std::size_t id_bound() const noexcept { return items_.empty() ? 0 : std::size_t{items_.back().id} + 1; }
  /// The i-th token by ascending id.
  [[nodiscard]] entry operator[](std::size_t i) const noexcept { return {text(items_[i]), items_[i].id}; }

 private:
  struct item {
    token_id id;
    std::uint32_t begin, length;
  };
  [[nodiscard]] std::string_view text(const item& i) const noexcept {
    return std::string_view(arena_).substr(i.begin, i.length);
  }
  [[nodiscard]] static std::uint64_t hash(std::string_view token) noexcept;

  std::string arena_;
  std::vector<item> items_;           // by id
  std::vector<std::uint32_t> slots_;  // position in items_ + 1, or 0; a power of two of them, at most half used
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/vocabulary-inl.hpp>
#endif
