// SPDX-License-Identifier: Apache-2.0
// Texts become vectors of one space, and near vectors mean near texts:   01_embed [MODEL_DIRECTORY]
#include <tessera/model/minilm.hpp>
#include <tessera/op/distance.hpp>

#include <cstdio>

namespace ts = tessera;

// [embed]
ts::result<> compare(const char* directory) {
  TESSERA_TRY(const auto encoder, ts::load<ts::minilm_l6<>>(directory));
  TESSERA_TRY(const auto rows, encoder.encode({"a multi-track sound editor", "edit audio recordings", "a recipe for plum cake"}));
  const float near = ts::cosine_similarity(rows[0], rows[1]);
  const float far = ts::cosine_similarity(rows[0], rows[2]);
  std::printf("sound editor and audio recordings: %.3f\n", static_cast<double>(near));
  std::printf("sound editor and plum cake:        %.3f\n", static_cast<double>(far));
  return {};
}
// [/embed]

int main(int argc, char** argv) {
  // tools/get-model all-MiniLM-L6-v2 puts it there.
  const auto done = compare(argc > 1 ? argv[1] : "models/all-MiniLM-L6-v2");
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done.error().code == ts::error_code::not_found ? 77 : 1;  // 77: no model, which the tests count as skipped
}
