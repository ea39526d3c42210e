// SPDX-License-Identifier: Apache-2.0
// batching_engine: encode's bits for many callers, a bounded queue, failures that stay alone, a clean end.
#include <tests/model/support.hpp>
#include <tests/support/allocations.hpp>

#include <tessera/model/batching_engine.hpp>

#include <atomic>
#include <numeric>
#include <thread>

using namespace tessera_tests;
using namespace std::chrono_literals;

namespace {

const bert_mean& model() {
  static const bert_mean loaded = value_of(ts::load<bert_mean>(fixture("text/bert_mean").string()));
  return loaded;
}
using engine_type = ts::batching_engine<bert_mean>;

/// Texts whose lengths differ, one of them over the model's limit.
std::vector<std::string> some_texts() {
  auto texts = texts_of(fixture("text/bert_mean/texts.jsonl"));
  std::string all;
  for (const std::string& text : texts) all += text + " ";
  texts.push_back(all);
  texts.push_back("");
  return texts;
}

/// A worker that waits for a batch that never fills, so that what is submitted stays in the queue until stop().
constexpr ts::batching_options patient{.batch_tokens = 1'000'000, .gather = std::chrono::hours(1)};

/// A graph whose vector is the sum of a text's ids; NaN where one of them is `bad`, and no memory for batches over `most` tokens.
struct sums {
  static constexpr std::uint32_t bad = 13;
  static inline std::size_t most = 1'000;
  static inline std::size_t runs = 0;
  static const float* run(const void*, const ts::token_batch& batch, ts::workspace& memory) noexcept {
    ++runs;
    float* rows = memory.take(batch.texts());
    for (std::size_t i = 0; i < batch.texts(); ++i) {
      const auto ids = batch.ids.subspan(batch.offsets[i], batch.offsets[i + 1] - batch.offsets[i]);
      rows[i] = static_cast<float>(std::accumulate(ids.begin(), ids.end(), 0u));
      if (std::ranges::find(ids, bad) != ids.end()) rows[i] = std::numeric_limits<float>::quiet_NaN();
    }
    return rows;
  }
  static std::size_t workspace_bytes(ts::batch_size size) noexcept {
    return size.tokens > most ? std::numeric_limits<std::size_t>::max() / 2 : 4096;
  }
  static ts::graph_runner runner() {
    return {.weights = nullptr, .run = run, .workspace_bytes = workspace_bytes, .dimension = 1, .unit_length = false,
            .vocabulary = 700, .positions = 0, .types = 0, .adapters = 0};
  }
};

/// The outcome of one submission to a core.
struct answer {
  float row = 0.0f;
  std::optional<ts::result<>> outcome;
  [[nodiscard]] ts::detail::completion done() {
    return {this, [](void* object, ts::result<> what) { static_cast<answer*>(object)->outcome = std::move(what); }};
  }
};

}  // namespace

TEST_CASE("batching_engine: the bits of encode, for many callers at once", "[model][threads]") {
  const auto texts = some_texts();
  const auto windows = ts::request_options{.too_long = ts::on_too_long::windows};
  const auto wanted = value_of(model().encode(texts, {.too_long = ts::on_too_long::windows}));
  auto engine = value_of(engine_type::start(model(), {.workers = 2, .batch_tokens = 100}));
  std::atomic<std::size_t> wrong = 0, called = 0;
  {
    std::vector<std::jthread> callers;
    for (std::size_t t = 0; t < 4; ++t)
      callers.emplace_back([&, t] {
        std::vector<std::future<ts::result<bert_mean::vector>>> later;
        for (std::size_t n = 0; n < texts.size(); ++n) {
          const std::size_t i = (n * 7 + t) % texts.size();
          const auto now = engine.encode(texts[i], windows);
          if (!now || !same_bits(now->values(), wanted.row(i).values()) || now->made_by() != model().made_by()) ++wrong;
          auto future = engine.submit(texts[n], windows);
          if (future) later.push_back(std::move(*future));
          const auto taken = engine.submit(texts[n], [&, n](ts::result<bert_mean::vector> made) {
            if (!made || !same_bits(made->values(), wanted.row(n).values())) ++wrong;
            ++called;
          }, windows);
          if (!taken) ++wrong;
        }
        for (std::size_t n = 0; n < later.size(); ++n)
          if (const auto made = later[n].get(); !made || !same_bits(made->values(), wanted.row(n).values())) ++wrong;
        if (later.size() != texts.size()) ++wrong;
      });
  }
  engine.stop();
  CHECK(called == 4 * texts.size());
  CHECK(wrong == 0);
  const auto counts = engine.counts();
  CHECK(counts.taken == 12 * texts.size());
  CHECK(counts.refused == 0);
  CHECK(counts.batches <= counts.taken);
  CHECK(counts.waiting_texts == 0);
}

TEST_CASE("batching_engine: a full queue is an error, and what it took is answered at the end", "[model][threads]") {
  auto options = patient;
  options.waiting_texts = 2;
  auto engine = value_of(engine_type::start(model(), options));
  auto first = value_of(engine.submit("one"));
  auto second = value_of(engine.submit("two"));
  const auto third = engine.submit("three");
  REQUIRE_FALSE(third);
  CHECK(third.error().code == ts::error_code::overloaded);
  CHECK(third.error().message() == "batching engine: wanted at most 2 texts that wait, found one more");
  CHECK(engine.counts().refused == 1);
  CHECK(engine.counts().waiting_texts == 2);
  engine.stop();
  CHECK(same_bits(value_of(first.get()).values(), value_of(model().encode("one")).values()));
  CHECK(same_bits(value_of(second.get()).values(), value_of(model().encode("two")).values()));
  const auto late = engine.encode("three");
  REQUIRE_FALSE(late);
  CHECK(late.error().code == ts::error_code::stopped);
  CHECK(engine.counts().batches == 1);

  options.waiting_texts = 100;
  options.waiting_tokens = 1;  // an empty queue takes any text
  auto narrow = value_of(engine_type::start(model(), options));
  auto alone = value_of(narrow.submit("a longer text"));
  const auto more = narrow.submit("b");
  REQUIRE_FALSE(more);
  CHECK(more.error().code == ts::error_code::overloaded);
  narrow.stop();
  CHECK(alone.get().has_value());
}

TEST_CASE("batching_engine: what is wrong with a text is said at once or fails it alone", "[model]") {
  auto engine = value_of(engine_type::start(model(), patient));
  const auto code = [&](std::string_view text, const ts::request_options& options) {
    const auto taken = engine.submit(text, options);
    return taken ? std::optional<ts::error_code>() : taken.error().code;
  };
  CHECK(code("\xff", {}) == ts::error_code::invalid_text);
  CHECK(code("", {.empty = ts::on_empty::refuse}) == ts::error_code::invalid_text);
  CHECK(code(some_texts()[some_texts().size() - 2], {.too_long = ts::on_too_long::refuse}) == ts::error_code::too_long);
  CHECK(code("a", {.prompt = "nonesuch"}) == ts::error_code::not_found);
  CHECK(code("a", {.task = "nonesuch"}) == ts::error_code::not_found);
  std::stop_source stop;
  auto stopped = value_of(engine.submit("never read", {.stop = stop.get_token()}));
  auto other = value_of(engine.submit("read"));
  stop.request_stop();
  engine.stop();
  const auto outcome = stopped.get();
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == ts::error_code::stopped);
  CHECK(same_bits(value_of(other.get()).values(), value_of(model().encode("read")).values()));

  const auto code_of = [](const auto& made) { return made ? std::optional<ts::error_code>() : made.error().code; };
  CHECK(code_of(engine_type::start(model(), {.batch_tokens = 0})) == ts::error_code::invalid_argument);
  CHECK(code_of(engine_type::start(model(), {.waiting_texts = 0})) == ts::error_code::invalid_argument);
  CHECK(code_of(engine_type::start(model(), {.waiting_tokens = 0})) == ts::error_code::invalid_argument);
  CHECK(code_of(engine_type::start(model(), {.gather = -1us})) == ts::error_code::invalid_argument);
  const auto tokens_only = value_of(ts::load<bert_mean>(fixture("text/bert_mean").string(), {.tokens_only = true}));
  CHECK(code_of(engine_type::start(tokens_only)) == ts::error_code::invalid_argument);
}

TEST_CASE("batching_engine: vectors that are no numbers and batches without memory", "[model]") {
  const ts::text_settings& settings = model().settings();
  const auto texts = some_texts();
  std::vector<float> wanted;
  std::vector<bool> bad;
  for (const std::string& text : texts) {
    const auto ids = value_of(settings.tokens->encode(text, {.max_length = settings.max_tokens})).ids;
    wanted.push_back(static_cast<float>(std::accumulate(ids.begin(), ids.end(), 0u)));
    bad.push_back(std::ranges::find(ids, sums::bad) != ids.end());
  }
  REQUIRE(std::ranges::count(bad, false) > 0);
  for (const std::size_t most : {std::size_t{1'000'000}, settings.max_tokens}) {
    sums::most = most;
    const auto core = value_of(ts::detail::batching_core::start(sums::runner(), settings, patient));
    std::vector<answer> answers(texts.size());
    for (std::size_t i = 0; i < texts.size(); ++i)
      succeed(core->submit(texts[i], nullptr, {}, &answers[i].row, answers[i].done()));
    core->stop();
    for (std::size_t i = 0; i < texts.size(); ++i) {
      REQUIRE(answers[i].outcome.has_value());
      if (bad[i]) {
        REQUIRE_FALSE(*answers[i].outcome);
        CHECK(answers[i].outcome->error().code == ts::error_code::not_finite);
      } else {
        succeed(*answers[i].outcome);
        CHECK(answers[i].row == wanted[i]);
      }
    }
  }
  sums::most = 2;  // not even one text
  const auto core = value_of(ts::detail::batching_core::start(sums::runner(), settings, {}));
  float row = 0.0f;
  const auto outcome = core->run("a text of some words", nullptr, {}, &row);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == ts::error_code::out_of_memory);
}

#if TESSERA_TEST_COUNTS
TEST_CASE("batching_engine: a warm call allocates nothing", "[model]") {
  const auto engine = value_of(engine_type::start(model()));
  const std::string text = "a multi-track sound editor";
  for (int i = 0; i < 20; ++i) static_cast<void>(value_of(engine.encode(text)));
  const std::size_t before = allocations;
  const auto made = engine.encode(text);
  CHECK(allocations - before == 0);
  CHECK(made.has_value());
}
#endif
