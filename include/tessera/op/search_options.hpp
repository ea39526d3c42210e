// SPDX-License-Identifier: Apache-2.0
/// What a caller may ask of a search beside the query and k; every index takes the same options, so that indexes swap in one line.
///
///     auto hits = index.search(query, 10, {.threads = &pool, .filter = [&](std::uint64_t id) { return allowed.contains(id); }});
///     auto soon = index.search(query, 10, {.deadline = std::chrono::steady_clock::now() + 2ms});   // or error `stopped`
#pragma once

#include <tessera/base/result.hpp>
#include <tessera/base/threads.hpp>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

namespace tessera::inline TESSERA_ABI {

struct search_options {
  thread_pool* threads = nullptr;  ///< shares rows or queries among its threads
  std::stop_token stop = {};       ///< looked at before each block of rows; then the search is error `stopped`
  std::optional<std::chrono::steady_clock::time_point> deadline = {};  ///< likewise: past it the search is error `stopped`
  /// Rows for whose id this is false are left out. Asked from several threads at once where `threads` is set, and only for rows
  /// that would be among the k or, in a graph, lie on the way to them. A set of ids: std::cref of an id_bitmap (index/id_bitmap.hpp).
  std::function<bool(std::uint64_t)> filter = {};
  /// Candidates that a search in a graph keeps (`ef`); 0 is the index's own setting. Exact indexes have no use for it.
  std::size_t effort = 0;
  /// Or the recall@10 wanted, 0 < recall < 1, from which an index that has been calibrated picks the effort; 0 asks for none.
  double recall = 0.0;

  [[nodiscard]] bool interrupted() const noexcept {
    return stop.stop_requested() || (deadline && std::chrono::steady_clock::now() >= *deadline);
  }
};

namespace detail {

[[nodiscard]] inline error interruption(const search_options& options, std::size_t rows) {
  return {.code = error_code::stopped,
          .thing = "search of " + std::to_string(rows) + " rows",
          .found = options.stop.stop_requested() ? "" : "that the deadline has passed"};
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
