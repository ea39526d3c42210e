// SPDX-License-Identifier: Apache-2.0
/// The k nearest rows of a matrix for one query or many: every row is scored, so the answer is exact.
///
///     auto hits = ts::scan_rows<ts::cosine>(queries, rows, ids, 10, {.threads = &pool});   // one list for each query
///
/// The rows are read in blocks, for one query as one stream, for many in tiles of queries and rows whose scores go to the selections
/// while they are in the cache, so that the matrix of all scores is never written; where the processor multiplies bytes, rows of
/// floats that cannot be among the nearest are left out before (op/sieve.hpp). The result does not depend on the blocks, the
/// other queries or the number of threads (op/top_k.hpp: the order is total).
#pragma once

#include <tessera/op/score_many.hpp>
#include <tessera/op/search_options.hpp>
#include <tessera/op/sieve.hpp>
#include <tessera/op/top_k.hpp>

#include <bit>
#include <optional>
#include <vector>

namespace tessera::inline TESSERA_ABI {

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

/// From so many queries on coding the rows pays, and up to this share of pairs that have to be scored after all; where it is more,
/// some blocks are scored without a sieve before the next try.
inline constexpr std::size_t sieved_queries = 48;
inline constexpr std::size_t sieved_share = 8;
inline constexpr std::size_t blocks_of_rest = 4;
/// Rows whose mean is taken for the mean of all.
inline constexpr std::size_t sieve_sample = 256;

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

/// One thread's walk over blocks of rows with a sieve, where there is one.
template <class Metric, class Query, class Space, class Precision>
class sieved_scan {
 public:
  template <class Queries, class Matrix>
  sieved_scan(const Queries&, std::size_t, std::size_t, const Matrix&) noexcept {}
  template <class Best>
  [[nodiscard]] static constexpr bool ready(const Best*) noexcept { return false; }
  template <class Queries, class Best, class Push>
  static void scan(const Queries&, std::size_t, Best*, std::size_t, std::size_t, const Push&) noexcept {}
};

template <class Metric, class Query, class Space, class Precision>
  requires sievable<Metric, Query, Precision>
class sieved_scan<Metric, Query, Space, Precision> {
 public:
  using sieve = row_sieve<Metric, Query, Space, Precision>;
  using matrix = embedding_matrix<Space, Precision>;

  template <class Queries>
  sieved_scan(const Queries& queries, std::size_t first, std::size_t count, const matrix& rows) : rows_(rows), count_(count) {
    if (count >= sieved_queries && rows.rows() > sieve_sample && rows.rows() <= 0xFFFFFFFFu && sieve::available())
      sieve_.emplace(queries, first, count, rows, sieve_sample);
  }

  /// Every selection has a threshold, and the last blocks showed that it leaves most rows out.
  template <class Best>
  [[nodiscard]] bool ready(const Best* best) noexcept {
    if (!sieve_ || best[0].k() == 0) return false;
    if (rest_ > 0) return --rest_, false;
    for (std::size_t q = 0; q < count_; ++q)
      if (!best[q].full()) return false;
    return true;
  }

  /// push(selection, rows, scores) for what has to be scored of these rows.
  template <class Queries, class Best, class Push>
  void scan(const Queries& queries, std::size_t from, Best* best, std::size_t first, std::size_t count, const Push& push) {
    std::size_t scored = 0;
    for (std::size_t q = 0; q < count_; ++q) sieve_->set_threshold(q, best[q].threshold());
    for (std::size_t done = 0; done < count; done += sieve::panel_rows) {
      sieve_->look_at(rows_, first + done, std::min(sieve::panel_rows, count - done));
      for (std::size_t q = 0; q < count_; ++q) {
        std::uint32_t bits = sieve_->passed(q);
        if (bits == 0) continue;
        std::uint32_t at[sieve::panel_rows];
        float scores[sieve::panel_rows];
        std::size_t n = 0;
        for (; bits != 0; bits &= bits - 1)
          at[n++] = static_cast<std::uint32_t>(first + done) + static_cast<std::uint32_t>(std::countr_zero(bits));
        score_listed<Metric>(queries[from + q], rows_, std::span<const std::uint32_t>(at, n), scores);
        push(best[q], std::span<const std::uint32_t>(at, n), std::span<const float>(scores, n));
        scored += n;
      }
    }
    if (scored * sieved_share > count * count_) rest_ = blocks_of_rest;
  }

 private:
  const matrix& rows_;
  std::size_t count_;
  std::size_t rest_ = 0;
  std::optional<sieve> sieve_;
};

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
  const auto push_ids = [&](best_rows& best, std::span<const float> scores, std::span<const std::uint64_t> of) {
    if (options.filter) detail::push_filtered(best, scores, of, Metric::larger_is_nearer, options.filter);
    else best.push(scores, of);
  };
  const auto push = [&](best_rows& best, const float* scores, std::size_t first, std::size_t count) {
    push_ids(best, {scores, count}, ids.subspan(first, count));
  };
  for (std::size_t from = 0; from < query_count; from += together) {
    const std::size_t group = std::min(together, query_count - from);
    std::vector<best_rows> best;
    best.reserve(parts * group);
    for (std::size_t i = 0; i < parts * group; ++i) best.emplace_back(std::min(k, rows.rows()));
    const auto scan_part = [&](std::size_t part, const auto& scores_of) {
      for (std::size_t b = blocks * part / parts; b < blocks * (part + 1) / parts; ++b) {
        if (options.interrupted()) return;
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
          [[maybe_unused]] detail::sieved_scan<Metric, query_precision, Space, Precision> sieved(queries, from, group, rows);
          scan_part(part, [&](best_rows* mine, std::size_t first, std::size_t count) {
            if (sieved.ready(mine)) {
              sieved.scan(queries, from, mine, first, count, [&](best_rows& nearest, std::span<const std::uint32_t> at,
                                                                 std::span<const float> found_scores) {
                std::uint64_t listed[kernel::sieve_rows];
                for (std::size_t i = 0; i < at.size(); ++i) listed[i] = ids[at[i]];
                push_ids(nearest, found_scores, std::span<const std::uint64_t>(listed, at.size()));
              });
              return;
            }
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
    if (options.interrupted()) return fail(detail::interruption(options, rows.rows()));
    for (std::size_t q = 0; q < group; ++q) {
      for (std::size_t part = 1; part < parts; ++part) best[q].push(best[part * group + q]);
      found.push_back(best[q].take());
    }
  }
  return found;
}

}  // namespace tessera::inline TESSERA_ABI
