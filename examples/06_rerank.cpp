// SPDX-License-Identifier: Apache-2.0
// The best answers first: a cross-encoder reads the query and a text together:   06_rerank [MODEL_DIRECTORY]
#include <tessera/model/ms_marco.hpp>

#include <cstdio>

namespace ts = tessera;

// [rerank]
template <class Judge>
ts::result<> rerank(const Judge& judge) {
  // What a search by vectors found; a judge is slower and knows better.
  const std::vector<std::string_view> found = {"a multi-track sound editor for recording and mixing", "a plum cake in forty minutes",
                                               "tunes a guitar by ear training", "cuts and joins audio files"};
  TESSERA_TRY(const auto best, judge.rank("edit audio recordings", found, {.least = 0.01f, .top = 3}));  // probability at least 0.01
  for (const ts::ranked_text& text : best) std::printf("%.3f  %s\n", static_cast<double>(text.score), found[text.index].data());

  TESSERA_TRY(const ts::relevance one, judge.score("edit audio recordings", "a plum cake in forty minutes"));
  std::printf("plum cake: logit %.2f, probability %.3f\n", static_cast<double>(one.logit), static_cast<double>(one.score));
  return {};
}
// [/rerank]

int main(int argc, char** argv) {
  const auto judge = ts::load<ts::ms_marco_minilm_l6<>>(argc > 1 ? argv[1] : "models/ms-marco-MiniLM-L6-v2");
  const auto done = judge ? rerank(*judge) : ts::fail(judge.error());
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done.error().code == ts::error_code::not_found ? 77 : 1;  // 77: no model, which the tests count as skipped
}
