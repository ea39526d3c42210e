// SPDX-License-Identifier: Apache-2.0
// Static models: the reference's vectors of texts, tables looked up as model2vec writes them, and what is wrong with a directory.
#include <tests/model/support.hpp>

#include <tessera/model/static_embedding.hpp>

#include <numeric>

using namespace tessera_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr ts::static_shape toy_shape{.vocabulary = 700, .width = 40};
using plain_model = ts::static_embedding<ts::space<"static_embedding", 40>, toy_shape>;
using unit_model = ts::static_embedding<ts::space<"model2vec", 40, ts::pooling::mean, ts::unit_length>, toy_shape>;

template <class Model>
std::vector<float> vectors_of(const Model& model, const std::vector<std::string>& texts) {
  return flat_values(value_of(model.encode(std::span<const std::string>(texts))));
}

/// A directory of its own with the fixture's tokenizer and these tensors.
class toy_directory {
 public:
  toy_directory(std::string_view modules, std::string_view tokenizer = {}) {
    write_file(scratch_ / "tokenizer.json",
               tokenizer.empty() ? read_file(fixture("text/static_embedding/tokenizer.json")) : std::string(tokenizer));
    if (!modules.empty()) write_file(scratch_ / "modules.json", modules);
  }
  void add(std::string_view name, std::vector<std::size_t> shape, std::vector<float> values) {
    floats_.push_back({std::string(name), std::move(shape), std::move(values)});
  }
  void add(std::string_view name, std::vector<std::int64_t> values) { integers_.push_back({std::string(name), {values.size()}, std::move(values)}); }
  void add(std::string_view name, std::vector<std::size_t> shape, std::vector<std::int8_t> values) {
    bytes_.push_back({std::string(name), std::move(shape), std::move(values)});
  }
  std::string write() const {
    std::vector<ts::tensor_view> all;
    for (const auto& each : floats_) all.push_back(ts::tensor_of<float>(each.name, each.shape, each.values));
    for (const auto& each : integers_) all.push_back(ts::tensor_of<std::int64_t>(each.name, each.shape, each.values));
    for (const auto& each : bytes_) all.push_back(ts::tensor_of<std::int8_t>(each.name, each.shape, each.values));
    succeed(ts::write_safetensors((scratch_ / "model.safetensors").string(), all));
    return scratch_.path().string();
  }
  const scratch_directory& scratch() const { return scratch_; }

 private:
  template <class T>
  struct tensor {
    std::string name;
    std::vector<std::size_t> shape;
    std::vector<T> values;
  };
  scratch_directory scratch_;
  std::vector<tensor<float>> floats_;
  std::vector<tensor<std::int64_t>> integers_;
  std::vector<tensor<std::int8_t>> bytes_;
};

constexpr std::string_view one_module = R"([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}])";
using tiny_model = ts::static_embedding<ts::space<"tiny_static", 2>, ts::static_shape{.vocabulary = 700, .width = 2}>;

std::vector<std::int64_t> alternating() {
  std::vector<std::int64_t> rows(700);
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i % 3);
  return rows;
}

}  // namespace

TEST_CASE("static: texts get the reference's vectors", "[model][static]") {
  const std::string folder = fixture("text/static_embedding").string();
  const auto model = value_of(ts::load<plain_model>(folder));
  const auto expected = value_of(ts::safetensors::open(folder + "/expected_texts.safetensors"));
  CHECK(distance(vectors_of(model, texts_of(folder + "/texts.jsonl")), floats(expected, "embeddings")) <= 1e-5);
  CHECK(vectors_of(model, {""}) == std::vector<float>(40));
  check_description<plain_model>(folder);
}

TEST_CASE("static: a quantised vocabulary is looked up and weighted", "[model][static]") {
  const std::string folder = fixture("text/model2vec").string();
  const auto model = value_of(ts::load<unit_model>(folder));
  const auto expected = value_of(ts::safetensors::open(folder + "/expected_texts.safetensors"));
  CHECK(distance(vectors_of(model, texts_of(folder + "/texts.jsonl")), floats(expected, "embeddings")) <= 1e-5);
  check_description<unit_model>(folder);
}

TEST_CASE("static: the table of whole numbers, with and without factors", "[model][static]") {
  toy_directory directory({});
  write_file(directory.scratch() / "config.json", R"({"model_type": "model2vec", "normalize": false})");
  directory.add("embeddings", {3, 2}, std::vector<std::int8_t>{1, -2, 127, 4, -128, 6});
  directory.add("mapping", alternating());
  const auto model = value_of(ts::load<tiny_model>(directory.write()));
  const std::vector<std::uint32_t> ids = {4, 5};  // rows 1 and 2
  ts::token_batch_builder batch;
  batch.add_text(ids, std::vector<int>{0, 0});
  CHECK(flat_values(value_of(model.encode_tokens(batch.view()))) == std::vector<float>{-0.5f, 5.0f});
  std::vector<float> factors(700, 1.0f);
  factors[4] = 2.0f;
  directory.add("weights", {700}, factors);
  const auto weighted = value_of(ts::load<tiny_model>(directory.write()));
  CHECK(flat_values(value_of(weighted.encode_tokens(batch.view()))) == std::vector<float>{63.0f, 7.0f});
  CHECK(weighted.made_by() != model.made_by());
}

TEST_CASE("static: the token that pads counts for nothing", "[model][static]") {
  std::string tokenizer = read_file(fixture("text/static_embedding/tokenizer.json"));
  const std::size_t place = tokenizer.find("\"padding\":");
  REQUIRE(place != std::string::npos);
  const std::size_t end = tokenizer.find("null", place);
  const ts::tokenizer plain = value_of(ts::tokenizer::open(fixture("text/static_embedding/tokenizer.json").string()));
  const std::vector<ts::token_id> ids = value_of(plain.encode("a b", {.add_special_tokens = false})).ids;
  REQUIRE(ids.size() == 2);
  tokenizer.replace(end, 4, R"({"strategy": "BatchLongest", "direction": "Right", "pad_to_multiple_of": null, "pad_id": )" +
                                std::to_string(ids[0]) + R"(, "pad_type_id": 0, "pad_token": "a"})");
  toy_directory directory(one_module, tokenizer);
  std::vector<float> table(1400);
  std::iota(table.begin(), table.end(), 0.0f);
  directory.add("embedding.weight", {700, 2}, table);
  const auto model = value_of(ts::load<tiny_model>(directory.write()));
  CHECK(vectors_of(model, {"a b a"}) == std::vector<float>{table[2 * ids[1]], table[2 * ids[1] + 1]});
  CHECK(vectors_of(model, {"a a"}) == std::vector<float>{0.0f, 0.0f});
}

TEST_CASE("static: what is wrong with a directory is said", "[model][static]") {
  const std::vector<float> row = {1.0f, 2.0f};
  {
    toy_directory directory(one_module);
    directory.add("other", {1, 2}, row);
    CHECK_THAT(message_of(ts::load<tiny_model>(directory.write())), ContainsSubstring("wanted embedding.weight or embeddings, found neither"));
  }
  {
    toy_directory directory(one_module);
    directory.add("embedding.weight", {1, 2}, row);
    CHECK_THAT(message_of(ts::load<tiny_model>(directory.write())), ContainsSubstring("embedding.weight: wanted [700, 2], found [1, 2]"));
  }
  {
    toy_directory directory(one_module);
    directory.add("embeddings", {1, 2}, row);
    directory.add("mapping", alternating());
    CHECK_THAT(message_of(ts::load<tiny_model>(directory.write())),
               ContainsSubstring("mapping: wanted rows below 1 (those of embeddings), found 1 for token 1"));
  }
  {
    toy_directory directory(one_module);
    directory.add("embeddings", {1, 2}, row);
    directory.add("mapping", std::vector<std::int64_t>(700));
    directory.add("weights", {2}, row);
    CHECK_THAT(message_of(ts::load<tiny_model>(directory.write())), ContainsSubstring("weights: wanted a factor for each of 700 rows, found F32 [2]"));
  }
  {
    toy_directory directory(one_module);
    directory.add("embeddings", {1, 2}, row);
    directory.add("mapping", std::vector<std::int64_t>(700));
    directory.add("weights", {700}, std::vector<float>(700, std::numeric_limits<float>::infinity()));
    CHECK_THAT(message_of(ts::load<tiny_model>(directory.write())), ContainsSubstring("weights"));
  }
}
