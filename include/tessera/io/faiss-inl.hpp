// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/faiss.hpp. Layout (size_t and idx_t have 8 bytes, vectors a size_t of elements first):
///
///     index   = letters (4), header, body
///     header  = i32 d | i64 rows | i64 2^20 | i64 2^20 | u8 trained | i32 metric, beyond L2 with f32 argument
///     binary  = i32 d | i32 bytes a code | i64 rows | u8 trained | i32 metric
///     flat    = u64 floats, f32 each           binary flat = u64 bytes, codes
///     id map  = an index, then u64 ids, i64 each
///     HNSW    = f64[] probabilities | i32[] places up to each level | i32[] levels, from 1 | u64[] offsets | i32[] links, -1 unused
///             | i32 entry | i32 highest level | i32 build effort | i32 search effort | i32 1 | the flat index of the rows
#pragma once

#include <tessera/io/atomic_file.hpp>
#include <tessera/io/byte_reader.hpp>
#include <tessera/io/bytes.hpp>
#include <tessera/io/faiss.hpp>
#include <tessera/io/quoted.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Walks one file of FAISS.
class faiss_reader : public byte_reader {
 public:
  using byte_reader::byte_reader;

  /// An index, and the one inside it.
  [[nodiscard]] result<index_parts> index(bool within = false) {
    TESSERA_TRY(const auto letters, take(4, "kind of index"));
    const std::string_view kind(reinterpret_cast<const char*>(letters.data()), 4);
    index_parts made;
    if (kind == "IxF2" || kind == "IxFI" || kind == "IxFl") {
      TESSERA_TRY(made, flat(false));
    } else if (kind == "IHNf" && !within) {
      TESSERA_TRY(made, hnsw());
    } else if (kind == "IBxF") {
      TESSERA_TRY(made, flat(true));
    } else if ((kind == "IxMp" || kind == "IxM2" || kind == "IBMp" || kind == "IBM2") && !within) {
      TESSERA_TRY(made, id_map(kind.starts_with("IB")));
    } else {
      at_ -= 4;
      return wrong("kind of index", "a flat, HNSW flat or binary flat index", quoted(kind), error_code::unsupported);
    }
    made.format = "FAISS " + std::string(kind);
    return made;
  }

 private:
  /// What an index says of itself before its body.
  [[nodiscard]] result<index_parts> header(bool binary) {
    index_parts made;
    TESSERA_TRY(const auto dimension, number<std::int32_t>("dimension"));
    if (dimension <= 0 || dimension > 1 << 20) return wrong("dimension", "1 to 2^20", std::to_string(dimension));
    made.dimension = static_cast<std::size_t>(dimension);
    if (binary) {
      TESSERA_TRY(const auto code_bytes, number<std::int32_t>("bytes of a code"));
      if (dimension % 8 != 0 || code_bytes != dimension / 8)
        return wrong("bytes of a code", std::to_string(dimension) + " / 8", std::to_string(code_bytes));
    }
    TESSERA_TRY(const auto rows, number<std::int64_t>("rows"));
    if (rows < 0) return wrong("rows", "0 or more", std::to_string(rows));
    made.rows = static_cast<std::size_t>(rows);
    if (binary) {
      TESSERA_CHECK(take(5, "header"));
      made.type = dtype::u8;
      made.metric = stated_metric::hamming;
      return made;
    }
    TESSERA_CHECK(take(16, "header"));
    TESSERA_CHECK(take(1, "trained"));
    TESSERA_TRY(const auto metric, number<std::int32_t>("metric"));
    if (metric != 0 && metric != 1) return wrong("metric", "0 (inner product) or 1 (L2)", std::to_string(metric), error_code::unsupported);
    made.metric = metric == 0 ? stated_metric::inner_product : stated_metric::squared_l2;
    return made;
  }
  /// Elements of a vector of them: as many as `wanted`, or any number.
  [[nodiscard]] result<std::span<const std::byte>> list(std::string_view thing, std::uint64_t element,
                                                        std::optional<std::uint64_t> wanted = {}) {
    TESSERA_TRY(const auto count, number<std::uint64_t>(thing));
    if (wanted && count != *wanted) return wrong(std::string(thing), std::to_string(*wanted), std::to_string(count));
    TESSERA_CHECK(fits(count, element, thing));
    return take(count * element, thing);
  }
  [[nodiscard]] result<> rows_of(index_parts& made) {
    made.stride = made.row_bytes();
    TESSERA_CHECK(fits(made.rows, made.stride, "rows"));
    const std::uint64_t element = made.type == dtype::u8 ? 1 : 4;
    TESSERA_TRY(made.vectors, list("values of the rows", element, made.rows * made.stride / element));
    made.ids.resize(made.rows);
    for (std::size_t i = 0; i < made.rows; ++i) made.ids[i] = i;
    return {};
  }
  [[nodiscard]] result<index_parts> flat(bool binary) {
    TESSERA_TRY(index_parts made, header(binary));
    TESSERA_CHECK(rows_of(made));
    return made;
  }
  [[nodiscard]] result<index_parts> id_map(bool binary) {
    TESSERA_TRY(const index_parts outer, header(binary));
    TESSERA_TRY(index_parts made, binary ? index(true) : inner());
    TESSERA_CHECK(same("index in the id map", outer, made));
    TESSERA_TRY(const auto ids, list("ids", 8, made.rows));
    for (std::size_t i = 0; i < made.rows; ++i) {
      const auto id = load<std::endian::little, std::int64_t>(ids.data() + 8 * i);
      if (id < 0) return wrong("ids[" + std::to_string(i) + ']', "0 or more", std::to_string(id));
      made.ids[i] = static_cast<std::uint64_t>(id);
    }
    return made;
  }
  /// What an id map may hold: a flat index or an HNSW one, but no second map.
  [[nodiscard]] result<index_parts> inner() {
    if (left() >= 4 && std::string_view(reinterpret_cast<const char*>(bytes_.data() + at_), 4) == "IHNf") {
      at_ += 4;
      return hnsw();
    }
    return index(true);
  }
  [[nodiscard]] result<> same(const char* thing, const index_parts& outer, const index_parts& made) const {
    if (outer.rows == made.rows && outer.dimension == made.dimension && outer.metric == made.metric) return {};
    const auto text = [](const index_parts& parts) {
      return std::to_string(parts.rows) + " rows of " + std::to_string(parts.dimension) + " by " + std::string(to_string(parts.metric));
    };
    return wrong(thing, text(outer), text(made));
  }

  [[nodiscard]] result<index_parts> hnsw() {
    TESSERA_TRY(const index_parts outer, header(false));
    TESSERA_CHECK(list("probabilities of levels", 8));
    TESSERA_TRY(const auto places, list("places of levels", 4));
    TESSERA_TRY(const auto levels, list("levels", 4, outer.rows));
    TESSERA_TRY(const auto offsets, list("offsets", 8, outer.rows + 1));
    const std::uint64_t links_at = at_ + 8;
    TESSERA_TRY(const auto links, list("links", 4));
    TESSERA_TRY(const auto entry, number<std::int32_t>("entry"));
    TESSERA_CHECK(take(4, "highest level"));
    TESSERA_TRY(const auto build_effort, number<std::int32_t>("efConstruction"));
    TESSERA_CHECK(take(8, "efSearch"));
    const auto place = [&](std::size_t level) { return std::int64_t{load<std::endian::little, std::int32_t>(places.data() + 4 * level)}; };
    const std::size_t place_count = places.size() / 4;
    if (place_count < 3) return wrong("places of levels", "at least 3", std::to_string(place_count), error_code::unsupported);
    const std::int64_t ground = place(1), above = place(2) - place(1);
    bool even = place(0) == 0 && ground > 0 && above > 0;
    for (std::size_t level = 2; even && level < place_count; ++level) even = place(level) - place(level - 1) == above;
    if (!even)
      return wrong("places of levels", "the same number on each level above 0",
                   std::to_string(ground) + ", " + std::to_string(above) + " ...", error_code::unsupported);
    TESSERA_TRY(auto gatherer, graph_gatherer::make(outer.rows, static_cast<std::uint64_t>(ground),
                                                    static_cast<std::uint64_t>(above), path_));
    std::uint64_t begin = 0;
    for (std::size_t row = 0; row < outer.rows; ++row) {
      const auto level = load<std::endian::little, std::int32_t>(levels.data() + 4 * row);
      const auto offset = load<std::endian::little, std::uint64_t>(offsets.data() + 8 * row);
      if (level < 1 || static_cast<std::size_t>(level) >= place_count)
        return wrong("level of row " + std::to_string(row), "1 to " + std::to_string(place_count - 1), std::to_string(level));
      const auto count = static_cast<std::uint64_t>(place(static_cast<std::size_t>(level)));
      if (offset != begin || count > links.size() / 4 - begin)
        return wrong("offset of row " + std::to_string(row), std::to_string(begin) + ", and links behind it", std::to_string(offset));
      TESSERA_CHECK(gatherer.level(static_cast<std::uint64_t>(level) - 1));
      for (std::size_t l = 0; l < static_cast<std::size_t>(level); ++l) {
        const auto from = begin + static_cast<std::uint64_t>(place(l)), to = begin + static_cast<std::uint64_t>(place(l + 1));
        const auto list = links.subspan(static_cast<std::size_t>(4 * from), static_cast<std::size_t>(4 * (to - from)));
        std::size_t used = 0;
        while (used < list.size() && load<std::endian::little, std::int32_t>(list.data() + used) != -1) used += 4;
        TESSERA_CHECK(gatherer.list(row, l, list.first(used), links_at + 4 * from));
      }
      begin += count;
    }
    const std::uint64_t last = load<std::endian::little, std::uint64_t>(offsets.data() + 8 * outer.rows);
    if (last != begin || links.size() / 4 != begin) return wrong("links", std::to_string(begin), std::to_string(links.size() / 4));
    TESSERA_TRY(graph_parts graph, std::move(gatherer).finish(entry < 0 ? graph_parts::none : static_cast<std::uint64_t>(entry)));
    graph.build_effort = static_cast<std::size_t>(std::max(build_effort, 0));
    if (left() >= 4 && std::string_view(reinterpret_cast<const char*>(bytes_.data() + at_), 4) == "null")
      return wrong("rows of the graph", "a flat index", "none: they were left out when it was written", error_code::unsupported);
    TESSERA_TRY(index_parts made, index(true));
    TESSERA_CHECK(same("rows of the graph", outer, made));
    made.graph = std::move(graph);
    return made;
  }
};

/// Gathers what FAISS writes.
struct faiss_writer {
  std::string out;

  void letters(std::string_view text) { out += text; }
  void header(const index_parts& parts) {
    const bool binary = parts.type == dtype::u8;
    append_le(out, static_cast<std::int32_t>(parts.dimension));
    if (binary) append_le(out, static_cast<std::int32_t>(parts.row_bytes()));
    append_le(out, std::uint64_t{parts.rows});
    if (!binary) append_le(out, std::int64_t{1 << 20}), append_le(out, std::int64_t{1 << 20});
    append_le(out, std::uint8_t{1});
    append_le(out, static_cast<std::int32_t>(binary || parts.metric == stated_metric::squared_l2 ? 1 : 0));
  }
  template <class T>
  void list(std::span<const T> values) {
    append_le(out, std::uint64_t{values.size()});
    for (const T value : values) append_le(out, value);
  }
  void graph(const graph_parts& graph) {
    const double scale = 1.0 / std::log(static_cast<double>(graph.degree));
    std::vector<double> shares;
    std::vector<std::int32_t> places{0};
    const std::size_t highest = graph.levels.empty() ? 0 : *std::max_element(graph.levels.begin(), graph.levels.end());
    for (std::size_t level = 0;; ++level) {
      const double share = std::exp(-static_cast<double>(level) / scale) * (1 - std::exp(-1 / scale));
      if (share < 1e-9 && level > highest && level > 1) break;
      shares.push_back(share);
      places.push_back(places.back() + static_cast<std::int32_t>(graph.degree * (level == 0 ? 2 : 1)));
    }
    list<double>(shares);
    list<std::int32_t>(places);
    std::vector<std::int32_t> levels;
    std::vector<std::uint64_t> offsets{0};
    for (const std::uint8_t level : graph.levels) {
      levels.push_back(level + 1);
      offsets.push_back(offsets.back() + graph.degree * (std::size_t{level} + 2));
    }
    list<std::int32_t>(levels);
    list<std::uint64_t>(offsets);
    append_le(out, offsets.back());
    std::size_t at = 0;
    for (std::size_t row = 0; row < graph.levels.size(); ++row) {
      for (const std::uint32_t link : graph.on_ground(row)) append_le(out, link);  // `none` is -1
      const std::size_t above = graph.levels[row] * graph.degree;
      for (const std::uint32_t link : std::span(graph.upper).subspan(at, above)) append_le(out, link);
      at += above;
    }
    append_le(out, graph.entry);
    append_le(out, static_cast<std::int32_t>(graph.levels.empty() ? -1 : static_cast<int>(highest)));
    append_le(out, static_cast<std::int32_t>(graph.build_effort));
    append_le(out, std::int32_t{16});
    append_le(out, std::int32_t{1});
  }
};

[[nodiscard]] inline result<> faiss_can_hold(std::string_view path, const index_parts& parts) {
  const auto refused = [&](std::string wanted, std::string found) {
    return fail({.code = error_code::unsupported,
                 .thing = "index for FAISS",
                 .wanted = std::move(wanted),
                 .found = std::move(found),
                 .path = std::string(path)});
  };
  const bool binary = parts.type == dtype::u8;
  if (parts.type != dtype::f32 && !binary) return refused("rows of f32 or binary codes", "another precision");
  if (binary && (parts.graph || parts.metric != stated_metric::hamming || parts.dimension % 8 != 0))
    return refused("binary codes of a multiple of 8, by Hamming distance, without a graph",
                   std::to_string(parts.dimension) + " by " + std::string(to_string(parts.metric)));
  const bool same = parts.metric == stated_metric::cosine && parts.has_unit_rows();
  if (!binary && !same && parts.metric != stated_metric::inner_product && parts.metric != stated_metric::squared_l2)
    return refused("inner_product, squared_l2, or cosine over rows of length 1", std::string(to_string(parts.metric)));
  if (!parts.removed.empty()) return refused("no removed rows", "some");
  for (const std::uint64_t id : parts.ids)
    if (id >> 63u != 0) return refused("ids below 2^63", std::to_string(id));
  return {};
}

}  // namespace detail

TESSERA_INLINE result<index_parts> read_faiss(std::string_view path) { return detail::open_parts(path, view_faiss); }

TESSERA_INLINE result<index_parts> view_faiss(std::span<const std::byte> bytes, std::string_view path) {
  detail::faiss_reader reader(bytes, path);
  TESSERA_TRY(index_parts made, reader.index());
  TESSERA_CHECK(reader.ends());
  made.path = path;
  return made;
}

TESSERA_INLINE result<> write_faiss(std::string_view path, const index_parts& parts) {
  TESSERA_CHECK(detail::faiss_can_hold(path, parts));
  TESSERA_CHECK(detail::parts_fit(parts));
  const bool binary = parts.type == dtype::u8;
  bool counted = true;
  for (std::size_t i = 0; i < parts.rows; ++i) counted &= parts.ids[i] == i;
  detail::faiss_writer writer;
  if (!counted) writer.letters(binary ? "IBM2" : "IxM2"), writer.header(parts);
  if (parts.graph) writer.letters("IHNf"), writer.header(parts), writer.graph(*parts.graph);
  writer.letters(binary ? "IBxF" : parts.metric == stated_metric::squared_l2 ? "IxF2" : "IxFI");
  writer.header(parts);
  append_le(writer.out, std::uint64_t{parts.rows * parts.row_bytes() / (binary ? 1 : 4)});
  TESSERA_TRY(atomic_file file, atomic_file::create(path));
  TESSERA_CHECK(file.write(writer.out));
  for (std::size_t i = 0; i < parts.rows; ++i) TESSERA_CHECK(file.write(parts.vector(i)));
  if (!counted) {
    writer.out.clear();
    writer.list<std::uint64_t>(parts.ids);
    TESSERA_CHECK(file.write(writer.out));
  }
  return file.commit();
}

}  // namespace tessera::inline TESSERA_ABI
