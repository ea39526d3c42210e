// SPDX-License-Identifier: Apache-2.0
// Codes find, rows decide: one bit a component is scanned, i8 or one bit lead through a graph, and a recall is asked for:   12_quantised_search
#include <tessera/index/bit_guide.hpp>
#include <tessera/index/code_guide.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/index/one_bit.hpp>
#include <tessera/index/similarity_index.hpp>

#include <cstdio>
#include <random>

namespace ts = tessera;
using space = ts::space<"articles", 128, ts::pooling::mean, ts::unit_length>;

ts::result<ts::embedding_matrix<space, ts::f16>> some_rows(std::size_t count, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  TESSERA_TRY(auto rows, ts::embedding_matrix<space>::make(count));
  for (std::size_t i = 0; i < count; ++i) {
    for (std::size_t j = 0; j < 128; ++j) rows.values(i)[j] = 0.7f + 3.0f * normal(random) / (1.0f + 0.2f * static_cast<float>(j));
    ts::kernel::kernels().norm.l2_normalize_f32(rows.row(i).data(), rows.values(i).data(), 128);
  }
  return ts::cast<ts::f16>(rows);
}

// [quantised]
template <ts::similarity_index Index>
ts::result<> search(const char* name) {
  TESSERA_TRY(const auto rows, some_rows(5000, 1));
  TESSERA_TRY(const auto query, some_rows(1, 2));
  std::vector<std::uint64_t> ids(rows.rows());
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = i;

  Index index;  // any of them: the calls are the same, and every hit's score is that of the stored f16 row
  TESSERA_CHECK(index.add_rows(ids, rows));
  TESSERA_TRY(const ts::calibration_report report, index.calibrate());  // measured on rows, each as if it were not there
  TESSERA_TRY(const auto hits, index.search(query.row(0), 5, {.recall = 0.95}));  // the least effort that reaches it

  std::printf("%-10s up to %.3f may be asked for; nearest %d, %.4f\n", name, report.reachable, static_cast<int>(hits[0].id),
              static_cast<double>(hits[0].score));
  return index.search(query.row(0), 5, {.recall = 0.99999}) ? ts::fail({.thing = "a recall never measured"}) : ts::result<>{};
}
// [/quantised]

int main() {
  auto done = search<ts::one_bit<space, ts::f16>>("scan, b1");
  if (done) done = search<ts::hnsw<space, ts::f16, ts::cosine, ts::leading_codes>>("graph, i8");
  if (done) done = search<ts::hnsw<space, ts::f16, ts::cosine, ts::one_bit_codes>>("graph, b1");
  if (!done) std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return done ? 0 : 1;
}
