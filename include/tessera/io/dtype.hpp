// SPDX-License-Identifier: Apache-2.0
/// What the elements of published tensors are.
#pragma once

#include <tessera/base/config.hpp>

#include <cstdint>

namespace tessera::inline TESSERA_ABI {

/// Element types of published files, under their safetensors names. Types below 8 bits are packed without gaps.
enum class dtype : std::uint8_t {
  boolean,
  u8,
  i8,
  u16,
  i16,
  u32,
  i32,
  u64,
  i64,
  f16,
  bf16,
  f32,
  f64,
  c64,
  f8_e4m3,
  f8_e5m2,
  f8_e8m0,
  f8_e4m3fnuz,
  f8_e5m2fnuz,
  f6_e2m3,
  f6_e3m2,
  f4,
  // Blocks of small integers under common scales (io/tensor_blocks.hpp); no safetensors file holds them.
  q4_0,
  q4_1,
  q5_0,
  q5_1,
  q8_0,
  q4_k,
  q5_k,
  q6_k,
};

/// True for blocks, whose rows are a whole number of them.
[[nodiscard]] constexpr bool is_blocks(dtype type) noexcept { return type >= dtype::q4_0; }

}  // namespace tessera::inline TESSERA_ABI
