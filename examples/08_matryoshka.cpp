// SPDX-License-Identifier: Apache-2.0
// Search in the first third of each vector, then order what was found by the whole:   08_matryoshka [MODEL_DIRECTORY]
#include <tessera/index/flat.hpp>
#include <tessera/model/embedding_gemma.hpp>
#include <tessera/op/combine.hpp>

#include <algorithm>
#include <cstdio>

namespace ts = tessera;

// [matryoshka]
template <std::size_t Short, class Encoder>
ts::result<> search(const Encoder& encoder) {
  constexpr std::string_view notes[] = {"a multi-track sound editor for recording and mixing", "a plum cake in forty minutes",
                                        "tunes a guitar by ear training", "keeps passwords in an encrypted file"};
  using prompt = ts::embedding_gemma_prompt;
  TESSERA_TRY(const auto rows, encoder.encode(notes, {.prompt = prompt::document}));
  TESSERA_TRY(const auto query, encoder.encode("edit audio recordings", {.prompt = prompt::query}));

  // Compiles because the model was trained for this length; the short vectors are a space of their own, of unit length again.
  ts::flat<ts::truncated<typename Encoder::space, Short>, ts::f16> index;
  for (std::size_t i = 0; i < rows.rows(); ++i) TESSERA_CHECK(index.add(i, ts::cast<ts::f16>(ts::truncate<Short>(rows[i]))));
  TESSERA_TRY(std::vector<ts::hit> hits, index.search(ts::truncate<Short>(query), 3));

  for (ts::hit& hit : hits) hit.score = ts::cosine_similarity(query, rows[hit.id]);
  std::ranges::sort(hits, std::greater(), &ts::hit::score);
  for (const ts::hit& hit : hits) std::printf("%.3f  %s\n", static_cast<double>(hit.score), notes[hit.id].data());
  return {};
}
// [/matryoshka]

int main(int argc, char** argv) {
  const auto encoder = ts::load<ts::embedding_gemma_300m<>>(argc > 1 ? argv[1] : "models/embeddinggemma-300m");
  const auto done = encoder ? search<256>(*encoder) : ts::fail(encoder.error());
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done.error().code == ts::error_code::not_found ? 77 : 1;  // 77: no model, which the tests count as skipped
}
