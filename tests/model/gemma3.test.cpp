// SPDX-License-Identifier: Apache-2.0
// gemma3: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/model/support.hpp>

#include <tessera/model/gemma3.hpp>

using namespace tessera_tests;

namespace {

using embedding_gemma = ts::gemma3<ts::space<"embedding_gemma", 48, ts::pooling::mean, ts::unit_length>,
                                   ts::gemma3_shape{.vocabulary = 901,
                                                    .layers = 4,
                                                    .width = 48,
                                                    .head_width = 16,
                                                    .inner = 64,
                                                    .positions = 128,
                                                    .window = 8,
                                                    .global_every = 3,
                                                    .query_scalar = 10,
                                                    .epsilon = 0.004,
                                                    .global_theta = 500.0,
                                                    .local_theta = 40.0},
                                   ts::f32, ts::dense<48, 96, ts::identity, ts::without_bias>,
                                   ts::dense<96, 48, ts::identity, ts::without_bias>>;

}  // namespace

TEST_CASE("gemma3: embedding_gemma", "[model]") {
  const std::string folder = fixture("text/embedding_gemma").string();
  check_ids<embedding_gemma>(folder, 3.1e-05, "embedding");
  check_description<embedding_gemma>(folder);
}
