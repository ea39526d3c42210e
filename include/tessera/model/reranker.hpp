// SPDX-License-Identifier: Apache-2.0
/// Rerankers (cross-encoders) as model types: a query and a text in, their relevance out.
///
///     auto judge = ts::load<ts::roberta_reranker<ts::roberta_shape{}>>("models/bge-reranker-base");
///     auto one = judge->score("edit audio", "a multi-track sound editor");          // expected<relevance, error>
///     auto best = judge->rank("edit audio", texts, {.least = 0.5f, .top = 10});     // best first, no NaN among them
///
/// Loaded once, immutable, shared by copies; const calls are safe from any number of threads. A score's bits do not depend on what
/// else is scored, or on threads.
#pragma once

#include <tessera/graph/graph.hpp>
#include <tessera/graph/stage/answers.hpp>
#include <tessera/graph/stage/norm.hpp>
#include <tessera/model/architecture.hpp>
#include <tessera/model/encoder_model.hpp>
#include <tessera/model/loader.hpp>
#include <tessera/model/rerank_text.hpp>
#include <tessera/model/text_embedder.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

namespace tessera::inline TESSERA_ABI {

/// How well a text answers a query.
struct relevance {
  float logit = 0.0f;  ///< unbounded; of answers, yes minus no
  float score = 0.0f;  ///< the probability 1 / (1 + exp(-logit)), in [0, 1]
};

/// A text of rank()'s list and its score.
struct ranked_text {
  std::size_t index;
  float score;
};

struct rank_options {
  float least = 0.0f;  ///< texts below this probability are left out; outside [0, 1] it is an error (invalid_argument)
  std::size_t top = std::numeric_limits<std::size_t>::max();
  embed_options scoring = {};
};

namespace detail {

[[nodiscard]] inline relevance relevance_of(const float* outputs, std::size_t count) noexcept {
  const float logit = count == 2 ? outputs[0] - outputs[1] : outputs[0];
  return {logit, static_cast<float>(1.0 / (1.0 + std::exp(-static_cast<double>(logit))))};
}

/// A list of stages, those of an encoder first, as a graph.
template <class Encoder, class... Head>
struct graph_of;
template <class... Stages, class... Head>
struct graph_of<stages<Stages...>, Head...> {
  using type = graph<Stages..., Head...>;
};

}  // namespace detail

/// Encoder is a family's list of stages; Head leads from token states to [texts, 1] (a logit) or [texts, 2] (those of yes and no).
template <class Family, auto Shape, class Weights, rerank_head Kind, class Encoder, class... Head>
class reranker {
 public:
  using graph = typename detail::graph_of<Encoder, Head...>::type;
  using weights = Weights;
  using input = text_pair;
  using answer = relevance;
  static constexpr bool asks_a_question = Kind.answers;  ///< a pair becomes one text
  static constexpr std::size_t outputs = graph::output::width;
  static_assert(outputs == 1 || outputs == 2, "tessera: a reranker ends in one logit a text, or in those of yes and no");
  static constexpr std::size_t parameter_count = graph::parameter_count;
  [[nodiscard]] static constexpr const auto& manifest() noexcept { return graph::manifest(); }
  [[nodiscard]] static std::size_t memory_bytes(table_storage tokens = table_storage::copied) noexcept {
    return graph::template memory_bytes<weights>(tokens);
  }

  [[nodiscard]] static model_description description() {
    model_description made;
    made.encoder = Family::facts(Shape);
    made.encoder.names = naming_of<Family>(Shape);
    made.encoder.family = Family::label;
    made.encoder.manifest.assign(manifest().begin(), manifest().end());
    made.rerank = Kind;
    made.dimension = 1;
    return made;
  }

  /// Reads a directory; `tessera::load<reranker>(directory)` is the same. Errors: see model/loader.hpp; not_found where the ids of the
  /// answers are neither in reranker.json nor in the tokenizer.
  [[nodiscard]] static result<reranker> load(std::string_view directory, const load_options& options = {}) {
    TESSERA_TRY(load_plan plan, plan_load(directory, description(), memory_bytes(options.token_table), options));
    auto made = std::make_shared<state>(std::move(plan.text));
    published_reader reader(plan.tensors, manifest().size(), options.listener, options.threads, options.token_table);
    if constexpr (Kind.answers) {
      TESSERA_TRY(answer_reader answers, answer_reader::of(reader, plan.tensors, directory, made->text.tokens));
      TESSERA_CHECK(graph::template load<weights>(made->loaded, answers));
    } else {
      TESSERA_CHECK(graph::template load<weights>(made->loaded, reader));
    }
    TESSERA_CHECK(plan.tensors.unchanged());
    if constexpr (Kind.answers) made->text.beginning = yes_no_beginning();
    made->made_by = reader.made_by();
    made->mapped_bytes = reader.mapped_bytes();
    return reranker(std::move(made));
  }

  /// Errors: as of model::encode; too_long where asked for.
  [[nodiscard]] result<relevance> score(std::string_view query, std::string_view text, const embed_options& options = {}) const {
    const text_pair pair{query, text};
    relevance made;
    TESSERA_CHECK(score_into(std::span(&pair, 1), options, std::span(&made, 1)));
    return made;
  }
  [[nodiscard]] result<std::vector<relevance>> scores(std::span<const text_pair> pairs, const embed_options& options = {}) const {
    std::vector<relevance> made(pairs.size());
    TESSERA_CHECK(score_into(pairs, options, made));
    return made;
  }
  /// From ready tokens of pairs.
  [[nodiscard]] result<std::vector<relevance>> scores(const token_batch& batch, thread_pool* threads = nullptr) const {
    TESSERA_TRY(const auto rows, logits(batch, threads));
    std::vector<relevance> made;
    for (std::size_t i = 0; i < batch.texts(); ++i) made.push_back(answer_of(rows.data() + i * outputs));
    return made;
  }
  /// The graph's outputs for ready tokens, [texts, outputs].
  [[nodiscard]] result<std::vector<float>> logits(const token_batch& batch, thread_pool* threads = nullptr) const {
    std::vector<float> rows(batch.texts() * outputs);
    TESSERA_CHECK(embed_tokens(runner(), batch, rows.data(), outputs, threads));
    return rows;
  }
  /// The texts whose probability is at least options.least, best first, at most options.top; equal ones in the order given. Errors:
  /// invalid_argument (least), and those of scores. A score that is no number is an error (not_finite) before anything is ranked.
  template <class Text>
  [[nodiscard]] result<std::vector<ranked_text>> rank(std::string_view query, const std::vector<Text>& texts,
                                                      const rank_options& options = {}) const {
    if (!(options.least >= 0.0f && options.least <= 1.0f))
      return fail({.code = error_code::invalid_argument,
                   .thing = "least",
                   .wanted = "a probability from 0 to 1",
                   .found = std::to_string(options.least)});
    std::vector<text_pair> pairs;
    for (const Text& text : texts) pairs.push_back({query, text});
    TESSERA_TRY(const auto found, scores(pairs, options.scoring));
    std::vector<ranked_text> ranked;
    for (std::size_t i = 0; i < found.size(); ++i)
      if (found[i].score >= options.least) ranked.push_back({i, found[i].score});
    std::ranges::sort(ranked, [](const ranked_text& a, const ranked_text& b) {
      return a.score != b.score ? a.score > b.score : a.index < b.index;
    });
    if (ranked.size() > options.top) ranked.resize(options.top);
    return ranked;
  }

  /// The last hidden state of ready tokens, [tokens, graph::token_width].
  [[nodiscard]] result<aligned_buffer<float>> hidden_states(const token_batch& batch) const {
    TESSERA_CHECK(check_tokens(runner(), batch));
    TESSERA_TRY(auto made, aligned_buffer<float>::make(batch.tokens() * graph::token_width));
    workspace memory;
    TESSERA_CHECK(memory.reserve(graph::workspace_bytes({.texts = batch.texts(), .tokens = batch.tokens()})));
    const activations last = graph::run_tokens(state_->loaded, batch, memory);
    std::copy_n(last.data, made.size(), made.data());
    return made;
  }
  /// For what runs many callers' pairs together (model/batching_engine.hpp).
  [[nodiscard]] graph_runner runner() const noexcept { return runner_of<graph>(state_->loaded, state_->beginnings, false); }
  [[nodiscard]] answer answer_of(const float* row) const noexcept { return detail::relevance_of(row, outputs); }
  [[nodiscard]] static std::string question(const text_pair& pair)
    requires(Kind.answers)
  {
    return yes_no_question(pair.query, pair.text);
  }
  [[nodiscard]] fingerprint made_by() const noexcept { return state_->made_by; }
  /// As of model.
  [[nodiscard]] std::size_t mapped_bytes() const noexcept { return state_->mapped_bytes; }
  [[nodiscard]] const std::optional<tokenizer>& text_tokenizer() const noexcept { return state_->text.tokens; }
  [[nodiscard]] const text_settings& settings() const noexcept { return state_->text; }

 private:
  struct state {
    explicit state(text_settings settings) : text(std::move(settings)) {}

    typename graph::template weights<weights> loaded{};
    text_settings text;
    fingerprint made_by{};
    std::size_t mapped_bytes = 0;
    mutable kept_beginnings beginnings;  // grows as prompts are first used
  };
  explicit reranker(std::shared_ptr<const state> loaded) noexcept : state_(std::move(loaded)) {}

  [[nodiscard]] result<> score_into(std::span<const text_pair> pairs, const embed_options& options, std::span<relevance> into) const {
    std::vector<float> rows(pairs.size() * outputs);
    if constexpr (asks_a_question) {
      std::vector<std::string> questions;
      for (const text_pair& pair : pairs) questions.push_back(question(pair));
      const text_list list{questions.data(), questions.size(),
                           [](const void* first, std::size_t i) noexcept -> std::string_view {
                             return static_cast<const std::string*>(first)[i];
                           }};
      TESSERA_CHECK(embed_texts(runner(), state_->text, list, options, rows.data(), outputs));
    } else {
      const text_list list{pairs.data(), pairs.size(),
                           [](const void* first, std::size_t i) noexcept { return static_cast<const text_pair*>(first)[i].query; },
                           [](const void* first, std::size_t i) noexcept { return static_cast<const text_pair*>(first)[i].text; }};
      TESSERA_CHECK(embed_texts(runner(), state_->text, list, options, rows.data(), outputs));
    }
    for (std::size_t i = 0; i < pairs.size(); ++i) into[i] = answer_of(rows.data() + i * outputs);
    return {};
  }

  std::shared_ptr<const state> state_;
};

}  // namespace tessera::inline TESSERA_ABI
