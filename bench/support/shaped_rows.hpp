// SPDX-License-Identifier: Apache-2.0
/// Made-up rows of length 1 with an embedding's shape: clusters around a common mean, variance that falls along the components.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/op/random_rotation.hpp>
#include <tessera/type/matrix.hpp>

#include <cstddef>
#include <cstdint>
#include <vector>

template <class Space>
tessera::embedding_matrix<Space> shaped_rows(std::size_t count, std::uint64_t seed) {
  constexpr std::size_t n = Space::dimension, clusters = 500;
  tessera::detail::normal_source centres(99);
  std::vector<float> centre(clusters * n);
  for (std::size_t i = 0; i < centre.size(); ++i)
    centre[i] = 0.8f + static_cast<float>(centres.normal()) / (1.0f + 0.03f * static_cast<float>(i % n));
  tessera::detail::normal_source random(seed);
  auto rows = *tessera::embedding_matrix<Space>::make(count);
  for (std::size_t i = 0; i < count; ++i) {
    const float* around = centre.data() + random.bits() % clusters * n;
    for (std::size_t j = 0; j < n; ++j)
      rows.values(i)[j] = around[j] + 0.7f * static_cast<float>(random.normal()) / (1.0f + 0.03f * static_cast<float>(j));
    tessera::kernel::kernels().norm.l2_normalize_f32(rows.row(i).data(), rows.values(i).data(), n);
  }
  return rows;
}
