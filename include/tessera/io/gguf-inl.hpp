// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/gguf.hpp: opening, looking up, typed values.
#pragma once

#include <tessera/io/gguf.hpp>

#include <algorithm>
#include <deque>

namespace tessera::inline TESSERA_ABI {

struct gguf::contents {
  mapped_file file;
  std::string path;
  std::vector<gguf_value> values;
  std::deque<std::vector<std::size_t>> shapes;
  std::vector<gguf_tensor> tensors;
};

TESSERA_INLINE void gguf::release::operator()(contents* state) const noexcept { delete state; }

TESSERA_INLINE std::string_view to_string(gguf_type type) noexcept {
  constexpr std::string_view names[] = {"u8",        "i8",       "u16",      "i16", "u32", "i32", "f32",
                                        "a boolean", "a string", "an array", "u64", "i64", "f64"};
  return names[static_cast<std::size_t>(type)];
}

TESSERA_INLINE result<gguf> gguf::open(std::string_view path) {
  TESSERA_TRY(mapped_file file, mapped_file::open(path));
  const auto bytes = file.bytes();
  return read(std::move(file), bytes, path);
}

TESSERA_INLINE result<gguf> gguf::view(std::span<const std::byte> bytes, std::string_view path) {
  return read(mapped_file(), bytes, path);
}

TESSERA_INLINE std::span<const gguf_value> gguf::values() const noexcept { return state_->values; }
TESSERA_INLINE std::span<const gguf_tensor> gguf::tensors() const noexcept { return state_->tensors; }
TESSERA_INLINE std::string_view gguf::path() const noexcept { return state_->path; }
TESSERA_INLINE const mapped_file& gguf::file() const noexcept { return state_->file; }

TESSERA_INLINE const gguf_value* gguf::find(std::string_view key) const noexcept {
  const auto place = std::ranges::find(state_->values, key, &gguf_value::key);
  return place == state_->values.end() ? nullptr : &*place;
}

TESSERA_INLINE result<gguf_value> gguf::at(std::string_view key) const {
  if (const gguf_value* value = find(key)) return *value;
  return fail({.code = error_code::not_found,
               .thing = std::string(key),
               .wanted = "this key",
               .found = "none",
               .path = state_->path});
}

TESSERA_INLINE result<tensor_view> gguf::tensor(std::string_view name) const {
  const auto place = std::ranges::find(state_->tensors, name, &gguf_tensor::name);
  if (place == state_->tensors.end())
    return fail({.code = error_code::not_found,
                 .thing = std::string(name),
                 .wanted = "this tensor",
                 .found = "none",
                 .path = state_->path});
  if (!place->readable)
    return fail({.code = error_code::unsupported,
                 .thing = std::string(name),
                 .wanted = "plain numbers, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q4_K, Q5_K or Q6_K",
                 .found = std::string(place->format),
                 .path = state_->path,
                 .offset = place->offset});
  return tensor_view{.name = place->name,
                     .type = place->type,
                     .shape = place->shape,
                     .bytes = place->bytes,
                     .file = state_->path,
                     .offset = place->offset};
}

namespace detail {

/// What the name of file `number`, from 0 on, of `count` ends with: "-00001-of-00003.gguf".
[[nodiscard]] inline std::string split_ending(std::size_t number, std::size_t count) {
  const auto digits = [](std::size_t value) {
    std::string text = std::to_string(value);
    return text.size() < 5 ? text.insert(0, 5 - text.size(), '0') : text;
  };
  return "-" + digits(number + 1) + "-of-" + digits(count) + ".gguf";
}

}  // namespace detail

TESSERA_INLINE result<std::vector<gguf>> open_gguf_parts(std::string_view path) {
  const auto differs = [](const gguf& file, std::string_view thing, std::string wanted, std::string found) {
    return fail({.code = error_code::mismatch,
                 .thing = std::string(thing),
                 .wanted = std::move(wanted),
                 .found = std::move(found),
                 .path = std::string(file.path())});
  };
  std::vector<gguf> parts;
  {
    TESSERA_TRY(gguf first, gguf::open(path));
    parts.push_back(std::move(first));
  }
  if (parts[0].find("split.count") == nullptr) return parts;
  TESSERA_TRY(const std::size_t count, parts[0].get<std::uint16_t>("split.count"));
  if (count <= 1) return parts;
  TESSERA_TRY(const std::size_t number, parts[0].get<std::uint16_t>("split.no"));
  if (number != 0)
    return differs(parts[0], "split.no", "0, that of the file ..." + detail::split_ending(0, count), std::to_string(number));
  const std::string ending = detail::split_ending(0, count);
  if (!path.ends_with(ending))
    return differs(parts[0], "file name", "..." + ending + ", as split.count says", std::string(path.substr(path.rfind('/') + 1)));
  const std::string stem(path.substr(0, path.size() - ending.size()));
  std::size_t tensors = parts[0].tensors().size();
  for (std::size_t i = 1; i < count; ++i) {
    TESSERA_TRY(gguf part, gguf::open(stem + detail::split_ending(i, count)));
    TESSERA_TRY(const std::size_t own_number, part.get<std::uint16_t>("split.no"));
    TESSERA_TRY(const std::size_t own_count, part.get<std::uint16_t>("split.count"));
    if (own_number != i) return differs(part, "split.no", std::to_string(i), std::to_string(own_number));
    if (own_count != count) return differs(part, "split.count", std::to_string(count), std::to_string(own_count));
    tensors += part.tensors().size();
    parts.push_back(std::move(part));
  }
  TESSERA_TRY(const auto said, parts[0].get<std::size_t>("split.tensors.count"));
  if (said != tensors)
    return differs(parts[0], "split.tensors.count", std::to_string(tensors) + " (those of all files)", std::to_string(said));
  return parts;
}

TESSERA_INLINE error gguf_value::mismatch(std::string wanted, std::string found) const {
  return {.code = error_code::mismatch,
          .thing = std::string(key_),
          .wanted = std::move(wanted),
          .found = std::move(found),
          .path = std::string(path_),
          .offset = offset_};
}

TESSERA_INLINE result<> gguf_value::read_strings(std::vector<std::string_view>& out) const {
  if (type_ != gguf_type::string) return std::unexpected(mismatch("a string", std::string(to_string(type_))));
  out.reserve(size_);
  std::size_t at = 0;
  for (std::size_t i = 0; i < size_; ++i) {  // lengths were checked when the file was opened
    const auto length = static_cast<std::size_t>(detail::load<std::endian::little, std::uint64_t>(bytes_.data() + at));
    out.emplace_back(reinterpret_cast<const char*>(bytes_.data() + at + 8), length);
    at += 8 + length;
  }
  return {};
}

TESSERA_INLINE result<bool> gguf_value::boolean(std::size_t index) const {
  if (type_ != gguf_type::boolean) return std::unexpected(mismatch("a boolean", std::string(to_string(type_))));
  return bytes_[index] != std::byte{0};
}

TESSERA_INLINE result<gguf_value::integer> gguf_value::whole(std::size_t index, std::int64_t lowest,
                                                             std::uint64_t highest) const {
  const auto value = [&]<class T>(T) {
    const T number = detail::load<std::endian::little, T>(bytes_.data() + index * sizeof(T));
    return integer{static_cast<std::uint64_t>(number), number < T{}};
  };
  integer number{};
  switch (type_) {
    case gguf_type::u8: number = value(std::uint8_t{}); break;
    case gguf_type::i8: number = value(std::int8_t{}); break;
    case gguf_type::u16: number = value(std::uint16_t{}); break;
    case gguf_type::i16: number = value(std::int16_t{}); break;
    case gguf_type::u32: number = value(std::uint32_t{}); break;
    case gguf_type::i32: number = value(std::int32_t{}); break;
    case gguf_type::u64: number = value(std::uint64_t{}); break;
    case gguf_type::i64: number = value(std::int64_t{}); break;
    default: return std::unexpected(mismatch("an integer", std::string(to_string(type_))));
  }
  const auto as_signed = static_cast<std::int64_t>(number.bits);
  if (number.negative ? as_signed >= lowest : number.bits <= highest) return number;
  return std::unexpected(mismatch("an integer from " + std::to_string(lowest) + " to " + std::to_string(highest),
                                  number.negative ? std::to_string(as_signed) : std::to_string(number.bits)));
}

TESSERA_INLINE result<double> gguf_value::real(std::size_t index) const {
  if (type_ == gguf_type::f32)
    return static_cast<double>(detail::load<std::endian::little, float>(bytes_.data() + index * 4));
  if (type_ == gguf_type::f64) return detail::load<std::endian::little, double>(bytes_.data() + index * 8);
  TESSERA_TRY(const integer number,
              whole(index, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::uint64_t>::max()));
  return number.negative ? static_cast<double>(static_cast<std::int64_t>(number.bits))
                         : static_cast<double>(number.bits);
}

}  // namespace tessera::inline TESSERA_ABI

#include <tessera/io/gguf_read-inl.hpp>
