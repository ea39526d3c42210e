// SPDX-License-Identifier: Apache-2.0
/// How the texts of one call become tokens: the prompt before them, their case, their limit, the adapter of their task.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/model/embed_options.hpp>
#include <tessera/model/graph_runner.hpp>
#include <tessera/model/text_settings.hpp>
#include <tessera/text/unicode.hpp>
#include <tessera/text/utf8.hpp>

#include <algorithm>
#include <array>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// What reading a text needs, kept from text to text.
struct read_scratch {
  encoding tokens;
  std::string text;
};

/// One text, or one window of it, in a batch.
struct text_part {
  std::size_t row;     ///< the text's number
  float share = 1.0f;  ///< of the row, for a window
  bool window = false;
  bool last = true;    ///< of its row
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

/// Reads texts as one set of options says. Holds views of the settings and of nothing else.
class text_reading {
 public:
  /// Errors: invalid_argument (no tokenizer), not_found (prompt, task).
  [[nodiscard]] static result<text_reading> make(const text_settings& settings, const reading_options& options) {
    if (!settings.tokens)
      return fail({.code = error_code::invalid_argument,
                   .thing = "encode",
                   .wanted = "a model with a tokenizer",
                   .found = "one that was loaded for ready tokens only"});
    text_reading made(settings, options);
    TESSERA_CHECK(made.choose(options));
    made.skipped_ = settings.left_out_by(made.prompt_);
    return made;
  }

  /// A text, or a pair of texts, with the prompt before it, into scratch.tokens. Errors: invalid_text, too_long.
  [[nodiscard]] result<> read(std::string_view text, const std::string_view* pair, read_scratch& scratch) const {
    if (text.empty() && (pair == nullptr || pair->empty()) && empty_ == on_empty::refuse)
      return fail({.code = error_code::invalid_text, .wanted = "a text that is not empty", .found = "an empty one"});
    if (!prompt_.empty() || settings_->lower_case) {
      scratch.text.clear();
      if (settings_->lower_case) {
        append_lower_case(prompt_, scratch.text);
        append_lower_case(text, scratch.text);
      } else {
        scratch.text += prompt_;
        scratch.text += text;
      }
      text = scratch.text;
    }
    const auto& tokenizer = *settings_->tokens;
    encode_options how{.add_special_tokens = settings_->special_tokens,
                       .direction = tokenizer.truncation() ? tokenizer.truncation()->direction : text_side::right};
    if (too_long_ != on_too_long::refuse) how.max_length = settings_->max_tokens;
    how.overflowing = too_long_ == on_too_long::windows;
    if (auto tokenised = pair == nullptr ? tokenizer.encode_into(text, how, scratch.tokens)
                                         : tokenizer.encode_into(text, *pair, how, scratch.tokens);
        !tokenised) {
      error failure = std::move(tokenised).error();
      if (failure.offset) failure.offset = *failure.offset - std::min<std::uint64_t>(*failure.offset, prompt_.size());
      return fail(std::move(failure));
    }
    if (settings_->left_out) {
      std::erase(scratch.tokens.ids, *settings_->left_out);
      scratch.tokens.type_ids.resize(scratch.tokens.ids.size());
    }
    if (scratch.tokens.size() > settings_->max_tokens)
      return fail({.code = error_code::too_long,
                   .wanted = "at most " + std::to_string(settings_->max_tokens) + " tokens",
                   .found = std::to_string(scratch.tokens.size())});
    return {};
  }

  /// What every text begins with: its key among the beginnings that a model keeps.
  [[nodiscard]] std::string_view beginning(std::string& memory) const {
    if (settings_->beginning.empty()) return prompt_;
    if (prompt_.empty()) return settings_->beginning;
    memory = prompt_;
    return memory += settings_->beginning;
  }
  /// Its tokens into scratch.tokens, without the special ones that would end it.
  [[nodiscard]] result<> read_beginning(read_scratch& scratch) const {
    std::string memory;
    const std::string_view text = beginning(memory);
    scratch.text.clear();
    if (settings_->lower_case) append_lower_case(text, scratch.text);
    else scratch.text += text;
    TESSERA_CHECK(settings_->tokens->encode_into(scratch.text, {.add_special_tokens = settings_->special_tokens}, scratch.tokens));
    auto& ids = scratch.tokens.ids;
    const auto& special = scratch.tokens.special_tokens_mask;
    while (!ids.empty() && special[ids.size() - 1] != 0) ids.pop_back();
    ids.resize(std::min(ids.size(), settings_->max_tokens));
    return {};
  }

  /// Puts the text just read, or its windows, behind the others.
  void append(const encoding& tokens, std::size_t row, token_batch_builder& texts, std::vector<text_part>& parts) const {
    if (tokens.overflowing.empty()) return append_window(tokens, {.row = row}, texts, parts);
    float total = content(tokens);
    for (const encoding& window : tokens.overflowing) total += content(window);
    append_window(tokens, {.row = row, .share = content(tokens) / total, .window = true, .last = false}, texts, parts);
    for (std::size_t w = 0; w < tokens.overflowing.size(); ++w) {
      const encoding& window = tokens.overflowing[w];
      const bool last = w + 1 == tokens.overflowing.size();
      append_window(window, {.row = row, .share = content(window) / total, .window = true, .last = last}, texts, parts);
    }
  }

 private:
  text_reading(const text_settings& settings, const reading_options& options) noexcept
      : settings_(&settings), empty_(options.empty), too_long_(options.too_long) {}

  /// Prompt and adapter.
  [[nodiscard]] result<> choose(const reading_options& options) {
    if (options.task) {
      TESSERA_TRY(adapter_, settings_->task(*options.task));
      prompt_ = settings_->tasks[adapter_].instruction;
      if (!options.prompt) return {};
    }
    TESSERA_TRY(prompt_, settings_->prompt(options.prompt));
    return {};
  }

  /// Tokens that are not special ones.
  [[nodiscard]] static float content(const encoding& window) noexcept {
    return static_cast<float>(std::ranges::count(window.special_tokens_mask, std::uint8_t{0}));
  }

  void append_window(const encoding& tokens, text_part part, token_batch_builder& texts, std::vector<text_part>& parts) const {
    texts.add_text(tokens.ids, tokens.type_ids, std::min(skipped_, tokens.size()), adapter_);
    parts.push_back(part);
  }

  const text_settings* settings_;
  on_empty empty_;
  on_too_long too_long_;
  std::string_view prompt_;
  std::size_t skipped_ = 0;
  std::uint32_t adapter_ = no_adapter;
};

/// The beginning that the texts of a reading share, read now where it was not before; null where the graph cannot share one or there is
/// none. Errors: those of the tokenizer, out_of_memory.
[[nodiscard]] inline result<const kept_beginning*> beginning_of(const graph_runner& graph, const text_reading& reading,
                                                                thread_pool* threads) {
  std::string memory;
  if (graph.beginnings == nullptr) return nullptr;
  const std::string_view text = reading.beginning(memory);
  if (text.empty()) return nullptr;
  if (const kept_beginning* known = graph.beginnings->find(text)) return known;
  read_scratch scratch;
  TESSERA_CHECK(reading.read_beginning(scratch));
  const auto& ids = scratch.tokens.ids;
  TESSERA_TRY(text_cache states, text_cache::make(graph.attentions(), std::max<std::size_t>(ids.size(), 1)));
  kept_beginning made{std::string(text), {ids.begin(), ids.end()}, std::move(states)};
  if (!ids.empty()) {
    token_batch_builder batch;
    batch.add_text(ids, scratch.tokens.type_ids);
    TESSERA_CHECK(check_tokens(graph, batch.view()));
    workspace room;
    room.set_threads(threads);
    TESSERA_CHECK(room.reserve(
        graph.workspace_bytes({.texts = 1, .tokens = ids.size(), .threads = threads == nullptr ? 1 : threads->size()})));
    made.states.begin();
    room.set_cache(&made.states);
    static_cast<void>(graph.run(graph.weights, batch.view(), room));
    made.states.grow(ids.size());
  }
  return graph.beginnings->keep(std::move(made));
}

/// Adds a part's vector to the row of its text. A row of windows begins at zero, and its windows come in order.
inline void write_part(const graph_runner& graph, const text_part& part, const float* vector, float* row) noexcept {
  if (!part.window) {
    std::copy_n(vector, graph.dimension, row);
    return;
  }
  for (std::size_t j = 0; j < graph.dimension; ++j) row[j] += part.share * vector[j];
  if (part.last && graph.unit_length) kernel::kernels().norm.l2_normalize_f32(row, row, graph.dimension);
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
