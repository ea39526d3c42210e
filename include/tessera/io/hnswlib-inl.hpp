// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/hnswlib.hpp.
#pragma once

#include <tessera/io/atomic_file.hpp>
#include <tessera/io/byte_reader.hpp>
#include <tessera/io/bytes.hpp>
#include <tessera/io/hnswlib.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<index_parts> read_hnswlib(std::string_view path) { return detail::open_parts(path, view_hnswlib); }

TESSERA_INLINE result<index_parts> view_hnswlib(std::span<const std::byte> bytes, std::string_view path) {
  byte_reader reader(bytes, path);
  TESSERA_TRY(const auto first, reader.number<std::uint64_t>("offset of level 0"));
  if (first != 0) return reader.wrong("offset of level 0", "0, as every file of hnswlib has", std::to_string(first));
  TESSERA_TRY(const auto capacity, reader.number<std::uint64_t>("capacity"));
  TESSERA_TRY(const auto rows, reader.number<std::uint64_t>("rows"));
  TESSERA_TRY(const auto element, reader.number<std::uint64_t>("bytes of an element"));
  TESSERA_TRY(const auto label_at, reader.number<std::uint64_t>("place of the label"));
  TESSERA_TRY(const auto vector_at, reader.number<std::uint64_t>("place of the vector"));
  TESSERA_CHECK(reader.take(sizeof(std::int32_t), "highest level"));
  TESSERA_TRY(const auto entry, reader.number<std::uint32_t>("entry"));
  TESSERA_TRY(const auto above, reader.number<std::uint64_t>("links above level 0"));
  TESSERA_TRY(const auto ground, reader.number<std::uint64_t>("links on level 0"));
  TESSERA_CHECK(reader.take(sizeof(std::uint64_t), "M"));
  TESSERA_CHECK(reader.take(sizeof(double), "level multiplier"));
  TESSERA_TRY(const auto build_effort, reader.number<std::uint64_t>("ef_construction"));
  if (rows > capacity) return reader.wrong("rows", "at most the capacity " + std::to_string(capacity), std::to_string(rows));
  if (ground > graph_parts::most_degree || vector_at != 4 + 4 * ground || label_at < vector_at || (label_at - vector_at) % 4 != 0 ||
      label_at == vector_at || element < label_at || element - label_at != sizeof(std::uint64_t))
    return reader.wrong("an element", "2·M links, a vector of f32 and a label of 8 bytes",
                        std::to_string(ground) + " links, the vector at " + std::to_string(vector_at) + ", the label at " +
                            std::to_string(label_at) + " of " + std::to_string(element) + " bytes");
  TESSERA_CHECK(reader.fits(rows, element, "rows"));
  TESSERA_TRY(auto gatherer, detail::graph_gatherer::make(static_cast<std::size_t>(rows), ground, above, path));

  index_parts made;
  made.format = "hnswlib";
  made.dimension = static_cast<std::size_t>((label_at - vector_at) / 4);
  made.rows = static_cast<std::size_t>(rows);
  made.stride = static_cast<std::size_t>(element);
  made.path = path;
  made.ids.reserve(made.rows);
  std::size_t gone = 0;
  std::vector<std::uint8_t> removed(made.rows, 0);
  for (std::size_t row = 0; row < made.rows; ++row) {
    const std::uint64_t at = reader.at();
    TESSERA_TRY(const auto count, reader.number<std::uint16_t>("links"));
    TESSERA_TRY(const auto mark, reader.number<std::uint8_t>("mark of a removed row"));
    TESSERA_CHECK(reader.take(1, "links"));
    if (count > ground)
      return reader.wrong("links of row " + std::to_string(row), "at most " + std::to_string(ground),
                          std::to_string(count));
    removed[row] = mark & 1u;
    gone += mark & 1u;
    TESSERA_TRY(const auto links, reader.take(4 * ground, "links"));
    TESSERA_CHECK(gatherer.list(row, 0, links.first(4 * std::size_t{count}), at + 4));
    TESSERA_CHECK(reader.take(label_at - vector_at, "vector"));
    if (row == 0) made.vectors = bytes.subspan(static_cast<std::size_t>(at + vector_at));
    TESSERA_TRY(made.ids.emplace_back(), reader.number<std::uint64_t>("label"));
  }
  if (gone > 0) made.removed = std::move(removed);
  for (std::size_t row = 0; row < made.rows; ++row) {
    const std::uint64_t list_bytes = 4 + 4 * above;
    TESSERA_TRY(const auto size, reader.number<std::uint32_t>("bytes of the lists above level 0"));
    if (size % list_bytes != 0)
      return reader.wrong("lists of row " + std::to_string(row),
                          "a multiple of " + std::to_string(list_bytes) + " bytes", std::to_string(size));
    TESSERA_CHECK(gatherer.level(size / list_bytes));
    for (std::size_t level = 1; level <= size / list_bytes; ++level) {
      TESSERA_TRY(const auto count, reader.number<std::uint16_t>("links"));
      TESSERA_CHECK(reader.take(sizeof(std::uint16_t), "links"));
      if (count > above)
        return reader.wrong("links of row " + std::to_string(row), "at most " + std::to_string(above),
                            std::to_string(count));
      const std::uint64_t at = reader.at();
      TESSERA_TRY(const auto links, reader.take(4 * above, "links"));
      TESSERA_CHECK(gatherer.list(row, level, links.first(4 * std::size_t{count}), at));
    }
  }
  TESSERA_CHECK(reader.ends());
  TESSERA_TRY(made.graph, std::move(gatherer).finish(entry));
  made.graph->build_effort = static_cast<std::size_t>(build_effort);
  return made;
}

TESSERA_INLINE result<> write_hnswlib(std::string_view path, const index_parts& parts) {
  if (!parts.graph || parts.type != dtype::f32)
    return fail({.code = error_code::unsupported,
                 .thing = "index for hnswlib",
                 .wanted = "a graph over f32 rows",
                 .found = parts.graph ? "rows of another precision" : "no graph",
                 .path = std::string(path)});
  TESSERA_CHECK(detail::parts_fit(parts));
  if (parts.metric == stated_metric::cosine && !parts.has_unit_rows())
    return fail({.code = error_code::unsupported,
                 .thing = "index for hnswlib",
                 .wanted = "rows of length 1, as its cosine keeps them",
                 .found = "others",
                 .path = std::string(path)});
  const graph_parts& graph = *parts.graph;
  const auto put_list = [](std::string& out, std::span<const std::uint32_t> list, std::uint16_t marks) {
    append_le(out, static_cast<std::uint16_t>(graph_parts::used(list).size()));
    append_le(out, marks);
    for (const std::uint32_t link : list) append_le(out, link == graph_parts::none ? 0u : link);
  };
  const std::uint64_t vector_at = 4 + 8 * graph.degree;
  const std::uint64_t label_at = vector_at + parts.row_bytes();
  const int highest = graph.levels.empty() ? -1 : *std::max_element(graph.levels.begin(), graph.levels.end());
  TESSERA_TRY(atomic_file file, atomic_file::create(path));
  std::string out;
  for (const std::uint64_t value :
       {std::uint64_t{0}, std::uint64_t{parts.rows}, std::uint64_t{parts.rows}, label_at + 8, label_at, vector_at})
    append_le(out, value);
  append_le(out, static_cast<std::int32_t>(highest));
  append_le(out, graph.entry);
  for (const std::uint64_t value : {std::uint64_t{graph.degree}, 2 * std::uint64_t{graph.degree}, std::uint64_t{graph.degree}})
    append_le(out, value);
  append_le(out, 1.0 / std::log(static_cast<double>(graph.degree)));
  append_le(out, std::uint64_t{graph.build_effort});
  TESSERA_CHECK(file.write(out));
  for (std::size_t row = 0; row < parts.rows; ++row) {
    out.clear();
    put_list(out, graph.on_ground(row), parts.is_removed(row) ? 1 : 0);
    TESSERA_CHECK(file.write(out));
    TESSERA_CHECK(file.write(parts.vector(row)));
    out.clear();
    append_le(out, parts.ids[row]);
    TESSERA_CHECK(file.write(out));
  }
  std::size_t at = 0;
  for (const std::uint8_t level : graph.levels) {
    out.clear();
    append_le(out, static_cast<std::uint32_t>(level * (4 + 4 * graph.degree)));
    for (std::size_t l = 0; l < level; ++l, at += graph.degree) put_list(out, std::span(graph.upper).subspan(at, graph.degree), 0);
    TESSERA_CHECK(file.write(out));
  }
  return file.commit();
}

}  // namespace tessera::inline TESSERA_ABI
