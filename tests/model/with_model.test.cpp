// SPDX-License-Identifier: Apache-2.0
// Models whose type is learned at run time: which type of a registry a directory gets, what the visitor sees, what none fits says.
#include <tests/families/toys.hpp>

#include <tessera/model/with_model.hpp>

using namespace tessera_tests;

namespace {

namespace hana = boost::hana;

/// A model of one's own, without published files.
using own_space = ts::space<"own", 8>;
using own_model = ts::model<own_space, ts::token_embedding<20, 8>, ts::pool<ts::pooling::mean>>;

constexpr auto known = hana::tuple_t<own_model, toy::stella<96>, toy::stella<32>, bert_mean, toy::bert_reranker<>>;

/// A directory with a tokenizer is not needed for these.
constexpr auto tokens_only = [] { return ts::load_options{.tokens_only = true}; };

/// What a program might ask of any model: its name, or that it has none.
struct name_of {
  template <class Model>
  std::string operator()(const Model&) const {
    if constexpr (requires { typename Model::space; }) return std::string(Model::space::label()) + " " + std::to_string(Model::dimension);
    else return "a reranker";
  }
};

std::string name_in(const std::string& folder) { return value_of(ts::with_model(folder, known, name_of(), tokens_only())); }

}  // namespace

TEST_CASE("with_model: the first type of the registry that a directory fits", "[model]") {
  CHECK(name_in(fixture("text/bert_mean").string()) == "bert_mean 48");
  CHECK(name_in(fixture("text/reranker_bert").string()) == "a reranker");
  // modules.json names one of its heads; a type may take another, and the first of those that fit is taken.
  const std::string stella = fixture("text/stella_new_ntk").string();
  CHECK(name_in(stella) == "stella_new_ntk 96");
  constexpr auto small_first = hana::tuple_t<toy::stella<32>, toy::stella<96>>;
  CHECK(value_of(ts::with_model(stella, small_first, name_of(), tokens_only())) == "stella_new_ntk 32");
}

TEST_CASE("with_model: a type without a family is known by its tensors", "[model]") {
  const scratch_directory scratch;
  std::vector<float> table(20 * 8, 0.5f);
  const std::vector<std::size_t> shape = {20, 8};
  const ts::tensor_view tensor = ts::tensor_of<float>("token_embedding.weight", shape, table);
  succeed(ts::write_safetensors((scratch / "model.safetensors").string(), std::span(&tensor, 1)));
  CHECK(name_in(scratch.path().string()) == "own 8");
}

TEST_CASE("with_model: the visitor has the loaded model, and its answer comes back", "[model]") {
  const std::string folder = fixture("text/bert_mean").string();
  const bert_mean alone = value_of(ts::load<bert_mean>(folder));
  const auto wanted = value_of(alone.encode("a text"));
  constexpr auto one = hana::tuple_t<bert_mean>;
  // A value, a result that is not wrapped again, nothing at all; a visitor may have state and be moved from.
  const ts::result<bool> same = ts::with_model(folder, one, [&](const auto& model) {
    const auto vector = model.encode("a text");
    return vector && same_bits(vector->values(), wanted.values());
  });
  CHECK(value_of(same));
  const ts::result<bert_mean::vector> vector = ts::with_model(folder, one, [](const auto& model) { return model.encode("a text"); });
  CHECK(same_bits(value_of(vector).values(), wanted.values()));
  std::vector<bert_mean> kept;
  const ts::result<> nothing = ts::with_model(folder, one, [&](const bert_mean& model) { kept.push_back(model); });
  succeed(nothing);
  REQUIRE(kept.size() == 1);
  CHECK(kept.front().made_by() == alone.made_by());
  const ts::result<int> refused = ts::with_model(folder, one, [](const auto&) -> ts::result<int> {
    return ts::fail({.code = ts::error_code::overloaded, .thing = "the visitor"});
  });
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == ts::error_code::overloaded);
}

TEST_CASE("with_model: where none fits, the registry's types and what the directory has", "[model]") {
  const auto failure_in = [](const std::string& folder) {
    const auto outcome = ts::with_model(folder, known, name_of(), tokens_only());
    REQUIRE_FALSE(outcome);
    return outcome.error();
  };
  const ts::error other = failure_in(fixture("text/qwen2_causal").string());
  CHECK(other.code == ts::error_code::mismatch);
  for (const auto* part :
       {"own (no published family, 8 dimensions), stella_new_ntk (gte, 96 dimensions), stella_new_ntk (gte, 32 dimensions), "
        "bert_mean (bert, 48 dimensions), bert reranker",
        "tessera::qwen2<tessera::space<\"qwen2_causal\", 64, tessera::pooling::last_token, tessera::unit_length>, tessera::qwen2_shape{",
        "bert_mean (bert, 48 dimensions): ", "config.json: architecture: wanted bert, found qwen2"}) {
    INFO(other.message());
    CHECK(other.message().find(part) != std::string::npos);
  }

  // The same family, another shape.
  const ts::error size = failure_in(fixture("text/bert_cls").string());
  CHECK(size.message().find("config.json: vocab_size: wanted 700, found 300") != std::string::npos);
  // No model at all.
  CHECK(failure_in("/nonexistent/model").code == ts::error_code::not_found);
  const scratch_directory scratch;
  write_file(scratch / "config.json", R"({"model_type": "llama"})");
  const ts::error unknown = failure_in(scratch.path().string());
  CHECK(unknown.code == ts::error_code::unsupported);
  CHECK(unknown.message().find("found \"llama\"") != std::string::npos);
  CHECK(unknown.message().find("bert_mean (bert, 48 dimensions)") != std::string::npos);
}
