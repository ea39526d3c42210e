// SPDX-License-Identifier: Apache-2.0
// bert_reranker: logits and probabilities of the reference, from ids and from texts.
#include <tests/model/rerank_support.hpp>

#include <tessera/model/bert_reranker.hpp>

using namespace tessera_tests;

namespace {

using judge_type = ts::bert_reranker<ts::bert_shape{
    .vocabulary = 700, .layers = 2, .width = 32, .heads = 4, .inner = 64, .positions = 44, .epsilon = 0.003}>;

}  // namespace

TEST_CASE("bert_reranker: the reference's scores from ids", "[model]") {
  check_scores<judge_type>(fixture("text/reranker_bert").string(), 1e-05);
}

TEST_CASE("bert_reranker: the reference's scores from texts, alone, together and ranked", "[model]") {
  check_pairs<judge_type>(fixture("text/reranker_bert").string(), 2e-05);
}
