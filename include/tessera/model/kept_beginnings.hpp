// SPDX-License-Identifier: Apache-2.0
/// Beginnings of texts that a loaded model has read: the tokens of a prompt with their keys and values, kept with the model.
///
/// Only models whose tokens do not look ahead and whose vector is the last token's can share a beginning. What is kept is immutable, found
/// without a lock, and given back with the model; there is one for each prompt of the model's configuration that was used.
#pragma once

#include <tessera/graph/text_cache.hpp>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// The beginning of a text, read.
struct kept_beginning {
  std::string text;
  std::vector<std::uint32_t> ids;  ///< without the special tokens that would end it
  text_cache states;               ///< of these
};

class kept_beginnings {
 public:
  kept_beginnings() = default;
  kept_beginnings(const kept_beginnings&) = delete;
  kept_beginnings& operator=(const kept_beginnings&) = delete;
  ~kept_beginnings() {
    for (node* last = first_.load(std::memory_order_relaxed); last != nullptr;) {
      const std::unique_ptr<node> mine(last);
      last = mine->next;
    }
  }

  /// Null where it was not read yet.
  [[nodiscard]] const kept_beginning* find(std::string_view text) const noexcept {
    return find(text, first_.load(std::memory_order_acquire));
  }
  /// Keeps what was read, or finds that another thread has been faster.
  const kept_beginning* keep(kept_beginning read) {
    auto mine = std::make_unique<node>(std::move(read), first_.load(std::memory_order_acquire));
    do {
      if (const kept_beginning* other = find(mine->kept.text, mine->next)) return other;
    } while (!first_.compare_exchange_weak(mine->next, mine.get(), std::memory_order_acq_rel, std::memory_order_acquire));
    return &mine.release()->kept;
  }

 private:
  struct node {
    node(kept_beginning read, node* rest) noexcept : kept(std::move(read)), next(rest) {}
    kept_beginning kept;
    node* next;
  };
  [[nodiscard]] static const kept_beginning* find(std::string_view text, const node* from) noexcept {
    for (; from != nullptr; from = from->next)
      if (from->kept.text == text) return &from->kept;
    return nullptr;
  }

  std::atomic<node*> first_{nullptr};
};

}  // namespace tessera::inline TESSERA_ABI
