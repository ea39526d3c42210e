// SPDX-License-Identifier: Apache-2.0
/// The rows with the smallest of many keys, gathered in no order: what a scan of estimates hands on to be scored.
///
///     best.begin(100);
///     best.push(keys, first_row, every_row);      // a block of keys of consecutive rows
///     best.rows(listed);
///
/// A buffer of four times as many fills up, is cut down to the best, and the bound that is left lets few pass, which is cheaper than a
/// heap. Equal keys go by the lower row, so the result does not depend on the blocks. NaN is never among them.
#pragma once

#include <tessera/dispatch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI::detail {

class nearest_keys {
 public:
  void begin(std::size_t count) {
    count_ = count;
    bound_ = std::numeric_limits<float>::infinity();
    found_.clear();
    found_.reserve(4 * count + 64);
  }
  template <class Passes>
  void push(std::span<const float> keys, std::uint32_t first, const Passes& passes) {
    if (count_ == 0) return;
    const auto next = kernel::kernels().select.first_at_most;
    for (std::size_t i = 0; (i += next(keys.data() + i, keys.size() - i, bound_)) < keys.size(); ++i) {
      if (!passes(first + static_cast<std::uint32_t>(i))) continue;
      found_.push_back({keys[i], first + static_cast<std::uint32_t>(i)});
      if (found_.size() == 4 * count_ + 64) cut();
    }
  }
  /// The rows; begins anew.
  void rows(std::vector<std::uint32_t>& out) {
    cut();
    out.clear();
    for (const item& one : found_) out.push_back(one.row);
    found_.clear();
  }
  [[nodiscard]] std::size_t memory_bytes() const noexcept { return found_.capacity() * sizeof(item); }

 private:
  struct item {
    float key;
    std::uint32_t row;
  };
  void cut() {
    if (found_.size() <= count_) return;
    const auto last = found_.begin() + static_cast<std::ptrdiff_t>(count_ - 1);
    std::nth_element(found_.begin(), last, found_.end(),
                     [](const item& a, const item& b) { return a.key < b.key || (!(b.key < a.key) && a.row < b.row); });
    bound_ = last->key;
    found_.resize(count_);
  }

  std::size_t count_ = 0;
  float bound_ = 0.0f;
  std::vector<item> found_;
};

}  // namespace tessera::inline TESSERA_ABI::detail
