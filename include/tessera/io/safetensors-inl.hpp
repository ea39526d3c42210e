// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/safetensors.hpp.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/io/atomic_file.hpp>
#include <tessera/io/json.hpp>
#include <tessera/io/quoted.hpp>
#include <tessera/io/safetensors.hpp>

#include <algorithm>
#include <deque>

namespace tessera::inline TESSERA_ABI {

struct safetensors::contents {
  mapped_file file;
  std::string path;
  std::deque<std::string> names;  // stable addresses for the views
  std::deque<std::vector<std::size_t>> shapes;
  std::vector<tensor_view> tensors;  // by name
  tensor_metadata metadata;
};

TESSERA_INLINE void safetensors::release::operator()(contents* state) const noexcept { delete state; }

TESSERA_INLINE std::span<const tensor_view> safetensors::tensors() const noexcept { return state_->tensors; }
TESSERA_INLINE const tensor_metadata& safetensors::metadata() const noexcept { return state_->metadata; }
TESSERA_INLINE std::string_view safetensors::path() const noexcept { return state_->path; }
TESSERA_INLINE const mapped_file& safetensors::file() const noexcept { return state_->file; }

TESSERA_INLINE const tensor_view* safetensors::find(std::string_view name) const noexcept { return find_tensor(state_->tensors, name); }

TESSERA_INLINE result<tensor_view> safetensors::at(std::string_view name) const { return tensor_at(state_->tensors, name, state_->path); }

TESSERA_INLINE result<safetensors> safetensors::open(std::string_view path) {
  TESSERA_TRY(mapped_file file, mapped_file::open(path));
  const auto bytes = file.bytes();
  return read(std::move(file), bytes, path);
}

TESSERA_INLINE result<safetensors> safetensors::view(std::span<const std::byte> bytes, std::string_view path) {
  return read(mapped_file(), bytes, path);
}

namespace detail {

/// The header's text: its length checked against limit and file, `{` first, nothing but spaces after the last `}`.
[[nodiscard]] inline result<std::string_view> safetensors_header(std::span<const std::byte> bytes,
                                                                 std::string_view path) {
  const auto malformed = [&](std::string thing, std::string wanted, std::string found, std::uint64_t offset) {
    return fail({.code = error_code::malformed,
                 .thing = std::move(thing),
                 .wanted = std::move(wanted),
                 .found = std::move(found),
                 .path = std::string(path),
                 .offset = offset});
  };
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (is_git_lfs_pointer(text)) return malformed({}, "a safetensors file", std::string(git_lfs_pointer), 0);
  if (bytes.size() < 8) return malformed("header length", "8 bytes", std::to_string(bytes.size()) + " bytes in all", 0);
  const auto length = load<std::endian::little, std::uint64_t>(bytes.data());
  if (length > safetensors::max_header_bytes)
    return malformed("header length", "at most " + std::to_string(safetensors::max_header_bytes),
                     std::to_string(length), 0);
  if (length > bytes.size() - 8)
    return malformed("header length", "at most the " + std::to_string(bytes.size() - 8) + " bytes that follow",
                     std::to_string(length), 0);
  std::string_view header = text.substr(8, static_cast<std::size_t>(length));
  if (!header.starts_with('{'))
    return malformed("header", "'{' first", header.empty() ? "nothing" : quoted(header.substr(0, 1)), 8);
  const std::size_t last = header.find_last_not_of(' ');
  if (header[last] != '}')
    return malformed("header", "'}' and spaces at its end", quoted(header.substr(last, 1)), 8 + last);
  return header.substr(0, last + 1);
}

}  // namespace detail

TESSERA_INLINE result<safetensors> safetensors::read(mapped_file file, std::span<const std::byte> bytes,
                                                     std::string_view path) {
  TESSERA_TRY(const std::string_view header, detail::safetensors_header(bytes, path));
  const std::uint64_t data_begin = 8 + detail::load<std::endian::little, std::uint64_t>(bytes.data());
  const std::uint64_t data_size = bytes.size() - data_begin;
  TESSERA_TRY(const json document, parse_json(header, path, 8));
  TESSERA_TRY(const json_members members, document.root().members());
  if (members.size() > max_tensors + 1)
    return fail({.code = error_code::unsupported,
                 .thing = "number of tensors",
                 .wanted = "at most " + std::to_string(max_tensors),
                 .found = std::to_string(members.size()),
                 .path = std::string(path)});

  std::unique_ptr<contents, release> state(new contents{std::move(file), std::string(path), {}, {}, {}, {}});
  for (const auto& [name, value] : members) {
    if (name == "__metadata__") {
      TESSERA_TRY(const json_members pairs, value.members());
      for (const auto& [key, text] : pairs) {
        TESSERA_TRY(std::string content, text.get<std::string>());
        state->metadata.emplace_back(std::string(key), std::move(content));
      }
      continue;
    }
    const auto malformed = [&](std::string wanted, std::string found, std::uint64_t offset) {
      return fail({.code = error_code::malformed,
                   .thing = quoted(name),
                   .wanted = std::move(wanted),
                   .found = std::move(found),
                   .path = state->path,
                   .offset = offset});
    };
    TESSERA_TRY(const auto type_name, value.get<std::string_view>("dtype"));
    const auto type = dtype_from_name(type_name);
    if (!type) return malformed("a known dtype", quoted(type_name), 8);
    TESSERA_TRY(const json_value shape_value, value.at("shape"));
    TESSERA_TRY(const json_elements extents, shape_value.elements());
    std::vector<std::size_t>& shape = state->shapes.emplace_back();
    shape.reserve(extents.size());
    for (const json_value extent : extents) {
      TESSERA_TRY(const auto size, extent.get<std::size_t>());
      shape.push_back(size);
    }
    TESSERA_TRY(const json_value offsets_value, value.at("data_offsets"));
    TESSERA_TRY(const json_elements offsets, offsets_value.elements());
    if (offsets.size() != 2)
      return std::unexpected(offsets_value.mismatch("[begin, end]", std::to_string(offsets.size()) + " elements"));
    auto offset = offsets.begin();
    TESSERA_TRY(const auto begin, (*offset).get<std::uint64_t>());
    TESSERA_TRY(const auto end, (*++offset).get<std::uint64_t>());
    if (end < begin) return malformed("data_offsets in order", std::to_string(begin) + " to " + std::to_string(end), 8);
    if (end > data_size)
      return malformed("data_offsets within the " + std::to_string(data_size) + " bytes of data",
                       std::to_string(begin) + " to " + std::to_string(end), data_begin);
    const auto needed = storage_bytes(*type, shape);
    if (!needed || *needed != end - begin)
      return malformed((needed ? std::to_string(*needed) : "a possible number of") + " bytes for " +
                           std::string(type_name) + ' ' + shape_text(shape),
                       std::to_string(end - begin), data_begin + begin);
    state->tensors.push_back(
        {.name = state->names.emplace_back(name),
         .type = *type,
         .shape = shape,
         .bytes = bytes.subspan(static_cast<std::size_t>(data_begin + begin), static_cast<std::size_t>(end - begin)),
         .file = state->path,
         .offset = data_begin + begin});
  }

  std::vector<tensor_view>& tensors = state->tensors;
  // Empty tensors stand between their neighbours: by begin, then by end.
  std::ranges::sort(tensors, [](const tensor_view& a, const tensor_view& b) {
    return a.offset != b.offset ? a.offset < b.offset : a.bytes.size() < b.bytes.size();
  });
  std::uint64_t covered = data_begin;
  std::string previous = "the header";
  for (const tensor_view& tensor : tensors) {
    if (tensor.offset != covered)
      return fail({.code = error_code::malformed,
                   .thing = quoted(tensor.name),
                   .wanted = "data right after " + previous,
                   .found = tensor.offset > covered
                                ? "a hole of " + std::to_string(tensor.offset - covered) + " bytes"
                                : "an overlap of " + std::to_string(covered - tensor.offset) + " bytes",
                   .path = state->path,
                   .offset = tensor.offset});
    covered += tensor.bytes.size();
    previous = quoted(tensor.name);
  }
  if (covered != bytes.size())
    return fail({.code = error_code::malformed,
                 .thing = "end of the last tensor",
                 .wanted = "the end of the file",
                 .found = std::to_string(bytes.size() - covered) + " more bytes",
                 .path = state->path,
                 .offset = covered});
  std::ranges::sort(tensors, {}, &tensor_view::name);
  return safetensors(std::move(state));
}

namespace detail {

/// `text` as a JSON string; the caller has the result parsed, so UTF-8 is not checked here.
inline void append_json_string(std::string& out, std::string_view text) {
  constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out += "\\u00";
      out += digits[byte >> 4U];
      out += digits[byte & 15U];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace detail

TESSERA_INLINE result<> write_safetensors(std::string_view path, std::span<const tensor_view> tensors,
                                          std::span<const std::pair<std::string, std::string>> metadata) {
  std::vector<tensor_view> order(tensors.begin(), tensors.end());
  std::ranges::sort(order, [](const tensor_view& a, const tensor_view& b) {
    return bits_of(a.type) != bits_of(b.type) ? bits_of(a.type) > bits_of(b.type) : a.name < b.name;
  });
  std::string header = "{";
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (std::size_t i = 0; i < metadata.size(); ++i) {
      if (i != 0) header += ',';
      detail::append_json_string(header, metadata[i].first);
      header += ':';
      detail::append_json_string(header, metadata[i].second);
    }
    header += '}';
  }
  std::uint64_t end = 0;
  for (const tensor_view& tensor : order) {
    const auto refused = [&](std::string wanted, std::string found) {
      return fail({.code = error_code::invalid_argument,
                   .thing = quoted(tensor.name),
                   .wanted = std::move(wanted),
                   .found = std::move(found),
                   .path = std::string(path)});
    };
    if (tensor.name == "__metadata__") return refused("another name", "the reserved one");
    if (is_blocks(tensor.type)) return refused("a type of safetensors files", std::string(to_string(tensor.type)));
    const auto needed = storage_bytes(tensor.type, tensor.shape);
    if (!needed || *needed != tensor.bytes.size())
      return refused((needed ? std::to_string(*needed) : "a possible number of") + " bytes for " +
                         std::string(to_string(tensor.type)) + ' ' + shape_text(tensor.shape),
                     std::to_string(tensor.bytes.size()));
    if (header.size() > 1) header += ',';
    detail::append_json_string(header, tensor.name);
    header += ":{\"dtype\":\"" + std::string(to_string(tensor.type)) + "\",\"shape\":[";
    for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
      if (i != 0) header += ',';  // "," + string makes g++ 12 warn at -O3 (-Wrestrict)
      header += std::to_string(tensor.shape[i]);
    }
    header += "],\"data_offsets\":[" + std::to_string(end) + ',';
    end += tensor.bytes.size();
    header += std::to_string(end) + "]}";
  }
  header += '}';
  // What is not UTF-8 or stands twice must not reach the disk: our own reader is the judge.
  if (auto judged = parse_json(header, path); !judged) {
    judged.error().code = error_code::invalid_argument;
    return std::unexpected(std::move(judged).error());
  }
  header.resize(static_cast<std::size_t>(round_up(8 + header.size(), 64)) - 8, ' ');
  if (header.size() > safetensors::max_header_bytes)
    return fail({.code = error_code::invalid_argument,
                 .thing = "header",
                 .wanted = "at most " + std::to_string(safetensors::max_header_bytes) + " bytes",
                 .found = std::to_string(header.size()),
                 .path = std::string(path)});
  std::string length;
  append_le(length, std::uint64_t{header.size()});
  TESSERA_TRY(atomic_file file, atomic_file::create(path));
  TESSERA_CHECK(file.write(length));
  TESSERA_CHECK(file.write(header));
  for (const tensor_view& tensor : order) TESSERA_CHECK(file.write(tensor.bytes));
  return file.commit();
}

}  // namespace tessera::inline TESSERA_ABI
