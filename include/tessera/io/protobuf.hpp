// SPDX-License-Identifier: Apache-2.0
/// Walks the fields of a protobuf message: every length checked against the bytes that follow before it is used.
///
///     ts::protobuf_reader reader(bytes, path);
///     ts::protobuf_field field;
///     for (;;) {
///       TESSERA_TRY(const bool more, reader.next(field));
///       if (!more) break;
///       if (field.number == 7) { TESSERA_TRY(const auto graph, field.message(path)); ... }
///     }
///
/// The wire format: a varint key (number << 3 | kind), then a varint, 8 bytes, a varint length and its bytes, or 4 bytes. Groups, which
/// no schema of this decade has, are malformed; so is a field of another kind than its reader asks for.
#pragma once

#include <tessera/base/bytes.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

enum class protobuf_kind : std::uint8_t { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };

/// Borrows from the message.
struct protobuf_field {
  std::uint32_t number = 0;
  protobuf_kind kind = protobuf_kind::varint;
  std::uint64_t value = 0;           ///< of a varint, or the bits of a fixed number
  std::span<const std::byte> bytes;  ///< of a string, message or packed list
  std::uint64_t offset = 0;          ///< of value or bytes within the file

  /// Errors: malformed, where the field is of another kind.
  [[nodiscard]] result<std::uint64_t> integer(std::string_view path) const {
    TESSERA_CHECK(expect(protobuf_kind::varint, "a number", path));
    return value;
  }
  [[nodiscard]] result<std::span<const std::byte>> message(std::string_view path) const {
    TESSERA_CHECK(expect(protobuf_kind::bytes, "bytes", path));
    return bytes;
  }
  [[nodiscard]] result<std::string_view> text(std::string_view path) const {
    TESSERA_CHECK(expect(protobuf_kind::bytes, "a string", path));
    return std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

 private:
  [[nodiscard]] result<> expect(protobuf_kind wanted, std::string_view what, std::string_view path) const {
    if (kind == wanted) return {};
    return fail({.code = error_code::malformed,
                 .thing = "protobuf field " + std::to_string(number),
                 .wanted = std::string(what),
                 .found = "wire type " + std::to_string(static_cast<unsigned>(kind)),
                 .path = std::string(path),
                 .offset = offset});
  }
};

class protobuf_reader {
 public:
  /// `bytes` begin at byte `offset` of the file `path`.
  protobuf_reader(std::span<const std::byte> bytes, std::string_view path, std::uint64_t offset = 0) noexcept
      : bytes_(bytes), path_(path), offset_(offset) {}

  /// The next field, or false at the end. Error: malformed.
  [[nodiscard]] result<bool> next(protobuf_field& field) {
    if (at_ == bytes_.size()) return false;
    TESSERA_TRY(const std::uint64_t key, varint());
    field.kind = static_cast<protobuf_kind>(key & 7U);
    if (key >> 3U == 0 || key >> 32U != 0) return malformed("a field number from 1 to 536870911", std::to_string(key >> 3U));
    field.number = static_cast<std::uint32_t>(key >> 3U);
    field.offset = offset_ + at_;
    field.bytes = {};
    switch (field.kind) {
      case protobuf_kind::varint: {
        TESSERA_TRY(field.value, varint());
        return true;
      }
      case protobuf_kind::fixed64: return fixed<std::uint64_t>(field);
      case protobuf_kind::fixed32: return fixed<std::uint32_t>(field);
      case protobuf_kind::bytes: {
        TESSERA_TRY(field.value, varint());
        if (field.value > bytes_.size() - at_)
          return malformed("a field of at most the " + std::to_string(bytes_.size() - at_) + " bytes that follow",
                           std::to_string(field.value));
        field.offset = offset_ + at_;
        field.bytes = bytes_.subspan(at_, static_cast<std::size_t>(field.value));
        at_ += field.bytes.size();
        return true;
      }
    }
    return malformed("a wire type of 0, 1, 2 or 5", std::to_string(key & 7U));
  }

  /// A varint at this place: the elements of a packed list. Error: malformed.
  [[nodiscard]] result<std::uint64_t> varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70; shift += 7) {
      if (at_ == bytes_.size()) return malformed("a whole number", "the end");
      const auto byte = static_cast<std::uint64_t>(bytes_[at_++]);
      if (shift == 63 && byte > 1) return malformed("a number of 64 bits", "a longer one");
      value |= (byte & 0x7fU) << shift;
      if (byte < 0x80) return value;
    }
    return malformed("a number of at most 10 bytes", "a longer one");
  }
  [[nodiscard]] bool at_end() const noexcept { return at_ == bytes_.size(); }

 private:
  template <class T>
  [[nodiscard]] result<bool> fixed(protobuf_field& field) {
    if (bytes_.size() - at_ < sizeof(T)) return malformed(std::to_string(sizeof(T)) + " bytes", "the end");
    field.value = detail::load<std::endian::little, T>(bytes_.data() + at_);
    at_ += sizeof(T);
    return true;
  }
  [[nodiscard]] std::unexpected<error> malformed(std::string wanted, std::string found) const {
    return fail({.code = error_code::malformed,
                 .thing = "protobuf message",
                 .wanted = std::move(wanted),
                 .found = std::move(found),
                 .path = std::string(path_),
                 .offset = offset_ + at_});
  }

  std::span<const std::byte> bytes_;
  std::string_view path_;
  std::uint64_t offset_;
  std::size_t at_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI
