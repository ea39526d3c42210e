// SPDX-License-Identifier: Apache-2.0
/// Remembers what texts were embedded to and what queries found, so that asking again costs a look-up.
///
///     ts::query_cache cache(notes, *encoder, {.embeddings = 10'000, .results = 10'000});
///     TESSERA_TRY(const auto hits, cache.search("edit audio", 10));        // encodes and searches the first time
///     cache.statistics().results.hits;
///
/// Texts lead to embeddings, embeddings to hits: texts that become one vector share what it found. The least recently used entries go
/// first. A result counts as long as `store.version()` is the one it was found at: any write makes all of them old. Embeddings do not
/// depend on the store and stay. From any number of threads at once; nothing is locked while a text is encoded or a store searched.
#pragma once

#include <tessera/base/result.hpp>
#include <tessera/io/bytes.hpp>
#include <tessera/op/top_k.hpp>

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct cache_counts {
  std::uint64_t hits = 0, misses = 0;
  std::size_t entries = 0;
  [[nodiscard]] double rate() const noexcept {
    return hits + misses == 0 ? 0.0 : static_cast<double>(hits) / static_cast<double>(hits + misses);
  }
};

namespace detail {

/// At most `most` values by text, the least recently used going first. Not locked.
template <class Value>
class recent_values {
 public:
  explicit recent_values(std::size_t most) : most_(most) {}
  [[nodiscard]] const Value* find(const std::string& key) {
    const auto at = by_key_.find(key);
    if (at == by_key_.end()) return nullptr;
    order_.splice(order_.begin(), order_, at->second);
    return &order_.front().second;
  }
  void keep(const std::string& key, const Value& value) {
    if (most_ == 0) return;
    if (const auto at = by_key_.find(key); at != by_key_.end()) {
      at->second->second = value;
      order_.splice(order_.begin(), order_, at->second);
      return;
    }
    if (order_.size() == most_) {
      by_key_.erase(order_.back().first);
      order_.pop_back();
    }
    order_.emplace_front(key, value);
    by_key_.emplace(order_.front().first, order_.begin());
  }
  [[nodiscard]] std::size_t size() const noexcept { return order_.size(); }
  void clear() noexcept {
    by_key_.clear();
    order_.clear();
  }

 private:
  std::size_t most_;
  std::list<std::pair<std::string, Value>> order_;
  std::unordered_map<std::string_view, typename decltype(order_)::iterator> by_key_;  // its keys are those of order_
};

}  // namespace detail

/// Entries at most; 0 remembers none.
struct query_cache_sizes {
  std::size_t embeddings = 4096, results = 4096;
};

/// Encoder: anything with encode(std::string_view) that gives a result of an embedding of the store's space, from many threads.
template <class Store, class Encoder>
class query_cache {
 public:
  using embedding_type = std::remove_cvref_t<decltype(*std::declval<const Encoder&>().encode(std::string_view()))>;
  static_assert(std::is_same_v<typename embedding_type::space, typename Store::space>,
                "tessera: this encoder makes embeddings of another space than the store's");
  struct counts {
    cache_counts embeddings, results;
  };

  /// Borrows both.
  query_cache(const Store& store, const Encoder& encoder, const query_cache_sizes& sizes = {})
      : store_(&store), encoder_(&encoder), embeddings_(sizes.embeddings), results_(sizes.results) {}

  /// Errors: the encoder's.
  [[nodiscard]] result<embedding_type> embed(std::string_view text) {
    const std::string key(text);
    {
      const std::lock_guard lock(mutex_);
      if (const embedding_type* known = embeddings_.find(key)) return ++counts_.embeddings.hits, *known;
      ++counts_.embeddings.misses;
    }
    TESSERA_TRY(const auto made, encoder_->encode(text));
    const std::lock_guard lock(mutex_);
    embeddings_.keep(key, made);
    return made;
  }
  /// The k nearest rows of a text. Errors: the encoder's, the store's.
  [[nodiscard]] result<std::vector<hit>> search(std::string_view text, std::size_t k) {
    TESSERA_TRY(const auto query, embed(text));
    return search(query, k);
  }
  /// The same for a query that is embedded already. Errors: the store's.
  [[nodiscard]] result<std::vector<hit>> search(const embedding_type& query, std::size_t k) {
    std::string key;
    append_le(key, std::uint64_t{k});
    append_le(key, query.made_by().value);
    append_all_le(key, query.values());
    // Read before the search: a write that comes meanwhile makes the result old.
    const std::uint64_t version = store_->version();
    {
      const std::lock_guard lock(mutex_);
      const found* known = results_.find(key);
      if (known != nullptr && known->version == version) return ++counts_.results.hits, known->hits;
      ++counts_.results.misses;
    }
    TESSERA_TRY(auto hits, store_->search(query, k));
    const std::lock_guard lock(mutex_);
    results_.keep(key, {version, hits});
    return hits;
  }

  [[nodiscard]] counts statistics() const {
    const std::lock_guard lock(mutex_);
    counts made = counts_;
    made.embeddings.entries = embeddings_.size(), made.results.entries = results_.size();
    return made;
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    embeddings_.clear(), results_.clear();
  }

 private:
  struct found {
    std::uint64_t version;
    std::vector<hit> hits;
  };

  const Store* store_;
  const Encoder* encoder_;
  mutable std::mutex mutex_;
  detail::recent_values<embedding_type> embeddings_;
  detail::recent_values<found> results_;
  counts counts_;
};

}  // namespace tessera::inline TESSERA_ABI
