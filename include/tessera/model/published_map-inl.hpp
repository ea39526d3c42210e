// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/published.hpp: numbers that stay in their file.
///
/// Included by model/published-inl.hpp alone.
#pragma once

#include <tessera/base/bytes.hpp>
#include <tessera/dispatch.hpp>
#include <tessera/model/published.hpp>

#include <algorithm>
#include <array>

namespace tessera::inline TESSERA_ABI {

namespace detail {

inline void widen_f32(const std::byte* from, float* to, std::size_t count) noexcept {
  static_cast<void>(copy_le(std::span(from, count * sizeof(float)), std::span(to, count)));  // no error: sizes are the same
}
/// 16-bit numbers at any address, by way of memory that is aligned for them.
template <auto kernel::convert_kernels::* Convert>
void widen_halves(const std::byte* from, float* to, std::size_t count) noexcept {
  std::array<std::uint16_t, 512> some;
  for (std::size_t at = 0; at < count; at += some.size()) {
    const std::span<std::uint16_t> piece = std::span(some).first(std::min(some.size(), count - at));
    static_cast<void>(copy_le(std::span(from + at * sizeof(std::uint16_t), piece.size_bytes()), piece));
    (kernel::kernels().convert.*Convert)(piece.data(), to + at, piece.size());
  }
}

}  // namespace detail

TESSERA_INLINE result<mapped_numbers> published_tensor::map(const weights& file, std::size_t count) const {
  mapped_numbers made{.element_bytes = bits_of(whole->type) / 8};
  switch (whole->type) {
    case dtype::f32: made.widen = detail::widen_f32; break;
    case dtype::f16: made.widen = detail::widen_halves<&kernel::convert_kernels::f16_to_f32>; break;
    case dtype::bf16: made.widen = detail::widen_halves<&kernel::convert_kernels::bf16_to_f32>; break;
    default: break;
  }
  const auto refuse = [&](std::string found) {
    return fail({.code = error_code::unsupported,
                 .thing = std::string(whole->name),
                 .wanted = "a token table that can be mapped: F32, F16 or BF16, row i the vector of token i",
                 .found = std::move(found),
                 .path = std::string(whole->file),
                 .offset = whole->offset});
  };
  if (rows != nullptr) return refuse("rows that " + std::string(rows->name) + " looks up");
  if (factors != nullptr) return refuse("rows that " + std::string(factors->name) + " multiplies");
  if (!is_plain() || more != 0.0f) return refuse("numbers that change when they are read");
  if (made.widen == nullptr) return refuse(std::string(to_string(whole->type)));
  if (element_count(shape()) != count) return std::unexpected(wrong_size(count));
  TESSERA_TRY(made.bytes, file.part(own()));
  return made;
}

TESSERA_INLINE result<mapped_numbers> published_reader::map(std::string_view name, std::size_t numbers, bool in_f16) {
  TESSERA_TRY(const published_tensor tensor, find(name));
  TESSERA_TRY(mapped_numbers made, tensor.map(tensors_->encoder(), numbers));
  TESSERA_TRY(const std::uint64_t share, tensor.check_with_digest(name, in_f16, threads()));
  mapped_bytes_ += numbers * made.element_bytes;
  count(share);
  return made;
}

}  // namespace tessera::inline TESSERA_ABI
