// SPDX-License-Identifier: Apache-2.0
/// Rows of unit length around a common mean, as embeddings lie: the same for the same state.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/type/matrix.hpp>

#include <cstddef>
#include <cstdint>

template <tessera::embedding_space Space>
tessera::embedding_matrix<Space> unit_rows(std::size_t count, std::uint32_t state) {
  auto rows = *tessera::embedding_matrix<Space>::make(count);
  for (std::size_t i = 0; i < count; ++i) {
    for (float& value : rows.values(i)) {
      state = state * 1664525u + 1013904223u;
      value = static_cast<float>(state >> 8u) * 0x1p-24f - 0.25f;
    }
    tessera::kernel::kernels().norm.l2_normalize_f32(rows.row(i).data(), rows.values(i).data(), Space::dimension);
  }
  return rows;
}
