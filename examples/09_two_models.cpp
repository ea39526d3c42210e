// SPDX-License-Identifier: Apache-2.0
// Two models side by side are a space of their own:   09_two_models [CODE_MODEL_DIRECTORY TEXT_MODEL_DIRECTORY]
#include <tessera/index/flat.hpp>
#include <tessera/model/concatenated_model.hpp>
#include <tessera/model/jina_v3.hpp>
#include <tessera/model/qodo_embed.hpp>

#include <cstdio>

namespace ts = tessera;

// [types]
using both = ts::concatenated_model<ts::qodo_embed_1_5b<ts::bf16>, ts::jina_v3<ts::bf16>>;
static_assert(both::dimension == 2560);
// [/types]

// [search]
template <class Encoder>
ts::result<> search(const Encoder& encoder) {
  constexpr std::string_view snippets[] = {"int add(int a, int b) { return a + b; }", "for (;;) wait();",
                                           "std::ranges::sort(names);"};
  // Options of the first model, then those of the second.
  TESSERA_TRY(const auto rows, encoder.encode(snippets, {}, {.task = ts::jina_v3_task::retrieval_passage}));
  ts::flat<typename Encoder::space, ts::f16, ts::cosine> index;  // takes neither model's vectors alone
  for (std::size_t i = 0; i < rows.rows(); ++i) TESSERA_CHECK(index.add(i, ts::cast<ts::f16>(rows[i])));

  TESSERA_TRY(const auto query, encoder.encode("sort a list", {}, {.task = ts::jina_v3_task::retrieval_query}));
  TESSERA_TRY(const auto hits, index.search(query, 2));
  for (const ts::hit& hit : hits) std::printf("%.3f  %s\n", static_cast<double>(hit.score), snippets[hit.id].data());
  return {};
}
// [/search]

int main(int argc, char** argv) {
  const auto encoder = both::load(argc > 2 ? argv[1] : "models/Qodo-Embed-1-1.5B", argc > 2 ? argv[2] : "models/jina-embeddings-v3");
  const auto done = encoder ? search(*encoder) : ts::fail(encoder.error());
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done.error().code == ts::error_code::not_found ? 77 : 1;  // 77: no model, which the tests count as skipped
}
