// SPDX-License-Identifier: Apache-2.0
/// A map from byte strings to numbers that is walked byte by byte: a double array, one dependent load a byte.
///
///     const ts::trie words = ts::trie::build(keys);                 // keys[i] has the value i
///     auto at = words.root();
///     while (i < text.size() && words.step(at, text[i])) ++i;       // as far as any key goes
///
/// Child c of node s stands at base[s] + c and names s as its parent (Aoe 1989). Children are placed first fit along a chain of free
/// places; for natural vocabularies nine places in ten are used. Build time is linear in the keys' bytes but for the search of places.
#pragma once

#include <tessera/base/config.hpp>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

class trie {
 public:
  using node = std::uint32_t;
  static constexpr std::uint32_t no_value = 0xffffffffU;

  trie() : cells_(257, cell{.base = 1, .parent = no_value, .value = no_value}) {}

  /// The trie of `keys`; the value of a key is its position, or `values[position]` where values are given. Empty keys give the
  /// root a value. Precondition: no key twice, fewer than 2^31 bytes of keys.
  [[nodiscard]] static trie build(std::span<const std::string_view> keys, std::span<const std::uint32_t> values = {});

  [[nodiscard]] static constexpr node root() noexcept { return 0; }

  /// Goes from `at` along `byte`; false, leaving `at`, where no key continues so.
  [[nodiscard]] bool step(node& at, char byte) const noexcept {
    const node next = cells_[at].base + static_cast<unsigned char>(byte);
    if (cells_[next].parent != at) return false;
    at = next;
    return true;
  }
  /// The value of the key that ends at `at`, or no_value.
  [[nodiscard]] std::uint32_t value(node at) const noexcept { return cells_[at].value; }

  struct match {
    std::size_t length = 0;
    std::uint32_t value = no_value;
  };
  /// The longest key that begins at `from`-node and matches the front of `text`; value no_value where there is none.
  [[nodiscard]] match longest(std::string_view text, node from = root()) const noexcept {
    match best;
    for (std::size_t i = 0; i < text.size() && step(from, text[i]); ++i)
      if (const std::uint32_t found = value(from); found != no_value) best = {i + 1, found};
    return best;
  }

  [[nodiscard]] std::size_t bytes() const noexcept { return cells_.size() * sizeof(cell); }

 private:
  struct cell {
    std::uint32_t base;    // where the children stand, minus their byte
    std::uint32_t parent;  // no_value: free
    std::uint32_t value;
  };
  struct builder;

  std::vector<cell> cells_;  // 256 cells after the last base, so that step needs no bound
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/trie-inl.hpp>
#endif
