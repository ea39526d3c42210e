// SPDX-License-Identifier: Apache-2.0
// One set of weights, an adapter for each task, chosen in the call:   07_tasks [MODEL_DIRECTORY]
#include <tessera/model/jina_v3.hpp>
#include <tessera/op/distance.hpp>

#include <cstdio>

namespace ts = tessera;

// [tasks]
template <class Encoder>
ts::result<> compare(const Encoder& encoder) {
  using task = ts::jina_v3_task;
  constexpr std::string_view question = "how do I cut a recording?", answer = "a multi-track sound editor";
  // Questions and answers are encoded for each other, ...
  TESSERA_TRY(const auto asked, encoder.encode(question, {.task = task::retrieval_query}));
  TESSERA_TRY(const auto found, encoder.encode(answer, {.task = task::retrieval_passage}));
  std::printf("as question and answer: %.3f\n", static_cast<double>(ts::cosine_similarity(asked, found)));
  // ... texts that should say the same with one task for both.
  TESSERA_TRY(const auto rows, encoder.encode({question, answer}, {.task = task::text_matching}));
  std::printf("as saying the same:     %.3f\n", static_cast<double>(ts::cosine_similarity(rows[0], rows[1])));

  // A task that the model does not have is an error that lists those that it has.
  const auto wrong = encoder.encode(question, {.task = "summarise"});
  if (!wrong) std::printf("%s\n", wrong.error().message().c_str());
  return {};
}
// [/tasks]

int main(int argc, char** argv) {
  const auto encoder = ts::load<ts::jina_v3<>>(argc > 1 ? argv[1] : "models/jina-embeddings-v3");
  const auto done = encoder ? compare(*encoder) : ts::fail(encoder.error());
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done.error().code == ts::error_code::not_found ? 77 : 1;  // 77: no model, which the tests count as skipped
}
