// SPDX-License-Identifier: Apache-2.0
// roberta_reranker: logits and probabilities of the reference, from ids and from texts.
#include <tests/families/rerank_support.hpp>
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("roberta_reranker: the reference's scores from ids", "[model]") {
  check_scores<toy::roberta_reranker<>>(fixture("text/reranker_xlm_roberta").string(), 1e-05);
}

TEST_CASE("roberta_reranker: the reference's scores from texts, alone, together and ranked", "[model]") {
  check_pairs<toy::roberta_reranker<>>(fixture("text/reranker_xlm_roberta").string(), 2e-05);
}
