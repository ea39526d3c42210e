// SPDX-License-Identifier: Apache-2.0
/// What a graph runs on: token ids of several texts laid end to end, and the memory for what happens in between.
///
/// A batch is packed, never padded: the cost of a text is its own length. `workspace` is one aligned block handed out like a stack;
/// it grows to the largest need once and is reused, so a warm call allocates nothing.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/base/threads.hpp>
#include <tessera/graph/text_cache.hpp>

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// The adapter of a text that has none.
inline constexpr std::uint32_t no_adapter = std::numeric_limits<std::uint32_t>::max();

/// Token ids of packed texts; text i holds tokens offsets[i] .. offsets[i + 1]. All spans have one element a token.
struct token_batch {
  std::span<const std::uint32_t> ids;
  std::span<const std::uint32_t> positions;  ///< place of each token in its text
  std::span<const std::uint32_t> types;      ///< segment of each token (0, or 1 in the second text of a pair)
  std::span<const std::uint32_t> offsets;    ///< [texts + 1], begins with 0
  std::span<const std::uint32_t> skipped{};  ///< [texts] tokens at each text's beginning that are not pooled; empty: none
  std::span<const std::uint32_t> adapters{};  ///< [texts] number of each text's adapter, or no_adapter; empty: none has one

  [[nodiscard]] std::size_t tokens() const noexcept { return ids.size(); }
  [[nodiscard]] std::size_t texts() const noexcept { return offsets.empty() ? 0 : offsets.size() - 1; }
  /// Tokens of text i that pooling leaves out, at most all.
  [[nodiscard]] std::size_t left_out(std::size_t i) const noexcept {
    const std::size_t length = offsets[i + 1] - offsets[i];
    return skipped.empty() ? 0 : skipped[i] < length ? skipped[i] : length;
  }
  [[nodiscard]] std::uint32_t adapter_of(std::size_t i) const noexcept { return adapters.empty() ? no_adapter : adapters[i]; }
  [[nodiscard]] std::size_t longest() const noexcept {
    std::size_t most = 0;
    for (std::size_t i = 0; i < texts(); ++i) most = most < offsets[i + 1] - offsets[i] ? offsets[i + 1] - offsets[i] : most;
    return most;
  }
};

/// Owns what a token_batch views; filled text by text.
class token_batch_builder {
 public:
  void clear() noexcept {
    ids_.clear();
    positions_.clear();
    types_.clear();
    offsets_.assign(1, 0);
    skipped_.clear();
    adapters_.clear();
  }
  void add_token(std::uint32_t id, std::uint32_t position, std::uint32_t type) {
    ids_.push_back(id);
    positions_.push_back(position);
    types_.push_back(type);
  }
  void end_text(std::size_t skipped = 0, std::uint32_t adapter = no_adapter) {
    offsets_.push_back(static_cast<std::uint32_t>(ids_.size()));
    skipped_.push_back(static_cast<std::uint32_t>(skipped));
    adapters_.push_back(adapter);
  }
  /// A whole text: positions count from 0; the first `skipped` tokens are not pooled.
  template <class Ids, class Types>
  void add_text(const Ids& ids, const Types& types, std::size_t skipped = 0, std::uint32_t adapter = no_adapter) {
    for (std::size_t i = 0; i < ids.size(); ++i)
      add_token(static_cast<std::uint32_t>(ids[i]), static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(types[i]));
    end_text(skipped, adapter);
  }
  /// Text i of another batch, from its token `from` on.
  void copy_text(const token_batch& batch, std::size_t i, std::size_t from = 0) {
    for (std::size_t t = batch.offsets[i] + from; t < batch.offsets[i + 1]; ++t)
      add_token(batch.ids[t], batch.positions[t], batch.types[t]);
    const std::size_t skipped = batch.left_out(i);
    end_text(skipped < from ? 0 : skipped - from, batch.adapter_of(i));
  }
  [[nodiscard]] std::size_t tokens() const noexcept { return ids_.size(); }
  [[nodiscard]] std::size_t texts() const noexcept { return offsets_.size() - 1; }
  [[nodiscard]] token_batch view() const noexcept { return {ids_, positions_, types_, offsets_, skipped_, adapters_}; }

 private:
  std::vector<std::uint32_t> ids_;
  std::vector<std::uint32_t> positions_;
  std::vector<std::uint32_t> types_;
  std::vector<std::uint32_t> offsets_ = std::vector<std::uint32_t>(1, 0);
  std::vector<std::uint32_t> skipped_;
  std::vector<std::uint32_t> adapters_;
};

/// Scratch memory handed out in stack order, and the threads that a stage may share its work among. Each piece begins on a 64-byte
/// boundary.
class workspace {
 public:
  /// Null: a stage works on the thread that calls it.
  [[nodiscard]] thread_pool* threads() const noexcept { return threads_; }
  void set_threads(thread_pool* threads) noexcept { threads_ = threads; }
  /// The one text of the batch whose earlier tokens were read before; null: texts are whole.
  [[nodiscard]] text_cache* cache() const noexcept { return cache_; }
  void set_cache(text_cache* cache) noexcept { cache_ = cache; }
  /// What all texts of the batch begin with; of length 0 where texts are whole.
  [[nodiscard]] const shared_beginning& shared() const noexcept { return shared_; }
  void set_shared(const shared_beginning& shared) noexcept {
    shared_ = shared;
    shared_layer_ = 0;
  }
  /// For attention stages: its keys and values in the next layer, from the first on after `set_shared`.
  [[nodiscard]] const float* next_shared_layer() noexcept { return shared_.text->layer_data(shared_layer_++); }

  /// Makes room for `bytes` in all; keeps what it has where that suffices. Errors: out_of_memory.
  [[nodiscard]] result<> reserve(std::size_t bytes) {
    TESSERA_ASSERT(used_ == 0);
    if (bytes <= memory_.size()) return {};
    memory_ = {};  // give back before asking for more
    TESSERA_TRY(memory_, aligned_buffer<std::byte>::make(bytes));
    return {};
  }
  [[nodiscard]] std::size_t bytes() const noexcept { return memory_.size(); }

  /// `count` floats, uninitialised. The graph's workspace_bytes promised that they fit.
  [[nodiscard]] float* take(std::size_t count) noexcept {
    float* piece = reinterpret_cast<float*>(memory_.data() + used_);
    used_ += round_up(count * sizeof(float), vector_alignment);
    TESSERA_ASSERT(used_ <= memory_.size());
    return piece;
  }

  /// Gives back, at the end of its scope, everything taken since.
  class mark {
   public:
    explicit mark(workspace& owner) noexcept : owner_(owner), used_(owner.used_) {}
    ~mark() { owner_.used_ = used_; }
    mark(const mark&) = delete;
    mark& operator=(const mark&) = delete;

   private:
    workspace& owner_;
    std::size_t used_;
  };

  /// Bytes that `take(count)` uses: for the compile-time sums in the stages.
  [[nodiscard]] static constexpr std::size_t piece_bytes(std::size_t count) noexcept {
    return round_up(count * sizeof(float), vector_alignment);
  }

 private:
  aligned_buffer<std::byte> memory_;
  std::size_t used_ = 0;
  thread_pool* threads_ = nullptr;
  text_cache* cache_ = nullptr;
  shared_beginning shared_;
  std::size_t shared_layer_ = 0;
};

/// Rows that flow along an edge of a graph: `rows` rows of the edge's width, one after the other.
struct activations {
  float* data = nullptr;
  std::size_t rows = 0;
};

/// Sizes of a batch, for planning memory before there is one.
struct batch_size {
  std::size_t texts = 1;
  std::size_t tokens = 0;
  std::size_t threads = 1;  ///< that each stage shares its work among
  std::size_t cached = 0;   ///< tokens that were read before: of the one text, or that all texts begin with
};

}  // namespace tessera::inline TESSERA_ABI
