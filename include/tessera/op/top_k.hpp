// SPDX-License-Identifier: Apache-2.0
/// The k nearest of any number of scored rows, kept while they stream by.
///
///     ts::top_k<ts::cosine::larger_is_nearer> best(10);
///     for (...) best.push(scores, first_row);        // a block of scores of consecutive rows
///     std::vector<ts::hit> hits = best.take();        // nearest first
///
/// The order is total, so the result depends neither on the order of the pushes nor on how they are cut into blocks: nearer
/// scores first, equal scores (also -0 and +0) by lower id, NaN behind every number, infinities included. A row that is not
/// among the k costs one comparison; one that is costs O(log k). Memory is that of min(k, rows) hits.
#pragma once

#include <tessera/dispatch.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// A row that was found: who it is, and its score under the metric of the search.
struct hit {
  std::uint64_t id = 0;
  float score = 0.0f;

  friend bool operator==(const hit&, const hit&) = default;
};

/// Whether a stands before b in a result: by score, then by id, NaN last.
template <bool LargerIsNearer, class Hit = hit>
[[nodiscard]] constexpr bool ranks_before(const Hit& a, const Hit& b) noexcept {
  if (a.score == b.score) return a.id < b.id;
  const bool a_is_nan = a.score != a.score;
  const bool b_is_nan = b.score != b.score;
  if (a_is_nan || b_is_nan) return a_is_nan == b_is_nan ? a.id < b.id : b_is_nan;
  return LargerIsNearer ? a.score > b.score : a.score < b.score;
}

template <bool LargerIsNearer>
class top_k {
 public:
  explicit top_k(std::size_t k) : k_(k) { heap_.reserve(std::min<std::size_t>(k, 1024)); }

  [[nodiscard]] std::size_t k() const noexcept { return k_; }
  [[nodiscard]] std::size_t size() const noexcept { return heap_.size(); }
  [[nodiscard]] bool full() const noexcept { return heap_.size() == k_; }

  /// The worst score that is still among the k; meaningful when full and k > 0. A row that scores worse need not be pushed.
  [[nodiscard]] float threshold() const noexcept { return heap_.front().score; }

  void push(std::uint64_t id, float score) { push(hit{id, score}); }

  void push(const hit& candidate) {
    if (!full()) {
      heap_.push_back(candidate);
      std::push_heap(heap_.begin(), heap_.end(), ranks_before<LargerIsNearer>);
    } else if (k_ > 0 && ranks_before<LargerIsNearer>(candidate, heap_.front())) {
      std::pop_heap(heap_.begin(), heap_.end(), ranks_before<LargerIsNearer>);
      heap_.back() = candidate;
      std::push_heap(heap_.begin(), heap_.end(), ranks_before<LargerIsNearer>);
    }
  }

  /// Scores of the rows first_id, first_id + 1, ...
  void push(std::span<const float> scores, std::uint64_t first_id) {
    push_block(scores, [first_id](std::size_t i) { return first_id + i; });
  }

  /// Scores of the rows ids[0], ids[1], ...; ids has at least as many elements as scores.
  void push(std::span<const float> scores, std::span<const std::uint64_t> ids) {
    TESSERA_ASSERT(ids.size() >= scores.size());
    push_block(scores, [ids](std::size_t i) { return ids[i]; });
  }

  /// Everything another selection holds, so that threads can each keep their own.
  void push(const top_k& other) {
    for (const hit& candidate : other.heap_) push(candidate);
  }

  /// The hits, nearest first; leaves the selection empty and ready for the next query.
  [[nodiscard]] std::vector<hit> take() {
    std::sort_heap(heap_.begin(), heap_.end(), ranks_before<LargerIsNearer>);
    return std::exchange(heap_, {});
  }

 private:
  template <class IdOf>
  void push_block(std::span<const float> scores, const IdOf& id_of) {
    if (k_ == 0) return;
    std::size_t i = 0;
    // Until k numbers are known, NaN may still be among the k and every row is looked at in full.
    while (i < scores.size() && !(full() && threshold() == threshold())) {
      push(hit{id_of(i), scores[i]});
      ++i;
    }
    if (i == scores.size()) return;
    // Not worse than the worst: an equal score may still win by its id. Never NaN.
    const auto& select = kernel::kernels().select;
    const auto next = LargerIsNearer ? select.first_at_least : select.first_at_most;
    while ((i += next(scores.data() + i, scores.size() - i, threshold())) < scores.size()) {
      push(hit{id_of(i), scores[i]});
      ++i;
    }
  }

  std::size_t k_;
  std::vector<hit> heap_;  // the worst of the k at the front
};

}  // namespace tessera::inline TESSERA_ABI
