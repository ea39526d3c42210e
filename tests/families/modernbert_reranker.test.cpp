// SPDX-License-Identifier: Apache-2.0
// modernbert_reranker: logits and probabilities of the reference, from ids and from texts.
#include <tests/families/rerank_support.hpp>
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("modernbert_reranker: the reference's scores from ids", "[model]") {
  check_scores<toy::modernbert_reranker<>>(fixture("text/reranker_modernbert").string(), 1e-05);
}

TEST_CASE("modernbert_reranker: the reference's scores from texts, alone, together and ranked", "[model]") {
  check_pairs<toy::modernbert_reranker<>>(fixture("text/reranker_modernbert").string(), 2e-05);
}
