// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/graph_runner.hpp.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/model/graph_runner.hpp>

#include <algorithm>
#include <atomic>
#include <functional>
#include <limits>
#include <mutex>
#include <optional>
#include <ranges>
#include <stop_token>
#include <string>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// What a thread keeps from call to call.
struct graph_scratch {
  token_batch_builder block;
  workspace memory;
  bool busy = false;
};

/// The thread's Scratch, or one of its own where a callback encodes inside an encode.
template <class Scratch>
class scratch_lease {
 public:
  scratch_lease() : scratch_(&of_thread()) {
    if (scratch_->busy) scratch_ = &own_.emplace();
    scratch_->busy = true;
  }
  ~scratch_lease() { scratch_->busy = false; }
  scratch_lease(const scratch_lease&) = delete;
  scratch_lease& operator=(const scratch_lease&) = delete;
  [[nodiscard]] Scratch& operator*() const noexcept { return *scratch_; }
  [[nodiscard]] Scratch* operator->() const noexcept { return scratch_; }

 private:
  [[nodiscard]] static Scratch& of_thread() {
    thread_local Scratch scratch;
    return scratch;
  }

  std::optional<Scratch> own_;
  Scratch* scratch_;
};

/// The failure of one text, by its number.
[[nodiscard]] inline std::unexpected<error> text_failure(std::size_t number, error inner) {
  const error_code code = inner.code;
  return fail({.code = code, .thing = "text " + std::to_string(number), .causes = {std::move(inner)}});
}

/// Of several parts that may fail at once, the failure of the first.
class first_failure {
 public:
  void note(std::size_t part, result<> outcome) {
    if (outcome) return;
    const std::lock_guard lock(mutex_);
    if (part >= part_.load(std::memory_order_relaxed)) return;
    part_.store(part, std::memory_order_relaxed);
    failure_ = std::move(outcome).error();
  }
  /// Whether a part before this one has failed.
  [[nodiscard]] bool before(std::size_t part) const noexcept { return part > part_.load(std::memory_order_relaxed); }
  [[nodiscard]] result<> outcome() {
    if (failure_) return fail(std::move(*failure_));
    return {};
  }

 private:
  std::atomic<std::size_t> part_{std::numeric_limits<std::size_t>::max()};
  std::mutex mutex_;  // guards failure_
  std::optional<error> failure_;
};

[[nodiscard]] constexpr std::size_t block_count(std::size_t tokens) noexcept {
  return tokens <= block_tokens ? 1 : (tokens + block_tokens - 1) / block_tokens;
}

/// Cuts a range of texts into parts of nearly equal numbers of tokens: a text belongs where its middle lies.
class equal_parts {
 public:
  equal_parts(const token_batch& batch, std::size_t first, std::size_t last, std::size_t parts) noexcept
      : batch_(batch), first_(first), last_(last), parts_(parts), tokens_(batch.offsets[last] - batch.offsets[first]) {}

  [[nodiscard]] std::size_t part_of(std::size_t text) const noexcept {
    const std::size_t middle = (std::size_t{batch_.offsets[text]} + batch_.offsets[text + 1]) / 2 - batch_.offsets[first_];
    return tokens_ == 0 ? 0 : std::min(middle * parts_ / tokens_, parts_ - 1);
  }
  [[nodiscard]] std::size_t begin_of(std::size_t part) const noexcept {
    if (part == 0) return first_;
    const auto texts = std::views::iota(first_, last_);
    return first_ + static_cast<std::size_t>(
                        std::ranges::partition_point(texts, [&](std::size_t text) { return part_of(text) < part; }) - texts.begin());
  }

 private:
  const token_batch& batch_;
  std::size_t first_;
  std::size_t last_;
  std::size_t parts_;
  std::size_t tokens_;
};

struct block_limits {
  std::size_t workspace_bytes = std::numeric_limits<std::size_t>::max();
  std::stop_token stop = {};
};

/// How much of a beginning all texts [first, last) have, each with a token of its own behind it.
[[nodiscard]] inline shared_beginning shared_by(const token_batch& batch, std::size_t first, std::size_t last,
                                                const kept_beginning& kept) noexcept {
  std::size_t length = kept.ids.size();
  for (std::size_t i = first; i < last; ++i) {
    const auto text = batch.ids.subspan(batch.offsets[i], batch.offsets[i + 1] - batch.offsets[i]);
    length = std::min(length, text.empty() ? 0 : text.size() - 1);
    const auto begin = kept.ids.begin();
    length = static_cast<std::size_t>(std::mismatch(begin, begin + static_cast<std::ptrdiff_t>(length), text.begin()).first - begin);
  }
  return {&kept.states, length};
}

/// Runs texts [first, last) in blocks of whole texts, of nearly equal size, since a short last one would read all weights for little
/// work; take(text, vector) gets each vector, in order. number_of(text) is what errors call a text. Where all begin with `kept`, only what
/// is behind that is run: bits do not depend on it, as attention sums over its keys in their order wherever they come from.
template <class Take, class Number>
[[nodiscard]] result<> run_blocks(const graph_runner& graph, const token_batch& batch, std::size_t first, std::size_t last,
                                  const block_limits& limits, graph_scratch& scratch, const kept_beginning* kept, const Take& take,
                                  const Number& number_of) {
  auto& [block, memory, busy] = scratch;
  const std::size_t threads = memory.threads() == nullptr ? 1 : memory.threads()->size();
  const shared_beginning shared = kept == nullptr ? shared_beginning() : shared_by(batch, first, last, *kept);
  const auto need = [&](std::size_t texts, std::size_t tokens) {
    return graph.workspace_bytes({.texts = texts, .tokens = tokens, .threads = threads, .cached = shared.length});
  };
  const std::size_t own_tokens = batch.offsets[last] - batch.offsets[first] - (last - first) * shared.length;
  const equal_parts parts(batch, first, last, block_count(own_tokens));
  while (first < last) {
    if (limits.stop.stop_requested()) return fail({.code = error_code::stopped, .thing = "encode", .found = "a request to stop"});
    block.clear();
    std::size_t next = first;
    for (; next < last; ++next) {
      const std::size_t length = batch.offsets[next + 1] - batch.offsets[next] - shared.length;
      const std::size_t bytes = need(block.texts() + 1, block.tokens() + length);
      if (next > first && (parts.part_of(next) != parts.part_of(first) || bytes > limits.workspace_bytes)) break;
      if (bytes > limits.workspace_bytes)
        return text_failure(number_of(next), {.code = error_code::over_budget,
                                              .thing = "workspace of " + std::to_string(length) + " tokens",
                                              .wanted = "at most " + std::to_string(limits.workspace_bytes) + " bytes a thread",
                                              .found = std::to_string(bytes)});
      block.copy_text(batch, next, shared.length);
    }
    TESSERA_CHECK(memory.reserve(need(block.texts(), block.tokens())));
    const workspace::mark scope(memory);
    memory.set_shared(shared);
    const float* vectors = graph.run(graph.weights, block.view(), memory);
    memory.set_shared({});
    for (; first < next; ++first, vectors += graph.dimension) {
      if (!kernel::kernels().quantize.all_finite(vectors, graph.dimension))
        return text_failure(
            number_of(first), {.code = error_code::not_finite, .thing = "embedding", .wanted = "numbers", .found = "NaN or infinity"});
      take(first, vectors);
    }
  }
  return {};
}

}  // namespace detail

TESSERA_INLINE result<> check_tokens(const graph_runner& graph, const token_batch& batch) {
  const auto refuse = [](std::string thing, std::string wanted, std::string found) {
    return fail({.code = error_code::invalid_argument, .thing = std::move(thing), .wanted = std::move(wanted), .found = std::move(found)});
  };
  if (batch.positions.size() != batch.ids.size() || batch.types.size() != batch.ids.size())
    return refuse("token batch", "one position and one type a token",
                  std::to_string(batch.ids.size()) + " ids, " + std::to_string(batch.positions.size()) + " positions, " +
                      std::to_string(batch.types.size()) + " types");
  if (batch.offsets.empty() || batch.offsets.front() != 0 || batch.offsets.back() != batch.ids.size() ||
      !std::ranges::is_sorted(batch.offsets))
    return refuse("offsets of a token batch", "0, then ascending, to " + std::to_string(batch.ids.size()), "others");
  if (!batch.skipped.empty() && batch.skipped.size() != batch.texts())
    return refuse("skipped tokens of a token batch", "one number a text or none", std::to_string(batch.skipped.size()));
  const auto below = [&](std::string_view thing, std::span<const std::uint32_t> values, std::size_t limit) -> result<> {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i] >= limit)
        return refuse(std::string(thing) + " of token " + std::to_string(i), "below " + std::to_string(limit), std::to_string(values[i]));
    return {};
  };
  if (!batch.adapters.empty() && batch.adapters.size() != batch.texts())
    return refuse("adapters of a token batch", "one number a text or none", std::to_string(batch.adapters.size()));
  for (std::size_t i = 0; i < batch.adapters.size(); ++i)
    if (batch.adapters[i] != no_adapter && batch.adapters[i] >= graph.adapters)
      return refuse("adapter of text " + std::to_string(i),
                    graph.adapters == 0 ? "none (this model has no adapters)" : "below " + std::to_string(graph.adapters),
                    std::to_string(batch.adapters[i]));
  TESSERA_CHECK(below("id", batch.ids, graph.vocabulary));
  if (graph.positions != 0) TESSERA_CHECK(below("position", batch.positions, graph.positions));
  if (graph.types != 0) TESSERA_CHECK(below("type", batch.types, graph.types));
  return {};
}

TESSERA_INLINE result<> embed_tokens(const graph_runner& graph, const token_batch& batch, float* rows, std::size_t stride,
                                     thread_pool* threads) {
  TESSERA_CHECK(check_tokens(graph, batch));
  const std::size_t parts = std::min(threads == nullptr ? 1 : threads->size(), detail::block_count(batch.tokens()));
  detail::first_failure failure;
  for_each(threads, parts, [&](std::size_t part) {
    const detail::scratch_lease<detail::graph_scratch> lease;
    (*lease).memory.set_threads(parts > 1 ? nullptr : threads);
    const detail::equal_parts texts(batch, 0, batch.texts(), parts);
    const auto take = [&](std::size_t text, const float* vector) { std::copy_n(vector, graph.dimension, rows + text * stride); };
    const std::size_t end = texts.begin_of(part + 1);
    failure.note(part, detail::run_blocks(graph, batch, texts.begin_of(part), end, {}, *lease, nullptr, take, std::identity()));
  });
  return failure.outcome();
}

}  // namespace tessera::inline TESSERA_ABI
