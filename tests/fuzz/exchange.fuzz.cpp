// SPDX-License-Identifier: Apache-2.0
// corpus: exchange/*
// Any bytes as a file of hnswlib, FAISS, usearch and as .fvecs: refused, or parts that make an index in which every row is found.
#include <tests/fuzz/target.hpp>

#include <tessera/index/exchange.hpp>
#include <tessera/index/flat.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/io/faiss.hpp>
#include <tessera/io/hnswlib.hpp>
#include <tessera/io/usearch.hpp>
#include <tessera/io/vecs.hpp>

namespace ts = tessera;

namespace {

void look_at(const ts::result<ts::index_parts>& parts, std::size_t size) {
  if (!parts) {
    tessera_fuzz::promise(!parts.error().message().empty() && parts.error().path == "fuzz", "an error names the file");
    return;
  }
  tessera_fuzz::promise(parts->rows == 0 || parts->rows * parts->row_bytes() <= size, "no more rows than the file has");
  tessera_fuzz::promise(parts->ids.size() == parts->rows, "one id a row");
  for (std::size_t i = 0; i < parts->rows; ++i) static_cast<void>(parts->vector(i)[parts->row_bytes() - 1]);
  static_cast<void>(parts->has_unit_rows());
  using index_type = ts::hnsw<ts::anonymous<16>, ts::f32, ts::squared_l2>;
  ts::index_parts as_l2 = *parts;
  as_l2.metric = ts::stated_metric::squared_l2;
  const auto index = ts::index_from<index_type>(as_l2);
  if (!index) return;
  for (const std::uint64_t id : index->ids()) {
    if (!index->contains(id)) continue;
    const auto hits = index->search(*index->get(id), 1);
    tessera_fuzz::promise(hits.has_value() && hits->size() == 1, "a search answers");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = tessera_fuzz::bytes_of(data, size);
  look_at(ts::view_hnswlib(bytes, "fuzz"), size);
  look_at(ts::view_faiss(bytes, "fuzz"), size);
  look_at(ts::view_usearch(bytes, "fuzz"), size);
  if (const auto records = ts::detail::vecs_records::view(bytes, 4, "fuzz"))
    for (std::size_t i = 0; i < records->rows; ++i) tessera_fuzz::promise(records->row(i).size() == 4 * records->dimension, "a whole row");
  return 0;
}
