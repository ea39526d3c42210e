// SPDX-License-Identifier: Apache-2.0
// gte_reranker: logits and probabilities of the reference, from ids.
#include <tests/families/rerank_support.hpp>
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("gte_reranker: the reference's scores from ids", "[model]") {
  check_scores<toy::gte_reranker<>>(fixture("text/reranker_gte").string(), 1e-05);
}
