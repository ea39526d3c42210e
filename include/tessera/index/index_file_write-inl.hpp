// SPDX-License-Identifier: Apache-2.0
/// Writes index files (index/index_file.hpp); the reader's definitions, which this uses, include it.
#pragma once

#include <tessera/index/index_file-inl.hpp>
#include <tessera/io/atomic_file.hpp>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<> write_index_file(std::string_view path, const index_description& what,
                                         std::span<const index_section> sections) {
  std::vector<index_section_source> sources;
  for (const index_section& section : sections)
    sources.push_back({section.name, section.bytes.size(), [bytes = section.bytes](std::uint64_t at, std::span<std::byte> out) {
                         if (!out.empty()) std::memcpy(out.data(), bytes.data() + at, out.size());
                       }});
  return write_index_sources(path, what, sources);
}

TESSERA_INLINE result<> write_index_sources(std::string_view path, const index_description& what,
                                            std::span<const index_section_source> sections, std::size_t block_size,
                                            const std::stop_token& stop) {
  static_assert(std::endian::native == std::endian::little,
                "tessera: index files are written on little-endian processors only");
  constexpr std::size_t width = detail::index_name_bytes;
  bool fits = what.kind.size() <= width && what.precision.size() <= width && what.metric.size() <= width &&
              what.label.size() <= index_file::longest_label && sections.size() <= index_file::most_sections;
  for (const index_section_source& section : sections) fits = fits && section.name.size() <= 8;
  if (!fits)
    return fail({.code = error_code::invalid_argument,
                 .thing = "names in an index file",
                 .wanted = "kind, precision and metric of at most 16 bytes, a space of at most 4096",
                 .found = tessera::quoted(what.kind) + ", " + tessera::quoted(what.precision) + ", " +
                          tessera::quoted(what.metric) + ", " + tessera::quoted(what.label),
                 .path = std::string(path)});

  // Offsets relative to the data; then, as the directory's size is known, from the file's beginning.
  std::vector<std::uint64_t> offsets;
  std::uint64_t data_bytes = 0;
  for (const index_section_source& section : sections) {
    offsets.push_back(round_up(data_bytes, vector_alignment));
    data_bytes = offsets.back() + section.bytes;
  }
  const std::size_t header_bytes = detail::index_header_bytes(sections.size(), what.label.size());
  const std::uint64_t data_at = round_up(header_bytes + detail::index_blocks(data_bytes, block_size) * 8, vector_alignment);

  // Hands `use` the data in blocks, the zeros between sections included.
  const auto each_block = [&](const auto& use) -> result<> {
    std::vector<std::byte> block(block_size);
    std::size_t section = 0;
    for (std::uint64_t from = 0; from < data_bytes; from += block.size()) {
      if (stop.stop_requested()) return fail({.code = error_code::stopped, .thing = "writing", .path = std::string(path)});
      const std::uint64_t end = std::min<std::uint64_t>(data_bytes, from + block.size());
      std::ranges::fill(block, std::byte{});
      while (section < sections.size() && offsets[section] < end) {
        const std::uint64_t first = std::max(from, offsets[section]);
        const std::uint64_t last = std::min(end, offsets[section] + sections[section].bytes);
        if (first < last)
          sections[section].fill(first - offsets[section], std::span(block).subspan(static_cast<std::size_t>(first - from),
                                                                                    static_cast<std::size_t>(last - first)));
        if (offsets[section] + sections[section].bytes > end) break;
        ++section;
      }
      TESSERA_CHECK(use(std::span<const std::byte>(block).first(static_cast<std::size_t>(end - from))));
    }
    return {};
  };

  std::string directory;
  TESSERA_CHECK(each_block([&](std::span<const std::byte> block) -> result<> {
    append_le(directory, digest64(block));
    return {};
  }));
  directory.resize(static_cast<std::size_t>(data_at) - header_bytes, '\0');

  std::string header(detail::index_magic);
  append_le(header, index_file::version);
  append_le(header, static_cast<std::uint32_t>(header_bytes));
  append_le(header, data_at + data_bytes);
  append_le(header, what.rows);
  append_le(header, what.dimension);
  append_le(header, what.stride_bytes);
  append_le(header, what.made_by.value);
  const auto weights = what.origin.weights.value_or(std::array<std::byte, 32>{});
  header.append(reinterpret_cast<const char*>(weights.data()), weights.size());
  append_le(header, (what.unit_length ? detail::index_flag_unit : 0u) |
                        (what.origin.weights ? detail::index_flag_weights : 0u));
  append_le(header, static_cast<std::uint32_t>(block_size));
  detail::append_name(header, what.kind, width);
  detail::append_name(header, what.precision, width);
  detail::append_name(header, to_string(what.pooling), width);
  detail::append_name(header, what.metric, width);
  append_le(header, digest64(std::as_bytes(std::span(directory))));
  append_le(header, static_cast<std::uint32_t>(sections.size()));
  append_le(header, static_cast<std::uint32_t>(what.label.size()));
  for (std::size_t i = 0; i < sections.size(); ++i) {
    detail::append_name(header, sections[i].name, 8);
    append_le(header, data_at + offsets[i]);
    append_le(header, sections[i].bytes);
  }
  header += what.label;
  header.resize(header_bytes - 8, '\0');
  append_le(header, digest64(std::as_bytes(std::span(header))));

  TESSERA_TRY(atomic_file file, atomic_file::create(path));
  TESSERA_CHECK(file.write(header));
  TESSERA_CHECK(file.write(directory));
  TESSERA_CHECK(each_block([&](std::span<const std::byte> block) { return file.write(block); }));
  return file.commit();
}

}  // namespace tessera::inline TESSERA_ABI
