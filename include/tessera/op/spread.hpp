// SPDX-License-Identifier: Apache-2.0
/// An orthogonal map that spreads every vector evenly over its components, in n·log n: three rounds of random signs and Walsh-Hadamard
/// transforms of blocks of 128, with the blocks woven into each other between them.
///
///     const ts::spread_map map(384, seed);     // 384 -> 384; 100 -> 128: zeros are added up to a whole block
///     map(x, y);                                // |y| = |x|, y·y' = x·x' to 64·2^-24·|x|·|x'|
///
/// The same seed gives the same map. After it no component is much larger than others (Ailon and Chazelle, doi:10.1137/060673096), which
/// is what codes of one bit a component ask for. For all that, it takes a hundredth of the time of op/random_rotation.hpp's matrix.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/dispatch.hpp>
#include <tessera/op/random_rotation.hpp>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tessera::inline TESSERA_ABI {

class spread_map {
 public:
  static constexpr std::size_t block = 128, rounds = 3, most = 4096;

  /// What n becomes.
  [[nodiscard]] static constexpr std::size_t width_of(std::size_t n) noexcept { return (n + block - 1) / block * block; }

  spread_map(std::size_t n, std::uint64_t seed) : n_(n), factors_(rounds * width_of(n)) {
    TESSERA_ASSERT(n <= most);
    detail::normal_source random(seed);
    const float length = 1.0f / std::sqrt(static_cast<float>(block));
    for (float& factor : factors_) factor = random.bits() >> 63u ? length : -length;
  }

  [[nodiscard]] std::size_t dimension() const noexcept { return n_; }
  [[nodiscard]] std::size_t width() const noexcept { return factors_.size() / rounds; }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return factors_.capacity() * sizeof(float); }

  /// x [dimension] to y [width]; they may be one array where it has room.
  void operator()(const float* x, float* y) const noexcept {
    const std::size_t all = width();
    const std::size_t blocks = all / block;
    alignas(vector_alignment) float from[most];
    alignas(vector_alignment) float to[most];
    for (std::size_t i = 0; i < n_; ++i) from[i] = x[i] * factors_[i];
    for (std::size_t i = n_; i < all; ++i) from[i] = 0.0f;
    for (std::size_t round = 1; round < rounds; ++round) {
      kernel::kernels().signs.hadamard(from, blocks, to);
      const float* factor = factors_.data() + round * all;
      for (std::size_t b = 0; b < blocks; ++b)
        for (std::size_t i = 0; i < block; ++i) from[i * blocks + b] = to[b * block + i] * factor[b * block + i];
    }
    kernel::kernels().signs.hadamard(from, blocks, y);
  }

 private:
  std::size_t n_;
  std::vector<float> factors_;  // [rounds, width]: signs, and the length that makes a transform orthogonal
};

}  // namespace tessera::inline TESSERA_ABI
