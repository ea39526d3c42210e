// SPDX-License-Identifier: Apache-2.0
// qwen3_reranker: logits and probabilities of the reference, from ids.
#include <tests/families/rerank_support.hpp>
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("qwen3_reranker: the reference's scores from ids", "[model]") {
  check_scores<toy::qwen3_reranker<>>(fixture("text/qwen3_reranker").string(), 6.1e-05);
}

TEST_CASE("qwen3_reranker: token vectors in the file, whose table gives the answers' rows too, change no bit", "[model][mapped]") {
  using reranker = toy::qwen3_reranker<>;
  const std::string folder = fixture("text/qwen3_reranker").string();
  const id_batch batch(value_of(ts::safetensors::open(folder + "/expected.safetensors")));
  const auto copied = value_of(ts::load<reranker>(folder, {.tokens_only = true}));
  const auto mapped = value_of(ts::load<reranker>(folder, {.tokens_only = true, .token_table = ts::table_storage::mapped}));
  CHECK(mapped.made_by() == copied.made_by());
  CHECK(mapped.mapped_bytes() > 0);
  CHECK(reranker::memory_bytes(ts::table_storage::mapped) < reranker::memory_bytes());
  CHECK(same_bits(value_of(mapped.logits(batch.packed.view())), value_of(copied.logits(batch.packed.view()))));
}
