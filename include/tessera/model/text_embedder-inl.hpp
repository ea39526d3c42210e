// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/text_embedder.hpp.
#pragma once

#include <tessera/model/graph_runner-inl.hpp>
#include <tessera/model/text_embedder.hpp>
#include <tessera/model/text_reading.hpp>

#include <algorithm>
#include <atomic>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// What a thread keeps from call to call, the block and its memory among it.
struct embed_scratch : graph_scratch {
  read_scratch reading;
  token_batch_builder texts;
  std::vector<text_part> parts;  // of `texts`
};

/// One call of embed_texts: what its threads share.
class embed_call {
 public:
  /// Texts that a thread takes at once, at most: enough for some blocks.
  static constexpr std::size_t most_texts_a_task = 32;

  embed_call(const graph_runner& graph, const text_settings& settings, text_list texts, const embed_options& options, float* rows,
             std::size_t stride)
      : graph_(graph), settings_(settings), texts_(texts), options_(options), rows_(rows), stride_(stride) {}

  [[nodiscard]] result<> run() {
    TESSERA_CHECK(check_limits());
    TESSERA_TRY(reading_, text_reading::make(settings_, options_.reading()));
    TESSERA_TRY(beginning_, beginning_of(graph_, *reading_, options_.threads));
    const std::size_t threads = options_.threads == nullptr ? 1 : options_.threads->size();
    const std::size_t texts_a_task = std::clamp<std::size_t>((texts_.count + threads - 1) / threads, 1, most_texts_a_task);
    const std::size_t tasks = (texts_.count + texts_a_task - 1) / texts_a_task;
    const std::size_t workers = std::min(threads, std::max<std::size_t>(tasks, 1));
    limits_.stop = options_.stop;
    if (options_.memory_budget != embed_options::unlimited) limits_.workspace_bytes = options_.memory_budget / workers;
    for_each(options_.threads, tasks, [&](std::size_t task) {
      if (failure_.before(task)) return;
      // What is one task has all threads to itself.
      thread_pool* helpers = tasks > 1 ? nullptr : options_.threads;
      failure_.note(task, embed_range(task * texts_a_task, std::min(texts_.count, (task + 1) * texts_a_task), helpers));
    });
    return failure_.outcome();
  }

 private:
  [[nodiscard]] result<> check_limits() const {
    if (texts_.count > options_.max_texts)
      return fail({.code = error_code::too_long,
                   .thing = "batch",
                   .wanted = "at most " + std::to_string(options_.max_texts) + " texts",
                   .found = std::to_string(texts_.count)});
    if (options_.max_bytes == embed_options::unlimited) return {};
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < texts_.count; ++i) bytes += texts_[i].size() + texts_.pair(i).size();
    if (bytes <= options_.max_bytes) return {};
    return fail({.code = error_code::too_long,
                 .thing = "batch",
                 .wanted = "at most " + std::to_string(options_.max_bytes) + " bytes of text",
                 .found = std::to_string(bytes)});
  }

  [[nodiscard]] result<> embed_range(std::size_t begin, std::size_t end, thread_pool* helpers) {
    const scratch_lease<embed_scratch> lease;
    embed_scratch& scratch = *lease;
    scratch.memory.set_threads(helpers);
    scratch.texts.clear();
    scratch.parts.clear();
    result<> tokenised;
    for (std::size_t i = begin; i < end && tokenised; ++i) {
      tokenised = tokenise(scratch, i);
      if (tokenised) reading_->append(scratch.reading.tokens, i, scratch.texts, scratch.parts);
      else tokenised = text_failure(i, std::move(tokenised).error());
    }
    // A text before one that has no tokens may fail too, and is the first.
    TESSERA_CHECK(run(scratch));
    TESSERA_CHECK(std::move(tokenised));
    const std::size_t done = done_.fetch_add(end - begin, std::memory_order_relaxed) + (end - begin);
    notify(options_.listener, {.kind = event_kind::progress, .what = "texts", .done = done, .total = texts_.count});
    return {};
  }

  [[nodiscard]] result<> tokenise(embed_scratch& scratch, std::size_t i) const {
    const std::string_view pair = texts_.pair(i);
    return reading_->read(texts_[i], texts_.pair_at == nullptr ? nullptr : &pair, scratch.reading);
  }

  /// Runs the texts and writes their rows.
  [[nodiscard]] result<> run(embed_scratch& scratch) const {
    const token_batch batch = scratch.texts.view();
    TESSERA_CHECK(check_tokens(graph_, batch));
    const auto take = [&](std::size_t text, const float* vector) {
      const text_part& part = scratch.parts[text];
      write_part(graph_, part, vector, rows_ + part.row * stride_);
    };
    const auto row_of = [&](std::size_t text) { return scratch.parts[text].row; };
    return run_blocks(graph_, batch, 0, batch.texts(), limits_, scratch, beginning_, take, row_of);
  }

  const graph_runner& graph_;
  const text_settings& settings_;
  text_list texts_;
  const embed_options& options_;
  float* rows_;
  std::size_t stride_;
  std::optional<text_reading> reading_;
  const kept_beginning* beginning_ = nullptr;
  block_limits limits_;
  std::atomic<std::size_t> done_{0};
  first_failure failure_;
};

}  // namespace detail

TESSERA_INLINE result<> embed_texts(const graph_runner& graph, const text_settings& settings, text_list texts,
                                    const embed_options& options, float* rows, std::size_t stride) {
  if (options.slow_after.count() == 0 || !options.listener)
    return detail::embed_call(graph, settings, texts, options, rows, stride).run();
  const auto begin = std::chrono::steady_clock::now();
  auto outcome = detail::embed_call(graph, settings, texts, options, rows, stride).run();
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  if (took > options.slow_after)
    notify(options.listener, {.kind = event_kind::slow, .what = "encode", .done = static_cast<std::uint64_t>(took.count())});
  return outcome;
}

}  // namespace tessera::inline TESSERA_ABI
