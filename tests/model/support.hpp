// SPDX-License-Identifier: Apache-2.0
/// The toy models of the fixtures as types, and their reference outputs.
#pragma once

#include <tests/support/allocations.hpp>
#include <tests/support/fixtures.hpp>
#include <tests/support/result.hpp>

#include <tessera/io/safetensors.hpp>
#include <tessera/io/sha256.hpp>
#include <tessera/model/bert.hpp>
#include <tessera/model/families.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

namespace tessera_tests {

namespace ts = tessera;

using bert_mean_space = ts::space<"bert_mean", 48, ts::pooling::mean, ts::unit_length>;
inline constexpr ts::bert_shape bert_mean_shape{
    .vocabulary = 700, .layers = 3, .width = 48, .heads = 4, .inner = 96, .positions = 40, .epsilon = 0.005};
using bert_mean = ts::bert<bert_mean_space, bert_mean_shape>;

using bert_cls_space = ts::space<"bert_cls", 64, ts::pooling::cls, ts::unit_length>;
inline constexpr ts::bert_shape bert_cls_shape{.vocabulary = 300,
                                               .layers = 2,
                                               .width = 64,
                                               .heads = 2,
                                               .inner = 128,
                                               .positions = 24,
                                               .activation = ts::gelu_tanh::kernel};
using bert_cls = ts::bert<bert_cls_space, bert_cls_shape>;

/// The shape that all model directories in text/bad share, or should have.
inline constexpr ts::bert_shape tiny_shape{.vocabulary = 30, .layers = 1, .width = 16, .heads = 4, .inner = 20, .positions = 12};
using tiny_bert = ts::bert<ts::space<"tiny", 16>, tiny_shape>;

inline std::vector<float> floats(const ts::safetensors& file, std::string_view name) {
  const ts::tensor_view tensor = value_of(file.at(name));
  std::vector<float> values(ts::element_count(tensor));
  succeed(ts::read_f32(tensor, values));
  return values;
}
inline std::vector<std::int64_t> integers(const ts::safetensors& file, std::string_view name) {
  const ts::tensor_view tensor = value_of(file.at(name));
  std::vector<std::int64_t> values(ts::element_count(tensor));
  succeed(ts::read_i64(tensor, values));
  return values;
}

/// The ids of an expected.safetensors, packed: only attended tokens, with their columns as positions.
struct id_batch {
  ts::token_batch_builder packed;
  std::vector<std::size_t> cells;  ///< row · columns + column of each packed token
  std::size_t rows = 0;
  std::size_t columns = 0;

  explicit id_batch(const ts::safetensors& file) {
    const auto shape = value_of(file.at("input_ids")).shape;
    rows = shape[0];
    columns = shape[1];
    const auto ids = integers(file, "input_ids"), mask = integers(file, "attention_mask");
    const auto types = file.find("token_type_ids") ? integers(file, "token_type_ids") : std::vector<std::int64_t>(ids.size());
    for (std::size_t r = 0; r < rows; ++r) {
      for (std::size_t c = 0; c < columns; ++c) {
        const std::size_t cell = r * columns + c;
        if (mask[cell] == 0) continue;
        packed.add_token(static_cast<std::uint32_t>(ids[cell]), static_cast<std::uint32_t>(c), static_cast<std::uint32_t>(types[cell]));
        cells.push_back(cell);
      }
      packed.end_text();
    }
  }
};

/// Largest difference of two lists of one length; infinity where something is not a number.
inline double distance(std::span<const float> a, std::span<const float> b) {
  REQUIRE(a.size() == b.size());
  double most = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (!(difference <= most)) most = std::isnan(difference) ? HUGE_VAL : difference;
  }
  return most;
}

/// The rows of a matrix one after the other.
template <class Space>
std::vector<float> flat_values(const ts::embedding_matrix<Space>& matrix) {
  std::vector<float> values;
  for (std::size_t i = 0; i < matrix.rows(); ++i) {
    const auto row = matrix.row(i).values();
    values.insert(values.end(), row.begin(), row.end());
  }
  return values;
}

/// Whether two lists hold the same bits.
inline bool same_bits(std::span<const float> a, std::span<const float> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size_bytes()) == 0;
}

/// The texts of a .jsonl file; lines end at LF only.
inline std::vector<std::string> texts_of(const std::filesystem::path& path) {
  const std::string all = read_file(path);
  std::vector<std::string> texts;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find('\n', at), all.size());
    const auto line = value_of(ts::parse_json(std::string_view(all).substr(at, end - at), path.string()));
    texts.push_back(value_of(line.root().get<std::string>("text")));
    at = end + 1;
  }
  return texts;
}

/// A model for ready tokens. What it keeps of aligned memory, which is its weights, is what it says, to the byte.
template <class Model>
Model load_for_tokens(const std::string& folder) {
#if TESSERA_TEST_COUNTS
  const std::size_t before = aligned_bytes_held;
#endif
  Model model = value_of(ts::load<Model>(folder, {.tokens_only = true}));
#if TESSERA_TEST_COUNTS
  CHECK(aligned_bytes_held - before == Model::memory_bytes());
#endif
  return model;
}

/// A model's token states and vectors against the reference's, from the ids of expected.safetensors. `vectors_name` is what the file calls
/// the model's vectors, by default those of its pooling.
template <class Model>
void check_ids(const std::string& folder, double tolerance, std::string vectors_name = {}) {
  const Model model = load_for_tokens<Model>(folder);
  const ts::safetensors expected = value_of(ts::safetensors::open(folder + "/expected.safetensors"));
  const id_batch batch(expected);
  constexpr std::size_t width = Model::graph::token_width;

  const auto states = value_of(model.hidden_states(batch.packed.view()));
  const std::vector<float> wanted = floats(expected, "last_hidden_state");
  std::vector<float> found(wanted.size());  // zero where nothing is attended
  for (std::size_t t = 0; t < batch.cells.size(); ++t)
    std::copy_n(states.data() + t * width, width, found.data() + batch.cells[t] * width);
  CHECK(distance(found, wanted) <= tolerance);

  const auto vectors = value_of(model.encode_tokens(batch.packed.view()));
  if (vectors_name.empty()) {
    constexpr auto mode = Model::space::pooling_mode;
    vectors_name = mode == ts::pooling::cls ? "pooled_cls" : mode == ts::pooling::last_token ? "pooled_last" : "pooled_mean";
    if (Model::space::unit_length) vectors_name += "_norm";
  }
  CHECK(distance(flat_values(vectors), floats(expected, vectors_name)) <= (Model::space::unit_length ? 2e-5 : tolerance));
  CHECK(vectors.made_by() == model.made_by());
  CHECK(bool(model.made_by()));
}

/// What the directory describes is what the type is: settings, and every tensor under the same name with the same shape.
template <class Model>
void check_description(const std::string& folder) {
  const auto wanted = Model::description();
  const auto found = value_of(ts::describe(value_of(ts::model_directory::read(folder))));
  REQUIRE(wanted.encoder.settings.size() == found.encoder.settings.size());
  for (std::size_t i = 0; i < wanted.encoder.settings.size(); ++i) CHECK(wanted.encoder.settings[i].value == found.encoder.settings[i].value);
  CHECK(wanted.encoder.positions == found.encoder.positions);
  CHECK(wanted.encoder.types == found.encoder.types);
  REQUIRE(wanted.encoder.manifest.size() == found.encoder.manifest.size());
  for (std::size_t i = 0; i < wanted.encoder.manifest.size(); ++i) {
    CHECK(wanted.encoder.manifest[i].label() == found.encoder.manifest[i].label());
    CHECK(wanted.encoder.manifest[i].shape == found.encoder.manifest[i].shape);
  }
}

}  // namespace tessera_tests
