// SPDX-License-Identifier: Apache-2.0
// XLM-RoBERTa with rotary positions: the reference's token states and vectors for each task, without one, and with tasks mixed in one batch.
#include <tests/model/support.hpp>

#include <tessera/model/jina_v3.hpp>

using namespace tessera_tests;

namespace {

inline constexpr ts::rotary_roberta_shape toy_shape{
    .vocabulary = 900, .layers = 2, .width = 48, .heads = 4, .inner = 96, .positions = 128, .epsilon = 0.003, .theta = 60.0};
using toy_space = ts::space<"jina_v3", 48, ts::pooling::mean, ts::unit_length>;
using toy = ts::rotary_roberta<toy_space, toy_shape>;
inline constexpr ts::rotary_roberta_shape bare_shape = [] {
  ts::rotary_roberta_shape shape = toy_shape;
  shape.adapters = shape.rank = 0;
  return shape;
}();
using bare = ts::rotary_roberta<toy_space, bare_shape>;

static_assert(ts::jina_v3<>::graph::adapters == 5 && bare::graph::adapters == 0);
static_assert(ts::jina_v3<>::dimension == 1024);
/// The model card's 572 million, of which the pooler, its adapters among them, is no part of the type.
static_assert((ts::jina_v3<>::parameter_count + 1024 * 1025 + 5 * 4 * 2048 + 500'000) / 1'000'000 == 572);

const std::string& folder() {
  static const std::string path = fixture("text/jina_v3").string();
  return path;
}
const toy& model() {
  static const toy loaded = value_of(ts::load<toy>(folder()));
  return loaded;
}
const std::vector<std::string> task_names = {"retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"};

/// The ids of expected.safetensors with an adapter for each row.
struct task_batch {
  ts::token_batch_builder packed;
  std::vector<std::size_t> cells;
  std::size_t columns = 0;

  task_batch(const ts::safetensors& file, const std::vector<std::uint32_t>& adapters, std::size_t first = 0, std::size_t count = 1000) {
    const id_batch all(file);
    const auto view = all.packed.view();
    columns = all.columns;
    for (std::size_t i = first; i < view.texts() && i < first + count; ++i) {
      for (std::size_t t = view.offsets[i]; t < view.offsets[i + 1]; ++t) {
        packed.add_token(view.ids[t], view.positions[t], view.types[t]);
        cells.push_back(all.cells[t]);
      }
      packed.end_text(0, adapters[i]);
    }
  }
};

void check_states(const ts::safetensors& expected, const std::vector<std::uint32_t>& adapters, const std::string& prefix) {
  const task_batch batch(expected, adapters);
  const auto states = value_of(model().hidden_states(batch.packed.view()));
  const std::vector<float> wanted = floats(expected, prefix + "last_hidden_state");
  std::vector<float> found(wanted.size());
  for (std::size_t t = 0; t < batch.cells.size(); ++t) std::copy_n(states.data() + t * 48, 48, found.data() + batch.cells[t] * 48);
  INFO(prefix);
  CHECK(distance(found, wanted) <= 6.1e-05);
  const auto vectors = value_of(model().encode_tokens(batch.packed.view()));
  CHECK(distance(flat_values(vectors), floats(expected, prefix + "pooled_mean_norm")) <= 2e-5);
}

std::vector<std::uint32_t> mixed_adapters(const ts::safetensors& expected) {
  std::vector<std::uint32_t> adapters;
  for (const std::int64_t each : integers(expected, "mixed_adapter_mask")) adapters.push_back(static_cast<std::uint32_t>(each));
  return adapters;
}

}  // namespace

TEST_CASE("jina v3: without a task, as published and as transformers 5 saves it", "[model]") {
  check_ids<toy>(folder(), 6.1e-05);
  check_description<toy>(folder());
  const std::string saved = fixture("text/jina_v3_v5").string();
  check_ids<bare>(saved, 6.1e-05);
  check_description<bare>(saved);
}

TEST_CASE("jina v3: only its positions tell it from XLM-RoBERTa", "[model]") {
  const auto family = [](const std::string& text) {
    const auto config = value_of(ts::parse_json(text, "config.json"));
    return std::string(ts::find_family("xlm-roberta", config.root())->label);
  };
  CHECK(family(R"({"position_embedding_type": "rotary"})") == "rotary_roberta");
  CHECK(family(R"({"position_embedding_type": "absolute"})") == "roberta");
  CHECK(family(R"({})") == "roberta");
}

TEST_CASE("jina v3: each task, and tasks mixed in one batch", "[model]") {
  const ts::safetensors expected = value_of(ts::safetensors::open(folder() + "/expected.safetensors"));
  for (std::uint32_t task = 0; task < 5; ++task)
    check_states(expected, std::vector<std::uint32_t>(6, task), "task" + std::to_string(task) + "_");
  check_states(expected, mixed_adapters(expected), "mixed_");
}

TEST_CASE("jina v3: bits do not depend on the other texts' tasks, nor on threads", "[model]") {
  const ts::safetensors expected = value_of(ts::safetensors::open(folder() + "/expected.safetensors"));
  std::vector<std::uint32_t> adapters = mixed_adapters(expected);
  adapters[1] = ts::no_adapter;
  const task_batch batch(expected, adapters);
  const auto together = value_of(model().encode_tokens(batch.packed.view()));
  ts::thread_pool threads(3);
  CHECK(same_bits(flat_values(together), flat_values(value_of(model().encode_tokens(batch.packed.view(), &threads)))));
  for (std::size_t i = 0; i < adapters.size(); ++i) {
    const task_batch alone(expected, adapters, i, 1);
    CHECK(same_bits(together.row(i).values(), flat_values(value_of(model().encode_tokens(alone.packed.view())))));
  }
}

TEST_CASE("jina v3: a task is an adapter and an instruction", "[model]") {
  const ts::safetensors expected = value_of(ts::safetensors::open(folder() + "/expected_texts.safetensors"));
  const std::vector<std::string> texts = texts_of(folder() + "/texts.jsonl");
  for (std::size_t task = 0; task < task_names.size(); ++task) {
    INFO(task_names[task]);
    const auto found = value_of(model().encode(texts, {.task = task_names[task]}));
    CHECK(distance(flat_values(found), floats(expected, "embeddings_task" + std::to_string(task))) <= 2e-5);
    CHECK(model().settings().tasks.at(task).name == task_names[task]);
  }
  CHECK(task_names == std::vector<std::string>{std::string(ts::jina_v3_task::retrieval_query), std::string(ts::jina_v3_task::retrieval_passage),
                                               std::string(ts::jina_v3_task::separation), std::string(ts::jina_v3_task::classification),
                                               std::string(ts::jina_v3_task::text_matching)});

  // Without a task neither; a prompt of one's own replaces the instruction, not the adapter.
  const std::string text = "a multi-track sound editor";
  const std::string instructed = "Represent the query for retrieving evidence documents: " + text;
  const auto tokens_with = [&](const std::string& of, std::uint32_t adapter) {
    const auto tokens = value_of(model().text_tokenizer()->encode(of));
    ts::token_batch_builder batch;
    batch.add_text(tokens.ids, tokens.type_ids, 0, adapter);
    return flat_values(value_of(model().encode_tokens(batch.view())));
  };
  const auto vector = [&](const ts::embed_options& options) {
    const auto made = value_of(model().encode(text, options));
    return std::vector<float>(made.values().begin(), made.values().end());
  };
  CHECK(same_bits(vector({}), tokens_with(text, ts::no_adapter)));
  CHECK(same_bits(vector({.task = "retrieval.query"}), tokens_with(instructed, 0)));
  CHECK(same_bits(vector({.prompt = "", .task = "retrieval.query"}), tokens_with(text, 0)));
  CHECK(same_bits(vector({.task = "text-matching"}), tokens_with(text, 4)));
}

TEST_CASE("jina v3: an unknown task lists the known ones; adapters that are not there are errors", "[model]") {
  const std::string unknown = message_of(model().encode("text", {.task = "retrieval"}));
  for (const std::string& name : task_names) CHECK(unknown.find('"' + name + '"') != std::string::npos);

  const bare other = value_of(ts::load<bare>(fixture("text/jina_v3_v5").string(), {.tokens_only = true}));
  CHECK(other.settings().tasks.empty());
  ts::token_batch_builder batch;
  batch.add_text(std::vector{0, 5, 2}, std::vector{0, 0, 0}, 0, 5);
  CHECK(message_of(model().encode_tokens(batch.view())).find("adapter of text 0: wanted below 5, found 5") != std::string::npos);
  batch.clear();
  batch.add_text(std::vector{0, 5, 2}, std::vector{0, 0, 0}, 0, 4);
  CHECK(model().encode_tokens(batch.view()));
  CHECK(message_of(other.encode_tokens(batch.view())).find("no adapters") != std::string::npos);
  ts::token_batch wrong = batch.view();
  const std::vector<std::uint32_t> two = {0, 1};
  wrong.adapters = two;
  CHECK(message_of(model().encode_tokens(wrong)).find("adapters of a token batch") != std::string::npos);
}

TEST_CASE("jina v3: a type with other adapters than the files is refused with both", "[model]") {
  constexpr ts::rotary_roberta_shape fewer = [] {
    ts::rotary_roberta_shape shape = toy_shape;
    shape.adapters = 4;
    shape.alpha = 2.0;
    return shape;
  }();
  const std::string message = message_of(ts::load<ts::rotary_roberta<toy_space, fewer>>(folder()));
  CHECK(message.find("lora_adaptations: wanted 4, found 5") != std::string::npos);
  CHECK(message.find("lora_alpha") != std::string::npos);
  CHECK(message.find("roberta.embeddings.word_embeddings.parametrizations.weight.0.lora_A: wanted [4, 900, 4], found [5, 900, 4]") !=
        std::string::npos);
}
