// SPDX-License-Identifier: Apache-2.0
// The examples whose models are large, run on toys of the same layout. What they print is for readers; here they succeed.
#include <tests/families/toys.hpp>

// A program has one main: those of the examples are functions here that nobody calls.
#define main static inline main_06
#include <examples/06_rerank.cpp>
#undef main
#define main static inline main_07
#include <examples/07_tasks.cpp>
#undef main
#define main static inline main_08
#include <examples/08_matryoshka.cpp>
#undef main
#define main static inline main_09
#include <examples/09_two_models.cpp>
#undef main

using namespace tessera_tests;

namespace {

template <class Model>
Model toy_of(std::string_view name) {
  return value_of(ts::load<Model>(fixture("text/" + std::string(name)).string()));
}

}  // namespace

TEST_CASE("examples/06_rerank.cpp") { succeed(rerank(toy_of<toy::bert_reranker<>>("reranker_bert"))); }

TEST_CASE("examples/07_tasks.cpp") { succeed(compare(toy_of<toy::jina_v3<>>("jina_v3"))); }

TEST_CASE("examples/08_matryoshka.cpp") { succeed(search<16>(toy_of<toy::embedding_gemma<>>("embedding_gemma"))); }

TEST_CASE("examples/09_two_models.cpp") {
  succeed(search(ts::concatenated_model(toy_of<toy::bert_mean<>>("bert_mean"), toy_of<toy::jina_v3<>>("jina_v3"))));
}
