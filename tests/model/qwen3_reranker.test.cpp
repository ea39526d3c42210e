// SPDX-License-Identifier: Apache-2.0
// qwen3_reranker: logits and probabilities of the reference, from ids.
#include <tests/model/rerank_support.hpp>

#include <tessera/model/qwen3_reranker.hpp>

using namespace tessera_tests;

namespace {

using judge_type = ts::qwen3_reranker<ts::qwen3_shape{.vocabulary = 704,
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

TEST_CASE("qwen3_reranker: the reference's scores from ids", "[model]") {
  check_scores<judge_type>(fixture("text/qwen3_reranker").string(), 6.1e-05);
}
