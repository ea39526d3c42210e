// SPDX-License-Identifier: Apache-2.0
/// What `hnsw` has from outside: its file, and graphs that were made elsewhere. Included by index/hnsw.hpp.
#pragma once

#include <tessera/index/hnsw.hpp>

#include <algorithm>
#include <array>
#include <bit>

namespace tessera::inline TESSERA_ABI {

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
result<hnsw<Space, Precision, Metric, Guide>> hnsw<Space, Precision, Metric, Guide>::with_graph(std::span<const std::uint64_t> ids,
                                                                                                matrix&& rows, const graph_parts& graph,
                                                                                                thread_pool* threads) {
  const hnsw_settings plain;
  TESSERA_TRY(hnsw made, make({.degree = graph.degree,
                               .build_effort = std::clamp(graph.build_effort, graph.degree, most_effort),
                               .effort = plain.effort,
                               .seed = plain.seed}));
  TESSERA_CHECK(detail::one_a_row("ids", graph.levels.size(), rows.rows()));
  TESSERA_TRY(made.graph_, detail::graph_links::without_tree(graph.degree, graph.entry, graph.ground, graph.levels, graph.upper));
  TESSERA_CHECK(made.append_rows(ids, std::move(rows)));
  made.serial_ = made.ids().size();
  TESSERA_CHECK(made.guide_.append(made.rows(), 0));
  const auto scoring = made.guide_.scoring(made.rows());
  detail::graph_builder(made.graph_, scoring, made.memory_, threads).connect(made.settings_.build_effort);
  return made;
}

namespace detail {

/// The section `graph`.
struct graph_numbers {
  std::uint64_t degree, build_effort, effort, seed, serial, entry, gone, gone_id;
};

}  // namespace detail

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
result<> hnsw<Space, Precision, Metric, Guide>::save(std::string_view path, const provenance& origin) const {
  index_description what = base::described(guide_type::kind);
  what.origin = origin;
  const detail::graph_numbers numbers{settings_.degree, settings_.build_effort, settings_.effort, settings_.seed,
                                      serial_,          graph_.entry(),         base::gone(),     base::gone() > 0 ? base::gone_id() : 0};
  const auto levels = graph_.levels();
  const auto upper = graph_.upper();
  auto sections = base::sections();
  sections.push_back({"graph", std::as_bytes(std::span(&numbers, 1))});
  sections.push_back({"links", std::as_bytes(graph_.ground())});
  sections.push_back({"parents", std::as_bytes(graph_.parents())});
  sections.push_back({"levels", std::as_bytes(std::span(levels))});
  sections.push_back({"upper", std::as_bytes(std::span(upper))});
  guide_.add_sections(sections);
  const auto recall = recall_.numbers();
  if (!recall_.empty()) sections.push_back({"recall", std::as_bytes(std::span(recall))});
  return write_index_file(path, what, sections);
}

template <embedding_space Space, tessera::precision Precision, tessera::metric Metric, class Guide>
result<> hnsw<Space, Precision, Metric, Guide>::read_sections(const index_file& file) {
  TESSERA_TRY(const bool calibrated, detail::read_recall(file, recall_));
  // The same rows and links serve every guide; codes of another are passed over.
  const std::size_t coded = file.has_section("codes") ? 3 + std::size_t{file.has_section("axes")} : 0;
  TESSERA_CHECK(file.has_sections(base::row_sections + graph_sections + coded + std::size_t{calibrated}));
  TESSERA_TRY(const auto numbers, file.all_values<std::uint64_t>("graph"));
  if (numbers.size() != 8)
    return fail({.code = error_code::malformed, .thing = "section graph", .wanted = "8 numbers", .found = std::to_string(numbers.size())});
  const auto [degree, build_effort, effort, seed, serial, entry, gone, gone_id] = std::bit_cast<detail::graph_numbers>(
      std::array<std::uint64_t, 8>{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], numbers[7]});
  TESSERA_TRY(const hnsw like, make({.degree = degree, .build_effort = build_effort, .effort = effort, .seed = seed}));
  TESSERA_CHECK(file.section("links", 8 * degree));
  TESSERA_TRY(const auto links, file.all_values<std::uint32_t>("links"));
  TESSERA_TRY(const auto parents, file.values<std::uint32_t>("parents"));
  TESSERA_TRY(const auto levels, file.values<std::uint8_t>("levels"));
  TESSERA_TRY(const auto upper, file.all_values<std::uint32_t>("upper"));
  if (entry > detail::graph_links::none)
    return fail({.code = error_code::malformed,
                 .thing = "entry of the graph",
                 .wanted = "the number of a row",
                 .found = std::to_string(entry)});
  TESSERA_TRY(graph_, detail::graph_links::from(degree, static_cast<std::uint32_t>(entry), links, parents, levels, upper));
  settings_ = like.settings_;
  serial_ = serial;
  TESSERA_CHECK(base::read_rows(file, gone > 0 ? std::optional<std::uint64_t>(gone_id) : std::nullopt));
  if (gone != base::gone())
    return fail({.code = error_code::malformed,
                 .thing = "removed rows",
                 .wanted = std::to_string(gone),
                 .found = std::to_string(base::gone())});
  return guide_.read(file, base::rows());
}

}  // namespace tessera::inline TESSERA_ABI
