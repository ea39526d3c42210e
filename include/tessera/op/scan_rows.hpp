// SPDX-License-Identifier: Apache-2.0
/// The k nearest rows of a matrix for one query or many: every row is scored, so the answer is exact.
///
///     auto hits = ts::scan_rows<ts::cosine>(queries, rows, ids, 10, {.threads = &pool});   // one list for each query
///
/// The rows are read in blocks, for one query as one stream, for many in tiles of queries and rows whose scores go to the selections
/// while they are in the cache, so that the matrix of all scores is never written. The result does not depend on the blocks, the
/// other queries or the number of threads (op/top_k.hpp: the order is total).
#pragma once

#include <tessera/base/threads.hpp>
#include <tessera/op/score_many.hpp>
#include <tessera/op/top_k.hpp>

#include <functional>
#include <stop_token>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct search_options {
  thread_pool* threads = nullptr;  ///< shares the rows among its threads
  std::stop_token stop = {};       ///< looked at before each block of rows; then the search is error `stopped`
  /// Rows for whose id this is false are left out. Asked from several threads at once where `threads` is set, and only for rows
  /// that would be among the k.
  std::function<bool(std::uint64_t)> filter = {};
};

namespace detail {

/// Bytes of rows that stay in the second-level cache while several queries pass by; above it the kernels read one stream, which
/// is what one query wants (kernel/distance.hpp). Codes of 4 bits and less never wait for memory.
template <precision Precision>
[[nodiscard]] constexpr std::size_t scan_block_bytes(std::size_t queries) noexcept {
  return (queries > 1 || Precision::bits < 8 ? std::size_t{512} : std::size_t{2048}) << 10u;
}
/// Rows in a block at most: their scores lie on the stack.
inline constexpr std::size_t scan_block_rows = 4096;
/// Queries that pass a block one after the other, so that they stay in the cache too.
inline constexpr std::size_t scan_queries = 256;

/// Rows that are packed together for all queries of a group, and the queries of one: panels and scores fit the second-level cache.
inline constexpr std::size_t tile_rows = 96;
/// From so many queries on packing pays.
inline constexpr std::size_t tiled_queries = 3;
[[nodiscard]] constexpr std::size_t tile_queries(std::size_t dimension) noexcept {
  return std::clamp<std::size_t>((std::size_t{1536} << 10u) / (sizeof(float) * dimension), 64, 1024);
}

template <class Best>
void push_filtered(Best& best, std::span<const float> scores, std::span<const std::uint64_t> ids, bool larger_is_nearer,
                   const std::function<bool(std::uint64_t)>& filter) {
  for (std::size_t i = 0; i < scores.size(); ++i) {
    // A NaN among the k makes both comparisons false, so that every number is looked at.
    if (best.full() && (best.k() == 0 || (larger_is_nearer ? scores[i] < best.threshold() : scores[i] > best.threshold())))
      continue;
    if (filter(ids[i])) best.push(ids[i], scores[i]);
  }
}

}  // namespace detail

/// Hits of each query, nearest first: min(k, rows that the filter lets pass) of them. `queries` is a matrix, or a span of
/// vectors; ids[i] is the id of row i. Errors: stopped.
template <metric Metric, class Queries, embedding_space Space, precision Precision>
[[nodiscard]] result<std::vector<std::vector<hit>>> scan_rows(const Queries& queries,
                                                              const embedding_matrix<Space, Precision>& rows,
                                                              std::span<const std::uint64_t> ids, std::size_t k,
                                                              const search_options& options = {}) {
  using best_rows = top_k<Metric::larger_is_nearer>;
  using matrix = embedding_matrix<Space, Precision>;
  TESSERA_ASSERT(ids.size() == rows.rows());
  std::size_t query_count = 0;
  if constexpr (requires { queries.rows(); }) query_count = queries.rows();
  else query_count = queries.size();

  using query_precision = typename std::remove_cvref_t<decltype(queries[0])>::precision;
  constexpr bool has_tiles = many_to_many_metric<Metric, query_precision, Space, Precision>;
  const bool tiled = has_tiles && query_count >= detail::tiled_queries;
  constexpr std::size_t row_bytes = matrix::stride * sizeof(typename matrix::storage);
  const std::size_t block = tiled ? detail::tile_rows
                                  : std::clamp(detail::scan_block_bytes<Precision>(query_count) / row_bytes, std::size_t{1},
                                               detail::scan_block_rows);
  const std::size_t together = tiled ? detail::tile_queries(Space::dimension) : detail::scan_queries;
  const std::size_t blocks = (rows.rows() + block - 1) / block;
  // A few parts for each thread, so that one that is slowed down does not keep all waiting.
  const std::size_t wanted_parts = options.threads == nullptr ? 1 : 4 * options.threads->size();
  const std::size_t parts = std::min(wanted_parts, std::max<std::size_t>(blocks, 1));

  std::vector<std::vector<hit>> found;
  found.reserve(query_count);
  const auto push = [&](best_rows& best, const float* scores, std::size_t first, std::size_t count) {
    const auto block_ids = ids.subspan(first, count);
    if (options.filter) detail::push_filtered(best, {scores, count}, block_ids, Metric::larger_is_nearer, options.filter);
    else best.push(std::span<const float>(scores, count), block_ids);
  };
  for (std::size_t from = 0; from < query_count; from += together) {
    const std::size_t group = std::min(together, query_count - from);
    std::vector<best_rows> best;
    best.reserve(parts * group);
    for (std::size_t i = 0; i < parts * group; ++i) best.emplace_back(std::min(k, rows.rows()));
    const auto scan_part = [&](std::size_t part, const auto& scores_of) {
      for (std::size_t b = blocks * part / parts; b < blocks * (part + 1) / parts; ++b) {
        if (options.stop.stop_requested()) return;
        const std::size_t first = b * block;
        scores_of(&best[part * group], first, std::min(block, rows.rows() - first));
      }
    };
    if constexpr (has_tiles) {
      if (tiled) {
        const packed_queries<Metric, query_precision, Space, Precision> packed(queries, from, group);
        for_each(options.threads, parts, [&](std::size_t part) {
          std::vector<float> panel(packed.panel_size(block));
          std::vector<float> scores(group * block);
          scan_part(part, [&](best_rows* mine, std::size_t first, std::size_t count) {
            packed.score(rows, first, count, panel.data(), scores.data(), block);
            for (std::size_t q = 0; q < group; ++q) push(mine[q], scores.data() + q * block, first, count);
          });
        });
      }
    }
    if (!tiled)
      for_each(options.threads, parts, [&](std::size_t part) {
        float scores[detail::scan_block_rows];
        scan_part(part, [&](best_rows* mine, std::size_t first, std::size_t count) {
          for (std::size_t q = 0; q < group; ++q) {
            score_rows<Metric>(queries[from + q], rows, first, count, scores);
            push(mine[q], scores, first, count);
          }
        });
      });
    if (options.stop.stop_requested())
      return fail({.code = error_code::stopped, .thing = "search of " + std::to_string(rows.rows()) + " rows"});
    for (std::size_t q = 0; q < group; ++q) {
      for (std::size_t part = 1; part < parts; ++part) best[q].push(best[part * group + q]);
      found.push_back(best[q].take());
    }
  }
  return found;
}

}  // namespace tessera::inline TESSERA_ABI
