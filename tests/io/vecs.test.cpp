// SPDX-License-Identifier: Apache-2.0
// .fvecs, .bvecs and .ivecs, made here byte by byte as their publishers describe them.
#include <tests/io/support.hpp>

#include <tessera/io/vecs.hpp>

namespace ts = tessera;
using Catch::Matchers::ContainsSubstring;
using namespace tessera_tests;

namespace {

using three = ts::anonymous<3>;

template <class T>
std::string records(std::initializer_list<std::vector<T>> vectors) {
  std::string out;
  for (const auto& vector : vectors) {
    ts::append_le(out, static_cast<std::int32_t>(vector.size()));
    const auto bytes = std::as_bytes(std::span(vector));  // little-endian, as the tests run
    out.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }
  return out;
}

}  // namespace

TEST_CASE("vecs: rows are read from .fvecs and .bvecs, and written", "[vecs]") {
  const scratch_directory scratch;
  const std::string path = (scratch / "a.fvecs").string();
  const std::string bytes = records<float>({{1.0f, -0.5f, 3e-39f}, {0.25f, 1e30f, -0.0f}});
  write_file(path, bytes);
  const auto rows = value_of(ts::read_vecs_rows<three>(path));
  REQUIRE(rows.rows() == 2);
  CHECK((rows.row(0).values()[1] == -0.5f && rows.row(0).values()[2] == 3e-39f && rows.row(1).values()[1] == 1e30f));
  succeed(ts::write_fvecs((scratch / "b.fvecs").string(), rows));
  CHECK(read_file(scratch / "b.fvecs") == bytes);

  write_file(scratch / "c.bvecs", records<std::uint8_t>({{0, 128, 255}}));
  const auto narrow = value_of(ts::read_vecs_rows<three>((scratch / "c.bvecs").string()));
  CHECK((narrow.row(0).values()[1] == 128.0f && narrow.row(0).values()[2] == 255.0f));
  write_file(scratch / "empty.fvecs", "");
  CHECK(value_of(ts::read_vecs_rows<three>((scratch / "empty.fvecs").string())).empty());
}

TEST_CASE("vecs: ground truth is read from .ivecs", "[vecs]") {
  const scratch_directory scratch;
  write_file(scratch / "t.ivecs", records<std::int32_t>({{3, 1}, {2, -7}}));
  CHECK(value_of(ts::read_ivecs((scratch / "t.ivecs").string())) == std::vector<std::vector<std::int32_t>>{{3, 1}, {2, -7}});
}

TEST_CASE("vecs: what is wrong is said with its place", "[vecs]") {
  const scratch_directory scratch;
  const auto message = [&](const char* name, const std::string& bytes) {
    write_file(scratch / name, bytes);
    return message_of(ts::read_vecs_rows<three>((scratch / name).string()));
  };
  CHECK_THAT(message("a.fvecs", records<float>({{1, 2, 3, 4}})), ContainsSubstring("wanted 3 dimensions, found 4"));
  CHECK_THAT(message("a.fvecs", records<float>({{1, 2, 3}}).append(1, 'x')), ContainsSubstring("a multiple of the 16"));
  std::string uneven = records<float>({{1, 2, 3}, {1, 2, 3}});
  uneven[16] = 2;
  CHECK_THAT(message("a.fvecs", uneven), ContainsSubstring("dimension of vector 1: wanted 3, found 2"));
  CHECK_THAT(message("a.fvecs", std::string(4, '\0')), ContainsSubstring("dimension: wanted 1 or more, found 0"));
  CHECK_THAT(message("a.fvecs", "xy"), ContainsSubstring("4 bytes"));
  CHECK_THAT(message("a.fvecs", {'\xff', '\xff', '\xff', '\x7f'}), ContainsSubstring("a multiple of the 8589934592"));
  CHECK_THAT(message("a.dat", ""), ContainsSubstring("ends in .fvecs or .bvecs"));
  CHECK_THAT(message_of(ts::read_vecs_rows<three>((scratch / "none.fvecs").string())), ContainsSubstring("none.fvecs"));
}
