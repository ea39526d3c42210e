// SPDX-License-Identifier: Apache-2.0
/// A set of ids, one bit each, as a filter of searches: for sets that are made once and asked often.
///
///     TESSERA_TRY(auto allowed, ts::id_bitmap::make(1'000'000));      // ids 0 .. 999,999
///     TESSERA_CHECK(allowed.insert(17));
///     const auto hits = index.search(query, 10, {.filter = std::cref(allowed)});
///
/// A search with a filter returns k hits as long as k rows pass it; `count` says how many can. Bytes: one for eight ids.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/base/result.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>

namespace tessera::inline TESSERA_ABI {

class id_bitmap {
 public:
  id_bitmap() = default;
  /// Room for the ids 0 .. ids - 1, none of them in the set. Errors: out_of_memory.
  [[nodiscard]] static result<id_bitmap> make(std::uint64_t ids) {
    id_bitmap made;
    TESSERA_TRY(made.words_, aligned_buffer<std::uint64_t>::make(static_cast<std::size_t>(ids / 64 + (ids % 64 != 0 ? 1 : 0))));
    std::ranges::fill(made.words_.span(), 0);
    made.ids_ = ids;
    return made;
  }

  /// Ids there is room for.
  [[nodiscard]] std::uint64_t room() const noexcept { return ids_; }
  /// Ids in the set.
  [[nodiscard]] std::uint64_t count() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t word : words_.span()) sum += static_cast<std::uint64_t>(std::popcount(word));
    return sum;
  }
  /// Errors: invalid_argument (there is no room for that id).
  [[nodiscard]] result<> insert(std::uint64_t id) {
    TESSERA_CHECK(has_room(id));
    words_[static_cast<std::size_t>(id / 64)] |= std::uint64_t{1} << (id % 64);
    return {};
  }
  /// Errors: likewise.
  [[nodiscard]] result<> erase(std::uint64_t id) {
    TESSERA_CHECK(has_room(id));
    words_[static_cast<std::size_t>(id / 64)] &= ~(std::uint64_t{1} << (id % 64));
    return {};
  }
  /// Whether the id is in the set; what there is no room for is not.
  [[nodiscard]] bool operator()(std::uint64_t id) const noexcept {
    return id < ids_ && (words_.data()[id / 64] >> (id % 64) & 1u) != 0;
  }

 private:
  [[nodiscard]] result<> has_room(std::uint64_t id) const {
    if (id < ids_) return {};
    return fail({.code = error_code::invalid_argument,
                 .thing = "id of a bitmap",
                 .wanted = "below " + std::to_string(ids_),
                 .found = std::to_string(id)});
  }

  aligned_buffer<std::uint64_t> words_;
  std::uint64_t ids_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI
