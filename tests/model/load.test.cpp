// SPDX-License-Identifier: Apache-2.0
// Loading: what a directory must hold, all differences in one error, budget, files that change, provenance.
#include <tests/model/support.hpp>

#include <tessera/model/static_embedding.hpp>

using namespace tessera_tests;

namespace {

/// Everything wrong in an error, one message a line.
std::string story(const ts::error& failure) { return failure.message(); }

bool mentions(const ts::error& failure, std::string_view part) { return story(failure).find(part) != std::string::npos; }

template <class Model>
ts::error load_error(const std::string& folder, const ts::load_options& options = {}) {
  const auto outcome = ts::load<Model>(folder, options);
  if (outcome) FAIL("wanted an error, found a model");
  return outcome.error();
}

}  // namespace

TEST_CASE("load: every model directory gets the verdict that its manifest asks for", "[model]") {
  const auto bad = fixture("text/bad");
  const auto manifest = value_of(ts::read_json((bad / "manifest.json").string()));
  const ts::json_value list = value_of(manifest.root().at("cases"));
  std::size_t seen = 0;
  for (const ts::json_value entry : value_of(list.elements())) {
    if (value_of(entry.get<std::string>("kind")) != "model_dir") continue;
    ++seen;
    const auto path = value_of(entry.get<std::string>("path"));
    const auto expect = value_of(entry.get<std::string>("expect"));
    const std::string folder = (bad / path).string();
    INFO(path << ": " << value_of(entry.get<std::string>("why")));
    // As tools/inspect does, without a type ...
    const auto directory = ts::model_directory::read(folder);
    ts::result<> outcome;
    if (!directory) outcome = ts::fail(directory.error());
    else if (const auto described = ts::describe(*directory); !described) outcome = ts::fail(described.error());
    else if (const auto checked = ts::check_directory(*directory, *described); !checked) outcome = ts::fail(checked.error());
    INFO((outcome ? std::string("no error") : outcome.error().message()));
    if (expect == "reject") CHECK_FALSE(outcome);
    else CHECK(outcome);
    // ... and as a program with the type does.
    if (expect == "reject") {
      const ts::error failure = load_error<tiny_bert>(folder);
      CHECK(mentions(failure, path));
    } else if (expect == "load" && path != "ok_model_modules") {
      CHECK(ts::load<tiny_bert>(folder));
    }
  }
  CHECK(seen == 30);
}

TEST_CASE("load: a weight that is no number is refused by name", "[model]") {
  const ts::error failure = load_error<tiny_bert>(fixture("text/bad/nan_model").string());
  CHECK(failure.code == ts::error_code::not_finite);
  CHECK(mentions(failure, "nan_model/model.safetensors"));
}

TEST_CASE("load: all differences at once, each with wanted, found and file", "[model]") {
  using larger = ts::bert<ts::space<"larger", 32, ts::pooling::max>,
                          ts::bert_shape{.vocabulary = 30, .layers = 2, .width = 32, .heads = 4, .inner = 20, .positions = 12}>;
  const ts::error failure = load_error<larger>(fixture("text/bad/ok_model_modules").string());
  CHECK(failure.code == ts::error_code::mismatch);
  CHECK(mentions(failure, "config.json: hidden_size: wanted 32, found 16"));
  CHECK(mentions(failure, "config.json: num_hidden_layers: wanted 2, found 1"));
  CHECK(mentions(failure, "embeddings.word_embeddings.weight: wanted [30, 32], found [30, 16]"));
  CHECK(mentions(failure, "encoder.layer.1.intermediate.dense.bias: wanted [20], found no such tensor"));
  CHECK(mentions(failure, "modules.json: pooling: wanted max, found mean"));
  CHECK(mentions(failure, "modules.json: dense modules: wanted none, found dense 16 to 8 with identity"));
}

TEST_CASE("load: unit length is a fact of the files too", "[model]") {
  using not_normalised = ts::bert<ts::space<"bert_mean", 48>, bert_mean_shape>;
  CHECK(mentions(load_error<not_normalised>(fixture("text/bert_mean").string()),
                 "normalisation to unit length: wanted none, found a Normalize module"));
}

TEST_CASE("load: what is not there", "[model]") {
  CHECK(load_error<tiny_bert>("/nonexistent/model").code == ts::error_code::not_found);
  // Tokenizer missing: an error, unless the caller brings ready tokens.
  const std::string folder = fixture("text/bert_cls").string();
  CHECK(mentions(load_error<bert_cls>(folder), "tokenizer.json"));
  const auto model = value_of(ts::load<bert_cls>(folder, {.tokens_only = true}));
  CHECK_FALSE(model.text_tokenizer());
  const auto refused = model.encode("a text");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ts::error_code::invalid_argument);
}

TEST_CASE("load: a memory budget is kept before anything is allocated", "[model]") {
  const std::string folder = fixture("text/bert_mean").string();
  const ts::error poor = load_error<bert_mean>(folder, {.memory_budget = bert_mean::memory_bytes()});
  CHECK(poor.code == ts::error_code::over_budget);
  CHECK(ts::load<bert_mean>(folder, {.memory_budget = 2 * bert_mean::memory_bytes()}));
  CHECK(bert_mean::memory_bytes() >= bert_mean::parameter_count * 4);
  CHECK(bert_mean::memory_bytes() < bert_mean::parameter_count * 5);
}

TEST_CASE("load: progress in tensors", "[model]") {
  std::size_t last = 0, total = 0;
  CHECK(ts::load<bert_mean>(fixture("text/bert_mean").string(), {.listener = [&](const ts::event& what) {
    CHECK(what.done == last + 1);
    last = what.done;
    total = what.total;
  }}));
  CHECK(last == bert_mean::manifest().size());
  CHECK(total == last);
}

TEST_CASE("load: other weights for the same directory, and what tells them apart", "[model]") {
  const scratch_directory scratch;
  std::filesystem::copy(fixture("text/bert_mean"), scratch.path(), std::filesystem::copy_options::recursive);
  const std::string folder = scratch.path().string();
  const auto model = value_of(ts::load<bert_mean>(folder));
  const auto again = value_of(ts::load<bert_mean>(folder, {.weights = folder + "/model.safetensors"}));
  CHECK(model.made_by() == again.made_by());
  CHECK(ts::to_hex(value_of(model.sha256())) == ts::to_hex(value_of(ts::sha256_file(folder + "/model.safetensors"))));
  CHECK_FALSE(ts::load<bert_mean>(folder, {.weights = folder + "/other.safetensors"}));

  // Another byte: another model, and the old one no longer answers for the file.
  std::string bytes = read_file(scratch / "model.safetensors");
  bytes[bytes.size() - 3] = static_cast<char>(bytes[bytes.size() - 3] ^ 1);
  std::filesystem::remove(scratch / "model.safetensors");
  write_file(scratch / "model.safetensors", bytes);
  CHECK(value_of(ts::load<bert_mean>(folder)).made_by() != model.made_by());
  const auto stale = model.sha256();
  REQUIRE_FALSE(stale);
  CHECK(stale.error().code == ts::error_code::mismatch);
}

TEST_CASE("load: legacy names of layer norms", "[model]") {
  const scratch_directory scratch;
  std::filesystem::copy(fixture("text/bad/ok_model"), scratch.path(), std::filesystem::copy_options::recursive);
  const auto plain = value_of(ts::load<tiny_bert>(scratch.path().string()));
  const ts::safetensors file = value_of(ts::safetensors::open((scratch / "model.safetensors").string()));
  std::vector<ts::tensor_view> tensors(file.tensors().begin(), file.tensors().end());
  std::vector<std::string> names;
  names.reserve(tensors.size());
  std::size_t renamed = 0;
  for (ts::tensor_view& tensor : tensors) {
    std::string name(tensor.name);
    for (const auto& [today, legacy] : {std::pair("LayerNorm.weight", "LayerNorm.gamma"), std::pair("LayerNorm.bias", "LayerNorm.beta")})
      if (name.ends_with(today)) {
        name.replace(name.size() - std::string_view(today).size(), std::string::npos, legacy);
        ++renamed;
      }
    names.push_back("bert." + name);
    tensor.name = names.back();
  }
  CHECK(renamed == 6);
  const std::string path = (scratch / "legacy.safetensors").string();
  succeed(ts::write_safetensors(path, tensors));
  const auto legacy = value_of(ts::load<tiny_bert>(scratch.path().string(), {.weights = path}));
  CHECK(legacy.made_by() == plain.made_by());
}

TEST_CASE("load: threads that share the work change no bit", "[model]") {
  constexpr std::size_t rows = 5000, width = 96, out = 1500;
  constexpr std::uint32_t last = 4999;
  using shared = ts::static_embedding<ts::space<"shared", out>, ts::static_shape{.vocabulary = rows, .width = width}, ts::i8, ts::dense<width, out>>;
  const scratch_directory scratch;
  write_file(scratch / "modules.json", R"([{"path": "", "type": "StaticEmbedding"}, {"path": "1_Dense", "type": "Dense"}])");
  std::filesystem::create_directories(scratch / "1_Dense");
  write_file(scratch / "1_Dense/config.json",
             R"({"in_features": 96, "out_features": 1500, "activation_function": "torch.nn.modules.linear.Identity"})");
  std::uint64_t state = 1;
  const auto numbers = [&](std::size_t count) {
    std::vector<float> values(count);
    for (float& x : values) x = static_cast<float>((state = state * 6364136223846793005U + 1442695040888963407U) >> 40U) * 0x1p-24f - 0.5f;
    return values;
  };
  std::vector<float> table = numbers(rows * width);
  const auto map = numbers(out * width), bias = numbers(out);
  const std::vector<std::size_t> table_shape = {rows, width}, map_shape = {out, width}, bias_shape = {out};
  const auto write = [&] {
    const ts::tensor_view one = ts::tensor_of<float>("embedding.weight", table_shape, table);
    succeed(ts::write_safetensors((scratch / "model.safetensors").string(), std::span(&one, 1)));
  };
  write();
  const std::vector<ts::tensor_view> head = {ts::tensor_of<float>("linear.weight", map_shape, map),
                                             ts::tensor_of<float>("linear.bias", bias_shape, bias)};
  succeed(ts::write_safetensors((scratch / "1_Dense/model.safetensors").string(), head));

  const std::string folder = scratch.path().string();
  ts::thread_pool threads(3);
  const auto alone = value_of(ts::load<shared>(folder, {.tokens_only = true}));
  const auto together = value_of(ts::load<shared>(folder, {.tokens_only = true, .threads = &threads}));
  CHECK(together.made_by() == alone.made_by());
  ts::token_batch_builder batch;
  for (std::uint32_t id = 0; id <= last; id += 7) batch.add_text(std::vector<std::uint32_t>{id, last - id}, std::vector<int>{0, 0});
  CHECK(same_bits(flat_values(value_of(together.encode_tokens(batch.view()))), flat_values(value_of(alone.encode_tokens(batch.view())))));

  table[rows * width - 2] = std::numeric_limits<float>::quiet_NaN();
  write();
  CHECK(mentions(load_error<shared>(folder, {.tokens_only = true, .threads = &threads}), "embedding.weight[479998]"));
}
