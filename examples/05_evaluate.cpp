// SPDX-License-Identifier: Apache-2.0
// What narrower rows and fewer axes cost, measured on one's own texts:   05_evaluate [MODEL_DIRECTORY]
#include <tessera/evaluate/centre.hpp>
#include <tessera/evaluate/correlation.hpp>
#include <tessera/evaluate/pca.hpp>
#include <tessera/evaluate/recall.hpp>
#include <tessera/index/flat.hpp>
#include <tessera/model/minilm.hpp>

#include <cstdio>
#include <numeric>

namespace ts = tessera;
using space = ts::minilm_l6_space;
std::vector<std::string> products() {
  std::vector<std::string> made;
  for (const char* colour : {"red", "blue", "green", "black"})
    for (const char* thing : {"shoe", "hat", "coat", "bicycle", "kettle", "guitar"})
      for (const char* use : {"running", "the rain", "children"}) made.push_back(std::string("a ") + colour + " " + thing + " for " + use);
  return made;
}

// [evaluate]
ts::result<> evaluate(const char* directory) {
  TESSERA_TRY(const auto encoder, ts::load<ts::minilm_l6<>>(directory));
  TESSERA_TRY(const auto rows, encoder.encode(products()));
  TESSERA_TRY(const auto queries, encoder.encode({"footwear for wet weather", "an instrument", "something to boil water"}));
  std::vector<std::uint64_t> ids(rows.rows());
  std::iota(ids.begin(), ids.end(), std::uint64_t{0});

  // How many of the ten nearest does an index of 8-bit codes find?
  ts::flat<space, ts::i8> index;
  TESSERA_TRY(auto codes, ts::quantize<ts::i8>(rows));
  TESSERA_CHECK(index.add_rows(ids, std::move(codes)));
  TESSERA_TRY(const auto truth, ts::scan_rows<ts::cosine>(queries, rows, ids, 10));
  TESSERA_TRY(const auto found, index.search(queries, 10));
  TESSERA_TRY(const double recall, ts::recall_at(10, found, truth));
  // How much do 32 axes of 384 explain, and does the order of similarities survive them?
  TESSERA_TRY(const auto axes, ts::pca<space>::fit(rows));
  TESSERA_TRY(const auto short_rows, axes.template project<32>(rows));  // another space: never compared with `rows`
  TESSERA_TRY(const auto centring, ts::centring<space>::fit(rows));
  TESSERA_TRY(const auto centred, centring.apply(rows));
  std::vector<float> whole, part;
  for (std::size_t i = 1; i < rows.rows(); ++i) {
    whole.push_back(ts::dot(centred[0], centred[i]));
    part.push_back(ts::dot(short_rows[0], short_rows[i]));
  }
  TESSERA_TRY(const double agreement, ts::spearman(whole, part));
  std::printf("i8: recall@10 %.3f; 32 axes: %.0f %% of the variance, rank correlation %.3f\n", recall, 100 * axes.explained(32), agreement);
  return {};
}
// [/evaluate]

int main(int argc, char** argv) {
  const auto done = evaluate(argc > 1 ? argv[1] : "models/all-MiniLM-L6-v2");
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done.error().code == ts::error_code::not_found ? 77 : 1;  // 77: no model, which the tests count as skipped
}
