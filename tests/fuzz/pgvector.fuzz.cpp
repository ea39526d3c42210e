// SPDX-License-Identifier: Apache-2.0
// corpus: pgvector/*
// Any bytes as a COPY stream: refused, or rows that are written and read again as they are.
#include <tests/fuzz/target.hpp>

#include <tessera/interop/pgvector.hpp>

#include <cstring>

namespace ts = tessera;

namespace {

template <class Precision>
void read_as(std::string_view text) {
  using space = ts::anonymous<20>;
  const auto found = ts::read_pgvector_copy<space, Precision>(text);
  if (!found) {
    tessera_fuzz::promise(!found.error().message().empty(), "an error says something");
    return;
  }
  tessera_fuzz::promise(found->ids.size() == found->rows.rows(), "one id a row");
  for (const auto format : {ts::copy_format::text, ts::copy_format::binary}) {
    ts::pgvector_writer<space, Precision> writer(format);
    for (std::size_t i = 0; i < found->ids.size(); ++i)
      tessera_fuzz::promise(writer.add(found->ids[i], found->rows.row(i)).has_value(), "what is read can be written");
    const auto again = ts::read_pgvector_copy<space, Precision>(writer.finish());
    tessera_fuzz::promise(again.has_value() && again->ids == found->ids, "what is written can be read");
    for (std::size_t i = 0; i < found->ids.size(); ++i)
      tessera_fuzz::promise(std::memcmp(again->rows.row(i).data(), found->rows.row(i).data(),
                                        sizeof(*found->rows.row(i).data()) * found->rows.row(i).values().size()) == 0,
                            "rows come back bit for bit");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = tessera_fuzz::text_of(data, size);
  read_as<ts::f32>(text);
  read_as<ts::f16>(text);
  read_as<ts::b1>(text);
  return 0;
}
