// SPDX-License-Identifier: Apache-2.0
/// Walks a graph of links towards a query: Malkov and Yashunin's search (arXiv:1603.09320, algorithms 2 and 5).
///
/// A scorer answers what lies near: `score(rows, keys)` writes one key for each row number, smaller is nearer, never NaN. All rows that a
/// step has not seen yet are scored in one call, so that the kernel behind it has their memory on the way together.
///
/// A graph is `graph_links`, or another that answers rows, entry, level, places, list, linked and ask_for.
///
/// Candidates stand in one sorted array, (key, row) in rising order, so a walk is the same on every run. Its limit counts only those that
/// may be answers (that a filter lets pass); the others are kept as the way to them.
#pragma once

#include <tessera/index/graph_links.hpp>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

struct near_row {
  float key;
  std::uint32_t row;
  friend bool operator==(const near_row&, const near_row&) = default;
  friend bool operator<(const near_row& a, const near_row& b) noexcept {
    return a.key < b.key || (!(b.key < a.key) && a.row < b.row);
  }
};

class candidate_pool {
 public:
  static constexpr std::uint32_t expanded_bit = 0x80000000u, passing_bit = 0x40000000u;
  static constexpr std::uint32_t row_bits = ~(expanded_bit | passing_bit);
  static_assert(graph_links::most_rows - 1 <= row_bits);

  void begin(std::size_t limit) {
    items_.clear();
    items_.reserve(limit + 1);
    limit_ = limit, passing_ = next_ = 0;
  }
  [[nodiscard]] bool full() const noexcept { return passing_ == limit_; }

  void insert(float key, std::uint32_t row, bool passes) {
    if (full() && !(key < items_.back().key)) return;
    const auto before = [](const near_row& a, const near_row& b) {
      return a.key < b.key || (!(b.key < a.key) && (a.row & row_bits) < (b.row & row_bits));
    };
    const near_row item{key, passes ? row | passing_bit : row};
    const auto at = items_.insert(std::upper_bound(items_.begin(), items_.end(), item, before), item);
    next_ = std::min(next_, static_cast<std::size_t>(at - items_.begin()));
    if (!passes) return;
    if (++passing_ <= limit_) return;
    // The last that passes goes, and what then stands behind the limit is no longer on the way to anything.
    while (!(items_.back().row & passing_bit)) items_.pop_back();
    items_.pop_back();
    --passing_;
    while (!(items_.back().row & passing_bit)) items_.pop_back();
    next_ = std::min(next_, items_.size());
  }

  /// The nearest that has not been expanded, which now is; `none` where all are.
  [[nodiscard]] std::uint32_t expand() noexcept {
    while (next_ < items_.size() && items_[next_].row & expanded_bit) ++next_;
    if (next_ == items_.size()) return graph_links::none;
    items_[next_].row |= expanded_bit;
    return items_[next_++].row & row_bits;
  }
  /// The one whose turn comes next, unless a nearer one is found.
  [[nodiscard]] std::uint32_t coming() const noexcept {
    std::size_t at = next_;
    while (at < items_.size() && items_[at].row & expanded_bit) ++at;
    return at == items_.size() ? graph_links::none : items_[at].row & row_bits;
  }

  /// Those that pass, nearest first.
  void answers(std::vector<near_row>& out) const {
    out.clear();
    for (const near_row& item : items_)
      if (item.row & passing_bit) out.push_back({item.key, item.row & row_bits});
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return items_.capacity() * sizeof(near_row); }

 private:
  std::vector<near_row> items_;
  std::size_t limit_ = 0, passing_ = 0, next_ = 0;
};

/// Which rows a walk has seen: a bit each, wiped row by row, so that a walk costs what it sees and not what there is.
class seen_rows {
 public:
  void begin(std::size_t rows) {
    for (const std::uint32_t row : list_) bits_[row / 64] = 0;
    list_.clear();
    if (bits_.size() * 64 < rows) bits_.resize((rows + rows / 2 + 63) / 64, 0);
  }
  /// True the first time.
  [[nodiscard]] bool insert(std::uint32_t row) {
    std::uint64_t& word = bits_[row / 64];
    const std::uint64_t bit = std::uint64_t{1} << (row % 64);
    if (word & bit) return false;
    word |= bit;
    list_.push_back(row);
    return true;
  }
  [[nodiscard]] std::size_t count() const noexcept { return list_.size(); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return bits_.capacity() * sizeof(std::uint64_t) + list_.capacity() * sizeof(std::uint32_t);
  }

 private:
  std::vector<std::uint64_t> bits_;
  std::vector<std::uint32_t> list_;
};

/// What one walk works with, kept for the next.
struct walk_memory {
  candidate_pool pool;
  seen_rows seen;
  std::vector<near_row> found;
  std::vector<std::uint32_t> rows;
  std::vector<float> keys;

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return pool.memory_bytes() + seen.memory_bytes() + found.capacity() * sizeof(near_row) +
           rows.capacity() * sizeof(std::uint32_t) + keys.capacity() * sizeof(float);
  }
};

/// Walks downhill on one level until no neighbour is nearer.
template <class Graph, class Score>
[[nodiscard]] near_row descend(const Graph& graph, std::size_t level, near_row from, const Score& score, walk_memory& memory) {
  memory.keys.resize(std::max(memory.keys.size(), graph.places(0)));
  for (;;) {
    const auto to = graph.linked(from.row, level);
    score(to, memory.keys.data());
    near_row best = from;
    for (std::size_t i = 0; i < to.size(); ++i) best = std::min(best, near_row{memory.keys[i], to[i]});
    if (best == from) return best;
    from = best;
  }
}

/// From the entry down to `level`, where the walk ends on the row that no neighbour is nearer than.
template <class Graph, class Score>
[[nodiscard]] near_row descend_to(const Graph& graph, std::size_t level, const Score& score, walk_memory& memory) {
  near_row at{0.0f, graph.entry()};
  score(std::span<const std::uint32_t>(&at.row, 1), &at.key);
  for (std::size_t l = graph.level(at.row); l > level; --l) at = descend(graph, l, at, score, memory);
  return at;
}

/// The `limit` nearest rows on a level that pass, as far as the walk from `from` finds them, in memory.found. `go_on(seen)` is asked
/// once a step with the number of rows seen; where it says no the walk ends, and so does this function with false.
template <class Graph, class Score, class Passes, class GoOn>
[[nodiscard]] bool walk(const Graph& graph, std::size_t level, std::span<const near_row> from, std::size_t limit,
                        const Score& score, const Passes& passes, const GoOn& go_on, walk_memory& memory) {
  candidate_pool& pool = memory.pool;
  pool.begin(limit);
  memory.seen.begin(graph.rows());
  memory.rows.resize(std::max(memory.rows.size(), graph.places(0)));
  memory.keys.resize(std::max(memory.keys.size(), graph.places(0)));
  for (const near_row& start : from)
    if (memory.seen.insert(start.row)) pool.insert(start.key, start.row, passes(start.row));
  for (std::uint32_t row = pool.expand(); row != graph_links::none; row = pool.expand()) {
    if (!go_on(memory.seen.count())) return false;
    std::size_t count = 0;
    for (const std::uint32_t to : graph.list(row, level)) {
      if (to == graph_links::none) break;
      if (memory.seen.insert(to)) memory.rows[count++] = to;
    }
    if (const std::uint32_t next = pool.coming(); next != graph_links::none && level == 0) graph.ask_for(next);
    if (count == 0) continue;
    score(std::span<const std::uint32_t>(memory.rows.data(), count), memory.keys.data());
    for (std::size_t i = 0; i < count; ++i) pool.insert(memory.keys[i], memory.rows[i], passes(memory.rows[i]));
  }
  pool.answers(memory.found);
  return true;
}

inline constexpr auto every_row = [](std::uint32_t) { return true; };
inline constexpr auto to_the_end = [](std::size_t) { return true; };

}  // namespace tessera::inline TESSERA_ABI::detail
