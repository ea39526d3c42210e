// SPDX-License-Identifier: Apache-2.0
// qwen2: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("qwen2: qwen2_causal", "[model]") { check_toy<toy::qwen2_causal<>>(6.1e-05, "dense_64_last_norm"); }

TEST_CASE("qwen2: qwen2_sliding", "[model]") { check_toy<toy::qwen2_sliding<>>(3.1e-05); }

TEST_CASE("qwen2: qwen2_bidirectional", "[model]") { check_toy<toy::qwen2_bidirectional<>>(3.1e-05); }

TEST_CASE("qwen2: a text read piece by piece has the bits of the whole, and the reference's states and cache", "[model]") {
  const std::string folder = fixture("text/qwen2_causal").string();
  const auto model = value_of(ts::load<toy::qwen2_causal<>>(folder, {.tokens_only = true}));
  const ts::safetensors expected = value_of(ts::safetensors::open(folder + "/expected.safetensors"));
  const auto ids = integers(expected, "inc_input_ids");
  const auto shape = value_of(expected.at("inc_input_ids")).shape;
  const auto states = floats(expected, "inc_last_hidden_state"), keys = floats(expected, "inc_cache_keys_layer0"),
             values = floats(expected, "inc_cache_values_layer0");
  const std::size_t columns = shape[1], heads = 2, head = 8;
  for (std::size_t row = 0; row < shape[0]; ++row) {
    ts::token_batch_builder whole;
    std::vector<std::uint32_t> text(columns);
    for (std::size_t i = 0; i < columns; ++i) {
      text[i] = static_cast<std::uint32_t>(ids[row * columns + i]);
      whole.add_token(text[i], static_cast<std::uint32_t>(i), 0);
    }
    whole.end_text();
    const auto at_once = value_of(model.hidden_states(whole.view()));
    CHECK(distance(at_once.span(), std::span(states).subspan(row * columns * 48, columns * 48)) <= 6.1e-5);
    const std::vector<std::vector<std::size_t>> ways = {{8, 5}, {1, 12}, std::vector<std::size_t>(13, 1), {13}};
    for (const auto& way : ways) {
      auto cache = value_of(model.start(20));
      std::vector<float> made;
      for (const std::size_t length : way) {
        const auto piece = value_of(model.extend(cache, std::span(text).subspan(cache.length(), length)));
        made.insert(made.end(), piece.span().begin(), piece.span().end());
      }
      CHECK(same_bits(made, at_once.span()));
      std::vector<float> k(columns * heads * head), v(k.size());
      cache.read(0, k.data(), v.data());
      double most = 0.0;
      for (std::size_t t = 0; t < columns; ++t)
        for (std::size_t h = 0; h < heads; ++h) {
          const std::size_t place = ((row * heads + h) * columns + t) * head;
          most = std::max(most, distance(std::span(k).subspan((t * heads + h) * head, head), std::span(keys).subspan(place, head)));
          most = std::max(most, distance(std::span(v).subspan((t * heads + h) * head, head), std::span(values).subspan(place, head)));
        }
      CHECK(most <= 6.1e-5);
      // A copy goes on as the original would; what does not fit is refused and changes nothing.
      auto other = value_of(cache.clone());
      CHECK(same_bits(value_of(model.extend(other, std::span(text).first(3))).span(), value_of(model.extend(cache, std::span(text).first(3))).span()));
      const auto refused = model.extend(cache, text);
      REQUIRE_FALSE(refused);
      CHECK(refused.error().code == ts::error_code::too_long);
      CHECK(cache.length() == 16);
      cache.truncate(13);
      CHECK(cache.length() == 13);
    }
  }
}

TEST_CASE("qwen2: gte-Qwen2's own class attends both ways where the file does not say", "[model]") {
  const std::string config = read_file(fixture("text/qwen2_causal") / "config.json");
  const auto causal = [&](const std::string& more) {
    const auto file = value_of(ts::parse_json("{" + more + config.substr(config.find('{') + 1), "config.json"));
    return value_of(ts::qwen2_family::read(file.root())).causal;
  };
  CHECK(causal(""));
  CHECK(causal(R"("auto_map": {"AutoModel": "modeling_other.Qwen2Model"},)"));
  CHECK(causal(R"("auto_map": {"AutoModelForCausalLM": "modeling_qwen.Qwen2ForCausalLM"},)"));
  CHECK_FALSE(causal(R"("auto_map": {"AutoModel": "modeling_qwen.Qwen2Model"},)"));
  CHECK_FALSE(causal(R"("auto_map": {"AutoModel": "someone/stella--modeling_qwen.Qwen2Model"},)"));
  CHECK(causal(R"("auto_map": {"AutoModel": "modeling_qwen.Qwen2Model"}, "is_causal": true,)"));
  CHECK_FALSE(causal(R"("is_causal": false,)"));
}
