// SPDX-License-Identifier: Apache-2.0
// corpus: index/*.tsi
// Any bytes, as they are and with checksums made right: refused, or an index that can be searched and written.
#include <tests/fuzz/target.hpp>
#include <tests/index/damage.hpp>

#include <tessera/index/flat.hpp>

namespace ts = tessera;

namespace {

using four = ts::space<"four", 4, ts::pooling::cls>;
using nine = ts::space<"nine", 9, ts::pooling::mean, ts::unit_length>;

template <class Index>
void read_as(std::string_view text) {
  const auto index = Index::read(std::as_bytes(std::span(text)), "fuzz.tsi");
  if (!index) {
    tessera_fuzz::promise(!index.error().message().empty() && index.error().path == "fuzz.tsi", "an error names the file");
    return;
  }
  tessera_fuzz::promise(index->size() * Index::matrix::stored * sizeof(typename Index::matrix::storage) <= text.size(),
                        "no more rows than the file has");
  for (std::size_t i = 0; i < index->size(); ++i) {
    tessera_fuzz::promise(index->contains(index->ids()[i]), "every row is found by its id");
    const auto hits = index->search(index->rows().row(i), 3);
    tessera_fuzz::promise(hits.has_value() && hits->size() == (index->size() < 3 ? index->size() : 3), "a search answers");
  }
}

void read_all(std::string_view text) {
  read_as<ts::flat<four>>(text);
  read_as<ts::flat<four, ts::i8>>(text);
  read_as<ts::flat<nine, ts::b1, ts::hamming>>(text);
  read_as<ts::flat<four, ts::f16, ts::squared_l2>>(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = tessera_fuzz::text_of(data, size);
  read_all(text);
  read_all(tessera_tests::with_right_checksums(std::string(text)));
  return 0;
}
