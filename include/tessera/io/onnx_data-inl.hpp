// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/onnx.hpp: a tensor's data in other files, and in typed fields.
#pragma once

#include <tessera/io/onnx_read-inl.hpp>

#include <algorithm>
#include <charconv>

namespace tessera::inline TESSERA_ABI {

TESSERA_INLINE result<> onnx::reader::read_external(const detail::onnx_location& location, std::uint64_t needed, const std::string& label,
                                     tensor_view& tensor) {
  if (!external_) return unsupported(label, "data in the file itself", "external data", tensor.offset);
  if (!location.file) return malformed(label, "a location of its external data", "none", tensor.offset);
  if (!detail::stays_below(*location.file))
    return malformed(label, "external data in the folder of the file", quoted(*location.file), tensor.offset);
  auto opened = open_external(*location.file);
  if (!opened)
    return fail({.code = opened.error().code == error_code::not_found ? error_code::not_found : error_code::malformed,
                 .thing = label,
                 .wanted = "its external data",
                 .path = state_.path,
                 .offset = tensor.offset,
                 .causes = {std::move(opened).error()}});
  const mapped_file& file = state_.files[*opened];
  const std::uint64_t begin = location.offset.value_or(0);
  const std::uint64_t length = location.length.value_or(needed);
  if (begin > file.size() || length > file.size() - begin)
    return malformed(label, "external data within the " + std::to_string(file.size()) + " bytes of " + quoted(*location.file),
                     std::to_string(length) + " bytes from byte " + std::to_string(begin), tensor.offset);
  tensor.bytes = file.bytes().subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(length));
  tensor.file = external_names_[*opened - 1];
  tensor.offset = begin;
  return {};
}

TESSERA_INLINE result<std::size_t> onnx::reader::open_external(std::string_view location) {
  if (const auto place = locations_.find(location); place != locations_.end()) return place->second;
  const std::size_t slash = state_.path.rfind('/');
  const std::string folder = slash == std::string::npos ? "./" : state_.path.substr(0, slash + 1);
  const std::string path = folder + std::string(location);
  TESSERA_CHECK(mapped_file::open(path));  // says why, where it cannot be opened
  std::string below = detail::real_path(folder);
  if (!below.ends_with('/')) below += '/';
  const std::string real = detail::real_path(path);
  if (below == "/" || !real.starts_with(below))
    return malformed("external data", "a file in the folder of the ONNX file", "a link that leads out of it", 0);
  // By its real path, so that what was checked is what is opened.
  TESSERA_TRY(mapped_file file, mapped_file::open(real));
  if (is_git_lfs_pointer(file.text()))
    return fail({.code = error_code::malformed, .wanted = "external data", .found = std::string(git_lfs_pointer), .path = path});
  state_.files.push_back(std::move(file));
  external_names_.push_back(state_.names.emplace_back(path));
  locations_.emplace(location, state_.files.size() - 1);
  return state_.files.size() - 1;
}

TESSERA_INLINE result<> onnx::reader::read_typed(const protobuf_field& message, std::uint64_t needed, const std::string& label,
                                                  tensor_view& tensor) {
  const auto format = std::ranges::find(detail::onnx_formats, tensor.type, &detail::onnx_format::type);
  const bool fixed = format->typed == detail::onnx_float_data || format->typed == detail::onnx_double_data;
  std::vector<std::byte> values;
  std::size_t pieces = 0;
  TESSERA_CHECK(each(message.bytes, message.offset, [&](const protobuf_field& field) -> result<> {
    if (field.number != format->typed) return {};
    if (!fixed) return add_typed_integers(field, needed, label, tensor.type, values);
    if (field.kind == protobuf_kind::bytes) {
      if (pieces++ == 0 && values.empty()) {
        tensor.bytes = field.bytes;
        tensor.offset = field.offset;
        return {};
      }
      if (pieces == 2) values.assign(tensor.bytes.begin(), tensor.bytes.end());
      values.insert(values.end(), field.bytes.begin(), field.bytes.end());
      return {};
    }
    if (pieces == 1) return malformed(label, "numbers in one form", "packed and single ones", field.offset);
    if (field.kind == protobuf_kind::fixed32 && format->typed == detail::onnx_float_data)
      append_le(values, static_cast<std::uint32_t>(field.value));
    else if (field.kind == protobuf_kind::fixed64 && format->typed == detail::onnx_double_data)
      append_le(values, field.value);
    else
      return malformed(label, "numbers of its type", "a field of another kind", field.offset);
    return {};
  }));
  if (values.empty()) return {};
  tensor.bytes = state_.data.emplace_back(std::move(values));
  return {};
}

TESSERA_INLINE result<> onnx::reader::add_typed_integers(const protobuf_field& field, std::uint64_t needed,
                                                          const std::string& label, dtype type,
                                          std::vector<std::byte>& into) const {
  std::vector<std::uint64_t> numbers;
  TESSERA_CHECK(add_integers(field, numbers));
  const unsigned bits = bits_of(type);
  const bool is_signed = type == dtype::i8 || type == dtype::i16 || type == dtype::i32;
  if (numbers.size() > needed - std::min<std::uint64_t>(into.size(), needed))
    return malformed(label, "at most " + std::to_string(needed) + " bytes of data", "more", field.offset);
  for (const std::uint64_t number : numbers) {
    const std::uint64_t limit = std::uint64_t{1} << (bits - (is_signed ? 1U : 0U) - (bits == 64 ? 1U : 0U));
    const bool fits = bits == 64 || (is_signed ? number + limit < 2 * limit : number < limit);
    if (!fits)
      return malformed(label, "values of " + std::string(to_string(type)), std::to_string(static_cast<std::int64_t>(number)),
                       field.offset);
    if (bits == 8) append_le(into, static_cast<std::uint8_t>(number));
    else if (bits == 16) append_le(into, static_cast<std::uint16_t>(number));
    else if (bits == 32) append_le(into, static_cast<std::uint32_t>(number));
    else append_le(into, number);
  }
  return {};
}

}  // namespace tessera::inline TESSERA_ABI
