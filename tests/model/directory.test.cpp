// SPDX-License-Identifier: Apache-2.0
/// What modules.json and the files that it names may say; the meaning is that of sentence-transformers 6.
#include <tests/support/fixtures.hpp>
#include <tests/support/result.hpp>

#include <tessera/model/directory.hpp>

using namespace tessera_tests;
namespace ts = tessera;

namespace {

constexpr std::string_view modules = R"([
  {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
  {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
  {"idx": 2, "name": "2", "path": "2_Dense", "type": "sentence_transformers.base.modules.dense.Dense"}])";
constexpr std::string_view mean_pooling = R"({"word_embedding_dimension": 4, "pooling_mode": "mean"})";
constexpr std::string_view plain_dense =
    R"({"in_features": 4, "out_features": 3, "activation_function": "torch.nn.modules.linear.Identity"})";

ts::result<ts::model_directory> read(std::string_view pooling, std::string_view dense = plain_dense) {
  const scratch_directory scratch;
  std::filesystem::create_directories(scratch / "1_Pooling");
  std::filesystem::create_directories(scratch / "2_Dense");
  write_file(scratch / "modules.json", modules);
  write_file(scratch / "1_Pooling/config.json", pooling);
  write_file(scratch / "2_Dense/config.json", dense);
  return ts::model_directory::read(scratch.path().string());
}

std::string dense_with(std::string_view more) { return std::string(plain_dense.substr(0, plain_dense.size() - 1)) + ", " + std::string(more) + '}'; }

}  // namespace

TEST_CASE("a pooling mode may be spelled in several ways", "[model][directory]") {
  struct spelling {
    std::string_view file;
    ts::pooling mode;
  };
  const spelling each = GENERATE(values<spelling>({
      {R"({"pooling_mode": "mean"})", ts::pooling::mean},
      {R"({"pooling_mode": ["cls"]})", ts::pooling::cls},
      {R"({"pooling_mode": "weightedmean", "pooling_mode_cls_token": true})", ts::pooling::weighted_mean},
      {R"({"pooling_mode": null})", ts::pooling::mean},
      {R"({})", ts::pooling::mean},
      {R"({"pooling_mode_cls_token": true})", ts::pooling::cls},
      {R"({"pooling_mode_lasttoken": true, "pooling_mode_mean_tokens": false})", ts::pooling::last_token},
      {R"({"pooling_mode_max_tokens": true, "pooling_mode_cls_token": false})", ts::pooling::max},
  }));
  INFO(each.file);
  CHECK(value_of(read(each.file)).pooling_mode == each.mode);
}

TEST_CASE("several poolings at once, none, and unknown ones are refused", "[model][directory]") {
  for (const std::string_view file :
       {R"({"pooling_mode": ["cls", "mean"]})", R"({"pooling_mode": []})", R"({"pooling_mode": "median"})", R"({"pooling_mode": 3})",
        R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})", R"({"pooling_mode_mean_tokens": false})",
        R"({"pooling_mode_mean_sqrt_len_tokens": true})"}) {
    INFO(file);
    CHECK_THAT(message_of(read(file)), Catch::Matchers::ContainsSubstring("1_Pooling/config.json"));
  }
}

TEST_CASE("a dense module that does more than W x + b is refused", "[model][directory]") {
  CHECK(value_of(read(mean_pooling, dense_with(R"("use_residual": false, "module_input_name": "sentence_embedding")"))).dense.size() == 1);
  for (const std::string_view more :
       {R"("use_residual": true)", R"("module_input_name": "token_embeddings")", R"("module_output_name": "other")"}) {
    INFO(more);
    CHECK_THAT(message_of(read(mean_pooling, dense_with(more))), Catch::Matchers::ContainsSubstring("2_Dense/config.json"));
  }
}
