// SPDX-License-Identifier: Apache-2.0
/// Embeddings and ids in numpy's .npy files: a matrix [rows, dimension], and a list of ids.
///
///     TESSERA_TRY(auto rows, ts::read_npy_rows<space>("vectors.npy"));      // float32 or float16, C or Fortran order
///     TESSERA_TRY(auto ids, ts::read_npy_ids("ids.npy"));
///     TESSERA_CHECK(ts::write_npy_rows("out.npy", rows));                   // numpy.load("out.npy") is float32 [n, dimension]
///
/// | rows | numpy type                                                                                      |
/// | ---- | ----------------------------------------------------------------------------------------------- |
/// | f32  | float32; float16 is widened (exactly) when read                                                 |
/// | f16  | float16                                                                                         |
/// | b1   | uint8 [rows, ceil(dimension / 8)], the lowest bit first: numpy.packbits(..., bitorder="little") |
///
/// Nothing is narrowed in passing: float64 is refused, for `a.astype("float32")` says it in numpy. bf16, i8 and i4 have no .npy form
/// (no type, or scales that it could not hold).
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/io/atomic_file.hpp>
#include <tessera/io/npy.hpp>
#include <tessera/type/matrix.hpp>

#include <array>

namespace tessera::inline TESSERA_ABI {

/// Precisions that a .npy file can hold.
template <class T>
concept npy_precision = std::same_as<T, f32> || std::same_as<T, f16> || std::same_as<T, b1>;

namespace detail {

template <precision Precision>
[[nodiscard]] consteval bool has_npy_form() {
  static_assert(npy_precision<Precision>,
                "tessera: .npy holds rows in f32, f16 or b1; cast<f32>, dequantize or save the index instead");
  return npy_precision<Precision>;
}

[[nodiscard]] inline std::unexpected<error> npy_mismatch(const tensor_view& tensor, const char* thing, std::string wanted) {
  return fail({.code = error_code::mismatch,
               .thing = thing,
               .wanted = std::move(wanted),
               .found = std::string(to_string(tensor.type)) + ' ' + shape_text(tensor.shape),
               .path = std::string(tensor.file)});
}

}  // namespace detail

/// A matrix from a two-dimensional array. Errors: those of `npy::open`; mismatch (type or shape), out_of_memory.
template <embedding_space Space, precision Precision = f32>
[[nodiscard]] result<embedding_matrix<Space, Precision>> read_npy_rows(std::string_view path) {
  using matrix = embedding_matrix<Space, Precision>;
  if constexpr (detail::has_npy_form<Precision>()) {
    using storage = typename matrix::storage;
    TESSERA_TRY(const npy array, npy::open(path));
    const tensor_view tensor = array.tensor();
    constexpr dtype own = detail::dtype_of<storage>();
    const bool widened = std::is_same_v<Precision, f32> && tensor.type == dtype::f16;
    if (tensor.shape.size() != 2 || tensor.shape[1] != matrix::stored || (tensor.type != own && !widened))
      return detail::npy_mismatch(tensor, "rows of the array",
                                  std::string(to_string(own)) + " [rows, " + std::to_string(matrix::stored) + ']');
    TESSERA_TRY(auto rows, matrix::make(tensor.shape[0]));
    const std::size_t row_bytes = tensor.shape[0] == 0 ? 0 : tensor.bytes.size() / tensor.shape[0];
    for (std::size_t i = 0; i < rows.rows(); ++i) {
      const auto bytes = tensor.bytes.subspan(i * row_bytes, row_bytes);
      const std::span<storage> to = rows.values(i);
      if (!widened) {
        TESSERA_CHECK(copy_le<storage>(bytes, to));
        if constexpr (std::is_same_v<Precision, b1> && Space::dimension % 8 != 0)
          if ((to.back() >> (Space::dimension % 8)) != 0)
            return fail({.code = error_code::mismatch,
                         .thing = "row " + std::to_string(i),
                         .wanted = std::to_string(Space::dimension) + " bits, then zeros",
                         .found = "a bit beyond them",
                         .path = std::string(path)});
      } else if constexpr (std::is_same_v<Precision, f32>) {
        for (std::size_t j = 0; j < to.size(); ++j)
          to[j] = static_cast<float>(detail::load<std::endian::little, float16>(bytes.data() + 2 * j));
      }
      if constexpr (requires { row_facts<Precision>::unknown; }) rows.set_facts(i, {});
    }
    return rows;
  } else {
    return {};
  }
}

/// Writes the rows, atomically. Errors: those of `atomic_file`.
template <embedding_space Space, precision Precision>
[[nodiscard]] result<> write_npy_rows(std::string_view path, const embedding_matrix<Space, Precision>& rows) {
  if constexpr (detail::has_npy_form<Precision>()) {
    using matrix = embedding_matrix<Space, Precision>;
    const std::array<std::size_t, 2> shape{rows.rows(), matrix::stored};
    TESSERA_TRY(const std::string header, npy_header(detail::dtype_of<typename matrix::storage>(), shape));
    TESSERA_TRY(atomic_file file, atomic_file::create(path));
    TESSERA_CHECK(file.write(header));
    for (std::size_t i = 0; i < rows.rows(); ++i) TESSERA_CHECK(file.write(std::as_bytes(rows.row(i).values())));
    return file.commit();
  } else {
    return {};
  }
}

/// Ids from a one-dimensional array of any integer type. Errors: those of `npy::open`; mismatch (type, shape, a negative number).
[[nodiscard]] inline result<std::vector<std::uint64_t>> read_npy_ids(std::string_view path) {
  TESSERA_TRY(const npy array, npy::open(path));
  const tensor_view tensor = array.tensor();
  if (tensor.shape.size() != 1) return detail::npy_mismatch(tensor, "ids", "integers [rows]");
  std::vector<std::uint64_t> ids(tensor.shape[0]);
  if (tensor.type == dtype::u64) {
    TESSERA_CHECK(copy_le<std::uint64_t>(tensor.bytes, ids));
    return ids;
  }
  std::vector<std::int64_t> numbers(ids.size());
  TESSERA_CHECK(read_i64(tensor, numbers));
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (numbers[i] < 0)
      return fail({.code = error_code::mismatch,
                   .thing = "ids[" + std::to_string(i) + ']',
                   .wanted = "0 or more",
                   .found = std::to_string(numbers[i]),
                   .path = std::string(path)});
    ids[i] = static_cast<std::uint64_t>(numbers[i]);
  }
  return ids;
}

/// Writes ids as uint64. Errors: those of `atomic_file`.
[[nodiscard]] inline result<> write_npy_ids(std::string_view path, std::span<const std::uint64_t> ids) {
  const std::array<std::size_t, 1> shape{ids.size()};
  return write_npy(path, tensor_of<std::uint64_t>({}, shape, ids));
}

}  // namespace tessera::inline TESSERA_ABI
