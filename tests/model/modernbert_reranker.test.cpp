// SPDX-License-Identifier: Apache-2.0
// modernbert_reranker: logits and probabilities of the reference, from ids and from texts.
#include <tests/model/rerank_support.hpp>

#include <tessera/model/modernbert_reranker.hpp>

using namespace tessera_tests;

namespace {

using judge_type = ts::modernbert_reranker<ts::modernbert_shape{.vocabulary = 700,
                                                                .layers = 3,
                                                                .width = 32,
                                                                .heads = 4,
                                                                .inner = 40,
                                                                .positions = 30,
                                                                .local_attention = 8,
                                                                .epsilon = 0.002},
                                           ts::f32, ts::pooling::mean, ts::gelu, ts::without_bias>;

}  // namespace

TEST_CASE("modernbert_reranker: the reference's scores from ids", "[model]") {
  check_scores<judge_type>(fixture("text/reranker_modernbert").string(), 1e-05);
}

TEST_CASE("modernbert_reranker: the reference's scores from texts, alone, together and ranked", "[model]") {
  check_pairs<judge_type>(fixture("text/reranker_modernbert").string(), 2e-05);
}
