// SPDX-License-Identifier: Apache-2.0
// roberta_reranker: logits and probabilities of the reference, from ids and from texts.
#include <tests/model/rerank_support.hpp>

#include <tessera/model/roberta_reranker.hpp>

using namespace tessera_tests;

namespace {

using judge_type = ts::roberta_reranker<ts::roberta_shape{
    .vocabulary = 900, .layers = 2, .width = 40, .heads = 5, .inner = 72, .positions = 42, .epsilon = 0.003}>;

}  // namespace

TEST_CASE("roberta_reranker: the reference's scores from ids", "[model]") {
  check_scores<judge_type>(fixture("text/reranker_xlm_roberta").string(), 1e-05);
}

TEST_CASE("roberta_reranker: the reference's scores from texts, alone, together and ranked", "[model]") {
  check_pairs<judge_type>(fixture("text/reranker_xlm_roberta").string(), 2e-05);
}
