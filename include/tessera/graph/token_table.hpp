// SPDX-License-Identifier: Apache-2.0
/// The table of token vectors, [Rows, Width], gathered by a token's id: copied when a model is loaded, or left in its file.
///
/// | storage  | memory held                | row i                                              |
/// | -------- | -------------------------- | -------------------------------------------------- |
/// | copied   | the table, in f32 or f16   | scale · E[i]                                       |
/// | mapped   | none                       | the same bits, from the file's f32, f16 or bf16    |
///
/// It is the largest tensor of many models. It is f32 where the model's weights are, and f16 where they are narrower: numbers in f16 stay
/// what they are, and those in bf16 of 2^-17 and more too; else a number moves by 2^-12 of itself, or 2^-25, at most. (bf16 would keep f32
/// files eight times less near, which showed in the vectors.) What a mapped table gives is rounded likewise, row by row.
///
/// Rows of a file are copied before they are converted, so that they may lie at any address.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/graph/weights.hpp>
#include <tessera/type/precision.hpp>

#include <algorithm>
#include <array>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

namespace detail {
/// The number of f16 that is nearest, for every element.
inline void round_as_f16(std::span<float> values) noexcept {
  std::array<std::uint16_t, 512> some;
  const kernel::convert_kernels& convert = kernel::kernels().convert;
  for (std::size_t at = 0; at < values.size(); at += some.size()) {
    const std::size_t count = std::min(some.size(), values.size() - at);
    convert.f32_to_f16(values.data() + at, some.data(), count);
    convert.f16_to_f32(some.data(), values.data() + at, count);
  }
}
}  // namespace detail

template <std::size_t Rows, std::size_t Width, class Precision>
class token_table {
  static_assert(Rows > 0 && Width > 0, "tessera: an embedding table has at least one row and one column");
  static constexpr bool narrow = !std::is_same_v<Precision, f32>;
  using element = std::conditional_t<narrow, std::uint16_t, float>;

 public:
  /// Bytes that load() holds of a table that it copies.
  [[nodiscard]] static constexpr std::size_t memory_bytes() noexcept { return round_up(Rows * Width * sizeof(element), vector_alignment); }

  /// Reads "weight", or leaves it where it is. Errors: those of the reader, out_of_memory.
  [[nodiscard]] result<> load(const weight_scope& scope, float scale) {
    if (scope.token_storage() == table_storage::mapped) {
      TESSERA_TRY(mapped_, scope.map("weight", Rows * Width, narrow));
      return {};
    }
    TESSERA_TRY(copied_, aligned_buffer<element>::make(Rows * Width));
    TESSERA_CHECK(scope.read("weight", copied_.span()));
    if constexpr (!narrow)
      if (scale != 1.0f)
        for (float& x : copied_.span()) x *= scale;
    return {};
  }

  /// rows[t] = scale · E[ids[t]], with the scale that it was loaded with; rows are Width floats apart.
  void gather(std::span<const std::uint32_t> ids, float scale, float* rows) const noexcept {
    if (mapped_) return gather_mapped(ids, scale, rows);
    if constexpr (narrow) {
      for (std::size_t t = 0; t < ids.size(); ++t) {
        float* row = rows + t * Width;
        kernel::kernels().convert.f16_to_f32(copied_.data() + ids[t] * Width, row, Width);
        multiply(row, scale);
      }
    } else {
      kernel::kernels().pool.gather_f32(copied_.data(), Width, ids.data(), ids.size(), Width, rows, Width);
    }
  }

 private:
  void gather_mapped(std::span<const std::uint32_t> ids, float scale, float* rows) const noexcept {
    for (std::size_t t = 0; t < ids.size(); ++t) {
      const std::span<float> row(rows + t * Width, Width);
      mapped_.read(ids[t] * Width, row);
      if constexpr (narrow) detail::round_as_f16(row);
      multiply(row.data(), scale);
    }
  }
  static void multiply(float* row, float scale) noexcept {
    if (scale == 1.0f) return;
    for (std::size_t j = 0; j < Width; ++j) row[j] *= scale;
  }

  aligned_buffer<element> copied_;
  mapped_numbers mapped_;
};

}  // namespace tessera::inline TESSERA_ABI
