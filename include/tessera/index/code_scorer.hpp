// SPDX-License-Identifier: Apache-2.0
/// Keys of rows kept as records of i8 codes (index/code_guide.hpp) for a query or another row of such codes: what one walk asks.
///
///     code_scorer<448> score(records, stride);
///     score.set(score.take(records + row * stride), -step * step, offset);    // as a row; a query writes codes() itself
///     score(neighbours, keys);
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/dispatch.hpp>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

namespace tessera::inline TESSERA_ABI::detail {

/// Codes of a query or a row, ready for records of `stride` bytes.
template <std::size_t MostStride>
class code_scorer {
 public:
  code_scorer(const std::uint8_t* records, std::size_t stride) noexcept : records_(records), stride_(stride) {}
  void operator()(std::span<const std::uint32_t> at, float* keys) const noexcept {
    kernel::kernels().reach.reach_listed(codes_, about_, records_, stride_, at.data(), at.size(), keys);
    for (std::size_t i = 0; i < at.size(); ++i) {
      const float key = keys[i] + constant_;
      keys[i] = key == key ? key : std::numeric_limits<float>::infinity();
    }
  }
  void ask_for(std::uint32_t row) const noexcept {
    const std::uint8_t* record = records_ + row * stride_;
    for (std::size_t byte = 0; byte < stride_; byte += 64) __builtin_prefetch(record + byte);
  }
  [[nodiscard]] std::int8_t* codes() noexcept { return codes_; }
  /// The codes of a record; their sum is returned. Eight at a time in a word: there are thousands of such rows in an insertion.
  [[nodiscard]] std::int32_t take(const std::uint8_t* record) noexcept {
    constexpr std::uint64_t low = 0x00FF00FF00FF00FFu, signs = 0x8080808080808080u;
    std::uint64_t sums = 0;  // four of 16 bits, each of at most 128 · 2 bytes at a time
    std::int32_t total = 0;
    for (std::size_t i = 0; i < stride_; i += 8) {
      std::uint64_t word;
      std::memcpy(&word, record + i, 8);
      if (i + 8 == stride_) word = (word & 0xFFFFFFFFu) | (signs & ~std::uint64_t{0xFFFFFFFFu});
      sums += (word & low) + ((word >> 8u) & low);
      word ^= signs;
      std::memcpy(codes_ + i, &word, 8);
      if (i % 1024 == 1016 || i + 8 == stride_) {
        for (; sums != 0; sums >>= 16u) total += static_cast<std::int32_t>(sums & 0xFFFFu);
      }
    }
    return total - 128 * static_cast<std::int32_t>(stride_);
  }
  /// After the codes are written; `sum` is theirs.
  void set(std::int32_t sum, double scale, float constant) noexcept {
    about_ = {.start = -128 * sum, .scale = static_cast<float>(scale), .by_tail = 0.0f};
    constant_ = constant;
  }

 private:
  alignas(vector_alignment) std::int8_t codes_[MostStride] = {};
  const std::uint8_t* records_;
  std::size_t stride_;
  kernel::reach_query about_{};
  float constant_ = 0.0f;
};

}  // namespace tessera::inline TESSERA_ABI::detail
