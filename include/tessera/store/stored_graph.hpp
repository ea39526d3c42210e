// SPDX-License-Identifier: Apache-2.0
/// The links of a graph where they lie in a snapshot: walked without being read first.
///
/// It answers what a walk asks of `graph_links` (index/graph_search.hpp). The links of level 0 stay in the file; `intact(at, bytes)`
/// is asked before a list is looked at, and where it says no the list is empty and `damaged()` is true from then on. The upper levels,
/// one row in M, are copied when the file is opened.
#pragma once

#include <tessera/index/graph_links.hpp>
#include <tessera/store/reserved_memory.hpp>

#include <atomic>
#include <functional>

namespace tessera::inline TESSERA_ABI::detail {

class stored_graph {
 public:
  static constexpr std::uint32_t none = graph_links::none;
  using check = std::function<bool(const void* at, std::size_t bytes)>;

  /// `cold`: the file is not in memory, and the disk should be asked early for what comes.
  stored_graph(std::size_t degree, std::uint32_t entry, std::span<const std::uint32_t> ground, check intact, const std::atomic<bool>& cold)
      : degree_(degree), rows_(ground.size() / (2 * degree)), entry_(entry), ground_(ground), intact_(std::move(intact)), cold_(&cold) {}

  /// The rows above level 0, by rising number: `links` has M for each level. False where the numbers cannot be right.
  [[nodiscard]] bool set_upper(std::span<const std::uint8_t> levels, std::span<const std::uint32_t> links);

  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t degree() const noexcept { return degree_; }
  [[nodiscard]] std::size_t places(std::size_t level) const noexcept { return level == 0 ? 2 * degree_ : degree_; }
  [[nodiscard]] std::uint32_t entry() const noexcept { return entry_; }
  [[nodiscard]] std::size_t level(std::size_t row) const noexcept {
    const high_row* found = find(row);
    return found == nullptr ? 0 : found->level;
  }
  [[nodiscard]] std::span<const std::uint32_t> list(std::size_t row, std::size_t level) const noexcept {
    if (level == 0) {
      const auto all = ground_.subspan(row * 2 * degree_, 2 * degree_);
      if (intact_(all.data(), all.size_bytes())) return all;
      damaged_.store(true, std::memory_order_relaxed);
      return {};
    }
    const high_row* found = find(row);
    if (found == nullptr || level > found->level) return {};
    return std::span<const std::uint32_t>(upper_).subspan(found->at + (level - 1) * degree_, degree_);
  }
  [[nodiscard]] std::span<const std::uint32_t> linked(std::size_t row, std::size_t level) const noexcept {
    const auto all = list(row, level);
    return all.first(static_cast<std::size_t>(std::find(all.begin(), all.end(), none) - all.begin()));
  }
  void ask_for(std::size_t row) const noexcept {
    const auto links = ground_.subspan(row * 2 * degree_, 2 * degree_);
    __builtin_prefetch(links.data());
    if (cold_->load(std::memory_order_relaxed)) will_read(std::as_bytes(links), reading::soon);
  }

  [[nodiscard]] bool damaged() const noexcept { return damaged_.load(std::memory_order_relaxed); }
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return high_.capacity() * sizeof(high_row) + upper_.capacity() * sizeof(std::uint32_t);
  }

 private:
  struct high_row {
    std::uint32_t row, level, at;
  };
  [[nodiscard]] const high_row* find(std::size_t row) const noexcept {
    const auto at = std::lower_bound(high_.begin(), high_.end(), row, [](const high_row& one, std::size_t r) { return one.row < r; });
    return at != high_.end() && at->row == row ? &*at : nullptr;
  }

  std::size_t degree_;
  std::size_t rows_;
  std::uint32_t entry_;
  std::span<const std::uint32_t> ground_;
  check intact_;
  const std::atomic<bool>* cold_;
  std::vector<high_row> high_;
  std::vector<std::uint32_t> upper_;
  mutable std::atomic<bool> damaged_{false};
};

}  // namespace tessera::inline TESSERA_ABI::detail

#if TESSERA_HEADER_ONLY
#include <tessera/store/stored_graph-inl.hpp>
#endif
