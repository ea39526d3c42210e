// SPDX-License-Identifier: Apache-2.0
/// tools/run-model against the reference's outputs, and what it says where it cannot run.
#include <tests/tools/programs/call.hpp>

#include <tessera/io/weights.hpp>

using namespace tessera_tests;

namespace {

/// A copy of a fixture that a test may change.
std::filesystem::path copy_of(const scratch_directory& scratch, const std::string& name) {
  const std::filesystem::path place = scratch / "model";
  std::filesystem::copy(fixture(name), place, std::filesystem::copy_options::recursive);
  return place;
}

ts::safetensors run(const scratch_directory& scratch, std::vector<std::string> words, const std::string& name = "out.safetensors") {
  const std::string output = (scratch / name).string();
  words.push_back("--output");
  words.push_back(output);
  const answer done = program("run-model", words);
  INFO(done.err);
  REQUIRE(done.status == 0);
  return value_of(ts::safetensors::open(output));
}

std::string refusal(const scratch_directory& scratch, std::vector<std::string> words) {
  words.push_back("--output");
  words.push_back((scratch / "refused.safetensors").string());
  const answer done = program("run-model", words);
  CHECK(done.status == 1);
  CHECK_FALSE(std::filesystem::exists(scratch / "refused.safetensors"));
  return done.err;
}

struct int_tensor {
  std::string name;
  std::vector<std::size_t> shape;
  std::vector<std::int64_t> values;
};

void write_inputs(const std::filesystem::path& path, const std::vector<int_tensor>& tensors) {
  std::vector<ts::tensor_view> views;
  for (const int_tensor& each : tensors) views.push_back(ts::tensor_of<std::int64_t>(each.name, each.shape, each.values));
  succeed(ts::write_safetensors(path.string(), views));
}

}  // namespace

TEST_CASE("every output for the reference's token ids is within the tolerance of its fixture", "[programs][run-model]") {
  struct model {
    std::string name;
    double tolerance;  // each README's
  };
  const model each = GENERATE(values<model>({{"bert_mean", 3.1e-5},
                                             {"bert_cls", 6.1e-5},
                                             {"bert_mean_bf16", 3.1e-5},
                                             {"bert_mean_fp16", 3.1e-5},
                                             {"bert_mean_sharded", 3.1e-5},
                                             {"jina_v3", 6.1e-5}}));
  const std::string directory = fixture("text/" + each.name).string();
  const scratch_directory scratch;
  const ts::safetensors expected = value_of(ts::safetensors::open(directory + "/expected.safetensors"));
  const ts::safetensors made = run(scratch, {directory, "--inputs", directory + "/expected.safetensors"});
  for (const ts::tensor_view& tensor : expected.tensors()) {
    if (tensor.type != ts::dtype::f32) continue;
    INFO(each.name << ": " << tensor.name);
    CHECK(distance_of(made, expected, tensor.name) <= each.tolerance);
  }
}

TEST_CASE("texts give the reference's embeddings, and a second call compiles nothing", "[programs][run-model]") {
  const std::string directory = fixture("text/bert_mean").string();
  const scratch_directory scratch;
  const ts::safetensors expected = value_of(ts::safetensors::open(directory + "/expected_texts.safetensors"));
  const ts::safetensors made = run(scratch, {directory, "--text", directory + "/texts.jsonl"});
  CHECK(distance_of(made, expected, "embeddings") <= 2e-5);

  const answer again = program("run-model", {directory, "--text", directory + "/texts.jsonl", "--threads", "2", "--output",
                                             (scratch / "again.safetensors").string()});
  CHECK(again.status == 0);
  CHECK(again.err.empty());
  CHECK(read_file(scratch / "again.safetensors") == read_file(scratch / "out.safetensors"));
}

TEST_CASE("a prompt is the text before the text, by line or by --task", "[programs][run-model]") {
  const scratch_directory scratch;
  const std::string directory = copy_of(scratch, "text/bert_mean").string();
  write_file(directory + "/config_sentence_transformers.json", R"({"prompts": {"query": "find this: ", "passage": "text: "}})");
  const std::string lines = (scratch / "lines.jsonl").string();
  write_file(lines,
             "{\"text\": \"one\", \"prompt_name\": \"passage\"}\n{\"text\": \"two\", \"id\": [1, {}]}\n"
             "{\"text\": \"\", \"prompt_name\": null}\n{\"text\": \"three\xe2\x80\xa8\xc2\x85\", \"prompt_name\": \"query\"}");
  const std::string spelled = (scratch / "spelled.jsonl").string();
  write_file(spelled, "{\"text\": \"text: one\"}\n{\"text\": \"two\"}\n{\"text\": \"\"}\n{\"text\": \"find this: three\xe2\x80\xa8\xc2\x85\"}\n");
  const std::string task = (scratch / "task.jsonl").string();
  write_file(task, "{\"text\": \"text: one\"}\n{\"text\": \"find this: two\"}\n{\"text\": \"find this: \"}\n"
                   "{\"text\": \"find this: three\xe2\x80\xa8\xc2\x85\"}\n");
  const ts::safetensors by_line = run(scratch, {directory, "--text", lines}, "lines.safetensors");
  const ts::safetensors by_hand = run(scratch, {directory, "--text", spelled}, "spelled.safetensors");
  CHECK(distance_of(by_line, by_hand, "embeddings") == 0.0);
  CHECK(floats_of(by_line, "embeddings").size() == 4 * 48);
  const ts::safetensors by_task = run(scratch, {directory, "--text", lines, "--task", "query"}, "task.safetensors");
  const ts::safetensors task_by_hand = run(scratch, {directory, "--text", task}, "task-spelled.safetensors");
  CHECK(distance_of(by_task, task_by_hand, "embeddings") == 0.0);

  const std::string unknown = refusal(scratch, {directory, "--text", lines, "--task", "retrieval"});
  CHECK_THAT(unknown, Catch::Matchers::ContainsSubstring("\"query\", \"passage\""));
  write_file(lines, "{\"text\": \"one\"}\n{\"text\": \"two\", \"prompt_name\": \"none\"}\n");
  CHECK_THAT(refusal(scratch, {directory, "--text", lines}), Catch::Matchers::ContainsSubstring("lines.jsonl line 2"));
}

TEST_CASE("--task is an adapter and its instruction where the model has adapters", "[programs][run-model]") {
  const std::string directory = fixture("text/jina_v3").string();
  const scratch_directory scratch;
  const ts::safetensors expected = value_of(ts::safetensors::open(directory + "/expected_texts.safetensors"));
  const ts::safetensors passages = run(scratch, {directory, "--text", directory + "/texts.jsonl", "--task", "retrieval.passage"});
  CHECK(distance_of(passages, expected, "embeddings", "embeddings_task1") <= 2e-5);
  const std::string unknown = refusal(scratch, {directory, "--text", directory + "/texts.jsonl", "--task", "passage"});
  CHECK_THAT(unknown, Catch::Matchers::ContainsSubstring("\"retrieval.passage\", \"separation\""));
}

TEST_CASE("--precision chooses the weights' precision, and f32 is the default", "[programs][run-model]") {
  const scratch_directory scratch;
  const std::string directory = fixture("text/bert_mean").string();
  const std::string lines = directory + "/texts.jsonl";
  const ts::safetensors plain = run(scratch, {directory, "--text", lines}, "plain.safetensors");
  const ts::safetensors wide = run(scratch, {directory, "--text", lines, "--precision", "f32"}, "wide.safetensors");
  CHECK(distance_of(plain, wide, "embeddings") == 0.0);
  // Vectors of length 1 whose cosine is 0.9999 and 0.998 differ by at most 0.0142 and 0.0633.
  for (const auto& [precision, most] : {std::pair("bf16", 0.0142), std::pair("i8", 0.0633)}) {
    INFO(precision);
    const ts::safetensors narrow = run(scratch, {directory, "--text", lines, "--precision", precision}, "narrow.safetensors");
    const double distance = distance_of(plain, narrow, "embeddings_norm");
    CHECK(distance > 0.0);
    CHECK(distance <= most);
  }
}

TEST_CASE("a line ends at LF only; control characters may stand raw in a text", "[programs][run-model]") {
  const scratch_directory scratch;
  const std::string directory = fixture("text/bert_mean").string();
  write_file(scratch / "raw.jsonl", "{\"text\":\t\"a\tb \\\" \x0b \x1e \x7f \xc2\x85 \xe2\x80\xa8 c\"}\r\n{\"text\": \"d\rd\"}");
  write_file(scratch / "escaped.jsonl",
             "{\"text\": \"a\\tb \\\" \\u000b \\u001e \\u007f \\u0085 \\u2028 c\"}\n{\"text\": \"d\\rd\"}\n");
  const ts::safetensors raw = run(scratch, {directory, "--text", (scratch / "raw.jsonl").string()}, "raw.safetensors");
  const ts::safetensors escaped = run(scratch, {directory, "--text", (scratch / "escaped.jsonl").string()}, "escaped.safetensors");
  CHECK(floats_of(raw, "embeddings").size() == 2 * 48);
  CHECK(floats_of(raw, "embeddings") == floats_of(escaped, "embeddings"));
}

TEST_CASE("positions are the columns of the padded rows, from the left too; empty rows are zeros", "[programs][run-model]") {
  // A table whose row p is the model's row p + 3 makes right-padded rows what left-padded rows are with the model's own.
  constexpr std::size_t shift = 3;
  constexpr std::size_t columns = 9;
  constexpr std::size_t width = 48;
  const std::string directory = fixture("text/bert_mean").string();
  const scratch_directory scratch;
  const ts::weights weights = value_of(ts::weights::open(directory));
  const ts::tensor_view positions = value_of(weights.at("embeddings.position_embeddings.weight"));
  std::vector<float> table(ts::element_count(positions));
  succeed(ts::read_f32(positions, table));
  std::ranges::rotate(table, table.begin() + shift * width);
  std::vector<ts::tensor_view> tensors(weights.tensors().begin(), weights.tensors().end());
  for (ts::tensor_view& each : tensors)
    if (each.name == positions.name) each = ts::tensor_of<float>(each.name, each.shape, table);
  const std::string shifted = (scratch / "shifted.safetensors").string();
  succeed(ts::write_safetensors(shifted, tensors));

  std::vector<std::int64_t> ids(2 * columns), mask(2 * columns), left_ids(2 * columns), left_mask(2 * columns);
  for (std::size_t i = 0; i + shift < columns; ++i) {
    ids[i] = left_ids[i + shift] = static_cast<std::int64_t>(100 + 7 * i);
    mask[i] = left_mask[i + shift] = 1;
  }
  const std::vector<std::size_t> shape = {2, columns};
  write_inputs(scratch / "in.safetensors", {{"input_ids", shape, ids},
                                            {"attention_mask", shape, mask},
                                            {"left_input_ids", shape, left_ids},
                                            {"left_attention_mask", shape, left_mask}});
  const std::string inputs = (scratch / "in.safetensors").string();
  const ts::safetensors own = run(scratch, {directory, "--inputs", inputs}, "own.safetensors");
  const ts::safetensors other = run(scratch, {directory, "--inputs", inputs, "--weights", shifted}, "shifted-out.safetensors");
  const std::vector<float> left = floats_of(own, "left_last_hidden_state");
  const std::vector<float> right = floats_of(other, "last_hidden_state");
  const std::vector<float> unshifted = floats_of(own, "last_hidden_state");
  std::size_t equal = 0;
  std::size_t moved = 0;
  for (std::size_t i = 0; i < (columns - shift) * width; ++i) {
    equal += left[i + shift * width] == right[i] ? 1U : 0U;
    moved += unshifted[i] == right[i] ? 0U : 1U;
  }
  CHECK(equal == (columns - shift) * width);
  CHECK(moved > (columns - shift) * width / 2);
  for (const std::string name : {"left_pooled_mean", "left_pooled_last", "left_pooled_cls", "left_pooled_max_norm"}) {
    INFO(name);
    CHECK(floats_of(own, name) == floats_of(other, name.substr(5)));
  }
  for (const ts::tensor_view& each : own.tensors()) {
    INFO(each.name);
    const std::vector<float> values = floats_of(own, each.name);
    CHECK(std::all_of(values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2), values.end(), [](float x) { return x == 0.0f; }));
  }
}

TEST_CASE("a dense module's output is W x + b of what was pooled", "[programs][run-model]") {
  const std::string directory = fixture("text/bad/ok_model_modules").string();
  const scratch_directory scratch;
  const ts::safetensors made = run(scratch, {directory, "--inputs", directory + "/expected.safetensors"});
  const ts::safetensors head = value_of(ts::safetensors::open(directory + "/2_Dense/model.safetensors"));
  const std::vector<float> pooled = floats_of(made, "pooled_mean");
  const std::vector<float> weight = floats_of(head, "linear.weight");
  const std::vector<float> dense = floats_of(made, "dense_8");
  const std::vector<float> whole = floats_of(made, "embeddings");
  REQUIRE(pooled.size() == 16);
  REQUIRE(dense.size() == 8);
  const std::vector<float> bias = head.find("linear.bias") == nullptr ? std::vector<float>(8) : floats_of(head, "linear.bias");
  for (std::size_t i = 0; i < 8; ++i) {
    double sum = static_cast<double>(bias[i]);
    double sizes = std::abs(sum);
    for (std::size_t j = 0; j < 16; ++j) {
      const double product = static_cast<double>(weight[i * 16 + j]) * static_cast<double>(pooled[j]);
      sum += product;
      sizes += std::abs(product);
    }
    // 16 products and the bias, each operation rounded to float once (Higham 2002, 3.1).
    CHECK(std::abs(sum - static_cast<double>(dense[i])) <= 17 * 0x1p-24 * sizes);
    CHECK(whole[i] == dense[i]);  // no Normalize module: what modules.json says is the dense module's output
  }
}

TEST_CASE("the pooling of a directory without modules.json is the caller's, else the mean", "[programs][run-model]") {
  const scratch_directory scratch;
  const std::string directory = copy_of(scratch, "text/bert_mean").string();
  const std::string inputs = directory + "/expected.safetensors";
  CHECK_THAT(refusal(scratch, {directory, "--inputs", inputs, "--pooling", "cls"}), Catch::Matchers::ContainsSubstring("as modules.json says"));
  std::filesystem::remove(directory + "/modules.json");
  const ts::safetensors mean = run(scratch, {directory, "--inputs", inputs}, "mean.safetensors");
  CHECK(floats_of(mean, "embeddings") == floats_of(mean, "pooled_mean"));
  const ts::safetensors cls = run(scratch, {directory, "--inputs", inputs, "--pooling", "cls"}, "cls.safetensors");
  CHECK(floats_of(cls, "embeddings") == floats_of(cls, "pooled_cls"));
  CHECK_THAT(refusal(scratch, {directory, "--inputs", inputs, "--pooling", "median"}), Catch::Matchers::ContainsSubstring("last_token"));
}

TEST_CASE("what cannot be run is one error, before anything is compiled", "[programs][run-model]") {
  const scratch_directory scratch;
  const std::string directory = fixture("text/bert_mean").string();
  const std::string lines = (scratch / "lines.jsonl").string();
  const auto says = [](const std::string& text) { return Catch::Matchers::ContainsSubstring(text); };
  write_file(lines, "{\"text\": \"one\"}\n{\"text\": 2}\n");
  CHECK_THAT(refusal(scratch, {directory, "--text", lines}), says("lines.jsonl line 2") && says("wanted a string"));
  write_file(lines, "{\"text\": \"one\"}\n{\"text\": \"tw\n");
  CHECK_THAT(refusal(scratch, {directory, "--text", lines}), says("lines.jsonl line 2"));
  CHECK_THAT(refusal(scratch, {directory, "--text", lines, "--precision", "f16"}), says("--precision: wanted f32, bf16, i8 or i4"));
  CHECK_THAT(refusal(scratch, {directory, "--inputs", directory + "/model.safetensors"}), says("input_ids"));
  for (const std::string name : {"unknown_model_type", "missing_tensor", "heads_zero", "nan_model", "weights_missing"}) {
    INFO(name);
    const std::string bad = fixture("text/bad/" + name).string();
    const std::string sentence = refusal(scratch, {bad, "--text", lines});
    CHECK_THAT(sentence, says(name));
    if (name != "nan_model") CHECK_THAT(sentence, !says("compil"));  // what only the weights themselves show comes later
  }
}
