// SPDX-License-Identifier: Apache-2.0
/// tools/model-type: what it prints is a header that a user's compiler takes.
#include <tests/tools/programs/call.hpp>

using namespace tessera_tests;

TEST_CASE("the printed header declares the directory's type", "[programs][model-type]") {
  const scratch_directory scratch;
  const answer printed = program("model-type", {fixture("text/bert_cls").string()});
  REQUIRE(printed.status == 0);
  CHECK(printed.err.empty());
  write_file(scratch / "model_type.hpp", printed.out);
  write_file(scratch / "user.cpp",
             "#include \"model_type.hpp\"\n"
             "namespace ts = tessera;\n"
             "static_assert(std::is_same_v<model_type, ts::bert<ts::space<\"bert_cls\", 64, ts::pooling::cls, ts::unit_length>,\n"
             "    ts::bert_shape{.vocabulary = 300, .layers = 2, .width = 64, .heads = 2, .inner = 128, .positions = 24,\n"
             "                   .types = 2, .activation = ts::gelu_tanh::kernel, .epsilon = 1e-12}>>);\n");
  const answer compiled = call({TESSERA_MODEL_COMPILER, "@" TESSERA_MODEL_FLAGS, "-O0", "-I" + (tessera_tests::source_tree() / "include").string(), "-fsyntax-only",
                                (scratch / "user.cpp").string()});
  INFO(compiled.err);
  CHECK(compiled.status == 0);
}

TEST_CASE("a directory without modules.json has the pooling asked for; a wrong one is an error", "[programs][model-type]") {
  const std::string plain = fixture("text/bad/ok_model").string();
  CHECK_THAT(program("model-type", {plain}).out, Catch::Matchers::ContainsSubstring("space<\"ok_model\", 16, tessera::pooling::mean>"));
  CHECK_THAT(program("model-type", {plain, "--pooling", "last", "--name", "mine"}).out,
             Catch::Matchers::ContainsSubstring("space<\"mine\", 16, tessera::pooling::last_token>"));
  const answer refused = program("model-type", {fixture("text/bad/unknown_activation").string()});
  CHECK(refused.status == 1);
  CHECK(refused.out.empty());
  CHECK_THAT(refused.err, Catch::Matchers::ContainsSubstring("hidden_act"));
}
