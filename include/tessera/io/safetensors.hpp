// SPDX-License-Identifier: Apache-2.0
/// safetensors files: mapped read-only, every rule of the format checked before any tensor is handed out; and their
/// writer.
///
///     TESSERA_TRY(const ts::safetensors file, ts::safetensors::open("model.safetensors"));
///     for (const ts::tensor_view& tensor : file.tensors()) ...         // by name
///     TESSERA_TRY(const auto table, file.at("embeddings.word_embeddings.weight"));
///
/// The format: u64 little-endian N <= 100,000,000; N bytes of a JSON object `{name: {dtype, shape, data_offsets}}`,
/// padded by spaces; then the data, which the tensors cover from first to last byte without hole, overlap or rest.
/// Stricter than the reference reader, as its text demands: no key twice, `{` first, only spaces after. Data may start
/// at any address; names are never used as paths.
#pragma once

#include <tessera/io/mapped_file.hpp>
#include <tessera/io/sha256.hpp>
#include <tessera/io/tensor.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Strings of `__metadata__`, in file order.
using tensor_metadata = std::vector<std::pair<std::string, std::string>>;

/// Move-only; views stay valid while it (or what it was moved to) lives.
class safetensors {
 public:
  static constexpr std::uint64_t max_header_bytes = 100'000'000;
  static constexpr std::size_t max_tensors = 1'000'000;

  /// Maps and checks the file. Errors: those of `mapped_file::open`; malformed with tensor, wanted, found and byte;
  /// unsupported (too many).
  [[nodiscard]] static result<safetensors> open(std::string_view path);
  /// Checks bytes that outlive the object; `path` only names them.
  [[nodiscard]] static result<safetensors> view(std::span<const std::byte> bytes, std::string_view path);

  /// All tensors, sorted by name.
  [[nodiscard]] std::span<const tensor_view> tensors() const noexcept;
  /// The tensor of that name, or null.
  [[nodiscard]] const tensor_view* find(std::string_view name) const noexcept;
  /// The tensor of that name. Error: not_found.
  [[nodiscard]] result<tensor_view> at(std::string_view name) const;

  [[nodiscard]] const tensor_metadata& metadata() const noexcept;
  [[nodiscard]] std::string_view path() const noexcept;
  /// The mapping, for `unchanged` and `remembered_sha256`; empty after `view`.
  [[nodiscard]] const mapped_file& file() const noexcept;

 private:
  struct contents;
  struct release {
    void operator()(contents* state) const noexcept;
  };
  explicit safetensors(std::unique_ptr<contents, release> state) noexcept : state_(std::move(state)) {}
  [[nodiscard]] static result<safetensors> read(mapped_file file, std::span<const std::byte> bytes,
                                                std::string_view path);

  std::unique_ptr<contents, release> state_;
};

/// Writes a safetensors file atomically: wide types first and names in order within a type, each tensor aligned to its
/// type, the data on a multiple of 64. Errors: invalid_argument (a name twice or reserved or not UTF-8; bytes that do
/// not fit the shape); those of `atomic_file`.
[[nodiscard]] result<> write_safetensors(std::string_view path, std::span<const tensor_view> tensors,
                                         std::span<const std::pair<std::string, std::string>> metadata = {});

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/safetensors-inl.hpp>
#endif
