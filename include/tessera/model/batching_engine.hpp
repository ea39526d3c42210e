// SPDX-License-Identifier: Apache-2.0
/// Runs the texts of many callers together: a bounded queue, batches by number of tokens, results by return, future or callback.
///
///     TESSERA_TRY(auto engine, ts::batching_engine<ts::minilm_l6<>>::start(*encoder, {.workers = 2}));
///     auto vector = engine.encode(text);                             // from any thread; waits for its own text only
///     auto later = engine.submit(text);                              // expected<std::future<expected<embedding, error>>, error>
///     auto taken = engine.submit(text, [](auto vector) { reply(std::move(vector)); });
///
/// A text is read (tokenised) by the thread that brings it, so what is wrong with it is said at once and never enters the queue. A full
/// queue is an error (overloaded), and nothing is dropped that was taken. Workers take what waits, in its order, up to `batch_tokens`;
/// a text that fails in a batch fails alone. Vectors have the bits that `encode` of the model gives.
///
/// A reranker's engine takes pairs: `engine.score(query, text)`, `engine.submit(ts::text_pair{query, text})`.
#pragma once

#include <tessera/model/embed_options.hpp>
#include <tessera/model/graph_runner.hpp>
#include <tessera/model/text_embedder.hpp>

#include <chrono>
#include <concepts>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace tessera::inline TESSERA_ABI {

struct batching_options {
  std::size_t workers = 1;                    ///< threads that run batches; 0: one for each processor
  std::size_t batch_tokens = block_tokens;    ///< a batch takes texts up to this many tokens; a longer text is a batch alone
  std::size_t waiting_texts = 1024;           ///< that may wait; one more is an error (overloaded)
  std::size_t waiting_tokens = 256 * 1024;    ///< that may wait, whatever the number of texts; an empty queue takes any text
  std::chrono::microseconds gather{0};        ///< how long a text may wait for others to fill its batch; 0: it never waits for them
};

/// What a caller may ask of one text: see embed_options.
struct request_options {
  on_empty empty = on_empty::embed;
  on_too_long too_long = on_too_long::truncate;
  std::optional<std::string_view> prompt = {};
  std::optional<std::string_view> task = {};
  std::stop_token stop = {};  ///< asked when the text's turn comes; then it fails (stopped)

  [[nodiscard]] reading_options reading() const noexcept {
    return {.empty = empty, .too_long = too_long, .prompt = prompt, .task = task};
  }
};

/// What an engine has done so far.
struct batching_counts {
  std::size_t waiting_texts = 0;   ///< now
  std::size_t waiting_tokens = 0;  ///< now
  std::uint64_t taken = 0;         ///< texts that entered the queue
  std::uint64_t refused = 0;       ///< texts that met a full queue
  std::uint64_t batches = 0;
  std::uint64_t tokens = 0;        ///< of those batches
};

namespace detail {

/// What is called, once, when a text has been run or has failed.
struct completion {
  void* object = nullptr;
  void (*call)(void* object, result<> outcome) = nullptr;
};

/// The engine of any graph, compiled once.
class batching_core {
 public:
  [[nodiscard]] static result<std::unique_ptr<batching_core>> start(const graph_runner& graph, const text_settings& settings,
                                                                    const batching_options& options);
  virtual ~batching_core() = default;  ///< as stop()
  batching_core(const batching_core&) = delete;
  batching_core& operator=(const batching_core&) = delete;

  /// `row` gets graph.dimension values before `done` is called, from a worker. After an error it is never called.
  [[nodiscard]] virtual result<> submit(std::string_view text, const std::string_view* pair, const request_options& options, float* row,
                                        completion done) = 0;
  /// The same, waiting.
  [[nodiscard]] result<> run(std::string_view text, const std::string_view* pair, const request_options& options, float* row);
  virtual void stop() = 0;
  [[nodiscard]] virtual batching_counts counts() const = 0;

 protected:
  batching_core() = default;
};

}  // namespace detail

/// Model is a model type or a reranker type; the engine shares the loaded weights.
template <class Model>
class batching_engine {
 public:
  using input = typename Model::input;    ///< std::string_view, or text_pair
  using answer = typename Model::answer;  ///< the model's embedding, or relevance

  /// Starts the workers. Errors: invalid_argument (no tokenizer; a limit of 0), io (a thread that cannot be started).
  [[nodiscard]] static result<batching_engine> start(Model model, const batching_options& options = {}) {
    TESSERA_TRY(auto core, detail::batching_core::start(model.runner(), model.settings(), options));
    return batching_engine(std::move(model), std::move(core));
  }

  /// The vector of a text, when its batch has run. Not from inside a callback. Errors: those of the model's encode; overloaded,
  /// stopped.
  [[nodiscard]] result<answer> encode(std::string_view text, const request_options& options = {}) const
    requires std::same_as<input, std::string_view>
  {
    return run(text, options);
  }
  /// The relevance of a text to a query. Errors: the same.
  [[nodiscard]] result<answer> score(std::string_view query, std::string_view text, const request_options& options = {}) const
    requires std::same_as<input, text_pair>
  {
    return run(text_pair{query, text}, options);
  }

  /// The answer as a future. Errors: overloaded, stopped, and what is wrong with the text.
  [[nodiscard]] result<std::future<result<answer>>> submit(const input& what, const request_options& options = {}) const {
    std::promise<result<answer>> promise;
    auto future = promise.get_future();
    TESSERA_CHECK(submit(
        what, [promise = std::move(promise)](result<answer> made) mutable { promise.set_value(std::move(made)); }, options));
    return future;
  }
  /// The answer to a callback, done(result<answer>), on a worker's thread: it must not throw and should not take long; it may submit.
  /// Errors: the same; then the callback is not called.
  template <class Done>
    requires std::invocable<Done&, result<typename Model::answer>>
  [[nodiscard]] result<> submit(const input& what, Done done, const request_options& options = {}) const {
    struct pending {
      Model model;
      Done done;
      float row[Model::graph::output::width];
    };
    auto waiting = std::make_unique<pending>(pending{model_, std::move(done), {}});
    const detail::completion complete{waiting.get(), [](void* object, result<> outcome) {
                                        const std::unique_ptr<pending> mine(static_cast<pending*>(object));
                                        if (outcome) mine->done(result<answer>(mine->model.answer_of(mine->row)));
                                        else mine->done(result<answer>(std::unexpected(std::move(outcome).error())));
                                      }};
    TESSERA_CHECK(read_as_text(what, [&](std::string_view text, const std::string_view* pair) {
      return core_->submit(text, pair, options, waiting->row, complete);
    }));
    static_cast<void>(waiting.release());  // its completion owns it
    return {};
  }

  /// Takes no further texts, runs those that wait, and ends the workers; then submit fails (stopped). The destructor does the same.
  void stop() { core_->stop(); }
  [[nodiscard]] batching_counts counts() const { return core_->counts(); }
  [[nodiscard]] const Model& model() const noexcept { return model_; }

 private:
  batching_engine(Model model, std::unique_ptr<detail::batching_core> core) noexcept : model_(std::move(model)), core_(std::move(core)) {}

  template <class Call>
  [[nodiscard]] static result<> read_as_text(const input& what, const Call& call) {
    if constexpr (std::same_as<input, std::string_view>) {
      return call(what, nullptr);
    } else if constexpr (Model::asks_a_question) {
      return call(Model::question(what), nullptr);
    } else {
      return call(what.query, &what.text);
    }
  }
  [[nodiscard]] result<answer> run(const input& what, const request_options& options) const {
    float row[Model::graph::output::width];
    TESSERA_CHECK(read_as_text(
        what, [&](std::string_view text, const std::string_view* pair) { return core_->run(text, pair, options, row); }));
    return model_.answer_of(row);
  }

  Model model_;
  std::unique_ptr<detail::batching_core> core_;  // ends before the model it runs
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/batching_engine-inl.hpp>
#endif
