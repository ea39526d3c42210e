// SPDX-License-Identifier: Apache-2.0
/// The file of an index: a header that says what the rows are, named sections of bytes, and a checksum over every byte.
///
///     TESSERA_TRY(const ts::index_file file, ts::index_file::view(mapped.bytes(), path));   // header and directory checked
///     TESSERA_CHECK(file.verify());                                                         // every block checked
///     TESSERA_TRY(const auto rows, file.section("rows", row_bytes));
///
/// Little-endian; laid out byte by byte in docs/formats.md. Checksums are `digest64` (base/fingerprint.hpp): of the header, of
/// the directory, and in the directory one of each block of data: 16 KiB, or 4 KiB. They find accidents, not forgeries.
#pragma once

#include <tessera/base/fingerprint.hpp>
#include <tessera/io/bytes.hpp>
#include <tessera/io/mapped_file.hpp>
#include <tessera/type/pooling.hpp>

#include <algorithm>
#include <array>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Where the rows of an index come from, beyond what its type says.
struct provenance {
  std::optional<std::array<std::byte, 32>> weights = {};  ///< SHA-256 of the model's weights (io/sha256.hpp)

  [[nodiscard]] bool operator==(const provenance&) const = default;
};

/// What a file says of its rows. The first eight are fixed by the type of an index.
struct index_description {
  std::string kind;       ///< "flat"; at most 16 bytes, like precision and metric
  std::string precision;  ///< "f16"
  std::string metric;     ///< "cosine"
  tessera::pooling pooling = pooling::mean;
  std::string label;  ///< the space's name
  bool unit_length = false;
  std::uint64_t dimension = 0;
  std::uint64_t stride_bytes = 0;  ///< from one row to the next
  std::uint64_t rows = 0;
  fingerprint made_by = {};
  provenance origin = {};
};

/// Everything in which the rows of a file differ from those that are wanted, an error each; `expected` names the weights.
[[nodiscard]] std::vector<error> differences(const index_description& wanted, const index_description& found,
                                             const provenance& expected);

/// A part of the data: named by at most 8 bytes.
struct index_section {
  std::string_view name;
  std::span<const std::byte> bytes;
};

/// A part of the data that does not lie in memory as it will in the file: `fill` gives the bytes from `at` on, the same each time.
struct index_section_source {
  std::string_view name;
  std::uint64_t bytes = 0;
  std::function<void(std::uint64_t at, std::span<std::byte> out)> fill;
};

/// A file in memory, whose header and directory have been checked. Borrows the bytes.
class index_file {
 public:
  static constexpr std::uint32_t version = 1;
  static constexpr std::size_t block_bytes = 16384, small_block_bytes = 4096;
  static constexpr std::size_t most_sections = 64;
  static constexpr std::size_t longest_label = 4096;

  /// Errors: malformed, unsupported (a newer version), checksum (of header or directory).
  [[nodiscard]] static result<index_file> view(std::span<const std::byte> bytes, std::string_view path);

  [[nodiscard]] const index_description& description() const noexcept { return description_; }
  /// The file is of the index type that `wanted` describes, and of the weights that `expected` names. Errors: mismatch, with
  /// everything that differs.
  [[nodiscard]] result<> matches(const index_description& wanted, const provenance& expected) const;
  /// Every block has its checksum. Errors: checksum, naming the first block that has not.
  [[nodiscard]] result<> verify() const;
  /// The same block by block, for who reads only some: block i begins at byte data_at() + i * block_size() of the file.
  [[nodiscard]] std::size_t data_at() const noexcept { return data_at_; }
  [[nodiscard]] std::size_t block_size() const noexcept { return block_size_; }
  [[nodiscard]] std::size_t blocks() const noexcept { return (bytes_.size() - data_at_ + block_size_ - 1) / block_size_; }
  [[nodiscard]] bool block_is_whole(std::size_t block) const noexcept;

  /// The bytes of a section that has exactly `row_bytes` for each row. Errors: malformed.
  [[nodiscard]] result<std::span<const std::byte>> section(std::string_view name, std::uint64_t row_bytes) const;
  /// The bytes of a section of whatever size. Errors: malformed (there is none).
  [[nodiscard]] result<std::span<const std::byte>> section(std::string_view name) const;
  /// The values of a section that has one for each row. Errors: malformed.
  template <wire_number T>
  [[nodiscard]] result<std::vector<T>> values(std::string_view name) const {
    TESSERA_TRY(const auto bytes, section(name, sizeof(T)));
    std::vector<T> read(bytes.size() / sizeof(T));
    TESSERA_CHECK(copy_le<T>(bytes, read));
    return read;
  }
  /// The values of a section of any number of them. Errors: malformed.
  template <wire_number T>
  [[nodiscard]] result<std::vector<T>> all_values(std::string_view name) const {
    TESSERA_TRY(const auto bytes, section(name));
    std::vector<T> read(bytes.size() / sizeof(T));
    if (auto copied = copy_le<T>(bytes, read); !copied)
      return fail({.code = error_code::malformed,
                   .thing = "section " + std::string(name),
                   .path = path_,
                   .causes = {std::move(copied).error()}});
    return read;
  }
  /// Whether there is such a section.
  [[nodiscard]] bool has_section(std::string_view name) const noexcept {
    return std::any_of(sections_.begin(), sections_.end(), [name](const index_section& one) { return one.name == name; });
  }
  /// There are that many sections: none that this reader would pass over. Errors: malformed.
  [[nodiscard]] result<> has_sections(std::size_t count) const;

 private:
  [[nodiscard]] std::unexpected<error> wrong(error_code code, std::string thing, std::string wanted, std::string found,
                                             std::uint64_t offset) const;
  [[nodiscard]] result<> read_header();
  [[nodiscard]] result<> read_sections(std::size_t header_bytes, std::uint32_t count);

  std::string path_;
  std::span<const std::byte> bytes_;
  std::size_t block_size_ = block_bytes;
  std::size_t directory_at_ = 0;
  std::size_t data_at_ = 0;
  index_description description_;
  std::vector<index_section> sections_;
};

/// Writes header, directory and sections, in the order given, through a temporary. Errors: those of `atomic_file`;
/// invalid_argument (names that do not fit).
[[nodiscard]] result<> write_index_file(std::string_view path, const index_description& what,
                                        std::span<const index_section> sections);
/// The same from sources, each asked for its bytes twice, in order. Small blocks are for files that are read here and there. Errors: also
/// stopped.
[[nodiscard]] result<> write_index_sources(std::string_view path, const index_description& what,
                                           std::span<const index_section_source> sections,
                                           std::size_t block_size = index_file::block_bytes, const std::stop_token& stop = {});

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/index/index_file-inl.hpp>
#endif
