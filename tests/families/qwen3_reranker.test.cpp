// SPDX-License-Identifier: Apache-2.0
// qwen3_reranker: logits and probabilities of the reference, from ids.
#include <tests/families/rerank_support.hpp>
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("qwen3_reranker: the reference's scores from ids", "[model]") {
  check_scores<toy::qwen3_reranker<>>(fixture("text/qwen3_reranker").string(), 6.1e-05);
}
