// SPDX-License-Identifier: Apache-2.0
// gte_reranker: logits and probabilities of the reference, from ids.
#include <tests/model/rerank_support.hpp>

#include <tessera/model/gte_reranker.hpp>

using namespace tessera_tests;

namespace {

using judge_type = ts::gte_reranker<ts::gte_shape{.vocabulary = 200,
                                                  .layers = 2,
                                                  .width = 32,
                                                  .heads = 4,
                                                  .inner = 48,
                                                  .positions = 24,
                                                  .types = 1,
                                                  .epsilon = 0.003,
                                                  .theta = 90.0,
                                                  .ntk_factor = 1.0}>;

}  // namespace

TEST_CASE("gte_reranker: the reference's scores from ids", "[model]") {
  check_scores<judge_type>(fixture("text/reranker_gte").string(), 1e-05);
}
