// SPDX-License-Identifier: Apache-2.0
/// Links from a file, checked before anything walks along them (index/graph_links.hpp).
#pragma once

#include <tessera/index/graph_links.hpp>

#include <string>

namespace tessera::inline TESSERA_ABI::detail {

[[nodiscard]] inline std::unexpected<error> bad_links(std::string thing, std::string wanted, std::string found) {
  return fail({.code = error_code::malformed, .thing = std::move(thing), .wanted = std::move(wanted), .found = std::move(found)});
}

TESSERA_INLINE result<> graph_links::check_list(std::size_t row, std::size_t level, std::vector<std::uint32_t>& seen_by) const {
  bool over = false;
  const auto mark = static_cast<std::uint32_t>(row);
  for (const std::uint32_t to : list(row, level)) {
    if (to == none) {
      over = true;
      continue;
    }
    const char* wanted = nullptr;
    if (over) wanted = "no link behind an unused place";
    else if (to >= rows()) wanted = "the number of a row";
    else if (to == row) wanted = "links to other rows";
    else if (this->level(to) < level) wanted = "a row that reaches this level";
    else if (seen_by[to] == mark) wanted = "each row once";
    if (wanted != nullptr)
      return bad_links("links of row " + std::to_string(row) + " on level " + std::to_string(level), wanted, std::to_string(to));
    seen_by[to] = mark;
  }
  // The marks of this list are no longer wanted: another level of the same row may name the same rows.
  for (const std::uint32_t to : linked(row, level)) seen_by[to] = none;
  return {};
}

TESSERA_INLINE result<> graph_links::check_tree() const {
  const auto links_to = [this](std::uint32_t a, std::uint32_t b) {
    const auto of = linked(a, 0);
    return std::find(of.begin(), of.end(), b) != of.end();
  };
  std::size_t roots = 0;
  for (std::uint32_t row = 0; row < rows(); ++row) {
    const std::uint32_t parent = parents_[row];
    if (parent == none) ++roots;
    else if (parent >= rows() || !links_to(row, parent) || !links_to(parent, row))
      return bad_links("parent of row " + std::to_string(row), "a row that links to it and back", std::to_string(parent));
  }
  if (roots != (rows() == 0 ? 0u : 1u)) return bad_links("rows without a parent", "one", std::to_string(roots));
  // A walk to the root marks its way, so that every row is passed once; a walk that meets its own mark has gone round.
  std::vector<std::uint32_t> walk(rows(), none);
  for (std::uint32_t row = 0; row < rows(); ++row)
    for (std::uint32_t at = row; at != none && walk[at] != row; at = parents_[at]) {
      if (walk[at] != none) break;
      walk[at] = row;
      if (parents_[at] != none && walk[parents_[at]] == row)
        return bad_links("parent of row " + std::to_string(at), "a way to the root", "a ring");
    }
  return {};
}

TESSERA_INLINE result<graph_links> graph_links::without_tree(std::size_t degree, std::uint32_t entry,
                                                             std::span<const std::uint32_t> ground, std::span<const std::uint8_t> levels,
                                                             std::span<const std::uint32_t> upper) {
  TESSERA_ASSERT(degree >= least_degree && degree <= most_degree);
  const std::size_t rows = levels.size();
  if (rows > most_rows)
    return fail({.code = error_code::unsupported, .thing = "rows of a graph", .wanted = "at most 2^30", .found = std::to_string(rows)});
  TESSERA_ASSERT(ground.size() == rows * 2 * degree);
  std::size_t lists = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    if (levels[row] > highest_level)
      return bad_links("level of row " + std::to_string(row), "at most " + std::to_string(highest_level), std::to_string(levels[row]));
    lists += levels[row];
  }
  if (upper.size() != lists * degree || upper.size() + rows > none)
    return bad_links("links above level 0", std::to_string(lists * degree), std::to_string(upper.size()));
  graph_links made(degree);
  TESSERA_CHECK(made.reserve(rows));
  std::size_t at = 0;
  for (std::size_t row = 0; row < rows; ++row) {
    made.append(levels[row]);
    std::copy_n(ground.data() + row * 2 * degree, 2 * degree, made.list(row, 0).begin());
    for (std::size_t level = 1; level <= levels[row]; ++level, at += degree)
      std::copy_n(upper.data() + at, degree, made.list(row, level).begin());
  }
  std::vector<std::uint32_t> seen_by(rows, none);
  for (std::size_t row = 0; row < rows; ++row)
    for (std::size_t level = 0; level <= levels[row]; ++level) TESSERA_CHECK(made.check_list(row, level, seen_by));
  const bool enters = rows == 0 ? entry == none : entry < rows && levels[entry] == *std::max_element(levels.begin(), levels.end());
  if (!enters) return bad_links("entry of the graph", "a row of the highest level", std::to_string(entry));
  made.entry_ = entry;
  return made;
}

TESSERA_INLINE result<graph_links> graph_links::from(std::size_t degree, std::uint32_t entry, std::span<const std::uint32_t> ground,
                                                     std::span<const std::uint32_t> parents, std::span<const std::uint8_t> levels,
                                                     std::span<const std::uint32_t> upper) {
  TESSERA_ASSERT(parents.size() == levels.size());
  TESSERA_TRY(graph_links made, without_tree(degree, entry, ground, levels, upper));
  made.parents_.assign(parents.begin(), parents.end());
  TESSERA_CHECK(made.check_tree());
  for (const std::uint32_t parent : parents) {
    if (parent == none) continue;
    if (made.children_[parent] == degree)
      return bad_links("children of row " + std::to_string(parent), "at most " + std::to_string(degree), "more");
    ++made.children_[parent];
  }
  return made;
}

}  // namespace tessera::inline TESSERA_ABI::detail
