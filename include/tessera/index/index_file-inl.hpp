// SPDX-License-Identifier: Apache-2.0
/// Definitions of index/index_file.hpp.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/index/index_file.hpp>
#include <tessera/io/quoted.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Not text (the first byte), and damaged visibly by programs that change line ends, as in PNG.
inline constexpr std::string_view index_magic = "\x89TSI\r\n\x1a\n";

/// Where the fields of the header stand.
struct index_field {
  static constexpr std::size_t version = 8, header_bytes = 12, file_bytes = 16, rows = 24, dimension = 32, stride = 40,
                               made_by = 48, weights = 56, flags = 88, block_bytes = 92, kind = 96, precision = 112,
                               pooling = 128, metric = 144, directory = 160, sections = 168, label = 172, table = 176;
};
inline constexpr std::size_t index_name_bytes = 16;
inline constexpr std::size_t index_entry_bytes = 24;
inline constexpr std::uint32_t index_flag_unit = 1;
inline constexpr std::uint32_t index_flag_weights = 2;

/// The header's size for that many sections and bytes of label; its digest is the last 8.
[[nodiscard]] constexpr std::size_t index_header_bytes(std::size_t sections, std::size_t label) noexcept {
  return round_up(index_field::table + sections * index_entry_bytes + label + 8, vector_alignment);
}

[[nodiscard]] constexpr std::uint64_t index_blocks(std::uint64_t data_bytes, std::size_t block_size) noexcept {
  return data_bytes / block_size + (data_bytes % block_size != 0 ? 1 : 0);
}

/// Text that fills its field up with zeros.
inline void append_name(std::string& out, std::string_view name, std::size_t width) {
  out += name;
  out.append(width - name.size(), '\0');
}

}  // namespace detail

TESSERA_INLINE std::unexpected<error> index_file::wrong(error_code code, std::string thing, std::string wanted,
                                                        std::string found, std::uint64_t offset) const {
  return fail({.code = code,
               .thing = std::move(thing),
               .wanted = std::move(wanted),
               .found = std::move(found),
               .path = path_,
               .offset = offset});
}

TESSERA_INLINE result<index_file> index_file::view(std::span<const std::byte> bytes, std::string_view path) {
  index_file file;
  file.path_ = path;
  file.bytes_ = bytes;
  TESSERA_CHECK(file.read_header());
  return file;
}

TESSERA_INLINE result<> index_file::read_header() {
  using field = detail::index_field;
  const std::string_view text(reinterpret_cast<const char*>(bytes_.data()), bytes_.size());
  if (!text.starts_with(detail::index_magic))
    return wrong(error_code::malformed, {}, "an index file (\"\\x89TSI\" first)",
                 is_git_lfs_pointer(text) ? std::string(git_lfs_pointer) : tessera::quoted(text.substr(0, 8)), 0);
  if (bytes_.size() < field::table)
    return wrong(error_code::malformed, "header", "176 bytes and more", "the end", bytes_.size());
  const auto u32 = [&](std::size_t at) { return detail::load<std::endian::little, std::uint32_t>(bytes_.data() + at); };
  const auto u64 = [&](std::size_t at) { return detail::load<std::endian::little, std::uint64_t>(bytes_.data() + at); };
  if (u32(field::version) != version)
    return wrong(error_code::unsupported, "format version", std::to_string(version), std::to_string(u32(field::version)),
                 field::version);
  // What gives the header its size comes before its digest, so it is checked against itself and the file first.
  const std::size_t header_bytes = u32(field::header_bytes);
  const std::uint32_t section_count = u32(field::sections);
  const std::uint32_t label_bytes = u32(field::label);
  if (section_count > most_sections)
    return wrong(error_code::malformed, "sections", "at most " + std::to_string(most_sections),
                 std::to_string(section_count), field::sections);
  if (label_bytes > longest_label)
    return wrong(error_code::malformed, "name of the space", "at most " + std::to_string(longest_label) + " bytes",
                 std::to_string(label_bytes), field::label);
  if (const std::size_t wanted = detail::index_header_bytes(section_count, label_bytes); header_bytes != wanted)
    return wrong(error_code::malformed, "header", std::to_string(wanted) + " bytes", std::to_string(header_bytes),
                 field::header_bytes);
  if (u64(field::file_bytes) != bytes_.size() || header_bytes > bytes_.size())
    return wrong(error_code::malformed, "file", std::to_string(u64(field::file_bytes)) + " bytes",
                 std::to_string(bytes_.size()), field::file_bytes);
  if (u64(header_bytes - 8) != digest64(bytes_.first(header_bytes - 8)))
    return wrong(error_code::checksum, "header", "its checksum", "another", header_bytes - 8);

  const auto name = [&](std::size_t at, std::size_t width) {
    const std::string_view whole = text.substr(at, width);
    return whole.substr(0, std::min(whole.find('\0'), width));
  };
  const std::uint32_t flags = u32(field::flags);
  if (flags > (detail::index_flag_unit | detail::index_flag_weights))
    return wrong(error_code::unsupported, "flags", "at most 3", std::to_string(flags), field::flags);
  block_size_ = u32(field::block_bytes);
  if (block_size_ != block_bytes && block_size_ != small_block_bytes)
    return wrong(error_code::unsupported, "block size", "16384 or 4096", std::to_string(block_size_), field::block_bytes);
  const auto mode = pooling_from_name(name(field::pooling, detail::index_name_bytes));
  if (!mode)
    return wrong(error_code::unsupported, "pooling", "mean, cls, last_token, max or weighted_mean",
                 tessera::quoted(name(field::pooling, detail::index_name_bytes)), field::pooling);
  description_ = {.kind = std::string(name(field::kind, detail::index_name_bytes)),
                  .precision = std::string(name(field::precision, detail::index_name_bytes)),
                  .metric = std::string(name(field::metric, detail::index_name_bytes)),
                  .pooling = *mode,
                  .label = std::string(text.substr(field::table + section_count * detail::index_entry_bytes, label_bytes)),
                  .unit_length = (flags & detail::index_flag_unit) != 0,
                  .dimension = u64(field::dimension),
                  .stride_bytes = u64(field::stride),
                  .rows = u64(field::rows),
                  .made_by = {u64(field::made_by)}};
  if ((flags & detail::index_flag_weights) != 0)
    std::copy_n(bytes_.data() + field::weights, 32, description_.origin.weights.emplace().data());
  return read_sections(header_bytes, section_count);
}

TESSERA_INLINE result<> index_file::read_sections(std::size_t header_bytes, std::uint32_t count) {
  using field = detail::index_field;
  const auto u64 = [&](std::size_t at) { return detail::load<std::endian::little, std::uint64_t>(bytes_.data() + at); };
  // Data begins at the first section, or, without any, where the directory ends.
  directory_at_ = header_bytes;
  const std::uint64_t first = count == 0 ? header_bytes : u64(field::table + 8);
  if (first < header_bytes || first > bytes_.size())
    return wrong(error_code::malformed, "data", "after the header, in the file", "byte " + std::to_string(first),
                 field::table + 8);
  data_at_ = static_cast<std::size_t>(first);
  const std::uint64_t blocks = detail::index_blocks(bytes_.size() - data_at_, block_size_);
  if (round_up(header_bytes + blocks * 8, vector_alignment) != data_at_)
    return wrong(error_code::malformed, "directory", std::to_string(blocks) + " checksums before the data",
                 std::to_string(data_at_ - header_bytes) + " bytes", header_bytes);
  std::uint64_t end = data_at_;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t entry = field::table + i * detail::index_entry_bytes;
    const std::uint64_t at = u64(entry + 8);
    const std::uint64_t size = u64(entry + 16);
    if (at != round_up(end, vector_alignment) || at > bytes_.size() || size > bytes_.size() - at)
      return wrong(error_code::malformed, "section " + std::to_string(i), "the next place in the file",
                   std::to_string(size) + " bytes from byte " + std::to_string(at), entry);
    const std::string_view whole(reinterpret_cast<const char*>(bytes_.data() + entry), 8);
    sections_.push_back({whole.substr(0, std::min<std::size_t>(whole.find('\0'), 8)), bytes_.subspan(at, size)});
    end = at + size;
  }
  if (end != bytes_.size())
    return wrong(error_code::malformed, "data", "the last section to end the file",
                 std::to_string(bytes_.size() - end) + " bytes after it", end);
  if (u64(field::directory) != digest64(bytes_.subspan(directory_at_, data_at_ - directory_at_)))
    return wrong(error_code::checksum, "directory of checksums", "its checksum", "another", directory_at_);
  return {};
}

TESSERA_INLINE bool index_file::block_is_whole(std::size_t block) const noexcept {
  const auto data = bytes_.subspan(data_at_);
  const std::size_t at = block * block_size_;
  TESSERA_ASSERT(at < data.size());
  const auto wanted = detail::load<std::endian::little, std::uint64_t>(bytes_.data() + directory_at_ + block * 8);
  return digest64(data.subspan(at, std::min(block_size_, data.size() - at))) == wanted;
}

TESSERA_INLINE result<> index_file::verify() const {
  for (std::size_t block = 0; block < blocks(); ++block)
    if (!block_is_whole(block))
      return wrong(error_code::checksum, "block " + std::to_string(block), "its checksum", "another", data_at_ + block * block_size_);
  return {};
}

TESSERA_INLINE std::vector<error> differences(const index_description& wanted, const index_description& mine,
                                              const provenance& expected) {
  std::vector<error> found;
  const auto same = [&](const char* thing, const std::string& type, const std::string& file) {
    if (type != file) found.push_back({.code = error_code::mismatch, .thing = thing, .wanted = type, .found = file});
  };
  same("kind of index", tessera::quoted(wanted.kind), tessera::quoted(mine.kind));
  same("embedding space", tessera::quoted(wanted.label), tessera::quoted(mine.label));
  same("dimension", std::to_string(wanted.dimension), std::to_string(mine.dimension));
  same("precision", tessera::quoted(wanted.precision), tessera::quoted(mine.precision));
  same("pooling", std::string(to_string(wanted.pooling)), std::string(to_string(mine.pooling)));
  same("metric", tessera::quoted(wanted.metric), tessera::quoted(mine.metric));
  same("unit length", wanted.unit_length ? "yes" : "no", mine.unit_length ? "yes" : "no");
  if (found.empty())
    same("bytes from row to row", std::to_string(wanted.stride_bytes), std::to_string(mine.stride_bytes));
  const auto hex = [](const std::optional<std::array<std::byte, 32>>& digest) {
    std::string text = digest ? "" : "none";
    for (std::size_t i = 0; digest && i < digest->size(); ++i)
      for (const unsigned shift : {4u, 0u})
        text += "0123456789abcdef"[std::to_integer<unsigned>((*digest)[i] >> shift) & 15u];
    return text;
  };
  if (expected.weights) same("SHA-256 of the weights", hex(expected.weights), hex(mine.origin.weights));
  return found;
}

TESSERA_INLINE result<> index_file::matches(const index_description& wanted, const provenance& expected) const {
  std::vector<error> found = differences(wanted, description_, expected);
  if (found.empty()) return {};
  if (found.size() == 1) return std::unexpected(std::move(found.front()).in(path_));
  return fail({.code = error_code::mismatch,
               .thing = "not the index of this type",
               .path = path_,
               .causes = std::move(found)});
}

TESSERA_INLINE result<std::span<const std::byte>> index_file::section(std::string_view name,
                                                                      std::uint64_t row_bytes) const {
  const auto found = std::ranges::find(sections_, name, &index_section::name);
  std::uint64_t size = 0;
  const bool possible = multiply_sizes(description_.rows, row_bytes, size);
  if (possible && found != sections_.end() && found->bytes.size() == size) return found->bytes;
  return fail({.code = error_code::malformed,
               .thing = "section " + std::string(name),
               .wanted = std::to_string(description_.rows) + " rows of " + std::to_string(row_bytes) + " bytes",
               .found = found == sections_.end() ? "none" : std::to_string(found->bytes.size()) + " bytes",
               .path = path_});
}

TESSERA_INLINE result<std::span<const std::byte>> index_file::section(std::string_view name) const {
  const auto found = std::ranges::find(sections_, name, &index_section::name);
  if (found != sections_.end()) return found->bytes;
  return fail({.code = error_code::malformed, .thing = "section " + std::string(name), .found = "none", .path = path_});
}

TESSERA_INLINE result<> index_file::has_sections(std::size_t count) const {
  if (sections_.size() == count) return {};
  return wrong(error_code::malformed, "sections", std::to_string(count), std::to_string(sections_.size()),
               detail::index_field::sections);
}

}  // namespace tessera::inline TESSERA_ABI

#include <tessera/index/index_file_write-inl.hpp>
