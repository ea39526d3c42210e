// SPDX-License-Identifier: Apache-2.0
/// Vectors in .fvecs, .bvecs and .ivecs files, the form of the public nearest-neighbour corpora (corpus-texmex.irisa.fr).
///
///     TESSERA_TRY(auto rows, ts::read_vecs_rows<space>("base.fvecs"));      // f32 [rows, dimension]; .bvecs is widened
///     TESSERA_TRY(auto truth, ts::read_ivecs("groundtruth.ivecs"));         // the numbers of the nearest rows, i32
///     TESSERA_CHECK(ts::write_fvecs("out.fvecs", rows));
///
/// Each vector is its dimension in an i32 and as many f32, u8 or i32; a file has one dimension throughout. The end of the path says which.
#pragma once

#include <tessera/io/atomic_file.hpp>
#include <tessera/io/bytes.hpp>
#include <tessera/io/mapped_file.hpp>
#include <tessera/type/matrix.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// The vectors of such a file: `rows` records of 4 + dimension · element bytes.
struct vecs_records {
  std::size_t rows = 0, dimension = 0, element = 0;
  std::span<const std::byte> bytes;

  [[nodiscard]] std::span<const std::byte> row(std::size_t i) const noexcept {
    return bytes.subspan(i * (4 + dimension * element) + 4, dimension * element);
  }
  /// Every record checked. Errors: malformed.
  [[nodiscard]] static result<vecs_records> view(std::span<const std::byte> bytes, std::size_t element, std::string_view path) {
    vecs_records made{.element = element, .bytes = bytes};
    if (bytes.empty()) return made;
    const auto wrong = [path](std::string thing, std::string wanted, std::string found, std::uint64_t offset) {
      return fail({.code = error_code::malformed,
                   .thing = std::move(thing),
                   .wanted = std::move(wanted),
                   .found = std::move(found),
                   .path = std::string(path),
                   .offset = offset});
    };
    if (bytes.size() < 4) return wrong("dimension", "4 bytes", std::to_string(bytes.size()), 0);
    const auto first = load<std::endian::little, std::int32_t>(bytes.data());
    if (first <= 0) return wrong("dimension", "1 or more", std::to_string(first), 0);
    made.dimension = static_cast<std::size_t>(first);
    const std::size_t record = 4 + made.dimension * element;
    if (bytes.size() % record != 0)
      return wrong("bytes of the file", "a multiple of the " + std::to_string(record) + " of a vector", std::to_string(bytes.size()),
                   bytes.size() / record * record);
    made.rows = bytes.size() / record;
    for (std::size_t i = 0; i < made.rows; ++i)
      if (const auto own = load<std::endian::little, std::int32_t>(bytes.data() + i * record); own != first)
        return wrong("dimension of vector " + std::to_string(i), std::to_string(first), std::to_string(own), i * record);
    return made;
  }
};

}  // namespace detail

/// A matrix from a .fvecs or .bvecs file. Errors: those of `mapped_file::open`; malformed; mismatch (another dimension);
/// unsupported (another ending); out_of_memory.
template <embedding_space Space>
[[nodiscard]] result<embedding_matrix<Space>> read_vecs_rows(std::string_view path) {
  const bool bytes_each = path.ends_with(".bvecs");
  if (!bytes_each && !path.ends_with(".fvecs"))
    return fail({.code = error_code::unsupported,
                 .thing = "vectors",
                 .wanted = "a path that ends in .fvecs or .bvecs",
                 .path = std::string(path)});
  TESSERA_TRY(const mapped_file file, mapped_file::open(path));
  TESSERA_TRY(const auto records, detail::vecs_records::view(file.bytes(), bytes_each ? 1 : 4, path));
  if (records.rows > 0 && records.dimension != Space::dimension)
    return fail({.code = error_code::mismatch,
                 .thing = "vectors of " + std::string(Space::label()),
                 .wanted = std::to_string(Space::dimension) + " dimensions",
                 .found = std::to_string(records.dimension),
                 .path = std::string(path)});
  TESSERA_TRY(auto rows, embedding_matrix<Space>::make(records.rows));
  for (std::size_t i = 0; i < records.rows; ++i) {
    const auto from = records.row(i);
    const auto to = rows.values(i);
    if (bytes_each)
      for (std::size_t j = 0; j < to.size(); ++j) to[j] = static_cast<float>(std::to_integer<unsigned>(from[j]));
    else TESSERA_CHECK(copy_le<float>(from, std::span<float>(to)));
  }
  return rows;
}

/// Lists of row numbers, as ground truth is published: [rows][k]. Errors: those of `mapped_file::open`; malformed.
[[nodiscard]] inline result<std::vector<std::vector<std::int32_t>>> read_ivecs(std::string_view path) {
  TESSERA_TRY(const mapped_file file, mapped_file::open(path));
  TESSERA_TRY(const auto records, detail::vecs_records::view(file.bytes(), 4, path));
  std::vector<std::vector<std::int32_t>> made(records.rows, std::vector<std::int32_t>(records.dimension));
  for (std::size_t i = 0; i < records.rows; ++i) TESSERA_CHECK(copy_le<std::int32_t>(records.row(i), std::span(made[i])));
  return made;
}

/// Writes the rows, atomically. Errors: those of `atomic_file`.
template <embedding_space Space>
[[nodiscard]] result<> write_fvecs(std::string_view path, const embedding_matrix<Space>& rows) {
  TESSERA_TRY(atomic_file file, atomic_file::create(path));
  std::string record;
  for (std::size_t i = 0; i < rows.rows(); ++i) {
    record.clear();
    append_le(record, static_cast<std::int32_t>(Space::dimension));
    for (const float value : rows.row(i).values()) append_le(record, value);
    TESSERA_CHECK(file.write(record));
  }
  return file.commit();
}

}  // namespace tessera::inline TESSERA_ABI
