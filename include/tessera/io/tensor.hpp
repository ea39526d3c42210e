// SPDX-License-Identifier: Apache-2.0
/// A tensor in a file: its name, element type, shape and little-endian bytes, wherever the file came from.
///
///     std::vector<float> weight(ts::element_count(tensor));
///     TESSERA_CHECK(ts::read_f32(tensor, weight));   // F32, F16, BF16 (exactly) or F64 (rounded)
///     TESSERA_CHECK(ts::check_finite(tensor));
///     // model.safetensors (byte 8268): encoder.weight[17]: wanted finite values, found NaN or infinity
#pragma once

#include <tessera/base/half.hpp>
#include <tessera/io/bytes.hpp>
#include <tessera/io/dtype.hpp>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

/// Bits of one element; 0 for blocks.
[[nodiscard]] unsigned bits_of(dtype type) noexcept;
/// "F32", "BF16", "BOOL" ...
[[nodiscard]] std::string_view to_string(dtype type) noexcept;
/// The type of that exact name in a safetensors file, or nothing.
[[nodiscard]] std::optional<dtype> dtype_from_name(std::string_view name) noexcept;

/// Borrows from the file object that gave it; moving that object keeps it valid. `bytes` has exactly the size of shape
/// and type.
struct tensor_view {
  std::string_view name;
  dtype type = dtype::f32;
  std::span<const std::size_t> shape;  // row-major, outermost first; empty for a scalar
  std::span<const std::byte> bytes;    // little-endian, at any alignment
  std::string_view file;               // for messages
  std::uint64_t offset = 0;            // of the bytes within the file
};

/// Elements of a shape whose bytes are known to exist (so the product fits).
[[nodiscard]] constexpr std::size_t element_count(std::span<const std::size_t> shape) noexcept {
  std::size_t count = 1;
  for (const std::size_t extent : shape) count *= extent;
  return count;
}
[[nodiscard]] constexpr std::size_t element_count(const tensor_view& tensor) noexcept {
  return element_count(tensor.shape);
}

/// The tensor of that name among tensors in the order of their names, or null.
[[nodiscard]] const tensor_view* find_tensor(std::span<const tensor_view> sorted, std::string_view name) noexcept;
/// The same as a result; `path` names the file in the error. Error: not_found.
[[nodiscard]] result<tensor_view> tensor_at(std::span<const tensor_view> sorted, std::string_view name, std::string_view path);

/// Bytes that elements of `type` in `shape` occupy; nothing where that leaves 64 bits or is no whole number of bytes.
[[nodiscard]] std::optional<std::uint64_t> storage_bytes(dtype type, std::span<const std::size_t> shape) noexcept;

/// "[384, 1536]"; "[]" for a scalar.
[[nodiscard]] std::string shape_text(std::span<const std::size_t> shape);

/// Fills `out`, one float an element, from F32, F16, BF16 (exact; a signalling NaN becomes quiet), F64 (rounded to
/// nearest) or blocks (as their format defines). Errors: mismatch (another element count; a type that is not floating),
/// not_finite (a finite F64 beyond the range of float).
[[nodiscard]] result<> read_f32(const tensor_view& tensor, std::span<float> out);
/// Fills `out` from any integer type or BOOL. Errors: mismatch (count or type; a U64 above the range of int64).
[[nodiscard]] result<> read_i64(const tensor_view& tensor, std::span<std::int64_t> out);

/// The index of the first NaN or infinity; nothing where all are finite or the type has neither.
/// Error: unsupported (floating types below 16 bits and complex numbers).
[[nodiscard]] result<std::optional<std::size_t>> first_not_finite(const tensor_view& tensor);
/// Error: not_finite naming tensor, element and byte; otherwise as `first_not_finite`.
[[nodiscard]] result<> check_finite(const tensor_view& tensor);

/// Describes values in memory as a tensor, for writers. T: float, double, float16, bfloat16 or an integer type.
template <wire_number T>
[[nodiscard]] tensor_view tensor_of(std::string_view name, std::span<const std::size_t> shape,
                                    std::span<const T> values) noexcept;

namespace detail {

template <class T>
[[nodiscard]] consteval dtype dtype_of() noexcept {
  static_assert(std::endian::native == std::endian::little,
                "tessera: tensors in memory are written on little-endian processors only");
  if constexpr (std::is_same_v<T, float16>) return dtype::f16;
  else if constexpr (std::is_same_v<T, bfloat16>) return dtype::bf16;
  else if constexpr (std::is_floating_point_v<T>) return sizeof(T) == 4 ? dtype::f32 : dtype::f64;
  else if constexpr (sizeof(T) == 1) return std::is_signed_v<T> ? dtype::i8 : dtype::u8;
  else if constexpr (sizeof(T) == 2) return std::is_signed_v<T> ? dtype::i16 : dtype::u16;
  else if constexpr (sizeof(T) == 4) return std::is_signed_v<T> ? dtype::i32 : dtype::u32;
  else return std::is_signed_v<T> ? dtype::i64 : dtype::u64;
}

}  // namespace detail

template <wire_number T>
tensor_view tensor_of(std::string_view name, std::span<const std::size_t> shape, std::span<const T> values) noexcept {
  TESSERA_ASSERT(element_count(shape) == values.size());
  return {.name = name, .type = detail::dtype_of<T>(), .shape = shape, .bytes = std::as_bytes(values), .file = {}};
}

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/io/tensor-inl.hpp>
#endif
