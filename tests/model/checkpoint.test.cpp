// SPDX-License-Identifier: Apache-2.0
// Checkpoints written back: what was published comes out again, from whatever it was read.
#include <tests/model/support.hpp>

#include <tessera/model/checkpoint.hpp>
#include <tessera/model/loader.hpp>

#include <sstream>

using namespace tessera_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

std::string convert(const scratch_directory& scratch, const std::string& folder, const ts::convert_options& options = {}) {
  const std::string path = (scratch / "written.safetensors").string();
  succeed(ts::convert_checkpoint(folder, path, options));
  return path;
}

}  // namespace

TEST_CASE("checkpoint: every tensor that is read comes out as it was published", "[model][checkpoint]") {
  const std::string name = GENERATE(as<std::string>(), "bert_mean", "bert_mean_sharded", "modernbert", "nomic_bert", "nomic_moe", "qwen3_embed", "gte_v5",
                                    "reranker_bert", "reranker_modernbert", "jina_v3", "static_embedding");
  CAPTURE(name);
  const scratch_directory scratch;
  const std::string folder = fixture("text/" + name).string();
  const ts::weights published = value_of(ts::weights::open(folder));
  const ts::safetensors written = value_of(ts::safetensors::open(convert(scratch, folder)));
  CHECK(written.metadata() == ts::tensor_metadata{{"format", "pt"}});
  CHECK(!written.tensors().empty());
  for (const ts::tensor_view& tensor : written.tensors()) {
    INFO(tensor.name);
    const ts::tensor_view same = value_of(published.at(tensor.name));
    CHECK(std::ranges::equal(tensor.shape, same.shape));
    CHECK(std::ranges::equal(tensor.bytes, same.bytes));
  }
  // Nothing that the model reads is lacking.
  const auto directory = value_of(ts::model_directory::read(folder));
  const auto described = value_of(ts::describe(directory));
  const auto again = value_of(ts::published_tensors::open(directory, described, (scratch / "written.safetensors").string()));
  CHECK(again.compare(described.manifest()).empty());
}

TEST_CASE("checkpoint: an export becomes what it was exported from", "[model][checkpoint]") {
  const scratch_directory scratch;
  const ts::weights published = value_of(ts::weights::open(fixture("text/bert_mean").string()));
  const std::string folder = fixture("text/onnx_bert_mean").string();
  const ts::safetensors written = value_of(ts::safetensors::open(convert(scratch, folder, {.weights = folder + "/exported_legacy.onnx"})));
  for (const ts::tensor_view& tensor : written.tensors()) {
    INFO(tensor.name);
    CHECK(std::ranges::equal(tensor.bytes, value_of(published.at(tensor.name)).bytes));
  }
}

TEST_CASE("checkpoint: half precision is rounded to nearest, and what it cannot hold is an error", "[model][checkpoint]") {
  const scratch_directory scratch;
  const std::string folder = fixture("text/bert_mean").string();
  const ts::safetensors published = value_of(ts::safetensors::open(folder + "/model.safetensors"));
  for (const ts::dtype type : {ts::dtype::f16, ts::dtype::bf16}) {
    const ts::safetensors written = value_of(ts::safetensors::open(convert(scratch, folder, {.type = type})));
    for (const ts::tensor_view& tensor : written.tensors()) {
      REQUIRE(tensor.type == type);
      const std::vector<float> found = floats(written, tensor.name);
      const std::vector<float> wanted = floats(published, tensor.name);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < found.size(); ++i)
        wrong += found[i] != (type == ts::dtype::f16 ? static_cast<float>(ts::float16(wanted[i])) : static_cast<float>(ts::bfloat16(wanted[i])));
      CHECK(wrong == 0);
    }
  }
  const std::string path = (scratch / "out.safetensors").string();
  CHECK_THAT(message_of(ts::convert_checkpoint(folder, path, {.type = ts::dtype::i8})), ContainsSubstring("wanted F32, F16 or BF16, found I8"));
  struct large_numbers final : ts::weight_reader {
    ts::result<> read(std::string_view, std::span<float> values) override {
      std::ranges::fill(values, 1e6f);
      return {};
    }
  } large;
  CHECK_THAT(message_of(ts::write_checkpoint(path, bert_cls::description(), large, ts::dtype::f16)), ContainsSubstring("within the range of F16"));
  CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("checkpoint: a dense module comes out as it was published", "[model][checkpoint]") {
  // One without a bias, one of two behind one another, one that modules.json does not name.
  const auto check = [](const std::string& folder, std::size_t head, std::size_t dimension) {
    const scratch_directory scratch;
    ts::model_directory directory = value_of(ts::model_directory::read(folder));
    if (dimension != 0) succeed(directory.choose_dense(dimension));
    const ts::model_description model = value_of(ts::describe(directory));
    const ts::published_tensors published = value_of(ts::published_tensors::open(directory, model));
    const ts::observer nobody;
    ts::published_reader reader(published, model.manifest().size(), nobody);
    const std::string path = (scratch / "dense.safetensors").string();
    succeed(ts::write_dense_checkpoint(path, model, head, reader));
    const ts::safetensors written = value_of(ts::safetensors::open(path));
    const ts::safetensors wanted = value_of(ts::safetensors::open(directory.file(directory.dense.at(head).folder) + "/model.safetensors"));
    REQUIRE(written.tensors().size() == wanted.tensors().size());
    for (const ts::tensor_view& tensor : wanted.tensors()) {
      INFO(folder << " " << head << " " << tensor.name);
      const ts::tensor_view same = value_of(written.at(tensor.name));
      CHECK(std::ranges::equal(tensor.shape, same.shape));
      CHECK(std::ranges::equal(tensor.bytes, same.bytes));
    }
    CHECK_THAT(message_of(ts::write_dense_checkpoint(path, model, model.dense.size(), reader)),
               ContainsSubstring("dense module: wanted one of " + std::to_string(model.dense.size())));
  };
  check(fixture("text/stella_new_ntk").string(), 0, 0);
  check(fixture("text/stella_new_ntk").string(), 0, 32);
  check(fixture("text/embedding_gemma").string(), 0, 0);
  check(fixture("text/embedding_gemma").string(), 1, 0);
}

// tests/model/checkpoint.py runs this one and loads what it wrote with the reference library.
TEST_CASE("checkpoint: as a list asks for, lines of type, directory, weights (or -) and file to write", "[.][checkpoint_list]") {
  const char* list = std::getenv("TESSERA_CHECKPOINT_LIST");
  REQUIRE(list != nullptr);
  std::istringstream lines(read_file(list));
  for (std::string type, folder, weights, path; lines >> type >> folder >> weights >> path;)
    succeed(ts::convert_checkpoint(folder, path,
                                   {.weights = weights == "-" ? "" : weights,
                                    .type = type == "BF16" ? ts::dtype::bf16 : type == "F16" ? ts::dtype::f16 : ts::dtype::f32}));
}
