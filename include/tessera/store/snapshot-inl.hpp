// SPDX-License-Identifier: Apache-2.0
/// Writes a view of a store as a snapshot: living rows by rising id, their graph, their contents (docs/formats.md).
#pragma once

#include <tessera/index/graph_links.hpp>
#include <tessera/index/hnsw_settings.hpp>
#include <tessera/index/index_file.hpp>
#include <tessera/store/content.hpp>
#include <tessera/store/table_view.hpp>

#include <algorithm>
#include <cstring>
#include <stop_token>
#include <string>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

/// Which rows a snapshot has, in which order.
struct snapshot_plan {
  std::vector<std::uint32_t> order;        ///< row i of the snapshot is row order[i] of the view
  std::vector<std::uint32_t> to;           ///< the reverse; graph_links::none where the row is gone
  std::vector<std::uint64_t> content_ends;  ///< in the section `contents`

  [[nodiscard]] result<> choose(const table_view& rows) {
    if (rows.count > graph_links::most_rows)
      return fail({.code = error_code::unsupported,
                   .thing = "rows of a snapshot",
                   .wanted = "at most 2^30",
                   .found = std::to_string(rows.count)});
    order.clear();
    to.assign(rows.count, graph_links::none);
    for (std::uint32_t row = 0; row < rows.count; ++row)
      if (rows.rows->visible(row, rows.change)) order.push_back(row);
    const std::uint64_t* const ids = rows.rows->ids();
    std::sort(order.begin(), order.end(), [ids](std::uint32_t a, std::uint32_t b) { return ids[a] < ids[b]; });
    content_ends.reserve(order.size());
    std::uint64_t bytes = 0;
    for (std::uint32_t i = 0; i < order.size(); ++i) {
      to[order[i]] = i;
      TESSERA_TRY(const auto content, rows.rows->content(order[i]));
      content_ends.push_back(bytes += content.metadata.size() + content.payload.size());
    }
    return {};
  }
};

/// Every row and content that is there is what was written: a snapshot must not give damage a checksum of its own.
[[nodiscard]] inline result<> check_rows(const table_view& rows, const std::stop_token& stop) {
  if (const auto verified = rows.rows->verify(stop); verified || verified.error().code == error_code::stopped) return verified;
  error found{.code = error_code::checksum,
              .thing = "rows that were damaged",
              .wanted = "none in a new snapshot: remove or update them first",
              .path = rows.rows->path()};
  for (std::size_t row = 0; row < rows.rows->base_rows(); ++row)
    if (rows.rows->visible(row, rows.change) && !(rows.rows->whole(row) && rows.rows->content(row)))
      found.causes.push_back({.code = error_code::checksum, .thing = "id " + std::to_string(rows.rows->ids()[row])});
  if (found.causes.empty()) return {};  // the graph only, which is made anew
  return fail(std::move(found));
}

/// A section of `count` parts of one size, each given by fill(i, out).
template <class Fill>
[[nodiscard]] index_section_source parts_of(std::string_view name, std::size_t count, std::size_t size, const Fill& fill) {
  return {name, std::uint64_t{count} * size, [size, fill](std::uint64_t at, std::span<std::byte> out) {
            std::vector<std::byte> part(size);
            for (std::size_t done = 0; done < out.size();) {
              const auto i = static_cast<std::size_t>((at + done) / size), skip = static_cast<std::size_t>((at + done) % size);
              const std::size_t now = std::min(size - skip, out.size() - done);
              fill(i, part.data());
              std::memcpy(out.data() + done, part.data() + skip, now);
              done += now;
            }
          }};
}

[[nodiscard]] inline result<> write_snapshot(const std::string& path, const index_description& what, const snapshot_numbers& numbers,
                                             const table_view& view, const snapshot_plan& plan,
                                             const graph_links* graph, const hnsw_settings& settings,
                                             std::span<const std::uint64_t> recall, const std::stop_token& stop) {
  const row_table& table = *view.rows;
  const row_layout& layout = table.layout();
  const std::size_t n = plan.order.size();
  const auto& order = plan.order;
  const auto bytes_of = [](std::string_view name, std::span<const std::byte> bytes) {
    return index_section_source{name, bytes.size(), [bytes](std::uint64_t at, std::span<std::byte> out) {
                                  if (!out.empty()) std::memcpy(out.data(), bytes.data() + at, out.size());
                                }};
  };
  const auto column = [&](std::string_view name, const auto* from) {
    const auto fill = [&order, from](std::size_t i, std::byte* out) { std::memcpy(out, from + order[i], sizeof *from); };
    return parts_of(name, n, sizeof *from, fill);
  };
  std::vector<index_section_source> sections;
  sections.push_back(bytes_of("store", std::as_bytes(std::span(&numbers, 1))));
  sections.push_back(column("ids", table.ids()));
  if (layout.norms) sections.push_back(column("norms", table.norms()));
  if (layout.scales) sections.push_back(column("scales", table.scales()));
  const std::uint64_t about_graph[8] = {graph != nullptr ? graph->degree() : 0, settings.build_effort, settings.effort, settings.seed,
                                        n, graph != nullptr ? graph->entry() : 0, 0, 0};
  std::vector<std::uint8_t> levels;
  std::vector<std::uint32_t> upper;
  if (graph != nullptr) {
    levels = graph->levels();
    upper = graph->upper();
    sections.push_back(bytes_of("graph", std::as_bytes(std::span(about_graph))));
    sections.push_back(bytes_of("links", std::as_bytes(graph->ground())));
    sections.push_back(bytes_of("parents", std::as_bytes(graph->parents())));
    sections.push_back(bytes_of("levels", std::as_bytes(std::span(levels))));
    sections.push_back(bytes_of("upper", std::as_bytes(std::span(upper))));
  }
  if (!recall.empty()) sections.push_back(bytes_of("recall", std::as_bytes(recall)));
  const auto content = [&](std::size_t i) { return *table.content(order[i]); };  // check_rows has seen it
  const auto begin_of = [&plan](std::size_t i) { return i == 0 ? 0 : plan.content_ends[i - 1]; };
  sections.push_back(parts_of("places", n, sizeof(content_place), [&](std::size_t i, std::byte* out) {
    const stored_content one = content(i);
    const content_place place{.at = begin_of(i),
                              .metadata = static_cast<std::uint32_t>(one.metadata.size()),
                              .payload = static_cast<std::uint32_t>(one.payload.size()),
                              .whole = one.whole,
                              .flags = one.compressed ? 1u : 0u};
    std::memcpy(out, &place, sizeof place);
  }));
  const auto fill_contents = [&](std::uint64_t at, std::span<std::byte> out) {
    const auto& ends = plan.content_ends;
    auto i = static_cast<std::size_t>(std::upper_bound(ends.begin(), ends.end(), at) - ends.begin());
    for (std::size_t done = 0; done < out.size(); ++i) {
      const stored_content one = content(i);
      for (std::uint64_t part_at = begin_of(i); const auto part : {one.metadata, one.payload}) {
        const std::uint64_t here = at + done;
        if (here < part_at + part.size() && done < out.size()) {
          const auto skip = static_cast<std::size_t>(here - part_at);
          const std::size_t now = std::min(part.size() - skip, out.size() - done);
          std::memcpy(out.data() + done, part.data() + skip, now);
          done += now;
        }
        part_at += part.size();
      }
    }
  };
  sections.push_back({"contents", plan.content_ends.empty() ? 0 : plan.content_ends.back(), fill_contents});
  sections.push_back(parts_of("rows", n, layout.stride, [&](std::size_t i, std::byte* out) {
    std::memcpy(out, table.rows() + order[i] * layout.stride, layout.stride);
  }));
  return write_index_sources(path, what, sections, index_file::small_block_bytes, stop);
}

}  // namespace tessera::inline TESSERA_ABI::detail
