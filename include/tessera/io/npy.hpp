// SPDX-License-Identifier: Apache-2.0
/// Arrays in numpy's .npy format: read in any byte and axis order as a row-major tensor, written so that numpy reads
/// them.
///
///     TESSERA_TRY(const ts::npy vectors, ts::npy::open("vectors.npy"));      // '<f4', '>f8' ..., C or Fortran order
///     TESSERA_CHECK(ts::read_f32(vectors.tensor(), floats));
///     TESSERA_CHECK(ts::write_npy("hits.npy", ts::tensor_of<std::int64_t>("", shape, ids)));
///
/// Format versions 1, 2 and 3. Arrays of Python objects are refused: reading them means running code from the file. The
/// data must end where the file ends.
#pragma once

#include <tessera/io/mapped_file.hpp>
#include <tessera/io/tensor.hpp>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// Move-only; its tensor stays valid while it (or what it was moved to) lives.
class npy {
 public:
  static constexpr std::size_t max_header_bytes = 1'000'000;

  /// Maps and checks the file. A row-major little-endian array is read where it lies; another is copied once,
  /// transposed. Errors: those of `mapped_file::open`; malformed; unsupported (objects, records, strings, dates,
  /// complex and long double).
  [[nodiscard]] static result<npy> open(std::string_view path);
  /// Checks bytes that outlive the object; `path` only names them.
  [[nodiscard]] static result<npy> view(std::span<const std::byte> bytes, std::string_view path);

  /// The array: row-major, little-endian, without a name.
  [[nodiscard]] tensor_view tensor() const noexcept {
    return {.name = {}, .type = type_, .shape = shape_, .bytes = bytes_, .file = *path_, .offset = offset_};
  }
  [[nodiscard]] std::span<const std::size_t> shape() const noexcept { return shape_; }
  [[nodiscard]] dtype type() const noexcept { return type_; }

 private:
  npy() = default;
  [[nodiscard]] static result<npy> read(mapped_file file, std::span<const std::byte> bytes, std::string_view path);

  mapped_file file_;
  std::unique_ptr<const std::string> path_;  // its own allocation, so that views survive a move
  std::vector<std::byte> copied_;
  std::vector<std::size_t> shape_;
  std::span<const std::byte> bytes_;
  dtype type_ = dtype::f32;
  std::uint64_t offset_ = 0;
};

/// The header of a version 1 file for row-major data of that shape, a multiple of 64 bytes; the data follows it
/// directly. For programs that write row by row. Errors: unsupported (a type numpy does not have, such as BF16),
/// invalid_argument (a rank beyond numpy's 64).
[[nodiscard]] result<std::string> npy_header(dtype type, std::span<const std::size_t> shape);
/// Writes one tensor atomically. Errors: those of `npy_header` and `atomic_file`; invalid_argument (bytes that do not
/// fit the shape).
[[nodiscard]] result<> write_npy(std::string_view path, const tensor_view& tensor);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/npy-inl.hpp>
#endif
