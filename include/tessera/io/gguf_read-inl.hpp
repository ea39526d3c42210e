// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/gguf.hpp: how a file is walked and checked.
#pragma once

#include <tessera/io/byte_reader.hpp>
#include <tessera/io/gguf-inl.hpp>
#include <tessera/io/quoted.hpp>

#include <algorithm>
#include <deque>
#include <optional>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// How ggml stores a tensor type: `bytes` for every `block` elements of a row.
struct ggml_format {
  std::uint32_t number;
  std::string_view name;
  std::uint32_t block;
  std::uint32_t bytes;
  std::optional<dtype> type;
};

inline constexpr ggml_format ggml_formats[] = {
    {0, "F32", 1, 4, dtype::f32}, {1, "F16", 1, 2, dtype::f16}, {2, "Q4_0", 32, 18, dtype::q4_0}, {3, "Q4_1", 32, 20, dtype::q4_1},
    {6, "Q5_0", 32, 22, dtype::q5_0}, {7, "Q5_1", 32, 24, dtype::q5_1}, {8, "Q8_0", 32, 34, dtype::q8_0}, {9, "Q8_1", 32, 36, {}},
    {10, "Q2_K", 256, 84, {}}, {11, "Q3_K", 256, 110, {}}, {12, "Q4_K", 256, 144, dtype::q4_k}, {13, "Q5_K", 256, 176, dtype::q5_k},
    {14, "Q6_K", 256, 210, dtype::q6_k}, {15, "Q8_K", 256, 292, {}}, {16, "IQ2_XXS", 256, 66, {}}, {17, "IQ2_XS", 256, 74, {}},
    {18, "IQ3_XXS", 256, 98, {}}, {19, "IQ1_S", 256, 50, {}}, {20, "IQ4_NL", 32, 18, {}}, {21, "IQ3_S", 256, 110, {}},
    {22, "IQ2_S", 256, 82, {}}, {23, "IQ4_XS", 256, 136, {}}, {24, "I8", 1, 1, dtype::i8}, {25, "I16", 1, 2, dtype::i16},
    {26, "I32", 1, 4, dtype::i32}, {27, "I64", 1, 8, dtype::i64}, {28, "F64", 1, 8, dtype::f64}, {29, "IQ1_M", 256, 56, {}},
    {30, "BF16", 1, 2, dtype::bf16}, {34, "TQ1_0", 256, 54, {}}, {35, "TQ2_0", 256, 66, {}}, {39, "MXFP4", 32, 17, {}},
};

/// Bytes of a value of fixed size; 0 for strings and arrays.
[[nodiscard]] constexpr std::size_t gguf_width(gguf_type type) noexcept {
  switch (type) {
    case gguf_type::u8:
    case gguf_type::i8:
    case gguf_type::boolean: return 1;
    case gguf_type::u16:
    case gguf_type::i16: return 2;
    case gguf_type::u32:
    case gguf_type::i32:
    case gguf_type::f32: return 4;
    case gguf_type::u64:
    case gguf_type::i64:
    case gguf_type::f64: return 8;
    case gguf_type::string:
    case gguf_type::array: return 0;
  }
  return 0;
}

}  // namespace detail

/// Walks the file.
class gguf::reader : public byte_reader {
 public:
  using byte_reader::byte_reader;

  [[nodiscard]] result<gguf_value> value() {
    gguf_value made;
    made.path_ = path_;
    TESSERA_TRY(made.key_, string("key"));
    const std::string thing = quoted(made.key_);
    TESSERA_TRY(made.type_, type(thing));
    if (made.type_ == gguf_type::array) {
      made.is_array_ = true;
      TESSERA_TRY(made.type_, type(thing));
      if (made.type_ == gguf_type::array)
        return wrong(thing, "an array of values", "an array of arrays", error_code::unsupported);
      TESSERA_TRY(const auto count, number<std::uint64_t>(thing));
      TESSERA_CHECK(fits(count, made.type_ == gguf_type::string ? 8 : detail::gguf_width(made.type_), thing));
      made.size_ = static_cast<std::size_t>(count);
    }
    made.offset_ = at_;
    if (made.type_ == gguf_type::string)
      for (std::size_t i = 0; i < made.size_; ++i) TESSERA_CHECK(string(thing));
    else TESSERA_CHECK(take(made.size_ * detail::gguf_width(made.type_), thing));
    made.bytes_ = bytes_.subspan(static_cast<std::size_t>(made.offset_), static_cast<std::size_t>(at_ - made.offset_));
    if (made.type_ == gguf_type::boolean)
      for (std::size_t i = 0; i < made.size_; ++i)
        if (std::to_integer<unsigned>(made.bytes_[i]) > 1)
          return wrong(thing, "0 or 1", std::to_string(std::to_integer<unsigned>(made.bytes_[i])));
    return made;
  }

  /// A tensor's description; its bytes are found once the data's place is known.
  struct description {
    gguf_tensor tensor;
    std::uint64_t begin;
    std::uint64_t size;
  };
  [[nodiscard]] result<description> tensor(std::deque<std::vector<std::size_t>>& shapes) {
    gguf_tensor made;
    TESSERA_TRY(made.name, string("tensor name"));
    const std::string thing = quoted(made.name);
    TESSERA_TRY(const auto rank, number<std::uint32_t>(thing));
    if (rank > max_rank)
      return wrong(thing, "at most " + std::to_string(max_rank) + " dimensions", std::to_string(rank));
    std::vector<std::size_t>& shape = shapes.emplace_back(rank);
    std::uint64_t count = 1;  // as if no extent were 0, so that the order of the extents does not decide what fits
    bool empty = false;
    for (std::uint32_t i = rank; i-- > 0;) {
      TESSERA_TRY(const auto extent, number<std::uint64_t>(thing));
      empty = empty || extent == 0;
      if (!multiply_sizes(count, std::max<std::uint64_t>(extent, 1), count))
        return wrong(thing, "fewer than 2^64 elements", "more");
      shape[i] = static_cast<std::size_t>(extent);
    }
    made.shape = shape;
    TESSERA_TRY(const auto number_of_format, number<std::uint32_t>(thing));
    const auto* format = std::ranges::find(detail::ggml_formats, number_of_format, &detail::ggml_format::number);
    if (format == std::end(detail::ggml_formats))
      return wrong(thing, "a known tensor format", "number " + std::to_string(number_of_format),
                   error_code::unsupported);
    made.format = format->name;
    made.readable = format->type.has_value();
    made.type = format->type.value_or(dtype::u8);
    if (format->block != 1 && (shape.empty() || shape.back() % format->block != 0))
      return wrong(thing,
                   "rows of a multiple of " + std::to_string(format->block) + " for " + std::string(format->name),
                   shape.empty() ? "one number" : std::to_string(shape.back()));
    std::uint64_t size = 0;
    std::uint64_t bits = 0;
    if (!multiply_sizes(std::max<std::uint64_t>(count / format->block, 1), format->bytes, size) ||
        !multiply_sizes(size, 8, bits))
      return wrong(thing, "fewer than 2^64 bits", "more");
    if (empty) size = 0;
    TESSERA_TRY(const auto begin, number<std::uint64_t>(thing));
    return description{made, begin, size};
  }

 private:
  [[nodiscard]] result<gguf_type> type(std::string_view thing) {
    TESSERA_TRY(const auto value, number<std::uint32_t>(thing));
    if (value > static_cast<std::uint32_t>(gguf_type::f64))
      return wrong(std::string(thing), "a value type of 0 to 12", std::to_string(value));
    return static_cast<gguf_type>(value);
  }
};

TESSERA_INLINE result<gguf> gguf::read(mapped_file file, std::span<const std::byte> bytes, std::string_view path) {
  std::unique_ptr<contents, release> state(new contents{std::move(file), std::string(path), {}, {}, {}});
  reader in(bytes, state->path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (!text.starts_with("GGUF"))
    return in.wrong({}, "a GGUF file (\"GGUF\" first)",
                    is_git_lfs_pointer(text) ? std::string(git_lfs_pointer) : quoted(text.substr(0, 4)));
  static_cast<void>(in.take(4, "magic"));
  TESSERA_TRY(const auto version, in.number<std::uint32_t>("version"));
  if (version != 2 && version != 3)
    return in.wrong("version", "2 or 3",
                    version != 0 && (version & 0xffffU) == 0 ? "a big-endian file" : std::to_string(version),
                    error_code::unsupported);
  TESSERA_TRY(const auto tensor_count, in.number<std::uint64_t>("number of tensors"));
  TESSERA_TRY(const auto value_count, in.number<std::uint64_t>("number of keys"));
  TESSERA_CHECK(in.fits(value_count, 8 + 4 + 1, "number of keys"));
  state->values.reserve(static_cast<std::size_t>(value_count));
  for (std::uint64_t i = 0; i < value_count; ++i) {
    TESSERA_TRY(const gguf_value value, in.value());
    state->values.push_back(value);
  }
  const auto twice = [&](auto names) {
    std::ranges::sort(names);
    const auto place = std::ranges::adjacent_find(names);
    return place == names.end() ? std::optional<std::string_view>() : *place;
  };
  std::vector<std::string_view> keys;
  for (const gguf_value& value : state->values) keys.push_back(value.key());
  if (const auto key = twice(keys)) return in.wrong("metadata", "each key once", "key " + quoted(*key) + " twice");

  gguf made(std::move(state));
  contents& all = *made.state_;
  std::uint64_t alignment = 32;
  if (made.find("general.alignment") != nullptr) {
    TESSERA_TRY(alignment, made.get<std::uint32_t>("general.alignment"));
    if (alignment == 0 || (alignment & (alignment - 1)) != 0)
      return in.wrong("general.alignment", "a power of two", std::to_string(alignment));
  }
  TESSERA_CHECK(in.fits(tensor_count, 8 + 4 + 4 + 8, "number of tensors"));
  std::vector<reader::description> descriptions;
  descriptions.reserve(static_cast<std::size_t>(tensor_count));
  for (std::uint64_t i = 0; i < tensor_count; ++i) {
    TESSERA_TRY(const reader::description description, in.tensor(all.shapes));
    descriptions.push_back(description);
  }
  keys.clear();
  for (const reader::description& description : descriptions) keys.push_back(description.tensor.name);
  if (const auto name = twice(keys)) return in.wrong("tensors", "each name once", quoted(*name) + " twice");

  const std::uint64_t data_begin =
      std::min<std::uint64_t>((in.at() + alignment - 1) / alignment * alignment, bytes.size());
  std::vector<std::pair<std::uint64_t, std::uint64_t>> used;
  for (reader::description& description : descriptions) {
    const std::string thing = quoted(description.tensor.name);
    std::uint64_t end = 0;
    if (description.begin % alignment != 0)
      return in.wrong(thing, "an offset that is a multiple of " + std::to_string(alignment),
                      std::to_string(description.begin));
    if (!add_sizes(description.begin, description.size, end) || end > bytes.size() - data_begin)
      return in.wrong(thing, "data within the " + std::to_string(bytes.size() - data_begin) + " bytes that follow",
                      std::to_string(description.size) + " bytes at " + std::to_string(description.begin));
    description.tensor.offset = data_begin + description.begin;
    description.tensor.bytes =
        bytes.subspan(static_cast<std::size_t>(description.tensor.offset), static_cast<std::size_t>(description.size));
    all.tensors.push_back(description.tensor);
    if (description.size != 0) used.emplace_back(description.begin, end);
  }
  std::ranges::sort(used);
  for (std::size_t i = 1; i < used.size(); ++i)
    if (used[i].first < used[i - 1].second)
      return in.wrong("tensors", "data apart from each other",
                      "two that share byte " + std::to_string(data_begin + used[i].first));
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
