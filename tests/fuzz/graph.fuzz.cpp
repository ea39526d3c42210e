// SPDX-License-Identifier: Apache-2.0
// corpus: index/*.tsi
// Graphs and codes from any bytes: the corpus, and files that this program writes itself and changes by what it is given.
#include <tests/fuzz/target.hpp>
#include <tests/index/damage.hpp>

#include <tessera/index/bit_guide.hpp>
#include <tessera/index/code_guide.hpp>
#include <tessera/index/hnsw.hpp>
#include <tessera/index/one_bit.hpp>
#include <tessera/io/mapped_file.hpp>

#include <cstdio>
#include <cstring>

namespace ts = tessera;

namespace {

using nine = ts::space<"nine", 9, ts::pooling::mean>;
using by_rows = ts::hnsw<nine, ts::f16, ts::squared_l2>;
using by_codes = ts::hnsw<nine, ts::f32, ts::cosine, ts::leading_codes>;
using by_bits = ts::hnsw<nine, ts::f32, ts::inner_product, ts::one_bit_codes>;
using scanned = ts::one_bit<nine, ts::f16, ts::cosine>;

/// The file of a small index of that type, calibrated, with a row removed.
template <class Index>
const std::string& file_of() {
  static const std::string file = [] {
    Index index;
    for (std::uint64_t i = 0; i < 90; ++i) {
      ts::embedding<nine> row;
      for (std::size_t j = 0; j < 9; ++j) row[j] = static_cast<float>((i * 37 + j * j * 11) % 23) - 9.0f;
      ts::embedding<nine, typename Index::precision> kept;
      if constexpr (std::is_same_v<typename Index::precision, ts::f32>) kept = row;
      else kept = ts::cast<typename Index::precision>(row);
      tessera_fuzz::promise(index.add(i, kept).has_value(), "a row is added");
    }
    tessera_fuzz::promise(index.remove(41).has_value() && index.calibrate({.queries = 20}).has_value(), "an index is calibrated");
    const std::string path = "/tmp/fuzz_graph." + std::to_string(reinterpret_cast<std::uintptr_t>(&index)) + ".tsi";
    tessera_fuzz::promise(index.save(path).has_value(), "an index is saved");
    const auto mapped = ts::mapped_file::open(path);
    tessera_fuzz::promise(mapped.has_value(), "a saved index is there");
    const auto bytes = mapped->bytes();
    std::string made(bytes.size(), '\0');
    std::memcpy(made.data(), bytes.data(), bytes.size());
    static_cast<void>(std::remove(path.c_str()));
    return made;
  }();
  return file;
}

template <class Index>
void read_as(std::string_view text) {
  auto index = Index::read(std::as_bytes(std::span(text)), "fuzz.tsi");
  if (!index) {
    tessera_fuzz::promise(!index.error().message().empty() && index.error().path == "fuzz.tsi", "an error names the file");
    return;
  }
  for (std::size_t i = 0; i < std::min<std::size_t>(index->ids().size(), 8); ++i) {
    const auto hits = index->search(index->rows().row(i), 3, {.effort = 4});
    tessera_fuzz::promise(hits.has_value() && hits->size() == std::min<std::size_t>(3, index->size()), "a search answers");
    static_cast<void>(index->search(index->rows().row(i), 3, {.recall = 0.9}));
  }
  if (index->ids().empty()) return;
  const auto id = index->ids()[0];
  if (index->contains(id)) tessera_fuzz::promise(index->remove(id).has_value() && !index->contains(id), "a row goes");
}

/// The input's digest says which few bytes change, and what to.
template <class Index>
void read_changed(std::string_view text) {
  std::string file = file_of<Index>();
  std::uint64_t turn = ts::digest64(std::as_bytes(std::span(text)));
  for (std::size_t changes = 1 + turn % 4; changes > 0; --changes) {
    turn = turn * 0x9E3779B97F4A7C15u + 1;
    const std::size_t data = file.size() / 4 + (turn >> 33u) % (file.size() - file.size() / 4);
    const std::size_t at = turn % 8 == 0 ? (turn >> 33u) % 512 : data;
    file[at] = static_cast<char>(turn >> 24u);
  }
  read_as<Index>(file);
  read_as<Index>(tessera_tests::with_right_checksums(std::move(file)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = tessera_fuzz::text_of(data, size);
  read_as<by_rows>(text);
  read_as<scanned>(tessera_tests::with_right_checksums(std::string(text)));
  read_changed<by_rows>(text);
  read_changed<by_codes>(text);
  read_changed<by_bits>(text);
  read_changed<scanned>(text);
  return 0;
}
