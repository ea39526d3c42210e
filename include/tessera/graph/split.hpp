// SPDX-License-Identifier: Apache-2.0
/// Shares the columns, heads or rows of one stage among the threads of a pool, for a text that is alone.
///
///     split(memory.threads(), columns, panel, rows * columns * depth, [&](std::size_t piece, std::size_t begin, std::size_t end) { ... });
///
/// Every element is computed as it would have been without threads, so bits do not depend on them.
#pragma once

#include <tessera/base/threads.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI {

/// Multiply-adds that a piece has at least: some ten microseconds, several times what waking a thread costs.
inline constexpr std::size_t piece_work = std::size_t{1} << 20u;

namespace detail {
[[nodiscard]] inline std::size_t pieces_of(const thread_pool* pool, std::size_t count, std::size_t grain, std::size_t work) noexcept {
  const std::size_t grains = (count + grain - 1) / grain;
  std::size_t pieces = pool == nullptr ? 1 : pool->size();
  if (pieces > work / piece_work) pieces = work / piece_work;
  return pieces > grains ? grains : pieces;
}
}  // namespace detail

/// Whether split() makes more than one piece.
[[nodiscard]] inline bool splits(const thread_pool* pool, std::size_t count, std::size_t grain, std::size_t work) noexcept {
  return detail::pieces_of(pool, count, grain, work) > 1;
}

/// part(piece, begin, end) for pieces that cover [0, count): borders are multiples of `grain`, there are at most as many as threads, and
/// each has about `work` / pieces >= piece_work multiply-adds.
template <class Part>
void split(thread_pool* pool, std::size_t count, std::size_t grain, std::size_t work, const Part& part) {
  const std::size_t grains = (count + grain - 1) / grain;
  const std::size_t pieces = detail::pieces_of(pool, count, grain, work);
  if (pool == nullptr || pieces <= 1) return part(std::size_t{0}, std::size_t{0}, count);
  pool->for_each(pieces, [&](std::size_t piece) {
    const std::size_t end = grains * (piece + 1) / pieces * grain;
    part(piece, grains * piece / pieces * grain, end < count ? end : count);
  });
}

/// part(begin, end) for the rows of a norm, which reads each of their elements a few times.
template <class Part>
void split_rows(thread_pool* pool, std::size_t rows, std::size_t width, const Part& part) {
  constexpr std::size_t work = 16;  // of one element, in multiply-adds
  split(pool, rows, 1, rows * width * work, [&](std::size_t, std::size_t begin, std::size_t end) { part(begin, end); });
}

}  // namespace tessera::inline TESSERA_ABI
