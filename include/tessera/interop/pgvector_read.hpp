// SPDX-License-Identifier: Apache-2.0
/// Reads what COPY (SELECT id, embedding ...) TO STDOUT gives. Included by interop/pgvector.hpp, where the formats are described.
#pragma once

#include <tessera/interop/pgvector.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// Walks a binary COPY.
class copy_reader {
 public:
  explicit copy_reader(std::string_view bytes) noexcept : bytes_(bytes) {}

  [[nodiscard]] std::uint64_t at() const noexcept { return at_; }
  template <class T>
  [[nodiscard]] result<T> number(const char* thing) {
    TESSERA_TRY(const auto piece, take(sizeof(T), thing));
    return load<std::endian::big, T>(reinterpret_cast<const std::byte*>(piece.data()));
  }
  [[nodiscard]] result<std::string_view> take(std::size_t count, const char* thing) {
    if (count > bytes_.size() - at_)
      return not_postgres(thing, std::to_string(count) + " bytes", std::to_string(bytes_.size() - at_) + " before the end", at_);
    at_ += count;
    return bytes_.substr(at_ - count, count);
  }
  /// A field of a tuple, which may not be NULL.
  [[nodiscard]] result<std::string_view> field(const char* thing) {
    TESSERA_TRY(const auto size, number<std::int32_t>(thing));
    if (size < 0) return not_postgres(thing, "a value", size == -1 ? "NULL" : std::to_string(size) + " bytes", at_ - 4);
    return take(static_cast<std::size_t>(size), thing);
  }
  [[nodiscard]] bool at_end() const noexcept { return at_ == bytes_.size(); }

 private:
  std::string_view bytes_;
  std::size_t at_ = 0;
};

/// A vector from the bytes of its *_send function.
template <class Space, class Precision>
[[nodiscard]] result<embedding<Space, Precision>> from_pgvector_bytes(std::string_view bytes, std::uint64_t offset) {
  constexpr std::size_t n = Space::dimension;
  embedding<Space, Precision> made;
  copy_reader reader(bytes);
  std::size_t found = 0;
  std::size_t body = 0;
  if constexpr (std::is_same_v<Precision, b1>) {
    TESSERA_TRY(const auto bits, reader.number<std::int32_t>("bits"));
    found = bits < 0 ? 0 : static_cast<std::size_t>(bits);
    body = (n + 7) / 8;
  } else {
    TESSERA_TRY(const auto count, reader.number<std::uint16_t>("components"));
    TESSERA_TRY(const auto zero, reader.number<std::uint16_t>("components"));
    if (zero != 0) return not_postgres("vector", "0 after its dimension", std::to_string(zero), offset + 2);
    found = count;
    body = n * sizeof(typename Precision::storage);
  }
  if (found != n) return not_postgres("components", std::to_string(n), std::to_string(found), offset, error_code::mismatch);
  if (bytes.size() != 4 + body)
    return not_postgres("bytes of the vector", std::to_string(4 + body), std::to_string(bytes.size()), offset, error_code::mismatch);
  const auto* from = reinterpret_cast<const std::byte*>(bytes.data() + 4);
  if constexpr (std::is_same_v<Precision, b1>) {
    for (std::size_t i = 0; i < body; ++i) made.data()[i] = reversed_bits(static_cast<std::uint8_t>(from[i]));
    if constexpr (n % 8 != 0)
      if ((made.data()[body - 1] >> (n % 8)) != 0) return not_postgres("bits", "zeros behind the last", "others", offset);
  } else {
    for (std::size_t i = 0; i < n; ++i) {
      made.data()[i] = load<std::endian::big, typename Precision::storage>(from + i * sizeof(typename Precision::storage));
      if (!std::isfinite(static_cast<float>(made.data()[i])))
        return not_postgres("component " + std::to_string(i), "a finite number", "NaN or infinity", offset);
    }
  }
  return made;
}

template <class Space, class Precision>
[[nodiscard]] result<copied_rows<Space, Precision>> read_binary_copy(std::string_view bytes) {
  copied_rows<Space, Precision> made;
  copy_reader reader(bytes);
  TESSERA_CHECK(reader.take(copy_signature.size(), "signature"));
  TESSERA_TRY(const auto flags, reader.number<std::uint32_t>("flags"));
  if (flags >> 16u != 0)
    return not_postgres("flags", "none that must be understood", std::to_string(flags), reader.at() - 4,
                        error_code::unsupported);
  TESSERA_TRY(const auto extension, reader.number<std::uint32_t>("header extension"));
  TESSERA_CHECK(reader.take(extension, "header extension"));
  for (;;) {
    TESSERA_TRY(const auto fields, reader.number<std::int16_t>("fields"));
    if (fields == -1) break;
    if (fields != 2) return not_postgres("fields", "2, an id and a vector", std::to_string(fields), reader.at() - 2, error_code::mismatch);
    TESSERA_TRY(const auto id, reader.field("id"));
    if (id.size() != 8 && id.size() != 4)
      return not_postgres("id", "a bigint or an integer", std::to_string(id.size()) + " bytes", reader.at(),
                          error_code::mismatch);
    const auto* from = reinterpret_cast<const std::byte*>(id.data());
    const std::int64_t number = id.size() == 8 ? load<std::endian::big, std::int64_t>(from) : load<std::endian::big, std::int32_t>(from);
    if (number < 0) return not_postgres("id", "0 or more", std::to_string(number), reader.at(), error_code::mismatch);
    const std::uint64_t at = reader.at() + 4;
    TESSERA_TRY(const auto field, reader.field("vector"));
    TESSERA_TRY(const auto vector, (from_pgvector_bytes<Space, Precision>(field, at)));
    TESSERA_CHECK(made.rows.append(vector));
    made.ids.push_back(static_cast<std::uint64_t>(number));
  }
  if (!reader.at_end()) return not_postgres("end", "nothing behind the trailer", "more bytes", reader.at());
  return made;
}

template <class Space, class Precision>
[[nodiscard]] result<copied_rows<Space, Precision>> read_text_copy(std::string_view text) {
  copied_rows<Space, Precision> made;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = text.substr(at, end - at);
    if (line == "\\.") break;
    const std::size_t tab = line.find('\t');
    if (tab == std::string_view::npos || line.find('\t', tab + 1) != std::string_view::npos)
      return not_postgres("line " + std::to_string(made.ids.size() + 1), "an id, a tab and a vector", std::string(line.substr(0, 20)), at);
    std::uint64_t id = 0;
    const auto read = std::from_chars(line.data(), line.data() + tab, id);
    if (read.ec != std::errc() || read.ptr != line.data() + tab || id >> 63u != 0)
      return not_postgres("id", "0 to 2^63 - 1", std::string(line.substr(0, std::min<std::size_t>(tab, 20))), at);
    auto vector = from_pgvector_text<Space, Precision>(line.substr(tab + 1));
    if (!vector) {
      error wrong = std::move(vector).error();
      wrong.offset = at + tab + 1 + wrong.offset.value_or(0);
      return std::unexpected(std::move(wrong));
    }
    TESSERA_CHECK(made.rows.append(*vector));
    made.ids.push_back(id);
    at = end + 1;
  }
  return made;
}

}  // namespace detail

/// Ids and rows of COPY (SELECT id, embedding ...) TO STDOUT, in text or binary: which of the two, the stream says. Errors: malformed
/// (with the byte), mismatch (another dimension, other columns), unsupported, out_of_memory. NULL is malformed.
template <embedding_space Space, precision Precision = f32>
[[nodiscard]] result<copied_rows<Space, Precision>> read_pgvector_copy(std::string_view stream) {
  if constexpr (detail::has_pgvector_form<Space, Precision>()) {
    return stream.starts_with(detail::copy_signature) ? detail::read_binary_copy<Space, Precision>(stream)
                                                      : detail::read_text_copy<Space, Precision>(stream);
  } else {
    return copied_rows<Space, Precision>{};
  }
}

}  // namespace tessera::inline TESSERA_ABI
