// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/index_parts.hpp.
#pragma once

#include <tessera/base/bytes.hpp>
#include <tessera/base/half.hpp>
#include <tessera/io/index_parts.hpp>

#include <algorithm>
#include <cmath>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE std::string_view to_string(stated_metric metric) noexcept {
  switch (metric) {
    case stated_metric::unstated: return "unstated";
    case stated_metric::cosine: return "cosine";
    case stated_metric::inner_product: return "inner_product";
    case stated_metric::squared_l2: return "squared_l2";
    case stated_metric::hamming: return "hamming";
    case stated_metric::jaccard: return "jaccard";
  }
  return "?";
}

TESSERA_INLINE std::size_t index_parts::row_bytes() const noexcept {
  return type == dtype::f32 ? dimension * 4 : type == dtype::u8 ? (dimension + 7) / 8 : dimension * 2;
}

TESSERA_INLINE bool index_parts::has_unit_rows() const noexcept {
  if (type == dtype::u8) return false;
  for (std::size_t row = 0; row < rows; ++row) {
    double squares = 0.0;
    const std::byte* from = vector(row).data();
    for (std::size_t i = 0; i < dimension; ++i) {
      double value = 0.0;
      if (type == dtype::f32) value = static_cast<double>(detail::load<std::endian::little, float>(from + 4 * i));
      else if (type == dtype::f16)
        value = static_cast<double>(static_cast<float>(detail::load<std::endian::little, float16>(from + 2 * i)));
      else value = static_cast<double>(static_cast<float>(detail::load<std::endian::little, bfloat16>(from + 2 * i)));
      squares += value * value;
    }
    if (!(std::abs(std::sqrt(squares) - 1.0) <= 1e-3)) return false;
  }
  return true;
}

namespace detail {

[[nodiscard]] inline std::unexpected<error> bad_graph(std::string_view path, std::string thing, std::string wanted, std::string found,
                                                      std::optional<std::uint64_t> offset = {}, error_code code = error_code::malformed) {
  return fail({.code = code,
               .thing = std::move(thing),
               .wanted = std::move(wanted),
               .found = std::move(found),
               .path = std::string(path),
               .offset = offset});
}

TESSERA_INLINE result<graph_gatherer> graph_gatherer::make(std::size_t rows, std::uint64_t ground, std::uint64_t above,
                                                           std::string_view path) {
  if (above == 0 || above > ground || ground > graph_parts::most_degree)
    return bad_graph(path, "links of a row", "1 to 65535 places on level 0, and no more above it",
                     std::to_string(ground) + " and " + std::to_string(above), {}, error_code::unsupported);
  if (rows >= graph_parts::none)
    return bad_graph(path, "rows of a graph", "fewer than 2^32 - 1", std::to_string(rows), {}, error_code::unsupported);
  graph_gatherer made;
  made.rows_ = rows;
  made.path_ = path;
  made.made_.degree = static_cast<std::size_t>(std::max(above, (ground + 1) / 2));
  made.made_.levels.reserve(rows);
  made.made_.ground.assign(rows * 2 * made.made_.degree, graph_parts::none);
  return made;
}

TESSERA_INLINE result<> graph_gatherer::level(std::uint64_t level) {
  constexpr std::uint64_t most = 63;
  if (level > most)
    return bad_graph(path_, "level of row " + std::to_string(made_.levels.size()), "at most " + std::to_string(most),
                     std::to_string(level), {}, error_code::unsupported);
  made_.levels.push_back(static_cast<std::uint8_t>(level));
  return {};
}

TESSERA_INLINE result<> graph_gatherer::list(std::size_t row, std::size_t level, std::span<const std::byte> links,
                                             std::uint64_t offset) {
  const std::size_t begin = level == 0 ? row * 2 * made_.degree : made_.upper.size();
  if (level > 0) made_.upper.resize(begin + made_.degree, graph_parts::none);
  const std::span<std::uint32_t> to = level == 0 ? std::span(made_.ground).subspan(begin, 2 * made_.degree)
                                                 : std::span(made_.upper).subspan(begin, made_.degree);
  std::size_t count = 0;
  for (std::size_t at = 0; at + 4 <= links.size(); at += 4) {
    const auto link = load<std::endian::little, std::uint32_t>(links.data() + at);
    if (link >= rows_)
      return bad_graph(path_, "links of row " + std::to_string(row) + " on level " + std::to_string(level),
                       "numbers below " + std::to_string(rows_), std::to_string(link), offset + at);
    if (link == row || std::find(to.begin(), to.begin() + static_cast<std::ptrdiff_t>(count), link) !=
                           to.begin() + static_cast<std::ptrdiff_t>(count))
      continue;
    if (count == to.size())
      return bad_graph(path_, "links of row " + std::to_string(row), std::to_string(to.size()), "more", offset + at);
    to[count++] = link;
  }
  return {};
}

TESSERA_INLINE result<graph_parts> graph_gatherer::finish(std::uint64_t entry) && {
  std::size_t at = 0;
  for (std::size_t row = 0; row < rows_; ++row)
    for (std::size_t level = 1; level <= made_.levels[row]; ++level, at += made_.degree)
      for (const std::uint32_t to : graph_parts::used(std::span(made_.upper).subspan(at, made_.degree)))
        if (made_.levels[to] < level)
          return bad_graph(path_, "links of row " + std::to_string(row) + " on level " + std::to_string(level),
                           "rows that reach this level", std::to_string(to));
  if (rows_ == 0) {
    made_.entry = graph_parts::none;
    return std::move(made_);
  }
  if (entry >= rows_ || made_.levels[static_cast<std::size_t>(entry)] != *std::max_element(made_.levels.begin(), made_.levels.end()))
    return bad_graph(path_, "entry of the graph", "a row of the highest level", std::to_string(entry));
  made_.entry = static_cast<std::uint32_t>(entry);
  return std::move(made_);
}

TESSERA_INLINE result<index_parts> open_parts(std::string_view path,
                                              result<index_parts> (*view)(std::span<const std::byte>, std::string_view)) {
  TESSERA_TRY(mapped_file file, mapped_file::open(path));
  auto kept = std::make_shared<const mapped_file>(std::move(file));
  TESSERA_TRY(index_parts parts, view(kept->bytes(), path));
  parts.file = std::move(kept);
  return parts;
}

TESSERA_INLINE result<> parts_fit(const index_parts& parts) {
  const auto wrong = [](const char* thing, std::size_t wanted, std::size_t found) {
    return fail({.code = error_code::invalid_argument, .thing = thing, .wanted = std::to_string(wanted), .found = std::to_string(found)});
  };
  if (parts.ids.size() != parts.rows) return wrong("ids", parts.rows, parts.ids.size());
  if (!parts.removed.empty() && parts.removed.size() != parts.rows) return wrong("marks of removed rows", parts.rows, parts.removed.size());
  const std::size_t bytes = parts.rows == 0 ? 0 : (parts.rows - 1) * parts.stride + parts.row_bytes();
  if (parts.vectors.size() < bytes || parts.stride < parts.row_bytes()) return wrong("bytes of the vectors", bytes, parts.vectors.size());
  if (!parts.graph) return {};
  const graph_parts& graph = *parts.graph;
  std::size_t upper = 0;
  for (const std::uint8_t level : graph.levels) upper += level;
  if (graph.levels.size() != parts.rows) return wrong("levels", parts.rows, graph.levels.size());
  if (graph.ground.size() != parts.rows * 2 * graph.degree) return wrong("links", parts.rows * 2 * graph.degree, graph.ground.size());
  if (graph.upper.size() != upper * graph.degree) return wrong("links above level 0", upper * graph.degree, graph.upper.size());
  return {};
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
