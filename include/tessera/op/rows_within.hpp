// SPDX-License-Identifier: Apache-2.0
/// All rows of a matrix that are at least as near to a query as a given score.
///
///     TESSERA_TRY(const auto close, ts::rows_within<ts::cosine>(query, rows, ids, 0.8f));   // every row of cosine >= 0.8
///
/// Every row is scored. Hits come nearest first, equal scores by id; a row or a bound of NaN is near to nothing.
#pragma once

#include <tessera/op/scan_rows.hpp>

#include <algorithm>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// ids[i] is the id of row i. Errors: stopped.
template <metric Metric, embedding_like Query, embedding_space Space, precision Precision>
[[nodiscard]] result<std::vector<hit>> rows_within(const Query& query, const embedding_matrix<Space, Precision>& rows,
                                                   std::span<const std::uint64_t> ids, float bound,
                                                   const search_options& options = {}) {
  TESSERA_ASSERT(ids.size() == rows.rows());
  std::vector<hit> found;
  float scores[1024];
  for (std::size_t first = 0; first < rows.rows(); first += std::size(scores)) {
    if (options.interrupted()) return fail(detail::interruption(options, rows.rows()));
    const std::size_t count = std::min(std::size(scores), rows.rows() - first);
    score_rows<Metric>(query, rows, first, count, scores);
    for (std::size_t i = 0; i < count; ++i) {
      const bool near = Metric::larger_is_nearer ? scores[i] >= bound : scores[i] <= bound;
      if (near && (!options.filter || options.filter(ids[first + i]))) found.push_back({ids[first + i], scores[i]});
    }
  }
  std::sort(found.begin(), found.end(), ranks_before<Metric::larger_is_nearer>);
  return found;
}

}  // namespace tessera::inline TESSERA_ABI
