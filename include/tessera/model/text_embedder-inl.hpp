// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/text_embedder.hpp.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/io/quoted.hpp>
#include <tessera/model/graph_runner-inl.hpp>
#include <tessera/model/text_embedder.hpp>
#include <tessera/text/unicode.hpp>
#include <tessera/text/utf8.hpp>

#include <algorithm>
#include <atomic>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// What a thread keeps from call to call, the block and its memory among it.
struct embed_scratch : graph_scratch {
  /// One for each text or window.
  struct entry {
    std::size_t row;
    float share = 1.0f;  ///< of the row, for a window
    bool window = false;
    bool last = true;    ///< of its row
  };
  encoding tokens;
  std::string text;
  token_batch_builder texts;
  std::vector<entry> entries;  // of `texts`
};

/// Each character's lower case, without Python's context rules, which tokenizers' own lower-casing lacks too. Ill-formed text stays as
/// it is: the tokenizer says where it breaks.
inline void append_lower_case(std::string_view text, std::string& out) {
  if (find_invalid_utf8(text)) {
    out += text;
    return;
  }
  std::array<code_point, longest_lower_case> lower{};
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t count = lower_case(decode_utf8(text, at), lower);
    for (std::size_t j = 0; j < count; ++j) {
      char bytes[4];
      out.append(bytes, encode_utf8(lower[j], bytes));
    }
  }
}

/// One call of embed_texts: what its threads share.
class embed_call {
 public:
  /// Texts that a thread takes at once, at most: enough for some blocks.
  static constexpr std::size_t most_texts_a_task = 32;

  embed_call(const graph_runner& graph, const text_settings& settings, text_list texts, const embed_options& options, float* rows,
             std::size_t stride)
      : graph_(graph), settings_(settings), texts_(texts), options_(options), rows_(rows), stride_(stride) {}

  [[nodiscard]] result<> run() {
    if (!settings_.tokens)
      return fail({.code = error_code::invalid_argument,
                   .thing = "encode",
                   .wanted = "a model with a tokenizer",
                   .found = "one that was loaded for ready tokens only"});
    TESSERA_CHECK(check_limits());
    TESSERA_CHECK(choose());
    if (!settings_.pool_prompt && !prompt_.empty()) TESSERA_CHECK(count_prompt());
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

  /// Prompt and adapter.
  [[nodiscard]] result<> choose() {
    if (options_.task) {
      TESSERA_TRY(adapter_, settings_.task(*options_.task));
      prompt_ = settings_.tasks[adapter_].instruction;
      if (!options_.prompt) return {};
    }
    TESSERA_TRY(prompt_, settings_.prompt(options_.prompt));
    return {};
  }

  /// Tokens of the prompt that pooling leaves out: those before the end token, as sentence-transformers counts them.
  [[nodiscard]] result<> count_prompt() {
    TESSERA_TRY(const encoding alone, settings_.tokens->encode(prompt_));
    skipped_ = alone.ids.size();
    if (!alone.ids.empty() && settings_.tokens->end_id() == alone.ids.back()) --skipped_;
    return {};
  }

  [[nodiscard]] result<> embed_range(std::size_t begin, std::size_t end, thread_pool* helpers) {
    const scratch_lease<embed_scratch> lease;
    embed_scratch& scratch = *lease;
    scratch.memory.set_threads(helpers);
    scratch.texts.clear();
    scratch.entries.clear();
    result<> tokenised;
    for (std::size_t i = begin; i < end && tokenised; ++i) {
      tokenised = tokenise(scratch, i);
      if (tokenised) add_text(scratch, i);
      else tokenised = text_failure(i, std::move(tokenised).error());
    }
    // A text before one that has no tokens may fail too, and is the first.
    TESSERA_CHECK(run(scratch));
    TESSERA_CHECK(std::move(tokenised));
    const std::size_t done = done_.fetch_add(end - begin, std::memory_order_relaxed) + (end - begin);
    notify(options_.listener, {.kind = event_kind::progress, .what = "texts", .done = done, .total = texts_.count});
    return {};
  }

  /// Text i, with the prompt before it, into scratch.tokens.
  [[nodiscard]] result<> tokenise(embed_scratch& scratch, std::size_t i) {
    std::string_view text = texts_[i];
    if (text.empty() && texts_.pair(i).empty() && options_.empty == on_empty::refuse)
      return fail({.code = error_code::invalid_text, .wanted = "a text that is not empty", .found = "an empty one"});
    if (!prompt_.empty() || settings_.lower_case) {
      scratch.text.assign(settings_.lower_case ? std::string_view() : prompt_);
      if (settings_.lower_case) {
        append_lower_case(prompt_, scratch.text);
        append_lower_case(text, scratch.text);
      } else {
        scratch.text += text;
      }
      text = scratch.text;
    }
    encode_options how{.direction = settings_.tokens->truncation() ? settings_.tokens->truncation()->direction : text_side::right};
    if (options_.too_long != on_too_long::refuse) how.max_length = settings_.max_tokens;
    how.overflowing = options_.too_long == on_too_long::windows;
    const auto& tokenizer = *settings_.tokens;
    if (auto tokenised = texts_.pair_at == nullptr ? tokenizer.encode_into(text, how, scratch.tokens)
                                                   : tokenizer.encode_into(text, texts_.pair(i), how, scratch.tokens);
        !tokenised) {
      error failure = std::move(tokenised).error();
      if (failure.offset) failure.offset = *failure.offset - std::min<std::uint64_t>(*failure.offset, prompt_.size());
      return fail(std::move(failure));
    }
    encoding& tokens = scratch.tokens;
    if (tokens.size() > settings_.max_tokens)
      return fail({.code = error_code::too_long,
                   .wanted = "at most " + std::to_string(settings_.max_tokens) + " tokens",
                   .found = std::to_string(tokens.size())});
    return {};
  }

  /// Puts the text just tokenised, or its windows, behind the others.
  void add_text(embed_scratch& scratch, std::size_t i) const {
    const encoding& tokens = scratch.tokens;
    if (tokens.overflowing.empty()) return add_window(scratch, tokens, {.row = i});
    float total = content(tokens);
    for (const encoding& window : tokens.overflowing) total += content(window);
    add_window(scratch, tokens, {.row = i, .share = content(tokens) / total, .window = true, .last = false});
    for (std::size_t w = 0; w < tokens.overflowing.size(); ++w) {
      const encoding& window = tokens.overflowing[w];
      add_window(scratch, window,
                 {.row = i, .share = content(window) / total, .window = true, .last = w + 1 == tokens.overflowing.size()});
    }
  }

  /// Tokens that are not special ones.
  [[nodiscard]] static float content(const encoding& window) noexcept {
    return static_cast<float>(std::ranges::count(window.special_tokens_mask, std::uint8_t{0}));
  }

  void add_window(embed_scratch& scratch, const encoding& tokens, embed_scratch::entry entry) const {
    scratch.texts.add_text(tokens.ids, tokens.type_ids, std::min(skipped_, tokens.size()), adapter_);
    scratch.entries.push_back(entry);
  }

  /// Runs the texts and writes their rows.
  [[nodiscard]] result<> run(embed_scratch& scratch) const {
    const token_batch batch = scratch.texts.view();
    TESSERA_CHECK(check_tokens(graph_, batch));
    const auto take = [&](std::size_t text, const float* vector) { write(scratch.entries[text], vector); };
    const auto row_of = [&](std::size_t text) { return scratch.entries[text].row; };
    return run_blocks(graph_, batch, 0, batch.texts(), limits_, scratch, take, row_of);
  }

  void write(const embed_scratch::entry& entry, const float* vector) const {
    float* row = rows_ + entry.row * stride_;
    if (!entry.window) {
      std::copy_n(vector, graph_.dimension, row);
      return;
    }
    for (std::size_t j = 0; j < graph_.dimension; ++j) row[j] += entry.share * vector[j];  // rows begin at zero, windows come in order
    if (entry.last && graph_.unit_length) kernel::kernels().norm.l2_normalize_f32(row, row, graph_.dimension);
  }

  const graph_runner& graph_;
  const text_settings& settings_;
  text_list texts_;
  const embed_options& options_;
  float* rows_;
  std::size_t stride_;
  std::string_view prompt_;
  std::size_t skipped_ = 0;
  std::uint32_t adapter_ = no_adapter;
  block_limits limits_;
  std::atomic<std::size_t> done_{0};
  first_failure failure_;
};

}  // namespace detail

TESSERA_INLINE result<std::string_view> text_settings::prompt(std::optional<std::string_view> name) const {
  if (!name && default_prompt) name = *default_prompt;
  if (!name || name->empty()) return std::string_view();
  std::string known;
  for (const auto& [label, text] : prompts) {
    if (label == *name) return text;
    known += (known.empty() ? "" : ", ") + tessera::quoted(label);
  }
  return fail({.code = error_code::not_found,
               .thing = "prompt",
               .wanted = known.empty() ? "none (this model has no prompts)" : "one of " + known,
               .found = tessera::quoted(*name)});
}

TESSERA_INLINE result<std::uint32_t> text_settings::task(std::string_view name) const {
  std::string known;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].name == name) return static_cast<std::uint32_t>(i);
    known += (known.empty() ? "" : ", ") + tessera::quoted(tasks[i].name);
  }
  return fail({.code = error_code::not_found,
               .thing = "task",
               .wanted = known.empty() ? "none (this model has no tasks)" : "one of " + known,
               .found = tessera::quoted(name)});
}

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
