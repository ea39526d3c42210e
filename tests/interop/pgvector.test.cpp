// SPDX-License-Identifier: Apache-2.0
// pgvector's columns as text and as COPY streams; tests/data/pgvector was written by PostgreSQL (tests/interop/pgvector.py).
#include <tests/support/catch.hpp>
#include <tests/support/fixtures.hpp>
#include <tests/support/result.hpp>

#include <tessera/interop/pgvector.hpp>
#include <tessera/op/metric.hpp>

#include <cstring>
#include <limits>

namespace ts = tessera;
using namespace tessera_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

using twenty = ts::anonymous<20>;
constexpr std::size_t count = 6;

/// The rows that pgvector.py computes.
template <class Precision>
ts::embedding_matrix<twenty, Precision> known_rows() {
  auto rows = value_of(ts::embedding_matrix<twenty, Precision>::make(count));
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < 20; ++j) {
      const float value = static_cast<float>(static_cast<int>((i * 7 + j * 3) % 41) - 20) / 16.0f;
      if constexpr (std::is_same_v<Precision, ts::b1>) {
        if (value > 0) rows.values(i)[j / 8] = static_cast<std::uint8_t>(rows.values(i)[j / 8] | (1u << (j % 8)));
      } else {
        rows.values(i)[j] = typename Precision::storage(value);
      }
    }
  if constexpr (std::is_same_v<Precision, ts::f32>) {
    rows.values(0)[0] = std::numeric_limits<float>::denorm_min();
    rows.values(0)[1] = std::numeric_limits<float>::max();
  } else if constexpr (std::is_same_v<Precision, ts::f16>) {
    rows.values(0)[0] = ts::float16::from_bits(1);
    rows.values(0)[1] = ts::float16::from_bits(0x7BFF);
  }
  return rows;
}

template <class Precision>
void same_rows(const ts::copied_rows<twenty, Precision>& found) {
  const auto wanted = known_rows<Precision>();
  REQUIRE(found.rows.rows() == count);
  for (std::size_t i = 0; i < count; ++i) {
    CHECK(found.ids[i] == 5 * i);
    CHECK(std::memcmp(found.rows.row(i).data(), wanted.row(i).data(), sizeof(*wanted.row(i).data()) * wanted.row(i).values().size()) == 0);
  }
}

/// Where pgvector.py wants to see what was written (TESSERA_PGVECTOR_DIR), else a scratch directory.
std::filesystem::path output(const scratch_directory& scratch, const std::string& name) {
  const char* kept = std::getenv("TESSERA_PGVECTOR_DIR");
  return kept ? std::filesystem::path(kept) / name : scratch / name;
}

template <class Precision, class Metric>
void goes_there_and_back(const std::string& kind) {
  const auto directory = fixture("pgvector");
  same_rows<Precision>(value_of(ts::read_pgvector_copy<twenty, Precision>(read_file(directory / (kind + ".copy")))));
  same_rows<Precision>(value_of(ts::read_pgvector_copy<twenty, Precision>(read_file(directory / (kind + ".txt")))));

  const auto rows = known_rows<Precision>();
  const scratch_directory scratch;
  for (const auto format : {ts::copy_format::binary, ts::copy_format::text}) {
    ts::pgvector_writer<twenty, Precision> writer(format);
    std::string stream;
    for (std::size_t i = 0; i < count; ++i) {
      succeed(writer.add(5 * i, rows.row(i)));
      if (i % 2 == 0) stream += writer.take();
    }
    stream += writer.finish();
    same_rows<Precision>(value_of(ts::read_pgvector_copy<twenty, Precision>(stream)));
    const bool binary = format == ts::copy_format::binary;
    write_file(output(scratch, kind + (binary ? ".copy" : ".txt")), stream);
    if (binary) CHECK(stream == read_file(directory / (kind + ".copy")));  // byte for byte PostgreSQL's own
  }
  write_file(output(scratch, kind + ".index"), ts::pgvector_index<twenty, Precision, Metric>("embedding"));
}

std::string binary_rows() { return read_file(fixture("pgvector/vector.copy")); }
std::string refusal(std::string stream, std::size_t at = 0, std::string_view bytes = {}) {
  stream.replace(at, bytes.size(), bytes);
  return message_of(ts::read_pgvector_copy<twenty>(stream));
}

}  // namespace

TEST_CASE("pgvector: vectors, halfvecs and bits of PostgreSQL are read, and written as it writes them", "[pgvector]") {
  goes_there_and_back<ts::f32, ts::cosine>("vector");
  goes_there_and_back<ts::f16, ts::squared_l2>("halfvec");
  goes_there_and_back<ts::b1, ts::hamming>("bit");
}

TEST_CASE("pgvector: columns and indexes are named by type", "[pgvector]") {
  CHECK(ts::pgvector_column<ts::anonymous<2560>, ts::f32>() == "vector(2560)");
  CHECK(ts::pgvector_column<ts::anonymous<2560>, ts::f16>() == "halfvec(2560)");
  CHECK(ts::pgvector_index<ts::anonymous<2560>, ts::f16, ts::cosine>("e") == "hnsw (e halfvec_cosine_ops)");
  CHECK(ts::pgvector_index<ts::anonymous<2000>, ts::f32, ts::inner_product>("e") == "hnsw (e vector_ip_ops)");
  CHECK(ts::pgvector_index<ts::anonymous<2560>, ts::b1, ts::jaccard>("e") == "hnsw (e bit_jaccard_ops)");
}

TEST_CASE("pgvector: one vector as text", "[pgvector]") {
  using three = ts::anonymous<3>;
  const ts::embedding<three> row(std::array{1.0f, -0.5f, 0.1f});
  CHECK(value_of(ts::to_pgvector_text(row)) == "[1,-0.5,0.1]");
  CHECK(value_of(ts::from_pgvector_text<three>("[1,-0.5,0.1]")).data()[2] == 0.1f);
  const auto wrong = [](std::string_view text) { return message_of(ts::from_pgvector_text<three>(text)); };
  CHECK_THAT(wrong("[1,2]"), ContainsSubstring("components: wanted 3, found 2"));
  CHECK_THAT(wrong("[1,2,3,4]"), ContainsSubstring("components: wanted 3, found 4"));
  CHECK_THAT(wrong("1,2,3"), ContainsSubstring("wanted [ and ]"));
  CHECK_THAT(wrong("[1,NaN,3]"), ContainsSubstring("component 1"));
  CHECK_THAT(wrong("[1,1e39,3]"), ContainsSubstring("component 1"));
  CHECK_THAT(wrong("[1,2,]"), ContainsSubstring("component 1"));
  CHECK_THAT(wrong("[1;2;3]"), ContainsSubstring("component 0"));
  CHECK_THAT(message_of(ts::from_pgvector_text<three, ts::f16>("[1,65520,3]")), ContainsSubstring("component 1: wanted a finite f16"));
  CHECK_THAT(message_of(ts::from_pgvector_text<three, ts::b1>("012")), ContainsSubstring("0 and 1"));
  CHECK_THAT(message_of(ts::from_pgvector_text<three, ts::b1>("01")), ContainsSubstring("wanted 3, found 2"));
  const ts::embedding<three> nan(std::array{1.0f, std::numeric_limits<float>::quiet_NaN(), 0.0f});
  CHECK_THAT(message_of(ts::to_pgvector_text(nan)), ContainsSubstring("component 1: wanted a finite number"));
}

TEST_CASE("pgvector: nothing that PostgreSQL would refuse is sent, and what was refused leaves no trace", "[pgvector]") {
  using three = ts::anonymous<3>;
  const ts::embedding<three> good(std::array{1.0f, 2.0f, 3.0f});
  const ts::embedding<three> infinite(std::array{1.0f, 2.0f, std::numeric_limits<float>::infinity()});
  for (const auto format : {ts::copy_format::binary, ts::copy_format::text}) {
    ts::pgvector_writer<three> writer(format);
    CHECK_THAT(message_of(writer.add(1, infinite)), ContainsSubstring("component 2"));
    CHECK_THAT(message_of(writer.add(std::uint64_t{1} << 63u, good)), ContainsSubstring("bigint"));
    succeed(writer.add(2, good));
    CHECK(value_of(ts::read_pgvector_copy<three>(writer.finish())).ids == std::vector<std::uint64_t>{2});
  }
}

TEST_CASE("pgvector: a damaged or foreign stream is refused with its byte", "[pgvector]") {
  const std::string good = binary_rows();
  CHECK_THAT(refusal(good, 11, std::string_view("\0\1\0\0", 4)), ContainsSubstring("none that must be understood"));
  CHECK_THAT(refusal(good, 19, std::string_view("\0\3", 2)), ContainsSubstring("fields: wanted 2, an id and a vector, found 3"));
  CHECK_THAT(refusal(good, 21, std::string_view("\xff\xff\xff\xff", 4)), ContainsSubstring("id: wanted a value, found NULL"));
  CHECK_THAT(refusal(good, 25, std::string_view("\x80", 1)), ContainsSubstring("id: wanted 0 or more"));
  CHECK_THAT(refusal(good, 37, std::string_view("\0\x15", 2)), ContainsSubstring("components: wanted 20, found 21"));
  CHECK_THAT(refusal(good, 41, std::string_view("\x7f\xc0\0\0", 4)), ContainsSubstring("component 0: wanted a finite number"));
  CHECK_THAT(refusal(good + "x"), ContainsSubstring("nothing behind the trailer"));
  for (std::size_t size = 12; size < good.size(); size += 7) refusal(good.substr(0, size));
  CHECK_THAT(refusal("1\t[1,2]\textra\n"), ContainsSubstring("an id, a tab and a vector"));
  CHECK_THAT(refusal("-1\t[1]\n"), ContainsSubstring("id: wanted 0 to 2^63 - 1"));
  CHECK_THAT(refusal("1\t\\N\n"), ContainsSubstring("wanted [ and ]"));
  CHECK(value_of(ts::read_pgvector_copy<twenty>("")).ids.empty());
}
