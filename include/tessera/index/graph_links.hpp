// SPDX-License-Identifier: Apache-2.0
/// The links of a hierarchical small-world graph over row numbers: who each row is connected to on each of its levels.
///
/// Level 0 has a place for 2·M links of every row in one array, 128 bytes for M = 16: two cache lines that need no other to be found.
/// The rows that reach higher (one in M, of these one in M again ...) have M links for each level more, in a second array. Unused
/// places hold `none`.
///
/// A spanning tree lies among the links of level 0: every row but the root links to its parent and its parent to it, and no pruning
/// touches these two. So every row is reached from every other, whatever else is pruned. A row has at most M children.
#pragma once

#include <tessera/base/aligned.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

class graph_links {
 public:
  static constexpr std::uint32_t none = 0xFFFFFFFFu;
  static constexpr std::size_t most_rows = std::size_t{1} << 30u;  ///< the upper bits of a number mark candidates
  static constexpr std::size_t highest_level = 15;
  static constexpr std::size_t least_degree = 2, most_degree = 128;

  graph_links() = default;
  explicit graph_links(std::size_t degree) : degree_(degree) {}

  [[nodiscard]] std::size_t rows() const noexcept { return parents_.size(); }
  [[nodiscard]] std::size_t degree() const noexcept { return degree_; }
  [[nodiscard]] std::size_t places(std::size_t level) const noexcept { return level == 0 ? 2 * degree_ : degree_; }
  /// Where every search begins; `none` where there are no rows.
  [[nodiscard]] std::uint32_t entry() const noexcept { return entry_; }
  [[nodiscard]] std::size_t level(std::size_t row) const noexcept { return upper_at_[row] == none ? 0 : upper_[upper_at_[row]]; }
  [[nodiscard]] std::uint32_t parent(std::size_t row) const noexcept { return parents_[row]; }
  [[nodiscard]] std::size_t children(std::size_t row) const noexcept { return children_[row]; }
  [[nodiscard]] bool in_tree(std::uint32_t a, std::uint32_t b) const noexcept { return parents_[a] == b || parents_[b] == a; }

  /// All places of a row on a level that it has, used ones first.
  [[nodiscard]] std::span<std::uint32_t> list(std::size_t row, std::size_t level) noexcept { return {place(row, level), places(level)}; }
  [[nodiscard]] std::span<const std::uint32_t> list(std::size_t row, std::size_t level) const noexcept {
    return {const_cast<graph_links*>(this)->place(row, level), places(level)};
  }
  /// The used ones.
  [[nodiscard]] std::span<const std::uint32_t> linked(std::size_t row, std::size_t level) const noexcept {
    const auto all = list(row, level);
    return all.first(static_cast<std::size_t>(std::find(all.begin(), all.end(), none) - all.begin()));
  }
  void ask_for(std::size_t row) const noexcept {
    const std::uint32_t* at = ground_.data() + row * 2 * degree_;
    for (std::size_t i = 0; i < 2 * degree_; i += 16) __builtin_prefetch(at + i);
  }

  void set_entry(std::uint32_t row) noexcept { entry_ = row; }
  void set_links(std::size_t row, std::size_t level, std::span<const std::uint32_t> to) noexcept {
    const auto all = list(row, level);
    std::fill(std::copy(to.begin(), to.end(), all.begin()), all.end(), none);
  }
  /// False where there is no place left.
  bool add_link(std::size_t row, std::size_t level, std::uint32_t to) noexcept {
    for (std::uint32_t& place : list(row, level))
      if (place == none) return place = to, true;
    return false;
  }
  /// Takes the row out of the tree's books and puts it under another parent; the links are the caller's business.
  void set_parent(std::uint32_t row, std::uint32_t parent) noexcept {
    parents_[row] = parent;
    if (parent != none) ++children_[parent];
  }
  void forget_tree() noexcept {
    std::fill(parents_.begin(), parents_.end(), none);
    std::fill(children_.begin(), children_.end(), std::uint8_t{0});
  }

  /// What to reserve where at least `rows` are wanted and more will come.
  [[nodiscard]] std::size_t grown(std::size_t rows) const noexcept {
    const std::size_t room = ground_.size() / (2 * degree_);
    return rows <= room ? room : std::max<std::size_t>({rows, 16, room + room / 2});
  }
  /// Room for `rows` rows in all. Errors: out_of_memory; then nothing has changed.
  [[nodiscard]] result<> reserve(std::size_t rows) {
    if (rows * 2 * degree_ <= ground_.size()) return {};
    TESSERA_TRY(auto ground, aligned_buffer<std::uint32_t>::make(rows * 2 * degree_));
    std::copy_n(ground_.data(), this->rows() * 2 * degree_, ground.data());
    ground_ = std::move(ground);
    parents_.reserve(rows), children_.reserve(rows), upper_at_.reserve(rows);
    return {};
  }
  /// A row without links, after `reserve`.
  void append(std::size_t level) {
    std::fill_n(ground_.data() + rows() * 2 * degree_, 2 * degree_, none);
    parents_.push_back(none), children_.push_back(0), upper_at_.push_back(none);
    if (level == 0) return;
    upper_at_.back() = static_cast<std::uint32_t>(upper_.size());
    upper_.push_back(static_cast<std::uint32_t>(level));
    upper_.resize(upper_.size() + level * degree_, none);
  }

  /// The same links again, with room for `rows` rows. Errors: out_of_memory.
  [[nodiscard]] result<graph_links> copy(std::size_t rows) const {
    graph_links made(degree_);
    TESSERA_CHECK(made.reserve(std::max(rows, this->rows())));
    std::copy_n(ground_.data(), this->rows() * 2 * degree_, made.ground_.data());
    made.parents_ = parents_, made.children_ = children_, made.upper_at_ = upper_at_, made.upper_ = upper_;
    made.entry_ = entry_;
    return made;
  }

  /// Rows get the numbers of `to` (none: the row is gone), which are those before `rows`, each once. Links to rows that are gone
  /// must have been taken out.
  [[nodiscard]] result<graph_links> renumbered(std::span<const std::uint32_t> to, std::size_t rows) const {
    std::vector<std::uint32_t> from(rows);
    for (std::uint32_t old = 0; old < to.size(); ++old)
      if (to[old] != none) from[to[old]] = old;
    graph_links made(degree_);
    TESSERA_CHECK(made.reserve(rows));
    for (std::uint32_t row = 0; row < rows; ++row) {
      made.append(level(from[row]));
      for (std::size_t l = 0; l <= level(from[row]); ++l) {
        const auto old = linked(from[row], l);
        std::transform(old.begin(), old.end(), made.list(row, l).begin(), [to](std::uint32_t other) { return to[other]; });
      }
    }
    made.entry_ = entry_ == none ? none : to[entry_];
    return made;
  }

  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return ground_.bytes() + (parents_.capacity() + upper_at_.capacity() + upper_.capacity()) * sizeof(std::uint32_t) +
           children_.capacity();
  }

  // What a file holds: ground [rows, 2·M], parents [rows], levels [rows], and the upper lists of the rows in order.
  [[nodiscard]] std::span<const std::uint32_t> ground() const noexcept { return {ground_.data(), rows() * 2 * degree_}; }
  [[nodiscard]] std::span<const std::uint32_t> parents() const noexcept { return parents_; }
  [[nodiscard]] std::vector<std::uint8_t> levels() const {
    std::vector<std::uint8_t> made(rows());
    for (std::size_t row = 0; row < rows(); ++row) made[row] = static_cast<std::uint8_t>(level(row));
    return made;
  }
  [[nodiscard]] std::vector<std::uint32_t> upper() const {
    std::vector<std::uint32_t> made;
    for (std::size_t row = 0; row < rows(); ++row)
      for (std::size_t l = 1; l <= level(row); ++l) made.insert(made.end(), list(row, l).begin(), list(row, l).end());
    return made;
  }

  /// From these, every number checked: links name other rows of that level, each once, and `none` only behind them; the tree has one
  /// root, its links are there, and it holds every row. Errors: malformed, unsupported (too many rows), out_of_memory.
  [[nodiscard]] static result<graph_links> from(std::size_t degree, std::uint32_t entry, std::span<const std::uint32_t> ground,
                                                std::span<const std::uint32_t> parents, std::span<const std::uint8_t> levels,
                                                std::span<const std::uint32_t> upper);
  /// The same without a tree, for a builder's `connect` to make one.
  [[nodiscard]] static result<graph_links> without_tree(std::size_t degree, std::uint32_t entry, std::span<const std::uint32_t> ground,
                                                        std::span<const std::uint8_t> levels, std::span<const std::uint32_t> upper);

 private:
  [[nodiscard]] std::uint32_t* place(std::size_t row, std::size_t level) noexcept {
    TESSERA_ASSERT(row < rows() && level <= this->level(row));
    return level == 0 ? ground_.data() + row * 2 * degree_ : upper_.data() + upper_at_[row] + 1 + (level - 1) * degree_;
  }
  [[nodiscard]] result<> check_list(std::size_t row, std::size_t level, std::vector<std::uint32_t>& seen_by) const;
  [[nodiscard]] result<> check_tree() const;

  std::size_t degree_ = 16;
  std::uint32_t entry_ = none;
  aligned_buffer<std::uint32_t> ground_;
  std::vector<std::uint32_t> parents_;
  std::vector<std::uint8_t> children_;
  std::vector<std::uint32_t> upper_at_;  // where in upper_: the row's level, then its lists from level 1 on
  std::vector<std::uint32_t> upper_;
};

}  // namespace tessera::inline TESSERA_ABI::detail

#if TESSERA_HEADER_ONLY
#include <tessera/index/graph_links-inl.hpp>
#endif
