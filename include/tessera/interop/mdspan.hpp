// SPDX-License-Identifier: Apache-2.0
/// Embeddings as std::mdspan without a copy, where the standard library has <mdspan> (__cpp_lib_mdspan; g++ 12's has not).
///
///     auto rows = ts::as_mdspan(matrix);          // extents [rows, dimension], strides [stride, 1]
///     const float x = rows[3, 7];
///
/// Any precision that stores one component an element: f32, f16, bf16, i8. Without <mdspan> this header declares nothing.
#pragma once

#include <tessera/type/matrix.hpp>

#include <version>

#if defined(__cpp_lib_mdspan)

#include <array>
#include <mdspan>

namespace tessera::inline TESSERA_ABI {

template <class Space, class Value>
using rows_mdspan =
    std::mdspan<Value, std::extents<std::size_t, std::dynamic_extent, Space::dimension>, std::layout_stride>;

namespace detail {

template <class Space, class Precision, class Value>
[[nodiscard]] auto mdspan_of(Value* data, std::size_t rows) {
  static_assert(storage_size<Precision>(2) == 2,
                "tessera: i4 and b1 pack several components in an element; an mdspan cannot show them");
  using extents = std::extents<std::size_t, std::dynamic_extent, Space::dimension>;
  const std::array<std::size_t, 2> strides{embedding_matrix<Space, Precision>::stride, 1};
  return rows_mdspan<Space, Value>(data, std::layout_stride::mapping<extents>(extents(rows), strides));
}

}  // namespace detail

/// The rows as [rows, dimension], without the padding between them.
template <embedding_space Space, precision Precision>
[[nodiscard]] auto as_mdspan(const embedding_matrix<Space, Precision>& rows) {
  return detail::mdspan_of<Space, Precision>(rows.data(), rows.rows());
}
/// The same, writable.
template <embedding_space Space, precision Precision>
[[nodiscard]] auto as_mdspan(embedding_matrix<Space, Precision>& rows) {
  return detail::mdspan_of<Space, Precision>(rows.data(), rows.rows());
}
/// A matrix about to be destroyed has no view.
template <embedding_space Space, precision Precision>
void as_mdspan(embedding_matrix<Space, Precision>&& rows) = delete;

}  // namespace tessera::inline TESSERA_ABI

#endif
