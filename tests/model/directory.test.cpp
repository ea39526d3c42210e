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

TEST_CASE("of several dense heads that of a dimension can be chosen", "[model][directory]") {
  const scratch_directory scratch;
  for (const std::string_view folder : {"1_Pooling", "2_Dense", "2_Dense_3", "2_Dense_8", "2_Dense_9"})
    std::filesystem::create_directories(scratch / folder);
  write_file(scratch / "1_Pooling/config.json", mean_pooling);
  for (const std::string_view folder : {"2_Dense", "2_Dense_3"}) write_file(scratch / (std::string(folder) + "/config.json"), plain_dense);
  write_file(scratch / "2_Dense_8/config.json", R"({"in_features": 4, "out_features": 8, "activation_function": "torch.nn.Identity"})");
  write_file(scratch / "2_Dense_9/config.json", R"({"in_features": 4, "out_features": "nine"})");
  const std::string named(GENERATE("2_Dense", "2_Dense_3"));
  std::string list(modules);
  list.replace(list.find("2_Dense"), 7, named);
  write_file(scratch / "modules.json", list);
  auto directory = value_of(ts::model_directory::read(scratch.path().string()));
  REQUIRE(directory.dense.size() == 1);
  CHECK(directory.dense.front().folder == named);

  succeed(directory.choose_dense(3));  // it is named already
  CHECK(directory.dense.front().folder == named);
  succeed(directory.choose_dense(7));  // there is none: what differs is found by comparing
  CHECK(directory.dense.front().out == 3);
  CHECK_THAT(message_of(directory.choose_dense(9)), Catch::Matchers::ContainsSubstring("2_Dense_9/config.json"));
  succeed(directory.choose_dense(8));
  CHECK(directory.dense.front().folder == "2_Dense_8");
  CHECK(directory.dense.front().out == 8);
}
