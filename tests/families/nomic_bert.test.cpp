// SPDX-License-Identifier: Apache-2.0
// nomic_bert, and the one with experts: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/families/toys.hpp>

#include <tessera/op/combine.hpp>

using namespace tessera_tests;

TEST_CASE("nomic_bert: nomic_bert", "[model]") { check_toy<toy::nomic_bert<>>(6.1e-05); }

TEST_CASE("nomic_bert: behind a layer norm the vectors may be cut, from the same files", "[model]") {
  using space = ts::space<"nomic_bert_matryoshka", 48, ts::pooling::mean, ts::unit_length, ts::matryoshka<16, 32>>;
  using cut = ts::nomic_bert<space, toy::nomic_bert_shape, ts::f32, ts::plain_layer_norm<48>>;
  const std::string folder = fixture("text/nomic_bert").string();
  const cut model = value_of(ts::load<cut>(folder, {.tokens_only = true}));
  const ts::safetensors expected = value_of(ts::safetensors::open(folder + "/expected.safetensors"));
  const id_batch batch(expected);
  const auto found = value_of(model.encode_tokens(batch.packed.view()));
  const std::vector<float> pooled = floats(expected, "pooled_mean");
  for (std::size_t i = 0; i < found.rows(); ++i) {
    // (x - mean) / sqrt(variance + 1e-5), its first 16, to unit length
    const std::span<const float> x = std::span(pooled).subspan(i * 48, 48);
    double mean = 0.0, variance = 0.0, square = 0.0;
    for (const float each : x) mean += static_cast<double>(each) / 48;
    for (const float each : x) variance += (static_cast<double>(each) - mean) * (static_cast<double>(each) - mean) / 48;
    std::vector<double> wanted(16);
    for (std::size_t j = 0; j < 16; ++j) wanted[j] = (static_cast<double>(x[j]) - mean) / std::sqrt(variance + 1e-5);
    for (const double each : wanted) square += each * each;
    const auto shorter = ts::truncate<16>(found[i]);
    for (std::size_t j = 0; j < 16; ++j) CHECK(std::abs(static_cast<double>(shorter.data()[j]) - wanted[j] / std::sqrt(square)) <= 2e-5);
  }
}

TEST_CASE("nomic_moe: nomic_moe", "[model]") { check_toy<toy::nomic_moe<>>(2e-05); }

TEST_CASE("nomic_moe: a token's bits do not depend on the tokens beside it", "[model]") {
  const std::string folder = fixture("text/nomic_moe").string();
  const auto model = value_of(ts::load<toy::nomic_moe<>>(folder, {.tokens_only = true}));
  const id_batch batch(value_of(ts::safetensors::open(folder + "/expected.safetensors")));
  const auto together = value_of(model.encode_tokens(batch.packed.view()));
  ts::thread_pool threads(2);
  for (std::size_t i = 0; i < together.rows(); ++i) {
    ts::token_batch_builder alone;
    alone.copy_text(batch.packed.view(), i);
    const auto one = value_of(model.encode_tokens(alone.view(), &threads));
    CHECK(same_bits(one.row(0).values(), together.row(i).values()));
  }
}

TEST_CASE("nomic_moe: what its configuration may not say", "[model]") {
  const auto said = [](std::string change) {
    const scratch_directory scratch;
    std::string text = read_file(fixture("text/nomic_moe/config.json"));
    const std::string key = change.substr(0, change.find(':') + 1);
    const std::size_t place = text.find(key);
    REQUIRE(place != std::string::npos);
    text.replace(place, text.find_first_of(",\n", place) - place, change);
    write_file(scratch / "config.json", text);
    return message_of(ts::describe(value_of(ts::model_directory::read(scratch.path().string()))));
  };
  using Catch::Matchers::ContainsSubstring;
  CHECK_THAT(said("\"moe_every_n_layers\": 3"), ContainsSubstring("moe_every_n_layers: wanted 2, found 3"));
  CHECK_THAT(said("\"moe_normalize_expert_weights\": true"), ContainsSubstring("moe_normalize_expert_weights: wanted false, found true"));
  CHECK_THAT(said("\"moe_top_k\": 5"), ContainsSubstring("moe_top_k: wanted 1 to 4, found 5"));
  CHECK_THAT(said("\"num_shared_experts\": 1"), ContainsSubstring("num_shared_experts: wanted 0, found 1"));
}
