// SPDX-License-Identifier: Apache-2.0
// encode: bits that depend on nothing but the text, threads, limits, over-long and empty texts, prompts, errors, allocations.
#include <tests/model/support.hpp>
#include <tests/support/allocations.hpp>

#include <cstring>
#include <random>
#include <thread>

using namespace tessera_tests;

namespace {

const bert_mean& model() {
  static const bert_mean loaded = value_of(ts::load<bert_mean>(fixture("text/bert_mean").string()));
  return loaded;
}
/// The fixture's texts several times over, empty and over-long ones among them.
std::vector<std::string> many_texts() {
  const auto texts = texts_of(fixture("text/bert_mean/texts.jsonl"));
  std::vector<std::string> many;
  for (std::size_t i = 0; i < 150; ++i) many.push_back(texts[i % texts.size()] + (i % 3 == 0 ? " " + texts[i % 7] : ""));
  many.push_back("");
  return many;
}
ts::error error_of(const auto& outcome) {
  if (outcome) FAIL("wanted an error, found a value");
  return outcome.error();
}

}  // namespace

TEST_CASE("encode: the same bits whatever the batch, its order and the threads", "[model]") {
  const auto texts = many_texts();
  const auto together = value_of(model().encode(texts));
  for (std::size_t i = 0; i < texts.size(); ++i)
    REQUIRE(same_bits(value_of(model().encode(texts[i])).values(), together.row(i).values()));

  std::vector<std::size_t> order(texts.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::shuffle(order.begin(), order.end(), std::mt19937(7));
  std::vector<std::string> shuffled;
  for (const std::size_t i : order) shuffled.push_back(texts[i]);
  const auto other_order = value_of(model().encode(shuffled));
  for (std::size_t i = 0; i < order.size(); ++i) REQUIRE(same_bits(other_order.row(i).values(), together.row(order[i]).values()));

  for (const std::size_t threads : {std::size_t{2}, std::size_t{3}, std::size_t{8}}) {
    ts::thread_pool pool(threads);
    REQUIRE(flat_values(value_of(model().encode(texts, {.threads = &pool}))) == flat_values(together));
  }
}

TEST_CASE("encode: many threads on one model, no lock", "[model][threads]") {
  const auto texts = many_texts();
  const auto wanted = flat_values(value_of(model().encode(texts)));
  std::vector<int> right(4, 0);
  {
    std::vector<std::jthread> threads;
    for (std::size_t t = 0; t < right.size(); ++t)
      threads.emplace_back([&, t] {
        const bert_mean mine = model();  // copies share one state
        for (int round = 0; round < 3; ++round) {
          const auto rows = mine.encode(texts);
          if (rows && flat_values(*rows) == wanted) ++right[t];
        }
      });
  }
  CHECK(right == std::vector<int>(4, 3));
}

TEST_CASE("encode: one list in whatever container", "[model]") {
  const std::vector<std::string> strings = {"first text", "second"};
  const std::vector<std::string_view> views(strings.begin(), strings.end());
  const auto wanted = flat_values(value_of(model().encode(strings)));
  CHECK(flat_values(value_of(model().encode(views))) == wanted);
  CHECK(flat_values(value_of(model().encode({"first text", "second"}))) == wanted);
  CHECK(value_of(model().encode(std::vector<std::string>())).rows() == 0);
}

TEST_CASE("encode: empty texts are embedded or refused, as asked", "[model]") {
  const std::vector<std::string> texts = {"text", ""};
  CHECK(value_of(model().encode(texts)).rows() == 2);
  const ts::error refused = error_of(model().encode(texts, {.empty = ts::on_empty::refuse}));
  CHECK(refused.code == ts::error_code::invalid_text);
  CHECK(refused.thing == "text 1");
}

TEST_CASE("encode: over-long texts are cut, cut into windows or refused, as asked", "[model]") {
  std::string text;
  for (int i = 0; i < 60; ++i) text += "word" + std::to_string(i) + " ";
  const auto& tokens = *model().text_tokenizer();
  const auto whole = value_of(tokens.encode(text));
  REQUIRE(whole.size() > 40);

  const ts::error refused = error_of(model().encode({"short", text}, {.too_long = ts::on_too_long::refuse}));
  CHECK(refused.code == ts::error_code::too_long);
  CHECK(refused.thing == "text 1");
  CHECK(refused.message().find("at most 40 tokens") != std::string::npos);

  // Cut: the vector of the first window's tokens.
  const auto cut = value_of(tokens.encode(text, {.max_length = 40, .overflowing = true}));
  REQUIRE(cut.overflowing.size() >= 2);
  const auto vector_of = [](const ts::encoding& window) {
    ts::token_batch_builder batch;
    batch.add_text(window.ids, window.type_ids);
    return flat_values(value_of(model().encode_tokens(batch.view())));
  };
  const auto first = value_of(model().encode(text));
  CHECK(same_bits(first.values(), vector_of(cut)));

  // Windows: the mean of their vectors weighted by their tokens, back to unit length.
  std::vector<double> sum(48, 0.0);
  const auto add = [&](const ts::encoding& window) {
    const auto vector = vector_of(window);
    const auto content = static_cast<double>(std::ranges::count(window.special_tokens_mask, std::uint8_t{0}));
    for (std::size_t i = 0; i < 48; ++i) sum[i] += content * static_cast<double>(vector[i]);
  };
  add(cut);
  for (const auto& window : cut.overflowing) add(window);
  double length = 0.0;
  for (const double x : sum) length += x * x;
  const auto windows = value_of(model().encode({"before", text, "after"}, {.too_long = ts::on_too_long::windows}));
  for (std::size_t i = 0; i < 48; ++i)
    CHECK(std::abs(static_cast<double>(windows.row(1).values()[i]) - sum[i] / std::sqrt(length)) < 1e-6);
  CHECK(same_bits(windows.row(0).values(), value_of(model().encode("before")).values()));
  CHECK(same_bits(windows.row(2).values(), value_of(model().encode("after")).values()));
  CHECK(same_bits(windows.row(1).values(), value_of(model().encode(text, {.too_long = ts::on_too_long::windows})).values()));
}

TEST_CASE("encode: text that is not UTF-8 is an error that says where", "[model]") {
  const ts::error found = error_of(model().encode({"good", "bad \xff byte"}));
  CHECK(found.code == ts::error_code::invalid_text);
  CHECK(found.thing == "text 1");
  REQUIRE(found.causes.size() == 1);
  CHECK(found.causes[0].offset == 4);
  // The lowest number, whatever thread meets its error first.
  std::vector<std::string> texts(200, "good");
  texts[70] = texts[150] = "\xff";
  ts::thread_pool pool(4);
  CHECK(error_of(model().encode(texts, {.threads = &pool})).thing == "text 70");
}

TEST_CASE("encode: limits, budget and stop token", "[model]") {
  const std::vector<std::string> texts(5, "a text");
  CHECK(value_of(model().encode(texts, {.max_texts = 5, .max_bytes = 30})).rows() == 5);
  CHECK(error_of(model().encode(texts, {.max_texts = 4})).code == ts::error_code::too_long);
  CHECK(error_of(model().encode(texts, {.max_bytes = 29})).code == ts::error_code::too_long);
  const ts::error poor = error_of(model().encode(texts, {.memory_budget = 1000}));
  CHECK(poor.code == ts::error_code::over_budget);
  // A budget for one text at a time gives the same bits.
  const std::size_t one = bert_mean::workspace_bytes({.texts = 1, .tokens = 40});
  CHECK(flat_values(value_of(model().encode(many_texts(), {.memory_budget = one}))) == flat_values(value_of(model().encode(many_texts()))));
  std::stop_source source;
  source.request_stop();
  CHECK(error_of(model().encode(texts, {.stop = source.get_token()})).code == ts::error_code::stopped);
}

#if TESSERA_TEST_COUNTS
TEST_CASE("encode: a budget refuses before workspace is allocated", "[model]") {
  const bert_mean& loaded = model();
  std::string text;
  for (int i = 0; i < 100; ++i) text += "a b ";
  const std::size_t need = bert_mean::workspace_bytes({.texts = 1, .tokens = 40});
  const auto most_of = [&](std::size_t budget) {
    std::size_t most = 0;
    // A thread of its own, which keeps no workspace from earlier calls.
    std::jthread([&] {
      const std::size_t before = bytes_held;
      most_bytes_held = before;
      const bool made = loaded.encode(text, {.memory_budget = budget}).has_value();
      most = most_bytes_held - before;
      CHECK(made == (budget >= need));
    }).join();
    return most;
  };
  CHECK(most_of(need) >= need);
  CHECK(most_of(need - 1) < need / 2);
}
#endif

TEST_CASE("encode: an unknown prompt lists the known ones", "[model]") {
  const ts::error none = error_of(model().encode("text", {.prompt = "query"}));
  CHECK(none.code == ts::error_code::not_found);
  CHECK(none.message().find("no prompts") != std::string::npos);

  const scratch_directory scratch;
  std::filesystem::copy(fixture("text/bert_mean"), scratch.path(), std::filesystem::copy_options::recursive);
  const auto settings = scratch / "config_sentence_transformers.json";
  const auto with_prompts = [&](const std::string& json) {
    std::filesystem::remove(settings);
    write_file(settings, json);
    return ts::load<bert_mean>(scratch.path().string());
  };
  const auto prompted = value_of(with_prompts(R"({"prompts": {"query": "find: ", "passage": ""}, "default_prompt_name": "query"})"));
  const auto wanted = value_of(model().encode("find: it")).values();
  const auto plain = value_of(model().encode("it"));
  CHECK(same_bits(value_of(prompted.encode("it", {.prompt = "query"})).values(), wanted));
  CHECK(same_bits(value_of(prompted.encode("it")).values(), wanted));
  CHECK(same_bits(value_of(prompted.encode("it", {.prompt = "passage"})).values(), plain.values()));
  CHECK(same_bits(value_of(prompted.encode("it", {.prompt = ""})).values(), plain.values()));
  const std::string message = error_of(prompted.encode("it", {.prompt = "task"})).message();
  CHECK(message.find("\"query\"") != std::string::npos);
  CHECK(message.find("\"passage\"") != std::string::npos);
  // A byte offset counts from the text, not from the prompt.
  CHECK(error_of(prompted.encode("ab\xff")).causes.at(0).offset == 2);
  CHECK_FALSE(with_prompts(R"({"prompts": {"query": "find: "}, "default_prompt_name": "other"})"));
  CHECK_FALSE(with_prompts(R"({"prompts": {"query": 7}})"));

  // include_prompt false: the prompt's tokens are read but not pooled.
  std::filesystem::remove(scratch / "1_Pooling/config.json");
  write_file(scratch / "1_Pooling/config.json", R"({"word_embedding_dimension": 48, "pooling_mode": "mean", "include_prompt": false})");
  const auto unpooled = value_of(with_prompts(R"({"prompts": {"query": "find: "}})"));
  const auto tokens = value_of(model().text_tokenizer()->encode("find: it"));
  const auto prompt_tokens = value_of(model().text_tokenizer()->encode("find: ")).size() - 1;
  ts::token_batch_builder batch;
  batch.add_text(tokens.ids, tokens.type_ids, prompt_tokens);
  CHECK(same_bits(value_of(unpooled.encode("it", {.prompt = "query"})).values(), flat_values(value_of(model().encode_tokens(batch.view())))));
  const auto states = value_of(model().hidden_states(batch.view()));
  std::vector<double> mean(48, 0.0);
  double length = 0.0;
  for (std::size_t i = 0; i < 48; ++i) {
    for (std::size_t t = prompt_tokens; t < tokens.size(); ++t) mean[i] += static_cast<double>(states[t * 48 + i]);
    length += mean[i] * mean[i];
  }
  for (std::size_t i = 0; i < 48; ++i)
    CHECK(std::abs(static_cast<double>(value_of(unpooled.encode("it", {.prompt = "query"})).values()[i]) - mean[i] / std::sqrt(length)) < 1e-6);
}

TEST_CASE("encode: tokens that do not fit the graph are errors", "[model]") {
  const std::vector<std::uint32_t> ids = {1, 2, 3}, zeros = {0, 0, 0}, offsets = {0, 3};
  const auto encode = [&](ts::token_batch batch) { return model().encode_tokens(batch); };
  CHECK(encode({ids, zeros, zeros, offsets}));
  const auto refused = [&](ts::token_batch batch) {
    const auto outcome = encode(batch);
    return !outcome && outcome.error().code == ts::error_code::invalid_argument && !model().hidden_states(batch);
  };
  const std::vector<std::uint32_t> wild = {1, 700, 3}, far = {0, 40, 0}, type = {0, 2, 0};
  CHECK(refused({wild, zeros, zeros, offsets}));
  CHECK(refused({ids, far, zeros, offsets}));
  CHECK(refused({ids, zeros, type, offsets}));
  CHECK(refused({ids, std::span(zeros).first(2), zeros, offsets}));
  const std::vector<std::uint32_t> late = {1, 3}, early = {0, 2}, back = {0, 3, 2, 3}, none = {};
  CHECK(refused({ids, zeros, zeros, late}));
  CHECK(refused({ids, zeros, zeros, early}));
  CHECK(refused({ids, zeros, zeros, back}));
  CHECK(refused({ids, zeros, zeros, none}));
  const std::vector<std::uint32_t> skip = {1, 1};
  CHECK(refused({ids, zeros, zeros, offsets, skip}));
}

TEST_CASE("encode: a model that gives NaN gives an error, never a vector", "[model]") {
  // Weights of finite numbers whose products are not.
  const scratch_directory scratch;
  std::filesystem::copy(fixture("text/bert_mean"), scratch.path(), std::filesystem::copy_options::recursive);
  std::string bytes = read_file(scratch / "model.safetensors");
  const ts::safetensors file = value_of(ts::safetensors::open((scratch / "model.safetensors").string()));
  const auto place = value_of(file.at("encoder.layer.1.output.LayerNorm.weight"));
  for (std::size_t i = 0; i < place.bytes.size(); i += 4) {
    constexpr float huge = 3e38f;
    std::memcpy(bytes.data() + place.offset + i, &huge, 4);
  }
  std::filesystem::remove(scratch / "model.safetensors");
  write_file(scratch / "model.safetensors", bytes);
  const auto wild = value_of(ts::load<bert_mean>(scratch.path().string()));
  CHECK(wild.made_by() != model().made_by());
  const ts::error found = error_of(wild.encode({"one", "two"}));
  CHECK(found.code == ts::error_code::not_finite);
  CHECK(found.thing == "text 0");
}

TEST_CASE("encode: progress is reported, slow calls too, and a callback may encode", "[model]") {
  std::size_t last = 0, events = 0, inner = 0;
  const auto texts = many_texts();
  const auto rows = value_of(model().encode(texts, {.listener = [&](const ts::event& what) {
    ++events;
    last = what.done;
    inner += value_of(model().encode({"within", "a callback"})).rows();
  }}));
  CHECK(flat_values(rows) == flat_values(value_of(model().encode(texts))));
  CHECK(last == texts.size());
  CHECK(inner == 2 * events);
  std::size_t slow = 0;  // longer than less than nothing: always
  static_cast<void>(value_of(model().encode("text", {.listener = [&](const ts::event& what) { slow += what.kind == ts::event_kind::slow; },
                                                     .slow_after = std::chrono::milliseconds(-1)})));
  CHECK(slow == 1);
}

#if TESSERA_TEST_COUNTS
TEST_CASE("encode: a warm call allocates its result and nothing else", "[model]") {
  const auto texts = many_texts();
  static_cast<void>(value_of(model().encode(texts)));
  std::size_t before = allocations;
  const auto one = model().encode(texts[3]);
  CHECK(allocations - before == 0);
  before = allocations;
  const auto all = model().encode(texts);
  CHECK(allocations - before == 1);
  CHECK((one && all));
}
#endif
