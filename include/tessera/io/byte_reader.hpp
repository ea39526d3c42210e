// SPDX-License-Identifier: Apache-2.0
/// Walks a file's bytes from front to back: numbers, runs of bytes and strings, each checked against the end before it is read.
///
///     ts::byte_reader reader(file.bytes(), path);
///     TESSERA_TRY(const auto rows, reader.number<std::uint64_t>("rows"));
///     TESSERA_CHECK(reader.fits(rows, row_bytes, "rows"));          // before anything is reserved for them
///     TESSERA_TRY(const auto bytes, reader.take(rows * row_bytes, "rows"));
#pragma once

#include <tessera/base/bytes.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// Borrows the bytes and the path; its place never passes the end.
class byte_reader {
 public:
  byte_reader(std::span<const std::byte> bytes, std::string_view path) noexcept : bytes_(bytes), path_(path) {}

  [[nodiscard]] std::uint64_t at() const noexcept { return at_; }
  [[nodiscard]] std::uint64_t left() const noexcept { return bytes_.size() - at_; }
  [[nodiscard]] std::string_view path() const noexcept { return path_; }

  /// An error at this place of the file.
  [[nodiscard]] std::unexpected<error> wrong(std::string thing, std::string wanted, std::string found,
                                             error_code code = error_code::malformed) const {
    return fail({.code = code,
                 .thing = std::move(thing),
                 .wanted = std::move(wanted),
                 .found = std::move(found),
                 .path = std::string(path_),
                 .offset = at_});
  }
  /// A little-endian number. Errors: malformed.
  template <wire_number T>
  [[nodiscard]] result<T> number(std::string_view thing) {
    TESSERA_TRY(const auto piece, take(sizeof(T), thing));
    return detail::load<std::endian::little, T>(piece.data());
  }
  /// The next `count` bytes. Errors: malformed.
  [[nodiscard]] result<std::span<const std::byte>> take(std::uint64_t count, std::string_view thing) {
    if (count > left())
      return wrong(std::string(thing), std::to_string(count) + " bytes", std::to_string(left()) + " before the end");
    const auto piece = bytes_.subspan(static_cast<std::size_t>(at_), static_cast<std::size_t>(count));
    at_ += count;
    return piece;
  }
  /// A length in 64 bits and as many bytes of text. Errors: malformed.
  [[nodiscard]] result<std::string_view> string(std::string_view thing) {
    TESSERA_TRY(const auto length, number<std::uint64_t>(thing));
    TESSERA_TRY(const auto piece, take(length, thing));
    return std::string_view(reinterpret_cast<const char*>(piece.data()), piece.size());
  }
  /// `count` things of at least `least` bytes each fit what is left. Errors: malformed.
  [[nodiscard]] result<> fits(std::uint64_t count, std::uint64_t least, std::string_view thing) const {
    if (count <= left() / least) return {};
    return wrong(std::string(thing), "at most the " + std::to_string(left() / least) + " that fit the file",
                 std::to_string(count));
  }
  /// The file ends here. Errors: malformed.
  [[nodiscard]] result<> ends() const {
    if (left() == 0) return {};
    return wrong("end of the file", "nothing more", std::to_string(left()) + " bytes");
  }

 protected:
  std::span<const std::byte> bytes_;
  std::string_view path_;
  std::uint64_t at_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI
