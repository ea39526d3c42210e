// SPDX-License-Identifier: Apache-2.0
// qwen2: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/model/support.hpp>

#include <tessera/model/qwen2.hpp>

using namespace tessera_tests;

namespace {

using qwen2_causal = ts::qwen2<ts::space<"qwen2_causal", 64, ts::pooling::last_token, ts::unit_length>,
                               ts::qwen2_shape{.vocabulary = 704,
                                               .layers = 3,
                                               .width = 48,
                                               .heads = 6,
                                               .head_width = 8,
                                               .inner = 80,
                                               .positions = 128,
                                               .epsilon = 0.003,
                                               .theta = 200.0},
                               ts::f32, ts::dense<48, 64, ts::identity>>;
using qwen2_sliding = ts::qwen2<ts::space<"qwen2_sliding", 32, ts::pooling::mean>, ts::qwen2_shape{.vocabulary = 200,
                                                                                                   .layers = 3,
                                                                                                   .width = 32,
                                                                                                   .heads = 4,
                                                                                                   .head_width = 8,
                                                                                                   .inner = 48,
                                                                                                   .positions = 64,
                                                                                                   .window = 5,
                                                                                                   .full_layers = 1,
                                                                                                   .epsilon = 0.002,
                                                                                                   .theta = 300.0}>;
using qwen2_bidirectional = ts::qwen2<ts::space<"qwen2_bidirectional", 32, ts::pooling::mean, ts::unit_length>,
                                      ts::qwen2_shape{.vocabulary = 250,
                                                      .layers = 2,
                                                      .width = 32,
                                                      .heads = 4,
                                                      .head_width = 8,
                                                      .inner = 64,
                                                      .positions = 64,
                                                      .causal = false,
                                                      .epsilon = 0.002,
                                                      .theta = 300.0}>;

}  // namespace

TEST_CASE("qwen2: qwen2_causal", "[model]") {
  const std::string folder = fixture("text/qwen2_causal").string();
  check_ids<qwen2_causal>(folder, 6.1e-05, "dense_64_last_norm");
  check_description<qwen2_causal>(folder);
}

TEST_CASE("qwen2: qwen2_sliding", "[model]") {
  const std::string folder = fixture("text/qwen2_sliding").string();
  check_ids<qwen2_sliding>(folder, 3.1e-05);
  check_description<qwen2_sliding>(folder);
}

TEST_CASE("qwen2: qwen2_bidirectional", "[model]") {
  const std::string folder = fixture("text/qwen2_bidirectional").string();
  check_ids<qwen2_bidirectional>(folder, 3.1e-05);
  check_description<qwen2_bidirectional>(folder);
}
