// SPDX-License-Identifier: Apache-2.0
/// Tensors stored as blocks: small integers q under scales that a run of elements of one row has in common, as ggml defines them.
///
/// | type       | elements | bytes    | x =           | q                     | scales                                         |
/// | ---------- | -------- | -------- | ------------- | --------------------- | ---------------------------------------------- |
/// | Q4_0, Q5_0 | 32       | 18, 22   | d·q           | 4, 5 bits, less 8, 16 | f16 d                                          |
/// | Q4_1, Q5_1 | 32       | 20, 24   | d·q + m       | 4, 5 bits             | f16 d, m                                       |
/// | Q8_0       | 32       | 34       | d·q           | i8                    | f16 d                                          |
/// | Q4_K, Q5_K | 256      | 144, 176 | (d·s)·q - e·m | 4, 5 bits             | f16 d, e; for each 32 elements s, m of 6 bits  |
/// | Q6_K       | 256      | 210      | (d·s)·q       | 6 bits, less 32       | f16 d; for each 16 elements i8 s               |
///
/// All products are exact in f32 (at most 11 + 8 + 5 bits), so only the one addition rounds: the result is the same however it is compiled.
#pragma once

#include <tessera/base/bytes.hpp>
#include <tessera/base/half.hpp>
#include <tessera/io/dtype.hpp>

#include <array>
#include <cmath>
#include <cstdint>
#include <optional>
#include <span>

namespace tessera::inline TESSERA_ABI {

struct block_layout {
  std::size_t elements;
  std::size_t bytes;
};

/// Of a type for which `is_blocks` holds.
[[nodiscard]] constexpr block_layout layout_of(dtype type) noexcept {
  switch (type) {
    case dtype::q4_0: return {32, 18};
    case dtype::q4_1: return {32, 20};
    case dtype::q5_0: return {32, 22};
    case dtype::q5_1: return {32, 24};
    case dtype::q8_0: return {32, 34};
    case dtype::q4_k: return {256, 144};
    case dtype::q5_k: return {256, 176};
    default: return {256, 210};
  }
}

namespace detail {

/// One block at any address.
class block_bytes {
 public:
  explicit block_bytes(const std::byte* data) noexcept : data_(data) {}
  [[nodiscard]] unsigned u8(std::size_t at) const noexcept { return std::to_integer<unsigned>(data_[at]); }
  [[nodiscard]] int i8(std::size_t at) const noexcept { return static_cast<std::int8_t>(u8(at)); }
  [[nodiscard]] unsigned u32(std::size_t at) const noexcept { return load<std::endian::little, std::uint32_t>(data_ + at); }
  [[nodiscard]] float f16(std::size_t at) const noexcept { return static_cast<float>(load<std::endian::little, float16>(data_ + at)); }

 private:
  const std::byte* data_;
};

/// Of the K types: bytes 4 to 15 hold eight scales and eight minima of 6 bits, four bits of the later four in bytes 12 to 15 and their
/// upper two in what the first eight bytes leave free.
[[nodiscard]] inline std::pair<unsigned, unsigned> scale_and_minimum(block_bytes block, std::size_t i) noexcept {
  if (i < 4) return {block.u8(4 + i) & 63U, block.u8(8 + i) & 63U};
  const unsigned low = block.u8(8 + i);
  return {(low & 15U) | (block.u8(i) >> 6U) << 4U, low >> 4U | (block.u8(4 + i) >> 6U) << 4U};
}

template <bool Fifth, bool Minimum>
void unpack_32(block_bytes block, float* out) noexcept {
  const float d = block.f16(0);
  const float m = Minimum ? block.f16(2) : 0.0f;
  const unsigned high = Fifth ? block.u32(Minimum ? 4 : 2) : 0U;
  constexpr std::size_t first = (Minimum ? 4U : 2U) + (Fifth ? 4U : 0U);
  constexpr int less = Minimum ? 0 : Fifth ? 16 : 8;
  for (std::size_t j = 0; j < 16; ++j) {
    const unsigned low = block.u8(first + j);
    const auto number = [&](unsigned bits, std::size_t place) {
      return static_cast<float>(static_cast<int>(bits | (high >> place & 1U) << 4U) - less);
    };
    out[j] = d * number(low & 15U, j);
    out[j + 16] = d * number(low >> 4U, j + 16);
    if constexpr (Minimum) {
      out[j] += m;
      out[j + 16] += m;
    }
  }
}

template <bool Fifth>
void unpack_k(block_bytes block, float* out) noexcept {
  const float d = block.f16(0);
  const float e = block.f16(2);
  constexpr std::size_t first = Fifth ? 48 : 16;
  for (std::size_t i = 0; i < 8; ++i) {
    const auto [s, m] = scale_and_minimum(block, i);
    const float scale = d * static_cast<float>(s);
    const float minimum = e * static_cast<float>(m);
    for (std::size_t j = 0; j < 32; ++j) {
      const unsigned byte = block.u8(first + i / 2 * 32 + j);
      unsigned number = i % 2 == 0 ? byte & 15U : byte >> 4U;
      if constexpr (Fifth) number |= (block.u8(16 + j) >> i & 1U) << 4U;
      out[i * 32 + j] = scale * static_cast<float>(number) - minimum;
    }
  }
}

inline void unpack_q6_k(block_bytes block, float* out) noexcept {
  const float d = block.f16(208);
  for (std::size_t half = 0; half < 2; ++half)
    for (std::size_t i = 0; i < 4; ++i)
      for (std::size_t j = 0; j < 32; ++j) {
        const unsigned byte = block.u8(half * 64 + i % 2 * 32 + j);
        const unsigned low = i < 2 ? byte & 15U : byte >> 4U;
        const unsigned high = block.u8(128 + half * 32 + j) >> 2 * i & 3U;
        const float scale = d * static_cast<float>(block.i8(192 + half * 8 + i * 2 + j / 16));
        out[half * 128 + i * 32 + j] = scale * static_cast<float>(static_cast<int>(low | high << 4U) - 32);
      }
}

inline void unpack_block(dtype type, block_bytes block, float* out) noexcept {
  switch (type) {
    case dtype::q4_0: return unpack_32<false, false>(block, out);
    case dtype::q4_1: return unpack_32<false, true>(block, out);
    case dtype::q5_0: return unpack_32<true, false>(block, out);
    case dtype::q5_1: return unpack_32<true, true>(block, out);
    case dtype::q8_0: {
      const float d = block.f16(0);
      for (std::size_t j = 0; j < 32; ++j) out[j] = d * static_cast<float>(block.i8(2 + j));
      return;
    }
    case dtype::q4_k: return unpack_k<false>(block, out);
    case dtype::q5_k: return unpack_k<true>(block, out);
    default: return unpack_q6_k(block, out);
  }
}

/// Whole blocks one after the other.
inline void unpack_blocks(dtype type, std::span<const std::byte> bytes, float* out) noexcept {
  const block_layout layout = layout_of(type);
  for (; bytes.size() >= layout.bytes; bytes = bytes.subspan(layout.bytes), out += layout.elements)
    unpack_block(type, block_bytes(bytes.data()), out);
}

/// The first element of the first block with a scale that is no number.
[[nodiscard]] inline std::optional<std::size_t> first_bad_block(dtype type, std::span<const std::byte> bytes) noexcept {
  const block_layout layout = layout_of(type);
  const std::size_t first = type == dtype::q6_k ? 208 : 0;
  const bool two = type == dtype::q4_1 || type == dtype::q5_1 || type == dtype::q4_k || type == dtype::q5_k;
  for (std::size_t i = 0; i < bytes.size() / layout.bytes; ++i) {
    const block_bytes block(bytes.data() + i * layout.bytes);
    if (!std::isfinite(block.f16(first)) || (two && !std::isfinite(block.f16(2)))) return i * layout.elements;
  }
  return std::nullopt;
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
