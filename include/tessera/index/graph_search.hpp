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
#include <array>
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
  void begin(std::size_t limit) {
    if (items_.size() < limit + 1) items_.resize(limit + 1);
    limit_ = limit, size_ = passing_ = next_ = 0;
  }
  [[nodiscard]] bool full() const noexcept { return passing_ == limit_; }
  /// Whether one with that key would be inserted.
  [[nodiscard]] bool takes(float key) const noexcept { return !full() || in_order(key) < items_[size_ - 1] >> 32u; }

  void insert(float key, std::uint32_t row, bool passes) {
    if (!takes(key)) return;
    const std::uint64_t item = in_order(key) << 32u | std::uint64_t{row} << 2u | (passes ? passing_bit : 0u);
    const std::size_t at = place_of(item);
    next_ = std::min(next_, at);
    if (passes && full() && size_ == limit_) {  // all pass: the last goes
      std::copy_backward(items_.data() + at, items_.data() + size_ - 1, items_.data() + size_);
      items_[at] = item;
      return;
    }
    if (size_ == items_.size()) items_.resize(2 * size_);
    std::copy_backward(items_.data() + at, items_.data() + size_, items_.data() + size_ + 1);
    items_[at] = item;
    ++size_;
    if (!passes || ++passing_ <= limit_) return;
    // The last that passes goes, and what then stands behind the limit is no longer on the way to anything.
    const auto drop_others = [this] {
      while (!(items_[size_ - 1] & passing_bit)) --size_;
    };
    drop_others();
    --size_, --passing_;
    drop_others();
    next_ = std::min(next_, size_);
  }

  /// The nearest that has not been expanded, which now is; `none` where all are.
  [[nodiscard]] std::uint32_t expand() noexcept {
    next_ = unexpanded(next_);
    if (next_ == size_) return graph_links::none;
    items_[next_] |= expanded_bit;
    return row_of(items_[next_++]);
  }
  /// The ones whose turns come next and after that, unless nearer ones are found.
  [[nodiscard]] std::array<std::uint32_t, 2> coming() const noexcept {
    std::array<std::uint32_t, 2> rows;
    std::size_t at = next_;
    for (std::uint32_t& row : rows) {
      at = unexpanded(at);
      row = at == size_ ? graph_links::none : row_of(items_[at++]);
    }
    return rows;
  }

  /// Those that pass, nearest first.
  void answers(std::vector<near_row>& out) const {
    out.clear();
    for (std::size_t i = 0; i < size_; ++i)
      if (items_[i] & passing_bit) out.push_back({key_of_order(static_cast<std::uint32_t>(items_[i] >> 32u)), row_of(items_[i])});
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return items_.capacity() * sizeof(items_[0]); }

 private:
  // An item is one number, so that numbers in order are items in order: key, row, whether it passes, whether it has been expanded.
  static constexpr std::uint64_t expanded_bit = 1, passing_bit = 2;
  static_assert(graph_links::most_rows - 1 < std::uint64_t{1} << 30u);

  [[nodiscard]] static std::uint64_t in_order(float key) noexcept {
    const auto bits = std::bit_cast<std::uint32_t>(key + 0.0f);  // -0 is 0
    return bits ^ (0x80000000u | (0u - (bits >> 31u)));
  }
  [[nodiscard]] static float key_of_order(std::uint32_t order) noexcept {
    return std::bit_cast<float>(order ^ (0x80000000u | ((order >> 31u) - 1u)));
  }
  [[nodiscard]] static std::uint32_t row_of(std::uint64_t item) noexcept { return static_cast<std::uint32_t>(item) >> 2u; }
  [[nodiscard]] std::size_t unexpanded(std::size_t at) const noexcept {
    while (at < size_ && items_[at] & expanded_bit) ++at;
    return at;
  }
  /// How many are smaller; without a branch that depends on them.
  [[nodiscard]] std::size_t place_of(std::uint64_t item) const noexcept {
    std::size_t at = 0;
    for (std::size_t left = size_; left > 0;) {
      const std::size_t half = (left + 1) / 2;
      at += half & (std::size_t{0} - std::size_t{items_[at + half - 1] < item});
      left -= half;
    }
    return at;
  }

  std::vector<std::uint64_t> items_;
  std::size_t limit_ = 0, size_ = 0, passing_ = 0, next_ = 0;
};

/// Which rows a walk has seen: a bit each, wiped row by row, so that a walk costs what it sees and not what there is.
class seen_rows {
 public:
  void begin(std::size_t rows) {
    for (std::size_t i = 0; i < count_; ++i) bits_[list_[i] / 64] = 0;
    count_ = 0;
    if (bits_.size() * 64 < rows) bits_.resize((rows + rows / 2 + 63) / 64, 0);
  }
  /// True the first time.
  [[nodiscard]] bool insert(std::uint32_t row) { return !insert_all({&row, 1}).empty(); }
  /// Those up to the first `none` that come for the first time, in their order; valid until the next call. No branch asks which they are:
  /// half of a row's links are news, and no processor guesses which half.
  [[nodiscard]] std::span<const std::uint32_t> insert_all(std::span<const std::uint32_t> rows) {
    if (list_.size() < count_ + rows.size()) list_.resize(2 * list_.size() + rows.size());
    std::uint32_t* const news = list_.data() + count_;
    std::size_t count = 0;
    for (const std::uint32_t row : rows) {
      if (row == graph_links::none) break;
      std::uint64_t& word = bits_[row / 64];
      const std::uint64_t before = word;
      word = before | std::uint64_t{1} << (row % 64);
      news[count] = row;
      count += (~before >> (row % 64)) & 1u;
    }
    count_ += count;
    return {news, count};
  }
  [[nodiscard]] bool contains(std::uint32_t row) const noexcept { return ((bits_[row / 64] >> (row % 64)) & 1u) != 0; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return bits_.capacity() * sizeof(std::uint64_t) + list_.capacity() * sizeof(std::uint32_t);
  }

 private:
  std::vector<std::uint64_t> bits_;
  std::vector<std::uint32_t> list_;  // the first count_ are those seen
  std::size_t count_ = 0;
};

/// A scorer for which one row lies nowhere, so that it is no step on the way to others either.
template <class Score>
class without_row {
 public:
  without_row(const Score& score, std::uint32_t row) noexcept : score_(score), row_(row) {}
  void operator()(std::span<const std::uint32_t> at, float* keys) const noexcept {
    score_(at, keys);
    if (row_ == graph_links::none) return;
    for (std::size_t i = 0; i < at.size(); ++i)
      if (at[i] == row_) keys[i] = std::numeric_limits<float>::infinity();
  }
  void ask_for(std::uint32_t row) const noexcept
    requires requires(const Score& score) { score.ask_for(row); }
  {
    score_.ask_for(row);
  }

 private:
  Score score_;
  std::uint32_t row_;
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

/// Walks downhill on one level until no neighbour is nearer. Rows seen before are not scored again: none of them is nearer than `from`.
template <class Graph, class Score>
[[nodiscard]] near_row descend(const Graph& graph, std::size_t level, near_row from, const Score& score, walk_memory& memory) {
  for (;;) {
    const auto to = memory.seen.insert_all(graph.list(from.row, level));
    if (to.empty()) return from;
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
  memory.keys.resize(std::max(memory.keys.size(), graph.places(0)));
  memory.seen.begin(graph.rows());
  near_row at{0.0f, graph.entry()};
  score(memory.seen.insert_all({&at.row, 1}), &at.key);
  for (std::size_t l = graph.level(at.row); l > level; --l) at = descend(graph, l, at, score, memory);
  return at;
}

/// The `limit` nearest rows on a level that pass, as far as the walk from `from` finds them, in memory.found. `go_on(seen)` is asked
/// once a step with the number of rows seen; where it says no the walk ends, and so does this function with false.
template <class Graph, class Score, class Passes, class GoOn>
[[nodiscard]] bool walk(const Graph& graph, std::size_t level, std::span<const near_row> from, std::size_t limit,
                        const Score& score, const Passes& passes, const GoOn& go_on, walk_memory& memory) {
  candidate_pool& pool = memory.pool;
  seen_rows& seen = memory.seen;
  pool.begin(limit);
  seen.begin(graph.rows());
  memory.keys.resize(std::max(memory.keys.size(), graph.places(0)));
  memory.rows.resize(std::max(memory.rows.size(), graph.places(0)));
  for (const near_row& start : from)
    if (seen.insert(start.row)) pool.insert(start.key, start.row, passes(start.row));
  for (std::uint32_t row = pool.expand(); row != graph_links::none; row = pool.expand()) {
    if (!go_on(seen.count())) return false;
    const auto news = seen.insert_all(graph.list(row, level));
    if (level == 0) {
      const auto [next, later] = pool.coming();
      if (next != graph_links::none) {
        // What the next step will want of memory is on its way while this one works: the links of both were asked for a step ago.
        if constexpr (requires { score.ask_for(next); }) {
          std::size_t count = 0;
          for (const std::uint32_t to : graph.list(next, 0)) {
            if (to == graph_links::none) break;
            memory.rows[count] = to;
            count += seen.contains(to) ? 0u : 1u;
          }
          for (std::size_t i = 0; i < count; ++i) score.ask_for(memory.rows[i]);
        } else {
          graph.ask_for(next);
        }
      }
      if (later != graph_links::none) graph.ask_for(later);
    }
    if (news.empty()) continue;
    score(news, memory.keys.data());
    std::size_t near = 0;
    for (std::size_t i = 0; i < news.size(); ++i) {
      memory.rows[near] = static_cast<std::uint32_t>(i);
      near += pool.takes(memory.keys[i]) ? 1u : 0u;
    }
    for (std::size_t j = 0; j < near; ++j) {
      const std::uint32_t i = memory.rows[j];
      pool.insert(memory.keys[i], news[i], passes(news[i]));
    }
  }
  pool.answers(memory.found);
  return true;
}

inline constexpr auto every_row = [](std::uint32_t) { return true; };
inline constexpr auto to_the_end = [](std::size_t) { return true; };

}  // namespace tessera::inline TESSERA_ABI::detail
