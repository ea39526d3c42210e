// SPDX-License-Identifier: Apache-2.0
/// The nearest rows of many rows at once, from all pairs of their i8 codes: candidates for the links of a graph that is built of many rows.
///
/// A walk to a row's neighbours costs the same for any set, all pairs cost more the more rows there are; but codes of a row are multiplied
/// with sixteen others while they are in the cache, at the speed of the processor's byte products, so up to about a hundred thousand rows
/// all pairs are faster, and their neighbours are exact by the codes. Where bytes are not multiplied fast it is never used.
///
/// Codes are those of index/code_guide.hpp; what is found is scored again by whatever the graph goes by.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/base/threads.hpp>
#include <tessera/index/nearest_keys.hpp>

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

/// Codes as records: `stride` bytes a row, its first `coded` codes + 128 and at the end the row's offset (f32).
struct row_records {
  const std::uint8_t* data = nullptr;
  std::size_t stride = 0, coded = 0;
  float step = 0.0f;
};

class bulk_neighbours {
 public:
  /// New rows from which on it is worth its preparation.
  static constexpr std::size_t least_rows = 1024;

  [[nodiscard]] static bool available() noexcept { return kernel::kernels().sieve.sieve_pays(); }
  /// Rows up to which all pairs are faster than walks of that effort (measured on Zen 4: a walk takes as long as 140 KB of codes for each
  /// candidate).
  [[nodiscard]] static std::size_t most_rows(std::size_t stride, std::size_t effort) noexcept { return 140'000 * effort / stride; }

  /// Of the first `rows` records. Errors: out_of_memory.
  [[nodiscard]] static result<bulk_neighbours> make(const row_records& records, std::size_t rows) {
    bulk_neighbours made;
    const std::size_t panels = (rows + panel - 1) / panel;
    made.step_ = records.step;
    made.rows_ = rows;
    made.steps_ = (records.coded + 3) / 4;
    TESSERA_TRY(made.codes_, aligned_buffer<std::uint8_t>::make(panels * panel * 4 * made.steps_));
    TESSERA_TRY(made.offset_, aligned_buffer<float>::make(panels * panel));
    TESSERA_TRY(made.zeros_, aligned_buffer<float>::make(panels * panel));
    for (std::size_t row = 0; row < rows; ++row) {
      const std::uint8_t* record = records.data + row * records.stride;
      std::uint8_t* to = made.codes_.data() + row / panel * panel * 4 * made.steps_ + row % panel * 4;
      for (std::size_t s = 0; s < made.steps_; ++s) std::memcpy(to + s * 4 * panel, record + 4 * s, 4);
      std::memcpy(made.offset_.data() + row, record + records.stride - 4, 4);
    }
    return made;
  }
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }

  /// found[i]: the `wanted` nearest of the rows before first + count to row first + i, without itself, in no order.
  void find(std::size_t first, std::size_t count, std::size_t wanted, thread_pool* threads,
            std::vector<std::vector<std::uint32_t>>& found) const {
    found.resize(std::max(found.size(), count));
    const std::size_t end = first + count;
    for_each(threads, (count + together - 1) / together, [&](std::size_t group) {
      const std::size_t from = first + group * together;
      const std::size_t now = std::min(together, end - from);
      const std::size_t width = 4 * steps_;
      std::vector<std::int8_t> codes(now * width);
      std::vector<kernel::reach_query> about(now);
      std::vector<nearest_keys> nearest(now);
      std::vector<float> keys(now * block);
      for (std::size_t q = 0; q < now; ++q) {
        const std::uint8_t* in_panel = codes_.data() + (from + q) / panel * panel * width + (from + q) % panel * 4;
        std::int32_t sum = 0;
        for (std::size_t i = 0; i < width; ++i) {
          const auto code = static_cast<std::int8_t>(in_panel[i / 4 * 4 * panel + i % 4] - 128);
          codes[q * width + i] = code;
          sum += code;
        }
        about[q] = {.start = -128 * sum, .scale = -(step_ * step_), .by_tail = 0.0f};
        nearest[q].begin(wanted);
      }
      for (std::size_t at = 0; at < end; at += block) {
        const std::size_t rows = std::min(block, end - at);
        const kernel::reach_panels panels{codes_.data() + at * width, zeros_.data() + at, offset_.data() + at};
        kernel::kernels().reach.reach(codes.data(), width, about.data(), now, panels, (rows + panel - 1) / panel, steps_, keys.data(),
                                      block);
        for (std::size_t q = 0; q < now; ++q) {
          const auto self = static_cast<std::uint32_t>(from + q);
          nearest[q].push({keys.data() + q * block, rows}, static_cast<std::uint32_t>(at),
                          [self](std::uint32_t row) { return row != self; });
        }
      }
      for (std::size_t q = 0; q < now; ++q) nearest[q].rows(found[group * together + q]);
    });
  }

 private:
  static constexpr std::size_t panel = kernel::reach_rows, block = 1024, together = 16;
  bulk_neighbours() = default;

  std::size_t rows_ = 0, steps_ = 0;
  float step_ = 0.0f;
  aligned_buffer<std::uint8_t> codes_;      // [rows / 32, steps, 32, 4]
  aligned_buffer<float> offset_, zeros_;    // [rows]
};

}  // namespace tessera::inline TESSERA_ABI::detail
