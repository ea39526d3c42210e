// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/tensor.hpp.
#pragma once

#include <tessera/io/quoted.hpp>
#include <tessera/io/tensor.hpp>
#include <tessera/io/tensor_blocks.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace tessera::inline TESSERA_ABI {

namespace detail {

struct dtype_row {
  dtype type;
  std::string_view name;
  unsigned bits;
};

inline constexpr std::array<dtype_row, 30> dtypes = {{
    {dtype::boolean, "BOOL", 8},
    {dtype::u8, "U8", 8},
    {dtype::i8, "I8", 8},
    {dtype::u16, "U16", 16},
    {dtype::i16, "I16", 16},
    {dtype::u32, "U32", 32},
    {dtype::i32, "I32", 32},
    {dtype::u64, "U64", 64},
    {dtype::i64, "I64", 64},
    {dtype::f16, "F16", 16},
    {dtype::bf16, "BF16", 16},
    {dtype::f32, "F32", 32},
    {dtype::f64, "F64", 64},
    {dtype::c64, "C64", 64},
    {dtype::f8_e4m3, "F8_E4M3", 8},
    {dtype::f8_e5m2, "F8_E5M2", 8},
    {dtype::f8_e8m0, "F8_E8M0", 8},
    {dtype::f8_e4m3fnuz, "F8_E4M3FNUZ", 8},
    {dtype::f8_e5m2fnuz, "F8_E5M2FNUZ", 8},
    {dtype::f6_e2m3, "F6_E2M3", 6},
    {dtype::f6_e3m2, "F6_E3M2", 6},
    {dtype::f4, "F4", 4},
    {dtype::q4_0, "Q4_0", 0},
    {dtype::q4_1, "Q4_1", 0},
    {dtype::q5_0, "Q5_0", 0},
    {dtype::q5_1, "Q5_1", 0},
    {dtype::q8_0, "Q8_0", 0},
    {dtype::q4_k, "Q4_K", 0},
    {dtype::q5_k, "Q5_K", 0},
    {dtype::q6_k, "Q6_K", 0},
}};

[[nodiscard]] constexpr const dtype_row& row_of(dtype type) noexcept { return dtypes[static_cast<std::size_t>(type)]; }

static_assert([] {
  for (std::size_t i = 0; i < dtypes.size(); ++i)
    if (static_cast<std::size_t>(dtypes[i].type) != i) return false;
  return true;
}());

[[nodiscard]] inline std::unexpected<error> tensor_mismatch(const tensor_view& tensor, std::string wanted,
                                                            std::string found) {
  return fail({.code = error_code::mismatch,
               .thing = std::string(tensor.name),
               .wanted = std::move(wanted),
               .found = std::move(found),
               .path = std::string(tensor.file),
               .offset = tensor.offset});
}

[[nodiscard]] inline result<> same_count(const tensor_view& tensor, std::size_t wanted) {
  if (element_count(tensor) == wanted) return {};
  return tensor_mismatch(tensor, std::to_string(wanted) + " elements",
                         shape_text(tensor.shape) + ", " + std::to_string(element_count(tensor)) + " elements");
}

/// Every element as From, handed to `use(index, value)`.
template <wire_number From, class Use>
void each_element(std::span<const std::byte> bytes, Use use) {
  for (std::size_t i = 0; i < bytes.size() / sizeof(From); ++i)
    use(i, load<std::endian::little, From>(bytes.data() + i * sizeof(From)));
}

/// The first element whose exponent bits are all ones.
template <wire_number Bits>
[[nodiscard]] std::optional<std::size_t> first_with(std::span<const std::byte> bytes, Bits exponent) {
  constexpr std::size_t block = 1024;  // the inner loop has no exit, so the compiler makes vectors of it
  const std::size_t count = bytes.size() / sizeof(Bits);
  const auto bad = [&](std::size_t i) {
    return (load<std::endian::little, Bits>(bytes.data() + i * sizeof(Bits)) & exponent) == exponent;
  };
  for (std::size_t begin = 0; begin < count; begin += block) {
    const std::size_t end = count - begin < block ? count : begin + block;
    bool any = false;
    for (std::size_t i = begin; i < end; ++i) any |= bad(i);
    for (std::size_t i = begin; any && i < end; ++i)
      if (bad(i)) return i;
  }
  return std::nullopt;
}

}  // namespace detail

TESSERA_INLINE unsigned bits_of(dtype type) noexcept { return detail::row_of(type).bits; }

TESSERA_INLINE std::string_view to_string(dtype type) noexcept { return detail::row_of(type).name; }

TESSERA_INLINE std::optional<dtype> dtype_from_name(std::string_view name) noexcept {
  for (const detail::dtype_row& row : detail::dtypes)
    if (row.name == name && row.bits != 0) return row.type;
  return std::nullopt;
}

TESSERA_INLINE const tensor_view* find_tensor(std::span<const tensor_view> sorted, std::string_view name) noexcept {
  const auto place = std::ranges::lower_bound(sorted, name, {}, &tensor_view::name);
  return place != sorted.end() && place->name == name ? &*place : nullptr;
}

TESSERA_INLINE result<tensor_view> tensor_at(std::span<const tensor_view> sorted, std::string_view name, std::string_view path) {
  if (const tensor_view* tensor = find_tensor(sorted, name)) return *tensor;
  return fail({.code = error_code::not_found,
               .thing = std::string(name),
               .wanted = "this tensor",
               .found = "none",
               .path = std::string(path)});
}

TESSERA_INLINE std::optional<std::uint64_t> storage_bytes(dtype type, std::span<const std::size_t> shape) noexcept {
  if (is_blocks(type)) {
    const block_layout layout = layout_of(type);
    if (shape.empty() || shape.back() % layout.elements != 0) return std::nullopt;
    std::uint64_t bytes = shape.back() / layout.elements;
    if (!multiply_sizes(bytes, layout.bytes, bytes)) return std::nullopt;
    for (const std::size_t extent : shape.first(shape.size() - 1))
      if (!multiply_sizes(bytes, extent, bytes)) return std::nullopt;
    return bytes;
  }
  std::uint64_t bits = bits_of(type);
  for (const std::size_t extent : shape)
    if (!multiply_sizes(bits, extent, bits)) return std::nullopt;
  if (bits % 8 != 0) return std::nullopt;
  return bits / 8;
}

TESSERA_INLINE std::string shape_text(std::span<const std::size_t> shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    if (i == 16) return out + ", …]";  // a rank from outside has no bound
    if (i != 0) out += ", ";
    out += std::to_string(shape[i]);
  }
  return out + "]";
}

TESSERA_INLINE result<> read_f32(const tensor_view& tensor, std::span<float> out) {
  TESSERA_CHECK(detail::same_count(tensor, out.size()));
  if (is_blocks(tensor.type)) {
    detail::unpack_blocks(tensor.type, tensor.bytes, out.data());
    return {};
  }
  switch (tensor.type) {
    case dtype::f32: return copy_le(tensor.bytes, out);
    case dtype::f16:
      detail::each_element<float16>(tensor.bytes, [&](std::size_t i, float16 x) { out[i] = static_cast<float>(x); });
      return {};
    case dtype::bf16:
      detail::each_element<bfloat16>(tensor.bytes, [&](std::size_t i, bfloat16 x) { out[i] = static_cast<float>(x); });
      return {};
    case dtype::f64: {
      std::optional<std::size_t> beyond;
      detail::each_element<double>(tensor.bytes, [&](std::size_t i, double x) {
        // Converting a value above the largest float is undefined, so the comparison comes first.
        const bool fits = !(std::abs(x) > static_cast<double>(std::numeric_limits<float>::max())) || std::isinf(x);
        if (!fits && !beyond) beyond = i;
        out[i] = fits ? static_cast<float>(x) : 0.0F;
      });
      if (!beyond) return {};
      return fail({.code = error_code::not_finite,
                   .thing = std::string(tensor.name) + '[' + std::to_string(*beyond) + ']',
                   .wanted = "a number in the range of float",
                   .found = "a larger F64",
                   .path = std::string(tensor.file),
                   .offset = tensor.offset + *beyond * 8});
    }
    default: return detail::tensor_mismatch(tensor, "F32, F16, BF16 or F64", std::string(to_string(tensor.type)));
  }
}

TESSERA_INLINE result<> read_i64(const tensor_view& tensor, std::span<std::int64_t> out) {
  TESSERA_CHECK(detail::same_count(tensor, out.size()));
  bool fits = true;
  const auto widen = [&](std::size_t i, auto value) {
    if constexpr (std::is_same_v<decltype(value), std::uint64_t>)
      fits = fits && value <= std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    out[i] = static_cast<std::int64_t>(value);
  };
  switch (tensor.type) {
    case dtype::boolean: detail::each_element<bool>(tensor.bytes, widen); break;
    case dtype::u8: detail::each_element<std::uint8_t>(tensor.bytes, widen); break;
    case dtype::i8: detail::each_element<std::int8_t>(tensor.bytes, widen); break;
    case dtype::u16: detail::each_element<std::uint16_t>(tensor.bytes, widen); break;
    case dtype::i16: detail::each_element<std::int16_t>(tensor.bytes, widen); break;
    case dtype::u32: detail::each_element<std::uint32_t>(tensor.bytes, widen); break;
    case dtype::i32: detail::each_element<std::int32_t>(tensor.bytes, widen); break;
    case dtype::u64: detail::each_element<std::uint64_t>(tensor.bytes, widen); break;
    case dtype::i64: return copy_le(tensor.bytes, out);
    default: return detail::tensor_mismatch(tensor, "an integer type", std::string(to_string(tensor.type)));
  }
  if (!fits) return detail::tensor_mismatch(tensor, "values below 2^63", "a larger U64");
  return {};
}

TESSERA_INLINE result<std::optional<std::size_t>> first_not_finite(const tensor_view& tensor) {
  if (is_blocks(tensor.type)) return detail::first_bad_block(tensor.type, tensor.bytes);
  switch (tensor.type) {
    case dtype::f16: return detail::first_with<std::uint16_t>(tensor.bytes, 0x7c00);
    case dtype::bf16: return detail::first_with<std::uint16_t>(tensor.bytes, 0x7f80);
    case dtype::f32: return detail::first_with<std::uint32_t>(tensor.bytes, 0x7f800000);
    case dtype::f64: return detail::first_with<std::uint64_t>(tensor.bytes, 0x7ff0000000000000);
    case dtype::boolean:
    case dtype::u8:
    case dtype::i8:
    case dtype::u16:
    case dtype::i16:
    case dtype::u32:
    case dtype::i32:
    case dtype::u64:
    case dtype::i64: return std::optional<std::size_t>();
    default:
      return fail({.code = error_code::unsupported,
                   .thing = std::string(tensor.name),
                   .wanted = "F64, F32, F16, BF16 or integers",
                   .found = std::string(to_string(tensor.type)),
                   .path = std::string(tensor.file),
                   .offset = tensor.offset});
  }
}

TESSERA_INLINE result<> check_finite(const tensor_view& tensor) {
  TESSERA_TRY(const std::optional<std::size_t> bad, first_not_finite(tensor));
  if (!bad) return {};
  return fail({.code = error_code::not_finite,
               .thing = std::string(tensor.name) + '[' + std::to_string(*bad) + ']',
               .wanted = "finite values",
               .found = "NaN or infinity",
               .path = std::string(tensor.file),
               .offset = tensor.offset + *bad * (bits_of(tensor.type) / 8)});
}

}  // namespace tessera::inline TESSERA_ABI
