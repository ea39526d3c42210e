// SPDX-License-Identifier: Apache-2.0
// qwen3: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/model/support.hpp>

#include <tessera/model/qwen3.hpp>

using namespace tessera_tests;

namespace {

using qwen3_embed =
    ts::qwen3<ts::space<"qwen3_embed", 48, ts::pooling::last_token, ts::unit_length>, ts::qwen3_shape{.vocabulary = 704,
                                                                                                      .layers = 2,
                                                                                                      .width = 48,
                                                                                                      .heads = 4,
                                                                                                      .kv_heads = 2,
                                                                                                      .head_width = 16,
                                                                                                      .inner = 72,
                                                                                                      .positions = 128,
                                                                                                      .epsilon = 0.004,
                                                                                                      .theta = 300.0}>;

}  // namespace

TEST_CASE("qwen3: qwen3_embed", "[model]") {
  const std::string folder = fixture("text/qwen3_embed").string();
  check_ids<qwen3_embed>(folder, 6.1e-05);
  check_description<qwen3_embed>(folder);
}
