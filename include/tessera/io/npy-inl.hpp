// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/npy.hpp.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/io/atomic_file.hpp>
#include <tessera/io/npy.hpp>
#include <tessera/io/quoted.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace tessera::inline TESSERA_ABI {

namespace detail {

inline constexpr std::string_view npy_magic = "\x93NUMPY";

/// The header's dictionary, a Python literal: {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
class npy_header_reader {
 public:
  npy_header_reader(std::string_view text, std::string_view path, std::uint64_t offset) noexcept
      : text_(text), path_(path), offset_(offset) {}

  [[nodiscard]] result<> read() {
    bool has_descr = false;
    bool has_order = false;
    bool has_shape = false;
    if (!take('{')) return wrong("'{'");
    while (!take('}')) {
      TESSERA_TRY(const std::string_view key, string());
      if (!take(':')) return wrong("':'");
      bool* seen = key == "descr"           ? &has_descr
                   : key == "fortran_order" ? &has_order
                   : key == "shape"         ? &has_shape
                                            : nullptr;
      if (seen == nullptr || std::exchange(*seen, true))
        return wrong("the keys descr, fortran_order and shape once each");
      if (key == "descr") {
        if (peek() == '[')
          return fail({.code = error_code::unsupported,
                       .thing = "descr",
                       .wanted = "one number type",
                       .found = "a record of fields",
                       .path = std::string(path_),
                       .offset = here()});
        TESSERA_TRY(descr, string());
      } else if (key == "fortran_order") {
        if (take_word("True")) fortran_order = true;
        else if (!take_word("False")) return wrong("True or False");
      } else {
        TESSERA_CHECK(read_shape());
      }
      if (!take(',') && peek() != '}') return wrong("',' or '}'");
    }
    static_cast<void>(peek());
    if (at_ < text_.size()) return wrong("spaces after '}'");
    if (!has_descr || !has_order || !has_shape) return wrong("the keys descr, fortran_order and shape once each");
    return {};
  }

  std::string_view descr;
  bool fortran_order = false;
  std::vector<std::size_t> shape;

 private:
  [[nodiscard]] std::uint64_t here() const noexcept { return offset_ + at_; }
  [[nodiscard]] std::unexpected<error> wrong(std::string wanted) const {
    const std::string_view rest = text_.substr(at_, 1);
    return fail({.code = error_code::malformed,
                 .thing = "header",
                 .wanted = std::move(wanted),
                 .found = rest.empty() ? "its end" : quoted(rest),
                 .path = std::string(path_),
                 .offset = here()});
  }
  [[nodiscard]] char peek() noexcept {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  [[nodiscard]] bool take(char wanted) noexcept {
    if (peek() != wanted || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  [[nodiscard]] bool take_word(std::string_view word) noexcept {
    static_cast<void>(peek());
    if (!text_.substr(at_).starts_with(word)) return false;
    at_ += word.size();
    return true;
  }
  [[nodiscard]] result<std::string_view> string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') return wrong("a quoted string");
    const std::size_t end = text_.find(quote, at_ + 1);
    const std::string_view inner = text_.substr(at_ + 1, end == std::string_view::npos ? end : end - at_ - 1);
    if (end == std::string_view::npos || inner.find('\\') != std::string_view::npos) return wrong("a plain string");
    at_ = end + 1;
    return inner;
  }
  [[nodiscard]] result<> read_shape() {
    if (!take('(')) return wrong("'('");
    while (!take(')')) {
      static_cast<void>(peek());
      std::size_t extent = 0;
      const char* begin = text_.data() + at_;
      const auto [end, problem] = std::from_chars(begin, text_.data() + text_.size(), extent);
      if (problem != std::errc() || (*begin == '0' && end - begin > 1)) return wrong("an extent of at most 64 bits");
      at_ += static_cast<std::size_t>(end - begin);
      static_cast<void>(take('L'));  // as Python 2 wrote long integers
      shape.push_back(extent);
      // (2) is a number in Python; only (2,) is a tuple of one.
      if (!take(',') && (peek() != ')' || shape.size() == 1)) return wrong(shape.size() == 1 ? "','" : "',' or ')'");
    }
    return {};
  }

  std::string_view text_;
  std::string_view path_;
  std::uint64_t offset_;
  std::size_t at_ = 0;
};

struct npy_type {
  char kind;
  char size;
  dtype type;
};

inline constexpr npy_type npy_types[] = {
    {'b', '1', dtype::boolean}, {'u', '1', dtype::u8},  {'i', '1', dtype::i8},  {'u', '2', dtype::u16},
    {'i', '2', dtype::i16},     {'u', '4', dtype::u32}, {'i', '4', dtype::i32}, {'u', '8', dtype::u64},
    {'i', '8', dtype::i64},     {'f', '2', dtype::f16}, {'f', '4', dtype::f32}, {'f', '8', dtype::f64},
};

/// Elements of `width` bytes from Fortran order (first axis fastest) to row-major order, each reversed where `swap`.
inline void reorder_elements(std::span<const std::byte> from, std::span<const std::size_t> shape, std::size_t width,
                             bool fortran, bool swap, std::span<std::byte> to) {
  struct axis {
    std::size_t extent;
    std::size_t step;  // bytes from one index to the next in the source
    std::size_t index;
  };
  std::vector<axis> axes;  // innermost of the target first
  std::size_t step = width;
  for (std::size_t i = 0; i < shape.size(); ++i) {
    const std::size_t extent = fortran ? shape[i] : shape[shape.size() - 1 - i];
    axes.push_back({extent, step, 0});
    step *= extent;
  }
  if (fortran) std::ranges::reverse(axes);
  std::size_t source = 0;
  for (std::size_t target = 0; target < to.size(); target += width) {
    for (std::size_t byte = 0; byte < width; ++byte)
      to[target + byte] = from[source + (swap ? width - 1 - byte : byte)];
    for (axis& a : axes) {
      source += a.step;
      if (++a.index < a.extent) break;
      source -= a.step * a.extent;
      a.index = 0;
    }
  }
}

}  // namespace detail

TESSERA_INLINE result<npy> npy::open(std::string_view path) {
  TESSERA_TRY(mapped_file file, mapped_file::open(path));
  const auto bytes = file.bytes();
  return read(std::move(file), bytes, path);
}

TESSERA_INLINE result<npy> npy::view(std::span<const std::byte> bytes, std::string_view path) {
  return read(mapped_file(), bytes, path);
}

TESSERA_INLINE result<npy> npy::read(mapped_file file, std::span<const std::byte> bytes, std::string_view path) {
  const auto refused = [&](error_code code, std::string thing, std::string wanted, std::string found,
                           std::uint64_t offset) {
    return fail({.code = code,
                 .thing = std::move(thing),
                 .wanted = std::move(wanted),
                 .found = std::move(found),
                 .path = std::string(path),
                 .offset = offset});
  };
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with(detail::npy_magic))
    return refused(error_code::malformed, {}, "a .npy file (\"\\x93NUMPY\" first)",
                   is_git_lfs_pointer(text) ? std::string(git_lfs_pointer) : quoted(text.substr(0, 6)), 0);
  if (bytes.size() < 10)
    return refused(error_code::malformed, "header length", "2 or 4 bytes", "the end", bytes.size());
  const auto version = std::to_integer<unsigned>(bytes[6]);
  const auto minor = std::to_integer<unsigned>(bytes[7]);
  if (version < 1 || version > 3 || minor != 0)
    return refused(error_code::unsupported, "format version", "1.0, 2.0 or 3.0",
                   std::to_string(version) + '.' + std::to_string(minor), 6);
  const std::size_t header_begin = version == 1 ? 10 : 12;
  if (bytes.size() < header_begin)
    return refused(error_code::malformed, "header length", "4 bytes", "the end", bytes.size());
  const std::size_t header_size = version == 1 ? detail::load<std::endian::little, std::uint16_t>(bytes.data() + 8)
                                               : detail::load<std::endian::little, std::uint32_t>(bytes.data() + 8);
  if (header_size > max_header_bytes || header_size > bytes.size() - header_begin)
    return refused(error_code::malformed, "header length",
                   "at most " + std::to_string(std::min(max_header_bytes, bytes.size() - header_begin)),
                   std::to_string(header_size), 8);
  detail::npy_header_reader header(text.substr(header_begin, header_size), path, header_begin);
  TESSERA_CHECK(header.read());

  std::string_view descr = header.descr;
  const char order =
      descr.empty() || std::string_view("<>|=").find(descr.front()) == std::string_view::npos ? '=' : descr.front();
  if (order != '=' || descr.starts_with('=')) descr.remove_prefix(1);
  const auto* known = std::ranges::find_if(detail::npy_types, [&](const detail::npy_type& t) {
    return descr.size() == 2 && t.kind == descr[0] && t.size == descr[1];
  });
  if (known == std::end(detail::npy_types))
    return refused(error_code::unsupported, "descr", "a boolean, integer or floating type of at most 8 bytes",
                   descr.starts_with('O') ? "Python objects, which are never read" : quoted(header.descr),
                   header_begin);
  npy array;
  array.type_ = known->type;
  array.shape_ = std::move(header.shape);
  const std::size_t width = bits_of(array.type_) / 8;
  if (order == '|' && width > 1)
    return refused(error_code::malformed, "descr", "a byte order", quoted(header.descr), header_begin);
  const std::size_t data_begin = header_begin + header_size;
  const std::uint64_t data_size = bytes.size() - data_begin;
  const auto needed = storage_bytes(array.type_, array.shape_);
  if (!needed || *needed != data_size)
    return refused(error_code::malformed, "data",
                   (needed ? std::to_string(*needed) : "a possible number of") + " bytes for " +
                       std::string(to_string(array.type_)) + ' ' + shape_text(array.shape_),
                   std::to_string(data_size), data_begin);
  array.path_ = std::make_unique<const std::string>(path);
  array.offset_ = data_begin;
  array.bytes_ = bytes.subspan(data_begin);
  const bool little = order == '<' || (order == '=' && std::endian::native == std::endian::little);
  const bool swap = width > 1 && !little;
  const bool fortran = header.fortran_order && array.shape_.size() > 1;
  if (swap || fortran) {
    array.copied_.resize(array.bytes_.size());
    detail::reorder_elements(array.bytes_, array.shape_, width, fortran, swap, array.copied_);
    array.bytes_ = array.copied_;
  }
  array.file_ = std::move(file);
  return array;
}

TESSERA_INLINE result<std::string> npy_header(dtype type, std::span<const std::size_t> shape) {
  const auto* known = std::ranges::find(detail::npy_types, type, &detail::npy_type::type);
  if (known == std::end(detail::npy_types))
    return fail({.code = error_code::unsupported,
                 .thing = ".npy",
                 .wanted = "a type that numpy has",
                 .found = std::string(to_string(type))});
  if (shape.size() > 64)
    return fail({.code = error_code::invalid_argument,
                 .thing = ".npy",
                 .wanted = "at most 64 axes",
                 .found = std::to_string(shape.size())});
  std::string dictionary = "{'descr': '";
  dictionary += known->size == '1' ? '|' : '<';
  dictionary += known->kind;
  dictionary += known->size;
  dictionary += "', 'fortran_order': False, 'shape': (";
  for (std::size_t i = 0; i < shape.size(); ++i) dictionary += (i != 0 ? " " : "") + std::to_string(shape[i]) + ',';
  if (shape.size() > 1) dictionary.pop_back();
  dictionary += "), }";
  const std::size_t whole = round_up(10 + dictionary.size() + 1, 64);
  dictionary.resize(whole - 11, ' ');
  dictionary += '\n';
  std::string header(detail::npy_magic);
  header += '\x01';
  header += '\0';
  append_le(header, static_cast<std::uint16_t>(dictionary.size()));
  return header + dictionary;
}

TESSERA_INLINE result<> write_npy(std::string_view path, const tensor_view& tensor) {
  const auto needed = storage_bytes(tensor.type, tensor.shape);
  if (!needed || *needed != tensor.bytes.size())
    return fail({.code = error_code::invalid_argument,
                 .thing = "data",
                 .wanted = "as many bytes as the shape " + shape_text(tensor.shape) + " has",
                 .found = std::to_string(tensor.bytes.size()),
                 .path = std::string(path)});
  auto header = npy_header(tensor.type, tensor.shape);
  if (!header) return std::unexpected(std::move(header).error().in(path));
  TESSERA_TRY(atomic_file file, atomic_file::create(path));
  TESSERA_CHECK(file.write(*header));
  TESSERA_CHECK(file.write(tensor.bytes));
  return file.commit();
}

}  // namespace tessera::inline TESSERA_ABI
