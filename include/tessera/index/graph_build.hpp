// SPDX-License-Identifier: Apache-2.0
/// Links new rows into a graph, and links around rows that leave it.
///
/// A scoring answers for rows what a scorer answers for a query: `scoring.of_row(r)` is a scorer (index/graph_search.hpp) of row r.
/// New rows come in batches of at most 1/64 of the graph: first all look for their neighbours in the graph as it stands and among each
/// other, each on its own; then each row that was chosen takes its new links, each on its own. No step waits for another thread and
/// none sees another's half-done work, so the graph is the same for any number of threads.
///
/// Neighbours are chosen by Malkov and Yashunin's heuristic (arXiv:1603.09320, algorithm 4): from near to far, each that is not
/// nearer to one chosen before than to the row itself; by a little more, as in DiskANN's graph: with squared distances 1.08 times as large
/// there are a tenth more links, and searches meet up to a sixth fewer rows for the same recall. Links of the spanning tree always stay.
#pragma once

#include <tessera/base/threads.hpp>
#include <tessera/index/bulk_neighbours.hpp>
#include <tessera/index/graph_search.hpp>
#include <tessera/index/spares.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

/// At most `most` of the candidates, which stand nearest first, among them all that `must` stay.
template <class Scoring, class Must>
void choose_links(std::span<const near_row> candidates, std::size_t most, const Scoring& scoring, const Must& must,
                  std::vector<std::uint32_t>& chosen) {
  constexpr std::size_t together = 8;
  constexpr float nearer_by = 1.08f;
  chosen.clear();
  std::size_t kept_free = 0;
  for (const near_row& one : candidates) kept_free += must(one.row) ? 1u : 0u;
  TESSERA_ASSERT(kept_free <= most);
  for (const near_row& one : candidates) {
    if (chosen.size() == most) return;
    bool stays = must(one.row);
    if (stays) {
      --kept_free;
    } else if (chosen.size() + kept_free < most) {
      const auto score = scoring.of_row(one.row);
      stays = true;
      std::uint32_t at[together] = {one.row};
      float keys[together];
      float self = 0.0f;  // its key to itself: keys are distances but for what is not known of their zero
      for (std::size_t i = 0, before = 1; i < chosen.size() && stays; before = 0) {
        const std::size_t now = std::min(together - before, chosen.size() - i);
        std::copy_n(chosen.begin() + static_cast<std::ptrdiff_t>(i), now, at + before);
        score(std::span<const std::uint32_t>(at, before + now), keys);
        if (before == 1) self = keys[0];
        stays = std::none_of(keys + before, keys + before + now,
                             [&one, self](float key) { return (key - self) * nearer_by < one.key - self; });
        i += now;
      }
    }
    if (stays) chosen.push_back(one.row);
  }
}

template <class Scoring>
class graph_builder {
 public:
  graph_builder(graph_links& graph, const Scoring& scoring, spares<walk_memory>& memory, thread_pool* threads) noexcept
      : graph_(graph), scoring_(scoring), memory_(memory), threads_(threads) {}

  /// How many rows may come together beside `rows` that are there.
  [[nodiscard]] static std::size_t batch(std::size_t rows) noexcept { return std::clamp<std::size_t>(rows / 64, 1, 1024); }

  /// Rows first .. the last, at most one batch, are in the graph without links; now they get them. `effort` candidates are looked at,
  /// those of level 0 from `bulk` where it has these rows.
  void link(std::size_t first, std::size_t effort, const bulk_neighbours* bulk = nullptr) {
    const std::size_t count = graph_.rows() - first;
    if (graph_.entry() == graph_links::none) {
      graph_.set_entry(0);
      TESSERA_ASSERT(first == 0 && count == 1);
      return;
    }
    const bool near_known = bulk != nullptr && graph_.rows() <= bulk->rows() && first >= bulk_neighbours::least_rows / 2;
    // Candidates from all pairs are the nearest there are: fewer of them give links as good as those of a walk.
    const std::size_t wanted = std::max(4 * graph_.degree(), effort * 2 / 5);
    if (near_known) bulk->find(first, count, wanted, threads_, known_);
    for_each(threads_, count, [&](std::size_t i) {
      find_links(static_cast<std::uint32_t>(first + i), first, effort, near_known ? &known_[i] : nullptr);
    });
    for (std::size_t i = 0; i < count; ++i) hang_into_tree(static_cast<std::uint32_t>(first + i), static_cast<std::uint32_t>(first));
    answer_links(first);
    for (std::size_t row = first; row < graph_.rows(); ++row)
      if (graph_.level(row) > graph_.level(graph_.entry())) graph_.set_entry(static_cast<std::uint32_t>(row));
  }

  /// No list of a row that stays names a row that is gone: what these linked to takes their places. The tree is left behind in pieces.
  template <class Gone>
  void link_around(const Gone& gone) {
    for_each(threads_, graph_.rows(), [&](std::size_t i) {
      const auto row = static_cast<std::uint32_t>(i);
      if (gone(row)) return;
      for (std::size_t level = 0; level <= graph_.level(row); ++level) link_around(row, level, gone);
    });
    if (graph_.rows() == 0 || !gone(graph_.entry())) return;
    std::uint32_t entry = graph_links::none;
    for (std::uint32_t row = 0; row < graph_.rows(); ++row)
      if (!gone(row) && (entry == graph_links::none || graph_.level(row) > graph_.level(entry))) entry = row;
    graph_.set_entry(entry);
  }

  /// Makes the spanning tree anew, with links where it needs them.
  void connect(std::size_t effort) {
    graph_.forget_tree();
    if (graph_.rows() == 0) return;
    std::vector<char> hung(graph_.rows(), 0);
    const auto grow_from = [&](std::uint32_t root) {
      std::vector<std::uint32_t> queue{root};
      hung[root] = 1;
      for (std::size_t at = 0; at < queue.size(); ++at)
        for (const std::uint32_t to : graph_.linked(queue[at], 0)) {
          if (hung[to] || graph_.children(queue[at]) >= graph_.degree()) continue;
          graph_.set_parent(to, queue[at]);
          hung[to] = 1;
          queue.push_back(to);
        }
    };
    grow_from(graph_.entry());
    for (std::uint32_t row = 0; row < graph_.rows(); ++row) {
      if (hung[row]) continue;
      const auto memory = memory_.take();
      const auto score = scoring_.of_row(row);
      const near_row from = descend_to(graph_, 0, score, *memory);
      const auto has_room = [&](std::uint32_t other) { return hung[other] && graph_.children(other) < graph_.degree(); };
      static_cast<void>(walk(graph_, 0, {&from, 1}, effort, score, has_room, to_the_end, *memory));
      std::uint32_t parent = memory->found.empty() ? graph_links::none : memory->found.front().row;
      for (std::uint32_t other = 0; parent == graph_links::none; ++other)
        if (has_room(other)) parent = other;  // a tree always has leaves
      graph_.set_parent(row, parent);
      grow_from(row);
    }
    for (std::uint32_t row = 0; row < graph_.rows(); ++row) {
      if (graph_.parent(row) == graph_links::none) continue;
      force_link(row, graph_.parent(row));
      force_link(graph_.parent(row), row);
    }
  }

 private:
  struct answer {
    std::uint32_t row, level, from;
    friend bool operator<(const answer& a, const answer& b) noexcept {
      return a.row != b.row ? a.row < b.row : a.level != b.level ? a.level < b.level : a.from < b.from;
    }
  };

  void find_links(std::uint32_t row, std::size_t first, std::size_t effort, const std::vector<std::uint32_t>* near) {
    const auto memory = memory_.take();
    const auto score = scoring_.of_row(row);
    const std::size_t top = std::min(graph_.level(row), graph_.level(graph_.entry()));
    near_row from{};
    if (top > 0 || near == nullptr) from = descend_to(graph_, top, score, *memory);
    std::vector<std::uint32_t> chosen;
    for (std::size_t level = top + 1; level-- > 0;) {
      if (level == 0 && near != nullptr) {
        memory->rows = *near;
        score_found(score, *memory);
      } else {
        static_cast<void>(walk(graph_, level, {&from, 1}, effort, score, every_row, to_the_end, *memory));
        from = memory->found.front();
        add_mates(row, level, first, effort, score, *memory);
      }
      choose_links(memory->found, graph_.places(level), scoring_, [](std::uint32_t) { return false; }, chosen);
      graph_.set_links(row, level, chosen);
    }
  }

  /// memory.found is memory.rows, nearest first.
  template <class Score>
  static void score_found(const Score& score, walk_memory& memory) {
    memory.keys.resize(std::max(memory.keys.size(), memory.rows.size()));
    score(memory.rows, memory.keys.data());
    memory.found.clear();
    for (std::size_t i = 0; i < memory.rows.size(); ++i) memory.found.push_back({memory.keys[i], memory.rows[i]});
    std::sort(memory.found.begin(), memory.found.end());
  }

  /// The rows that come together with `row` join those that it found; the nearest stay.
  template <class Score>
  void add_mates(std::uint32_t row, std::size_t level, std::size_t first, std::size_t effort, const Score& score,
                 walk_memory& memory) const {
    memory.rows.clear();
    for (auto other = static_cast<std::uint32_t>(first); other < graph_.rows(); ++other)
      if (other != row && graph_.level(other) >= level) memory.rows.push_back(other);
    if (memory.rows.empty()) return;
    memory.keys.resize(std::max(memory.keys.size(), memory.rows.size()));
    score(memory.rows, memory.keys.data());
    for (std::size_t i = 0; i < memory.rows.size(); ++i) memory.found.push_back({memory.keys[i], memory.rows[i]});
    const auto end = memory.found.begin() + static_cast<std::ptrdiff_t>(std::min(effort, memory.found.size()));
    std::partial_sort(memory.found.begin(), end, memory.found.end());
    memory.found.erase(end, memory.found.end());
  }

  /// A parent for a new row: the nearest of its links that has room for a child, or else a descendant of the nearest, by a way that differs
  /// from row to row so that the tree stays flat where thousands are alike. Children of this batch, which begins at `first`, are not yet
  /// linked to.
  void hang_into_tree(std::uint32_t row, std::uint32_t first) {
    const auto has_room = [&](std::uint32_t parent) { return graph_.children(parent) < graph_.degree(); };
    const auto links = graph_.linked(row, 0);
    const auto hangs = [row](std::uint32_t other) { return other < row; };  // those that came before, of this batch too
    const auto found = std::find_if(links.begin(), links.end(), [&](std::uint32_t other) { return hangs(other) && has_room(other); });
    const auto nearest = std::find_if(links.begin(), links.end(), hangs);
    std::uint32_t parent = found != links.end() ? *found : nearest != links.end() ? *nearest : graph_.entry();
    std::vector<std::uint32_t> children;
    for (std::uint64_t turn = row * 0x9E3779B97F4A7C15u; !has_room(parent); turn = turn * 0x9E3779B97F4A7C15u + 1) {
      children.clear();
      const auto look_at = [&](std::uint32_t child) {
        if (graph_.parent(child) == parent) children.push_back(child);
      };
      std::ranges::for_each(graph_.linked(parent, 0), look_at);
      for (std::uint32_t other = first; children.size() < graph_.children(parent) && other < row; ++other) look_at(other);
      parent = children[(turn >> 32u) % children.size()];
    }
    graph_.set_parent(row, parent);
    force_link(row, parent);
  }

  /// Each row that the rows from `first` on link to, takes a link back.
  void answer_links(std::size_t first) {
    std::vector<answer> answers;
    for (auto row = static_cast<std::uint32_t>(first); row < graph_.rows(); ++row)
      for (std::size_t level = 0; level <= graph_.level(row); ++level)
        for (const std::uint32_t to : graph_.linked(row, level)) answers.push_back({to, static_cast<std::uint32_t>(level), row});
    std::sort(answers.begin(), answers.end());
    std::vector<std::size_t> begins;
    for (std::size_t i = 0; i < answers.size(); ++i)
      if (i == 0 || answers[i].row != answers[i - 1].row || answers[i].level != answers[i - 1].level) begins.push_back(i);
    begins.push_back(answers.size());
    for_each(threads_, begins.size() - 1, [&](std::size_t group) {
      take_links(std::span<const answer>(answers).subspan(begins[group], begins[group + 1] - begins[group]));
    });
  }
  void take_links(std::span<const answer> news) {
    const std::uint32_t row = news.front().row;
    const std::size_t level = news.front().level;
    const auto memory = memory_.take();
    const auto old = graph_.linked(row, level);
    memory->rows.assign(old.begin(), old.end());
    for (const answer& one : news)  // rows of one batch may have chosen each other
      if (std::find(old.begin(), old.end(), one.from) == old.end()) memory->rows.push_back(one.from);
    if (memory->rows.size() <= graph_.places(level)) {
      graph_.set_links(row, level, memory->rows);
      return;
    }
    choose_anew(row, level, graph_.places(level), *memory);
  }

  /// The links of a row on a level, chosen from memory.rows.
  void choose_anew(std::uint32_t row, std::size_t level, std::size_t most, walk_memory& memory) {
    score_found(scoring_.of_row(row), memory);
    const auto must = [&](std::uint32_t other) { return level == 0 && graph_.in_tree(row, other); };
    choose_links(memory.found, most, scoring_, must, memory.rows);
    graph_.set_links(row, level, memory.rows);
  }

  template <class Gone>
  void link_around(std::uint32_t row, std::size_t level, const Gone& gone) {
    const auto old = graph_.linked(row, level);
    if (std::none_of(old.begin(), old.end(), gone)) return;
    const auto memory = memory_.take();
    memory->seen.begin(graph_.rows());
    static_cast<void>(memory->seen.insert(row));
    std::vector<std::uint32_t> passed;  // gone rows on the way
    memory->rows.clear();
    const auto look_at = [&](std::span<const std::uint32_t> links) {
      for (const std::uint32_t to : links)
        if (memory->seen.insert(to)) (gone(to) ? passed : memory->rows).push_back(to);
    };
    look_at(old);
    for (std::size_t at = 0; at < passed.size() && memory->rows.size() < 8 * graph_.places(level); ++at)
      look_at(graph_.linked(passed[at], level));
    // The tree of the rows that go is gone with them.
    score_found(scoring_.of_row(row), *memory);
    choose_links(memory->found, graph_.places(level), scoring_, [](std::uint32_t) { return false; }, memory->rows);
    graph_.set_links(row, level, memory->rows);
  }

  /// row links to `to` on level 0, if need be in the place of the last link that is not of the tree: there are at most M + 1 of these
  /// among 2·M.
  void force_link(std::uint32_t row, std::uint32_t to) noexcept {
    const auto places = graph_.list(row, 0);
    if (std::find(places.begin(), places.end(), to) != places.end() || graph_.add_link(row, 0, to)) return;
    for (std::size_t i = places.size(); i-- > 0;)
      if (!graph_.in_tree(row, places[i])) {
        places[i] = to;
        return;
      }
    TESSERA_ASSERT(false);
  }

  graph_links& graph_;
  const Scoring& scoring_;
  spares<walk_memory>& memory_;
  thread_pool* threads_;
  std::vector<std::vector<std::uint32_t>> known_;
};

}  // namespace tessera::inline TESSERA_ABI::detail
