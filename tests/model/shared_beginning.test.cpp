// SPDX-License-Identifier: Apache-2.0
// Texts behind one prompt share its states and have the bits of whole texts, alone, in batches, over threads and in an engine.
#include <tests/families/toys.hpp>

#include <tessera/model/batching_engine.hpp>

#include <thread>

using namespace tessera_tests;

namespace {

static_assert(toy::qwen3_embed<>::graph::shares_beginnings && toy::qwen2_causal<>::graph::shares_beginnings);
static_assert(toy::qwen3_reranker<>::graph::shares_beginnings);
// Those that see what follows, or pool what begins.
static_assert(!toy::bert_mean<>::graph::shares_beginnings && !toy::embedding_gemma<>::graph::shares_beginnings);
static_assert(!toy::qwen2_sliding<>::graph::shares_beginnings);

const std::vector<std::string>& texts() {
  static const std::vector<std::string> all = {"edit audio recordings", " a text that begins with a blank", "", "?", "42",
                                               "a plum cake in forty minutes, and what else there is to say of it", "\n"};
  return all;
}

/// The vectors of whole texts: nothing is shared where tokens are ready.
template <class Model>
std::vector<float> whole(const Model& model, std::string_view prompt) {
  ts::token_batch_builder batch;
  for (const std::string& text : texts()) {
    const ts::encoding tokens = value_of(model.text_tokenizer()->encode(std::string(prompt) + text, {.max_length = model.settings().max_tokens}));
    batch.add_text(tokens.ids, tokens.type_ids);
  }
  return flat_values(value_of(model.encode_tokens(batch.view())));
}

template <class Model>
void check(const std::string& folder) {
  const Model model = value_of(ts::load<Model>(folder));
  const std::string prompt(value_of(model.settings().prompt("query")));
  REQUIRE_FALSE(prompt.empty());
  REQUIRE(model.runner().beginnings != nullptr);
  CHECK(model.runner().beginnings->find(prompt) == nullptr);
  const auto wanted = whole(model, prompt);
  const auto plain = whole(model, "");
  const ts::embed_options prompted{.prompt = "query"};
  for (int turn = 0; turn < 2; ++turn) {
    CHECK(same_bits(flat_values(value_of(model.encode(texts(), prompted))), wanted));
    CHECK(same_bits(flat_values(value_of(model.encode(texts()))), plain));
    for (std::size_t i = 0; i < texts().size(); ++i)
      CHECK(same_bits(value_of(model.encode(texts()[i], prompted)).values(), std::span(wanted).subspan(i * Model::dimension, Model::dimension)));
  }
  const ts::kept_beginning* kept = model.runner().beginnings->find(prompt);
  REQUIRE(kept != nullptr);
  CHECK(kept->ids.size() > 5);
  CHECK(kept->states.length() == kept->ids.size());
}

}  // namespace

TEST_CASE("shared beginning: the bits of whole texts, in every precision", "[model]") {
  check<toy::qwen3_embed<>>(fixture("text/qwen3_embed").string());
  check<toy::qwen3_embed<ts::i8>>(fixture("text/qwen3_embed").string());
  check<toy::qwen2_causal<>>(fixture("text/qwen2_causal").string());
}

TEST_CASE("shared beginning: many threads read it at once, and in engines", "[model]") {
  using model_type = toy::qwen3_embed<>;
  const auto model = value_of(ts::load<model_type>(fixture("text/qwen3_embed").string()));
  const auto wanted = whole(model, value_of(model.settings().prompt("query")));
  const auto plain = whole(model, "");
  const auto row = [](const std::vector<float>& rows, std::size_t i) {
    return std::span(rows).subspan(i * model_type::dimension, model_type::dimension);
  };
  const auto engine = value_of(ts::batching_engine<model_type>::start(model, {.workers = 2}));
  std::vector<std::string> many;
  for (std::size_t i = 0; i < 20 * texts().size(); ++i) many.push_back(texts()[i % texts().size()]);
  std::atomic<int> wrong{0};
  std::vector<std::thread> callers;
  for (int t = 0; t < 4; ++t)
    callers.emplace_back([&, t] {
      for (std::size_t i = 0; i < texts().size(); ++i) {
        const auto direct = model.encode(texts()[i], {.prompt = "query"});
        if (!direct || !same_bits(direct->values(), row(wanted, i))) ++wrong;
        // Some with the prompt, some without, in one batch.
        const bool with = (i + static_cast<std::size_t>(t)) % 2 == 0;
        const auto queued = engine.encode(texts()[i], {.prompt = with ? "query" : ""});
        if (!queued || !same_bits(queued->values(), row(with ? wanted : plain, i))) ++wrong;
      }
    });
  for (std::thread& caller : callers) caller.join();
  CHECK(wrong == 0);

  ts::thread_pool pool(3);
  const auto rows = flat_values(value_of(model.encode(many, {.prompt = "query", .threads = &pool})));
  for (std::size_t i = 0; i < many.size(); ++i) CHECK(same_bits(row(rows, i), row(wanted, i % texts().size())));
  // One text whose work the threads share.
  CHECK(same_bits(value_of(model.encode(texts()[5], {.prompt = "query", .threads = &pool})).values(), row(wanted, 5)));
}

TEST_CASE("shared beginning: a reranker's question", "[model]") {
  const auto judge = value_of(ts::load<toy::qwen3_reranker<>>(fixture("text/qwen3_reranker").string()));
  REQUIRE(judge.settings().beginning == ts::yes_no_beginning());
  std::vector<ts::text_pair> pairs;
  ts::token_batch_builder batch;
  for (const std::string& text : texts()) {
    pairs.push_back({"which tool?", text});
    const std::string question = ts::yes_no_question("which tool?", text);
    REQUIRE(question.starts_with(ts::yes_no_beginning()));
    const ts::encoding tokens = value_of(judge.text_tokenizer()->encode(question, {.max_length = judge.settings().max_tokens}));
    batch.add_text(tokens.ids, tokens.type_ids);
  }
  const auto wanted = value_of(judge.scores(batch.view()));
  const auto found = value_of(judge.scores(pairs));
  for (std::size_t i = 0; i < pairs.size(); ++i) CHECK(found[i].logit == wanted[i].logit);
  const ts::kept_beginning* kept = judge.runner().beginnings->find(ts::yes_no_beginning());
  REQUIRE(kept != nullptr);
  CHECK(kept->ids.size() > 20);
}
