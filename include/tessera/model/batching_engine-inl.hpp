// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/batching_engine.hpp.
#pragma once

#include <tessera/model/batching_engine.hpp>
#include <tessera/model/graph_runner-inl.hpp>
#include <tessera/model/text_reading.hpp>

#include <cerrno>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// One text on its way. Kept and used again, so that a warm engine allocates nothing.
struct batching_request {
  token_batch_builder texts;  // the text, or its windows
  const kept_beginning* beginning = nullptr;
  std::vector<text_part> parts;
  std::stop_token stop;
  float* row = nullptr;
  completion done;
  std::chrono::steady_clock::time_point since;
};

class batching_workers final : public batching_core {
 public:
  batching_workers(const graph_runner& graph, const text_settings& settings, const batching_options& options)
      : graph_(graph), settings_(settings), options_(options), queue_(options.waiting_texts) {}
  ~batching_workers() override { stop(); }

  [[nodiscard]] result<> begin() {
    const std::size_t count = options_.workers != 0 ? options_.workers : std::max(1u, std::thread::hardware_concurrency());
    threads_.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
#if defined(__cpp_exceptions)
      try {
        threads_.emplace_back([this] { work(); });
      } catch (const std::system_error& refused) {
        stop();
        return fail({.code = error_code::io,
                     .thing = "worker " + std::to_string(i + 1) + " of " + std::to_string(count),
                     .wanted = "a thread",
                     .system = refused.code().value()});
      }
#else
      threads_.emplace_back([this] { work(); });
#endif
    }
    return {};
  }

  [[nodiscard]] result<> submit(std::string_view text, const std::string_view* pair, const request_options& options, float* row,
                                completion done) override {
    const scratch_lease<caller_scratch> lease;
    read_scratch& read = lease->reading;
    TESSERA_TRY(const text_reading reading, text_reading::make(settings_, options.reading()));
    TESSERA_TRY(const kept_beginning* const beginning, beginning_of(graph_, reading, nullptr));
    TESSERA_CHECK(reading.read(text, pair, read));
    std::size_t tokens = read.tokens.size();
    for (const encoding& window : read.tokens.overflowing) tokens += window.size();

    TESSERA_TRY(std::unique_ptr<batching_request> request, admit(tokens));
    request->texts.clear();
    request->parts.clear();
    reading.append(read.tokens, 0, request->texts, request->parts);
    request->beginning = beginning;
    request->stop = options.stop;
    request->row = row;
    request->done = done;
    request->since = std::chrono::steady_clock::now();
    if (auto fits = check_tokens(graph_, request->texts.view()); !fits) {
      withdraw(std::move(request), tokens);
      return fits;
    }
    {
      const std::scoped_lock lock(mutex_);
      queue_[(first_ + length_++) % queue_.size()] = std::move(request);
    }
    wake_.notify_one();
    return {};
  }

  void stop() override {
    {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    const std::scoped_lock lock(joining_);
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

  [[nodiscard]] batching_counts counts() const override {
    const std::scoped_lock lock(mutex_);
    batching_counts now = counts_;
    now.waiting_texts = admitted_;
    now.waiting_tokens = admitted_tokens_;
    return now;
  }

 private:
  /// What a calling thread keeps.
  struct caller_scratch {
    read_scratch reading;
    bool busy = false;
  };
  struct worker_scratch : graph_scratch {
    token_batch_builder texts;
    std::vector<text_part> parts;
    std::vector<std::unique_ptr<batching_request>> batch;
  };

  /// A place in the queue. Errors: overloaded, stopped.
  [[nodiscard]] result<std::unique_ptr<batching_request>> admit(std::size_t tokens) {
    const std::scoped_lock lock(mutex_);
    if (stopping_) return fail({.code = error_code::stopped, .thing = "batching engine", .found = "one that was stopped"});
    const bool full = admitted_ >= queue_.size();
    if (full || (admitted_ > 0 && admitted_tokens_ + tokens > options_.waiting_tokens)) {
      ++counts_.refused;
      return fail({.code = error_code::overloaded,
                   .thing = "batching engine",
                   .wanted = full ? "at most " + std::to_string(queue_.size()) + " texts that wait"
                                  : "at most " + std::to_string(options_.waiting_tokens) + " tokens that wait",
                   .found = full ? "one more" : std::to_string(admitted_tokens_ + tokens)});
    }
    ++admitted_;
    admitted_tokens_ += tokens;
    ++counts_.taken;
    if (spare_.empty()) return std::make_unique<batching_request>();
    auto request = std::move(spare_.back());
    spare_.pop_back();
    return request;
  }
  /// Undoes `admit`.
  void withdraw(std::unique_ptr<batching_request> request, std::size_t tokens) {
    const std::scoped_lock lock(mutex_);
    --admitted_;
    admitted_tokens_ -= tokens;
    --counts_.taken;
    spare_.push_back(std::move(request));
    if (stopping_) wake_.notify_all();
  }

  void work() {
    worker_scratch scratch;
    while (take(scratch)) run(scratch);
  }

  /// Waits for texts and takes a batch of them; false when there will be none.
  [[nodiscard]] bool take(worker_scratch& scratch) {
    std::unique_lock lock(mutex_);
    for (auto& request : scratch.batch) spare_.push_back(std::move(request));
    scratch.batch.clear();
    const auto enough = [&] { return stopping_ || length_ == 0 || admitted_tokens_ >= options_.batch_tokens; };
    do {
      wake_.wait(lock, [&] { return length_ > 0 || (stopping_ && admitted_ == 0); });
      if (length_ == 0) return false;
      if (options_.gather.count() > 0) wake_.wait_until(lock, queue_[first_]->since + options_.gather, enough);
    } while (length_ == 0);  // another worker took them
    std::size_t tokens = 0;
    do {
      const std::size_t next = queue_[first_]->texts.tokens();
      if (!scratch.batch.empty() && tokens + next > options_.batch_tokens) break;
      tokens += next;
      scratch.batch.push_back(std::move(queue_[first_]));
      first_ = (first_ + 1) % queue_.size();
      --length_;
      --admitted_;
    } while (length_ > 0);
    admitted_tokens_ -= tokens;
    ++counts_.batches;
    counts_.tokens += tokens;
    if (stopping_) wake_.notify_all();  // the others may be waiting for the last text to be taken
    else if (length_ > 0) wake_.notify_one();
    return true;
  }

  void run(worker_scratch& scratch) {
    scratch.texts.clear();
    scratch.parts.clear();
    for (std::size_t i = 0; i < scratch.batch.size(); ++i) {
      batching_request& request = *scratch.batch[i];
      if (request.stop.stop_requested()) {
        finish(request, fail({.code = error_code::stopped, .thing = "encode", .found = "a request to stop"}));
        continue;
      }
      for (std::size_t part = 0; part < request.parts.size(); ++part) {
        scratch.texts.copy_text(request.texts.view(), part);
        scratch.parts.push_back(request.parts[part]);
        scratch.parts.back().row = i;
      }
    }
    // What a text is at fault for, it answers for alone; what befell a batch, such as a lack of memory, is tried text by text.
    bool one_by_one = false;
    for (std::size_t first = 0; first < scratch.parts.size();) {
      const std::size_t end = one_by_one ? behind(scratch, first) : scratch.parts.size();
      result<> outcome = run_parts(scratch, first, end);
      if (outcome) continue;
      if (outcome.error().code == error_code::not_finite || behind(scratch, first) == end) {
        finish(request_of(scratch, first), std::move(outcome));
        first = behind(scratch, first);
      } else {
        one_by_one = true;
      }
    }
  }

  /// Runs parts [first, end) and moves `first` behind the last text that is finished.
  [[nodiscard]] result<> run_parts(worker_scratch& scratch, std::size_t& first, std::size_t end) {
    const auto write = [&](std::size_t number, const float* vector) {
      const text_part& part = scratch.parts[number];
      batching_request& request = *scratch.batch[part.row];
      if (part.window && number == first) std::fill_n(request.row, graph_.dimension, 0.0f);
      write_part(graph_, part, vector, request.row);
      if (!part.last) return;
      first = number + 1;
      finish(request, {});
    };
    const auto number_of = [](std::size_t) { return std::size_t{0}; };  // each caller brought one text
    return run_blocks(graph_, scratch.texts.view(), first, end, {}, scratch, beginning_of_all(scratch, first, end), write, number_of);
  }
  /// What the texts of parts [first, end) share; null where they do not share one.
  [[nodiscard]] static const kept_beginning* beginning_of_all(const worker_scratch& scratch, std::size_t first, std::size_t end) {
    const kept_beginning* one = request_of(scratch, first).beginning;
    for (std::size_t part = first; part < end; ++part)
      if (request_of(scratch, part).beginning != one) return nullptr;
    return one;
  }

  [[nodiscard]] static batching_request& request_of(const worker_scratch& scratch, std::size_t part) {
    return *scratch.batch[scratch.parts[part].row];
  }
  /// The first part of the next text.
  [[nodiscard]] static std::size_t behind(const worker_scratch& scratch, std::size_t part) {
    while (!scratch.parts[part].last) ++part;
    return part + 1;
  }

  static void finish(batching_request& request, result<> outcome) {
    request.stop = {};
    request.done.call(request.done.object, std::move(outcome));
  }

  const graph_runner graph_;
  const text_settings& settings_;
  const batching_options options_;
  std::vector<std::thread> threads_;
  std::mutex joining_;  // one caller of stop at a time
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable wake_;
  std::vector<std::unique_ptr<batching_request>> queue_;  // a ring: length_ requests from first_ on
  std::size_t first_ = 0;
  std::size_t length_ = 0;
  std::size_t admitted_ = 0;  // in the queue or about to enter it
  std::size_t admitted_tokens_ = 0;
  std::vector<std::unique_ptr<batching_request>> spare_;
  batching_counts counts_;
  bool stopping_ = false;
};

TESSERA_INLINE result<std::unique_ptr<batching_core>> batching_core::start(const graph_runner& graph, const text_settings& settings,
                                                                           const batching_options& options) {
  if (!settings.tokens)
    return fail({.code = error_code::invalid_argument,
                 .thing = "batching engine",
                 .wanted = "a model with a tokenizer",
                 .found = "one that was loaded for ready tokens only"});
  for (const auto& [name, value] : {std::pair{"batch_tokens", options.batch_tokens},
                                    std::pair{"waiting_texts", options.waiting_texts},
                                    std::pair{"waiting_tokens", options.waiting_tokens}})
    if (value == 0) return fail({.code = error_code::invalid_argument, .thing = name, .wanted = "at least 1", .found = "0"});
  if (options.gather.count() < 0)
    return fail({.code = error_code::invalid_argument,
                 .thing = "gather",
                 .wanted = "at least 0",
                 .found = std::to_string(options.gather.count())});
  auto made = std::make_unique<batching_workers>(graph, settings, options);
  TESSERA_CHECK(made->begin());
  return std::unique_ptr<batching_core>(std::move(made));
}

TESSERA_INLINE result<> batching_core::run(std::string_view text, const std::string_view* pair, const request_options& options,
                                           float* row) {
  struct waiter {
    std::mutex mutex;
    std::condition_variable finished;
    bool done = false;
    result<> outcome;
  } mine;
  const completion complete{&mine, [](void* object, result<> outcome) {
                              waiter& waiting = *static_cast<waiter*>(object);
                              const std::scoped_lock lock(waiting.mutex);
                              waiting.outcome = std::move(outcome);
                              waiting.done = true;
                              waiting.finished.notify_one();  // before the lock is given back: the waiter ends as soon as it has it
                            }};
  TESSERA_CHECK(submit(text, pair, options, row, complete));
  std::unique_lock lock(mine.mutex);
  mine.finished.wait(lock, [&] { return mine.done; });
  return std::move(mine.outcome);
}

}  // namespace detail

}  // namespace tessera::inline TESSERA_ABI
