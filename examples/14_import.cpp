// SPDX-License-Identifier: Apache-2.0
// An index of hnswlib becomes one of ours with its graph, and goes on as one of FAISS:   14_import [HNSWLIB_FILE] [FAISS_FILE]
#include <tessera/index/exchange.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/io/faiss.hpp>
#include <tessera/io/hnswlib.hpp>

#include <cstdio>

namespace ts = tessera;

// [import]
// hnswlib's file says neither the metric nor what the vectors mean: the type does.
using space = ts::space<"old_notes", 16, ts::pooling::mean>;
using index_type = ts::hnsw<space, ts::f32, ts::inner_product>;

ts::result<> import(const char* from, const char* to) {
  TESSERA_TRY(const auto old, ts::read_hnswlib(from));                // every size, link and label checked; rows are not copied
  TESSERA_TRY(auto index, ts::index_from<index_type>(old));           // the graph is taken over, not built again
  TESSERA_TRY(const auto row, index.get(old.ids.front()));
  TESSERA_TRY(const auto hits, index.search(row, 3));
  for (const ts::hit& one : hits) std::printf("%3d  %.3f\n", static_cast<int>(one.id), static_cast<double>(one.score));

  TESSERA_CHECK(index.remove(hits.back().id));                        // an index like any other now
  TESSERA_CHECK(index.repair());
  TESSERA_TRY(const auto parts, ts::parts_of(index));
  return ts::write_faiss(to, parts);                                  // faiss.read_index opens it
}
// [/import]

int main(int argc, char** argv) {
  const auto done = import(argc > 1 ? argv[1] : "tests/data/exchange/hnswlib_ip.bin", argc > 2 ? argv[2] : "/tmp/tessera-14_import.index");
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return 1;
}
