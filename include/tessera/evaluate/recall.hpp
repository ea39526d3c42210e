// SPDX-License-Identifier: Apache-2.0
/// How much of the truth a search found: recall@k against exact answers.
///
///     recall@k = mean over queries of |first k found and first k true| / min(k, true)
///
///     TESSERA_TRY(const auto truth, ts::scan_rows<ts::cosine>(queries, rows, ids, 10));   // or flat's search
///     TESSERA_TRY(const double recall, ts::recall_at(10, found, truth));
///
/// Hits are compared by id. A query for which nothing is true counts as found.
#pragma once

#include <tessera/evaluate/sum.hpp>
#include <tessera/interop/xtensor.hpp>
#include <tessera/op/scan_rows.hpp>

#include <xtensor/xtensor.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

using hit_lists = std::span<const std::vector<hit>>;

/// The recall of each query, [queries]. Errors: mismatch (another number of queries), invalid_argument (k is 0).
[[nodiscard]] inline result<xt::xtensor<double, 1>> recalls_at(std::size_t k, hit_lists found, hit_lists truth) {
  if (k == 0) return fail({.code = error_code::invalid_argument, .thing = "k", .wanted = "at least 1", .found = "0"});
  if (found.size() != truth.size())
    return fail({.code = error_code::mismatch,
                 .thing = "queries answered",
                 .wanted = std::to_string(truth.size()),
                 .found = std::to_string(found.size())});
  xt::xtensor<double, 1> recalls = xt::ones<double>({truth.size()});
  std::vector<std::uint64_t> wanted;
  for (std::size_t q = 0; q < truth.size(); ++q) {
    if (truth[q].empty()) continue;
    wanted.clear();
    for (std::size_t i = 0; i < std::min(k, truth[q].size()); ++i) wanted.push_back(truth[q][i].id);
    std::sort(wanted.begin(), wanted.end());
    std::vector<std::uint64_t> mine;
    for (std::size_t i = 0; i < std::min(k, found[q].size()); ++i) mine.push_back(found[q][i].id);
    std::sort(mine.begin(), mine.end());
    mine.erase(std::unique(mine.begin(), mine.end()), mine.end());  // an index that repeats itself gains nothing
    std::size_t common = 0;
    for (const std::uint64_t id : mine) common += std::binary_search(wanted.begin(), wanted.end(), id) ? 1u : 0u;
    recalls(q) = static_cast<double>(common) / static_cast<double>(wanted.size());
  }
  return recalls;
}

/// Their mean, 0 .. 1. Errors: those of `recalls_at`; invalid_argument (no queries).
[[nodiscard]] inline result<double> recall_at(std::size_t k, hit_lists found, hit_lists truth) {
  TESSERA_TRY(const auto recalls, recalls_at(k, found, truth));
  if (recalls.size() == 0)
    return fail({.code = error_code::invalid_argument, .thing = "queries", .wanted = "at least one", .found = "none"});
  return detail::sum_of(recalls) / static_cast<double>(recalls.size());
}

}  // namespace tessera::inline TESSERA_ABI
