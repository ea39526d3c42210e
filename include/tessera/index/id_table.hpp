// SPDX-License-Identifier: Apache-2.0
/// Finds the row that an id has: open addressing over row numbers, the ids themselves staying in the index's own list.
///
/// 8 bytes a slot, between 4/3 and 8/3 slots a row; finding costs one multiplication and, on average, under two probes.
#pragma once

#include <tessera/base/aligned.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace tessera::inline TESSERA_ABI {

class id_table {
 public:
  /// The row i with ids[i] == id. `ids` is the list that the rows were inserted from.
  [[nodiscard]] std::optional<std::size_t> find(std::uint64_t id, std::span<const std::uint64_t> ids) const noexcept {
    if (slots_.empty()) return std::nullopt;
    const std::uint64_t entry = slots_[slot_of(id, ids)];
    if (entry == 0) return std::nullopt;
    return entry - 1;
  }

  /// Room for `rows` rows in all, of which ids.size() are there. Errors: out_of_memory; then nothing has changed.
  /// Rows for which `kept` is false are not in the table.
  template <class Kept>
  [[nodiscard]] result<> reserve(std::size_t rows, std::span<const std::uint64_t> ids, const Kept& kept) {
    if (rows <= slots_.size() / 4 * 3) return {};
    id_table larger;
    TESSERA_TRY(larger.slots_, aligned_buffer<std::uint64_t>::make(std::bit_ceil(rows + rows / 3 + 8)));
    for (std::size_t row = 0; row < ids.size(); ++row)
      if (kept(row)) static_cast<void>(larger.insert(row, ids));
    slots_ = std::move(larger.slots_);
    return {};
  }

  /// Row number `row` under ids[row], after `reserve`; false, and nothing changes, where a row already has that id.
  [[nodiscard]] bool insert(std::size_t row, std::span<const std::uint64_t> ids) noexcept {
    std::uint64_t& entry = slots_[slot_of(ids[row], ids)];
    if (entry != 0) return false;
    entry = row + 1;
    return true;
  }

  /// Takes back the row that was inserted last (rows leave in the reverse order of their coming only).
  void take_back(std::size_t row, std::span<const std::uint64_t> ids) noexcept { slots_[slot_of(ids[row], ids)] = 0; }

  /// Takes out row number `row`, which is in the table.
  void erase(std::size_t row, std::span<const std::uint64_t> ids) noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t hole = slot_of(ids[row], ids);
    // Who stands further on than where it belongs moves up, so that no search ends early (Knuth, 6.4, algorithm R).
    for (std::size_t at = (hole + 1) & mask; slots_[at] != 0; at = (at + 1) & mask) {
      const std::size_t home = home_of(ids[slots_[at] - 1]);
      if (((at - home) & mask) < ((at - hole) & mask)) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = 0;
  }

  /// The row `from` is row `to` from now on; ids[from] still holds its id.
  void renumber(std::size_t from, std::size_t to, std::span<const std::uint64_t> ids) noexcept {
    slots_[slot_of(ids[from], ids)] = to + 1;
  }

  /// Bytes held.
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return slots_.bytes(); }

 private:
  /// Fibonacci hashing: the upper bits of the product depend on all bits of the id, and runs of ids spread evenly.
  [[nodiscard]] std::size_t home_of(std::uint64_t id) const noexcept {
    return static_cast<std::size_t>((id * 0x9E3779B97F4A7C15u) >> (64 - std::countr_zero(slots_.size())));
  }
  /// The slot that holds the id, or the free one where it belongs; there is always a free one.
  [[nodiscard]] std::size_t slot_of(std::uint64_t id, std::span<const std::uint64_t> ids) const noexcept {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = home_of(id);
    while (slots_[at] != 0 && ids[slots_[at] - 1] != id) at = (at + 1) & mask;
    return at;
  }

  aligned_buffer<std::uint64_t> slots_;  // row + 1, 0 where free; a power of two of them
};

}  // namespace tessera::inline TESSERA_ABI
