// SPDX-License-Identifier: Apache-2.0
/// Pooling of one text's token states [rows, n] into a vector [n], for a mode known at run time (formulas in type/pooling.hpp).
///
/// No tokens give the zero vector.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/type/pooling.hpp>

#include <algorithm>
#include <cstddef>

namespace tessera::inline TESSERA_ABI {

/// `stride` floats from one row to the next.
inline void pool_rows(pooling mode, const float* rows, std::size_t stride, std::size_t count, std::size_t n, float* out) noexcept {
  const auto& kernel = kernel::kernels().pool;
  if (count == 0) {
    std::fill_n(out, n, 0.0f);
    return;
  }
  switch (mode) {
    case pooling::mean: kernel.pool_mean_f32(rows, stride, count, n, out); break;
    case pooling::cls: std::copy_n(rows, n, out); break;
    case pooling::last_token: std::copy_n(rows + (count - 1) * stride, n, out); break;
    case pooling::max: kernel.pool_max_f32(rows, stride, count, n, out); break;
    case pooling::weighted_mean: kernel.pool_weighted_mean_f32(rows, stride, count, n, out); break;
  }
}

}  // namespace tessera::inline TESSERA_ABI
