// SPDX-License-Identifier: Apache-2.0
// BERT models against the reference implementation's outputs, layer by layer and from text to vector.
#include <tests/model/support.hpp>

using namespace tessera_tests;

namespace {

/// Fixtures of one shape in several file forms, with the tolerance that their README states for token states.
struct form {
  const char* name;
  double tolerance;
};

}  // namespace

TEST_CASE("bert: token states and vectors of the reference, in every file form", "[model]") {
  const auto [name, tolerance] =
      GENERATE(form{"bert_mean", 3.1e-5}, form{"bert_mean_bf16", 3.1e-5}, form{"bert_mean_fp16", 3.1e-5}, form{"bert_mean_sharded", 3.1e-5});
  check_ids<bert_mean>(fixture("text/" + std::string(name)).string(), tolerance);
}

TEST_CASE("bert: first-token pooling, tanh GELU, names with a prefix, extra tensors", "[model]") {
  check_ids<bert_cls>(fixture("text/bert_cls").string(), 6.1e-5);
}

namespace {

/// The graph of bert_mean up to layer Layers.
template <std::size_t Layers>
using encoder_up_to =
    ts::graph<ts::token_embedding<700, 48>, ts::learned_positions<40, 48>, ts::token_types<2, 48>, ts::layer_norm<48, 0.005>,
              ts::repeat<Layers, ts::encoder_layer<48, ts::heads<4>, ts::feed_forward<96, ts::gelu>, ts::layer_norm<48, 0.005>>>>;
using embeddings_alone =
    ts::graph<ts::token_embedding<700, 48>, ts::learned_positions<40, 48>, ts::token_types<2, 48>, ts::layer_norm<48, 0.005>>;

template <class Graph>
void check_layer(const std::string& folder, std::size_t layer) {
  const auto directory = value_of(ts::model_directory::read(folder));
  const auto tensors = value_of(ts::published_tensors::open(directory, bert_mean::description()));
  const ts::observer nobody;
  ts::published_reader reader(tensors, Graph::manifest().size(), nobody);
  typename Graph::template weights<ts::f32> weights;
  succeed(Graph::template load<ts::f32>(weights, reader));

  const ts::safetensors expected = value_of(ts::safetensors::open(folder + "/expected.safetensors"));
  const ts::safetensors debug = value_of(ts::safetensors::open(folder + "/debug.safetensors"));
  const id_batch batch(expected);
  ts::workspace memory;
  succeed(memory.reserve(Graph::workspace_bytes({.texts = batch.rows, .tokens = batch.cells.size()})));
  const ts::activations states = Graph::run(weights, batch.packed.view(), memory);
  REQUIRE(states.rows == batch.cells.size());

  const auto rows = integers(debug, "rows");
  const auto wanted = floats(debug, "hidden_" + std::to_string(layer));
  std::size_t compared = 0;
  for (std::size_t t = 0; t < batch.cells.size(); ++t) {
    const auto place = std::ranges::find(rows, static_cast<std::int64_t>(batch.cells[t] / batch.columns));
    if (place == rows.end()) continue;
    const std::size_t cell = static_cast<std::size_t>(place - rows.begin()) * batch.columns + batch.cells[t] % batch.columns;
    CHECK(distance(std::span(states.data + t * 48, 48), std::span(wanted).subspan(cell * 48, 48)) <= 3.1e-5);
    ++compared;
  }
  CHECK(compared > 40);
}

}  // namespace

TEST_CASE("bert: every layer's states of the reference", "[model]") {
  const std::string folder = fixture("text/bert_mean").string();
  check_layer<embeddings_alone>(folder, 0);
  check_layer<encoder_up_to<1>>(folder, 1);
  check_layer<encoder_up_to<2>>(folder, 2);
  check_layer<encoder_up_to<3>>(folder, 3);
}

TEST_CASE("bert: from text to the reference's vectors", "[model]") {
  const std::string folder = fixture("text/bert_mean").string();
  const auto model = value_of(ts::load<bert_mean>(folder));
  CHECK(model.settings().max_tokens == 40);
  const auto texts = texts_of(folder + "/texts.jsonl");
  const ts::safetensors expected = value_of(ts::safetensors::open(folder + "/expected_texts.safetensors"));
  CHECK(distance(flat_values(value_of(model.encode(texts))), floats(expected, "embeddings")) <= 2e-5);
}

TEST_CASE("bert: dense modules after the pooling", "[model]") {
  const std::string folder = fixture("text/bad/ok_model_modules").string();
  using space = ts::space<"dense", 8>;
  using model_type = ts::bert<space, tiny_shape, ts::f32, ts::dense<16, 8, ts::identity>>;
  const auto model = value_of(ts::load<model_type>(folder));
  const ts::safetensors expected = value_of(ts::safetensors::open(folder + "/expected.safetensors"));
  const id_batch batch(expected);
  REQUIRE(batch.rows == 1);
  const auto vectors = value_of(model.encode_tokens(batch.packed.view()));

  // The reference gives the token states; mean and dense map follow here in double.
  const auto states = floats(expected, "last_hidden_state");
  const ts::safetensors head = value_of(ts::safetensors::open(folder + "/2_Dense/model.safetensors"));
  const auto weight = floats(head, "linear.weight"), bias = floats(head, "linear.bias");
  for (std::size_t o = 0; o < 8; ++o) {
    double sum = static_cast<double>(bias[o]);
    for (std::size_t i = 0; i < 16; ++i) {
      double mean = 0.0;
      for (const std::size_t cell : batch.cells) mean += static_cast<double>(states[cell * 16 + i]);
      sum += mean / static_cast<double>(batch.cells.size()) * static_cast<double>(weight[o * 16 + i]);
    }
    CHECK(std::abs(static_cast<double>(vectors.row(0).values()[o]) - sum) <= 2e-5);
  }
}

TEST_CASE("bert: the manifest of a type is that of its family's description", "[model]") {
  const auto description = bert_mean::description();
  std::vector<ts::tensor_entry> entries;
  auto add = [&](const ts::tensor_entry& entry) { entries.push_back(entry); };
  ts::bert_family::describe(bert_mean_shape, ts::tensor_sink(add));
  REQUIRE(entries.size() == description.encoder.manifest.size());
  for (std::size_t i = 0; i < entries.size(); ++i) {
    CHECK(entries[i].label() == description.encoder.manifest[i].label());
    CHECK(entries[i].shape == description.encoder.manifest[i].shape);
  }
}

TEST_CASE("bert: a directory describes the type that loads it", "[model]") {
  const auto described = value_of(ts::describe(value_of(ts::model_directory::read(fixture("text/bert_cls").string()))));
  CHECK(ts::type_text(described, "bert_cls") ==
        "tessera::bert<tessera::space<\"bert_cls\", 64, tessera::pooling::cls, tessera::unit_length>, "
        "tessera::bert_shape{.vocabulary = 300, .layers = 2, .width = 64, .heads = 2, .inner = 128, .positions = 24, "
        ".activation = tessera::gelu_tanh::kernel}>");
}
