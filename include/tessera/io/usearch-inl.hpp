// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/usearch.hpp.
#pragma once

#include <tessera/io/atomic_file.hpp>
#include <tessera/io/byte_reader.hpp>
#include <tessera/io/bytes.hpp>
#include <tessera/io/usearch.hpp>

#include <algorithm>
#include <utility>

namespace tessera::inline TESSERA_ABI {

namespace detail {

inline constexpr std::string_view usearch_magic = "usearch";
inline constexpr std::size_t usearch_header_bytes = 64;
inline constexpr std::uint64_t usearch_removed_key = ~std::uint64_t{0};

struct usearch_metric {
  char letter;
  stated_metric metric;
};
inline constexpr usearch_metric usearch_metrics[] = {{'c', stated_metric::cosine},
                                                     {'i', stated_metric::inner_product},
                                                     {'e', stated_metric::squared_l2},
                                                     {'b', stated_metric::hamming},
                                                     {'t', stated_metric::jaccard}};

struct usearch_scalar {
  std::uint8_t number;
  dtype type;
};
inline constexpr usearch_scalar usearch_scalars[] = {{1, dtype::u8}, {4, dtype::bf16}, {11, dtype::f32}, {12, dtype::f16}};

/// The vectors of a file, the header behind them.
struct usearch_vectors {
  std::uint64_t rows = 0, row_bytes = 0;
  std::uint64_t begin = 0;  ///< two numbers of 4 bytes, or of 8
  [[nodiscard]] std::uint64_t end() const noexcept { return begin + rows * row_bytes; }
};

/// Which of the two ways of stating them leads to the header's magic.
[[nodiscard]] inline result<usearch_vectors> usearch_vectors_of(std::span<const std::byte> bytes, std::string_view path) {
  const auto is_there = [&](std::uint64_t at) {
    return at <= bytes.size() && bytes.size() - at >= usearch_header_bytes &&
           std::string_view(reinterpret_cast<const char*>(bytes.data() + at), usearch_magic.size()) == usearch_magic;
  };
  const auto leads_there = [&](const usearch_vectors& stated) {
    std::uint64_t at = 0;
    return multiply_sizes(stated.rows, stated.row_bytes, at) && add_sizes(at, stated.begin, at) && is_there(at);
  };
  if (bytes.size() >= 8) {
    const usearch_vectors stated{load<std::endian::little, std::uint32_t>(bytes.data()),
                                 load<std::endian::little, std::uint32_t>(bytes.data() + 4), 8};
    if (leads_there(stated)) return stated;
  }
  if (bytes.size() >= 16) {
    const usearch_vectors stated{load<std::endian::little, std::uint64_t>(bytes.data()),
                                 load<std::endian::little, std::uint64_t>(bytes.data() + 8), 16};
    if (leads_there(stated)) return stated;
  }
  const bool alone = is_there(0);
  return fail({.code = alone ? error_code::unsupported : error_code::malformed,
               .thing = "usearch file",
               .wanted = alone ? "vectors and the graph" : "\"usearch\" behind the vectors",
               .found = alone ? "the graph only: the vectors were left out when it was written" : "other bytes",
               .path = std::string(path)});
}

}  // namespace detail

TESSERA_INLINE result<index_parts> read_usearch(std::string_view path) { return detail::open_parts(path, view_usearch); }

TESSERA_INLINE result<index_parts> view_usearch(std::span<const std::byte> bytes, std::string_view path) {
  TESSERA_TRY(const detail::usearch_vectors vectors, detail::usearch_vectors_of(bytes, path));
  byte_reader reader(bytes, path);
  TESSERA_CHECK(reader.take(vectors.end(), "vectors"));
  TESSERA_CHECK(reader.take(detail::usearch_magic.size(), "magic"));
  TESSERA_TRY(const auto major, reader.number<std::uint16_t>("version"));
  if (major != 2) return reader.wrong("version", "2", std::to_string(major), error_code::unsupported);
  TESSERA_CHECK(reader.take(4, "version"));
  TESSERA_TRY(const auto metric, reader.number<std::uint8_t>("metric"));
  TESSERA_TRY(const auto scalar, reader.number<std::uint8_t>("scalar"));
  TESSERA_TRY(const auto key, reader.number<std::uint8_t>("key"));
  TESSERA_TRY(const auto link, reader.number<std::uint8_t>("link"));
  TESSERA_CHECK(reader.take(16, "rows"));
  TESSERA_TRY(const auto dimension, reader.number<std::uint64_t>("dimension"));
  TESSERA_TRY(const auto multi, reader.number<std::uint8_t>("multi"));
  TESSERA_CHECK(reader.take(vectors.end() + detail::usearch_header_bytes - reader.at(), "header"));

  index_parts made;
  made.format = "usearch";
  made.path = path;
  const auto stated = std::ranges::find(detail::usearch_metrics, static_cast<char>(metric), &detail::usearch_metric::letter);
  if (stated == std::end(detail::usearch_metrics))
    return reader.wrong("metric", "cos, ip, l2sq, hamming or tanimoto", "number " + std::to_string(metric), error_code::unsupported);
  made.metric = stated->metric;
  const auto type = std::ranges::find(detail::usearch_scalars, scalar, &detail::usearch_scalar::number);
  if (type == std::end(detail::usearch_scalars))
    return reader.wrong("scalars", "f32, f16, bf16 or bits", "number " + std::to_string(scalar), error_code::unsupported);
  made.type = type->type;
  if (key != 14 || link != 15 || multi != 0)
    return reader.wrong("keys and links", "one vector for each key of 64 bits, links of 32",
                        "kinds " + std::to_string(key) + " and " + std::to_string(link) + (multi != 0 ? ", several vectors a key" : ""),
                        error_code::unsupported);
  if (dimension == 0 || dimension > std::uint64_t{1} << 24u) return reader.wrong("dimension", "1 to 2^24", std::to_string(dimension));
  made.dimension = static_cast<std::size_t>(dimension);
  made.stride = made.row_bytes();
  TESSERA_TRY(const auto rows, reader.number<std::uint64_t>("rows"));
  if (rows != vectors.rows || made.stride != vectors.row_bytes)
    return reader.wrong("vectors", std::to_string(rows) + " of " + std::to_string(made.stride) + " bytes",
                        std::to_string(vectors.rows) + " of " + std::to_string(vectors.row_bytes));
  made.rows = static_cast<std::size_t>(rows);
  made.vectors = bytes.subspan(static_cast<std::size_t>(vectors.begin), made.rows * made.stride);

  TESSERA_TRY(const auto above, reader.number<std::uint64_t>("connectivity"));
  TESSERA_TRY(const auto ground, reader.number<std::uint64_t>("connectivity on level 0"));
  TESSERA_CHECK(reader.take(8, "highest level"));
  TESSERA_TRY(const auto entry, reader.number<std::uint64_t>("entry"));
  if (ground > graph_parts::most_degree)
    return reader.wrong("connectivity on level 0", "at most 65535", std::to_string(ground), error_code::unsupported);
  TESSERA_CHECK(reader.fits(made.rows, 2 + 8 + 2 + 4 + 4 * ground, "rows"));
  TESSERA_TRY(auto gatherer, detail::graph_gatherer::make(made.rows, ground, above, path));
  TESSERA_TRY(const auto levels, reader.take(2 * rows, "levels"));
  std::vector<std::uint8_t> removed(made.rows, 0);
  std::size_t gone = 0;
  made.ids.reserve(made.rows);
  for (std::size_t row = 0; row < made.rows; ++row) {
    const auto level = detail::load<std::endian::little, std::int16_t>(levels.data() + 2 * row);
    TESSERA_TRY(made.ids.emplace_back(), reader.number<std::uint64_t>("key"));
    TESSERA_TRY(const auto again, reader.number<std::int16_t>("level"));
    if (level < 0 || again != level)
      return reader.wrong("level of row " + std::to_string(row), std::to_string(level), std::to_string(again));
    TESSERA_CHECK(gatherer.level(static_cast<std::uint64_t>(level)));
    for (std::size_t l = 0; l <= static_cast<std::size_t>(level); ++l) {
      const std::uint64_t places = l == 0 ? ground : above;
      TESSERA_TRY(const auto count, reader.number<std::uint32_t>("links"));
      if (count > places)
        return reader.wrong("links of row " + std::to_string(row), "at most " + std::to_string(places),
                            std::to_string(count));
      const std::uint64_t at = reader.at();
      TESSERA_TRY(const auto links, reader.take(4 * places, "links"));
      TESSERA_CHECK(gatherer.list(row, l, links.first(4 * std::size_t{count}), at));
    }
    removed[row] = made.ids.back() == detail::usearch_removed_key ? 1 : 0;
    gone += removed[row];
  }
  TESSERA_CHECK(reader.ends());
  if (gone > 0) made.removed = std::move(removed);
  TESSERA_TRY(made.graph, std::move(gatherer).finish(entry));
  return made;
}

TESSERA_INLINE result<> write_usearch(std::string_view path, const index_parts& parts) {
  const auto metric = std::ranges::find(detail::usearch_metrics, parts.metric, &detail::usearch_metric::metric);
  const auto scalar = std::ranges::find(detail::usearch_scalars, parts.type, &detail::usearch_scalar::type);
  if (!parts.graph || metric == std::end(detail::usearch_metrics) || scalar == std::end(detail::usearch_scalars))
    return fail({.code = error_code::unsupported,
                 .thing = "index for usearch",
                 .wanted = "a graph over rows of f32, f16, bf16 or bits, with its metric",
                 .found = parts.graph ? "metric " + std::string(to_string(parts.metric)) : "no graph",
                 .path = std::string(path)});
  TESSERA_CHECK(detail::parts_fit(parts));
  const graph_parts& graph = *parts.graph;
  TESSERA_TRY(atomic_file file, atomic_file::create(path));
  std::string out;
  const bool wide = parts.rows > 0xFFFFFFFFu;
  for (const std::uint64_t value : {std::uint64_t{parts.rows}, std::uint64_t{parts.row_bytes()}})
    wide ? append_le(out, value) : append_le(out, static_cast<std::uint32_t>(value));
  TESSERA_CHECK(file.write(out));
  for (std::size_t row = 0; row < parts.rows; ++row) TESSERA_CHECK(file.write(parts.vector(row)));
  const auto gone = static_cast<std::uint64_t>(std::ranges::count(parts.removed, std::uint8_t{1}));
  const std::size_t highest = graph.levels.empty() ? 0 : *std::max_element(graph.levels.begin(), graph.levels.end());
  out = detail::usearch_magic;
  for (const std::uint16_t part : {std::uint16_t{2}, std::uint16_t{16}, std::uint16_t{0}}) append_le(out, part);
  for (const std::uint8_t part :
       {static_cast<std::uint8_t>(metric->letter), scalar->number, std::uint8_t{14}, std::uint8_t{15}})
    append_le(out, part);
  for (const std::uint64_t value : {parts.rows - gone, gone, std::uint64_t{parts.dimension}}) append_le(out, value);
  out.resize(detail::usearch_header_bytes, '\0');
  for (const std::uint64_t value :
       {std::uint64_t{parts.rows}, std::uint64_t{graph.degree}, 2 * std::uint64_t{graph.degree}, std::uint64_t{highest},
        parts.rows == 0 ? std::uint64_t{0} : std::uint64_t{graph.entry}})
    append_le(out, value);
  for (const std::uint8_t level : graph.levels) append_le(out, static_cast<std::int16_t>(level));
  TESSERA_CHECK(file.write(out));
  const auto put_list = [&out](std::span<const std::uint32_t> list) {
    append_le(out, static_cast<std::uint32_t>(graph_parts::used(list).size()));
    for (const std::uint32_t link : list) append_le(out, link == graph_parts::none ? 0u : link);
  };
  std::size_t at = 0;
  for (std::size_t row = 0; row < parts.rows; ++row) {
    out.clear();
    append_le(out, parts.is_removed(row) ? detail::usearch_removed_key : parts.ids[row]);
    append_le(out, static_cast<std::int16_t>(graph.levels[row]));
    put_list(graph.on_ground(row));
    for (std::size_t l = 0; l < graph.levels[row]; ++l, at += graph.degree) put_list(std::span(graph.upper).subspan(at, graph.degree));
    TESSERA_CHECK(file.write(out));
  }
  return file.commit();
}

}  // namespace tessera::inline TESSERA_ABI
