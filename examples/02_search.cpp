// SPDX-License-Identifier: Apache-2.0
// An index in half precision: filled, saved, opened again, searched:   02_search [MODEL_DIRECTORY] [INDEX_FILE]
#include <tessera/index/flat.hpp>
#include <tessera/model/minilm.hpp>

#include <cstdio>

namespace ts = tessera;

// [types]
using model = ts::minilm_l6<>;
using index_type = ts::flat<model::space, ts::f16, ts::cosine>;
// [/types]

constexpr std::string_view notes[] = {"a multi-track sound editor for recording and mixing", "a plum cake in forty minutes",
                                      "draws function plots from the command line", "tunes a guitar by ear training",
                                      "keeps passwords in an encrypted file"};

// [search]
ts::result<> search(const char* directory, const char* file) {
  TESSERA_TRY(const auto encoder, ts::load<model>(directory));
  TESSERA_TRY(const auto rows, encoder.encode(notes));
  index_type index;
  for (std::size_t i = 0; i < rows.rows(); ++i) TESSERA_CHECK(index.add(i, ts::cast<ts::f16>(rows[i])));

  // The file remembers the space, the precision and the weights; opened as another type it is an error.
  TESSERA_TRY(const auto weights, encoder.sha256());
  TESSERA_CHECK(index.save(file, {.weights = weights}));
  TESSERA_TRY(const auto saved, index_type::open(file));

  TESSERA_TRY(const auto query, encoder.encode("edit audio recordings"));
  TESSERA_TRY(const auto hits, saved.search(query, 3));
  for (const ts::hit& hit : hits) std::printf("%.3f  %s\n", static_cast<double>(hit.score), notes[hit.id].data());
  return {};
}
// [/search]

int main(int argc, char** argv) {
  const auto done = search(argc > 1 ? argv[1] : "models/all-MiniLM-L6-v2", argc > 2 ? argv[2] : "/tmp/tessera-02_search.tsi");
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done.error().code == ts::error_code::not_found ? 77 : 1;  // 77: no model, which the tests count as skipped
}
