// SPDX-License-Identifier: Apache-2.0
/// Which rows a store gives up when its budget is full.
///
///     ts::store_options options{.budget = std::size_t{1} << 30u, .evict = ts::eviction::least_recently_used()};
///     options.evict = ts::eviction::by([](const ts::row_usage& row) { return row.uses - 0.1 * row.age; });   // lowest goes first
///
/// A use is a hit of a search or a `get`. Uses are counted while a store is open, and are not in its files.
#pragma once

#include <tessera/base/config.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

namespace tessera::inline TESSERA_ABI {

/// What a policy may know of a row.
struct row_usage {
  std::uint64_t id = 0;
  std::uint32_t uses = 0;
  std::uint32_t age = 0;  ///< uses of any row since its last
  std::span<const std::byte> metadata = {};
};

struct eviction {
  /// The lowest go first, equal ones by age. Empty: none goes, and an add that does not fit is error `over_budget`.
  std::function<double(const row_usage&)> worth = {};
  bool counts = false;  ///< uses are counted

  [[nodiscard]] static eviction refuse() { return {}; }
  [[nodiscard]] static eviction least_recently_used() {
    return {[](const row_usage& row) { return -static_cast<double>(row.age); }, true};
  }
  [[nodiscard]] static eviction least_frequently_used() {
    return {[](const row_usage& row) { return static_cast<double>(row.uses); }, true};
  }
  /// Uses that count less the longer ago the last was: a row used often last week loses to one used twice today.
  [[nodiscard]] static eviction least_useful() {
    return {[](const row_usage& row) { return (1.0 + row.uses) / (1.0 + row.age); }, true};
  }
  [[nodiscard]] static eviction by(std::function<double(const row_usage&)> worth) { return {std::move(worth), true}; }
};

}  // namespace tessera::inline TESSERA_ABI
