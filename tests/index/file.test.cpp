// SPDX-License-Identifier: Apache-2.0
// Index files: written, read back, and refused where a byte or the type is not what it should be.
#include <tests/index/damage.hpp>
#include <tests/index/support.hpp>

#include <tessera/io/npy_rows.hpp>
#include <tessera/io/sha256.hpp>

#include <cstring>

using namespace tessera_tests;

namespace {

using four = ts::space<"four", 4, ts::pooling::cls>;
using nine = ts::space<"nine", 9, ts::pooling::mean, ts::unit_length>;
using odd = ts::space<"odd", 45>;

ts::provenance counted() {
  ts::provenance from;
  for (unsigned i = 0; std::byte& byte : from.weights.emplace()) byte = std::byte(i++);
  return from;
}

std::span<const std::byte> bytes_of(const std::string& text) { return std::as_bytes(std::span(text)); }

/// Why the bytes are no index of this type.
template <class Index>
ts::error refusal(const std::string& file, const ts::provenance& expected = {}) {
  const auto outcome = Index::read(bytes_of(file), "x.tsi", expected);
  if (outcome) FAIL("a damaged file was read");
  CHECK(outcome.error().path == "x.tsi");
  return outcome.error();
}

template <class Precision, class Metric>
void survives_saving() {
  using index_type = ts::flat<odd, Precision, Metric>;
  const scratch_directory scratch;
  const std::string path = (scratch / "index.tsi").string();
  auto rows = in_precision<Precision>(some_rows<odd>(1000));
  rows.set_made_by({42});
  index_type index;
  succeed(index.add_rows(some_ids(1000), std::move(rows)));
  succeed(index.save(path, counted()));
  const auto back = value_of(index_type::open(path, counted()));
  CHECK(back.size() == 1000);
  CHECK(back.made_by() == index.made_by());
  CHECK(back.origin() == counted());
  CHECK(std::ranges::equal(back.ids(), index.ids()));
  for (std::size_t i = 0; i < back.size(); ++i) {
    REQUIRE(std::memcmp(back.rows().row(i).data(), index.rows().row(i).data(), index.rows().stride * sizeof(typename Precision::storage)) == 0);
    if constexpr (requires { index.rows().norms(); }) REQUIRE(back.rows().norms()[i] == index.rows().norms()[i]);
    if constexpr (requires { index.rows().scales(); }) REQUIRE(back.rows().scales()[i] == index.rows().scales()[i]);
  }
  const auto queries = in_precision<Precision>(some_rows<odd>(3, 8));
  CHECK(value_of(back.search(queries, 10)) == value_of(index.search(queries, 10)));
  succeed(back.save((scratch / "again.tsi").string()));  // with the provenance that it was opened with
  CHECK(read_file(scratch / "again.tsi") == read_file(path));
}

}  // namespace

TEST_CASE("index file: every precision survives saving", "[index]") {
  survives_saving<ts::f32, ts::cosine>();
  survives_saving<ts::f16, ts::inner_product>();
  survives_saving<ts::bf16, ts::squared_l2>();
  survives_saving<ts::i8, ts::cosine>();
  survives_saving<ts::i4, ts::squared_l2>();
  survives_saving<ts::b1, ts::jaccard>();
}

TEST_CASE("index file: version 1 is read, and written the same", "[index]") {
  const scratch_directory scratch;
  const auto same = [&](const auto& index, const std::filesystem::path& original) {
    succeed(index.save((scratch / "copy.tsi").string()));
    CHECK(read_file(scratch / "copy.tsi") == read_file(original));
  };
  {
    const auto path = fixture("index/flat_f32.tsi");
    const auto index = value_of(ts::flat<four>::open(path.string(), counted()));
    CHECK(std::ranges::equal(index.ids(), std::array<std::uint64_t, 3>{7, 1, 0xffffffffffffffffu}));
    CHECK(std::ranges::equal(value_of(index.get(1)), std::array{-1.0f, 0.5f, 0.0f, 8.0f}));
    CHECK(index.made_by() == ts::fingerprint{0x1122334455667788});
    same(index, path);
  }
  {
    const auto path = fixture("index/flat_i8.tsi");
    const auto index = value_of(ts::flat<four, ts::i8>::open(path.string()));
    CHECK(std::ranges::equal(value_of(index.get(1)), std::array{-16, 8, 0, 127}));
    CHECK(value_of(index.get(1)).facts().scale == 8.0f / 127.0f);
    CHECK_FALSE(index.origin().weights);
    same(index, path);
  }
  {
    const auto path = fixture("index/flat_b1.tsi");
    const auto index = value_of(ts::flat<nine, ts::b1, ts::hamming>::open(path.string()));
    CHECK(value_of(index.search(value_of(index.get(0)), 2)) == std::vector<ts::hit>{{0, 0.0f}, {1, 5.0f}});
    same(index, path);
  }
  {
    const auto path = fixture("index/flat_f16_empty.tsi");
    const auto index = value_of(ts::flat<four, ts::f16, ts::squared_l2>::open(path.string()));
    CHECK(index.empty());
    same(index, path);
  }
}

TEST_CASE("index file: an index of another type, all differences at once", "[index]") {
  const std::string file = read_file(fixture("index/flat_f32.tsi"));
  CHECK(refusal<ts::flat<nine, ts::b1, ts::hamming>>(file).message() ==
        "x.tsi: not the index of this type\n"
        "  embedding space: wanted \"nine\", found \"four\"\n"
        "  dimension: wanted 9, found 4\n"
        "  precision: wanted \"b1\", found \"f32\"\n"
        "  pooling: wanted mean, found cls\n"
        "  metric: wanted \"hamming\", found \"cosine\"\n"
        "  unit length: wanted yes, found no");
  CHECK(refusal<ts::flat<four, ts::f16>>(file).message() == "x.tsi: precision: wanted \"f16\", found \"f32\"");
  CHECK(refusal<ts::flat<four, ts::f32, ts::inner_product>>(file).message() ==
        "x.tsi: metric: wanted \"inner_product\", found \"cosine\"");
  CHECK(refusal<ts::flat<ts::space<"four", 5, ts::pooling::cls>>>(file).message() == "x.tsi: dimension: wanted 5, found 4");
  CHECK(refusal<ts::flat<ts::space<"vier", 4, ts::pooling::cls>>>(file).message() ==
        "x.tsi: embedding space: wanted \"vier\", found \"four\"");
  CHECK(refusal<ts::flat<ts::space<"four", 4>>>(file).message() == "x.tsi: pooling: wanted mean, found cls");
  CHECK(refusal<ts::flat<ts::space<"four", 4, ts::pooling::cls, ts::unit_length>>>(file).message() ==
        "x.tsi: unit length: wanted yes, found no");
  ts::provenance other = counted();
  (*other.weights)[31] = std::byte{0xff};
  CHECK(refusal<ts::flat<four>>(file, other).message() ==
        "x.tsi: SHA-256 of the weights: wanted 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eff, found "
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  CHECK(refusal<ts::flat<four, ts::i8>>(read_file(fixture("index/flat_i8.tsi")), other).message().ends_with("1eff, found none"));
  std::string hnsw = file;
  std::memcpy(hnsw.data() + 96, "hnsw", 4);
  CHECK(refusal<ts::flat<four>>(with_right_checksums(hnsw)).message() == "x.tsi: kind of index: wanted \"flat\", found \"hnsw\"");
}

TEST_CASE("index file: no byte can change unseen", "[index]") {
  const auto all_refused = [](const std::string& file, auto read) {
    for (std::size_t at = 0; at < file.size(); ++at)
      for (const int change : {1, 0x80, 0xff}) {
        std::string changed = file;
        changed[at] = static_cast<char>(changed[at] ^ change);
        if (read(changed)) FAIL("byte " << at << " changed by " << change << " unseen");
      }
    for (std::size_t size = 0; size < file.size(); ++size)
      if (read(file.substr(0, size))) FAIL("cut at " << size << " unseen");
    CHECK_FALSE(read(file + '\0'));
    CHECK_FALSE(read(file + file));
    CHECK(read(file));
  };
  all_refused(read_file(fixture("index/flat_f32.tsi")),
              [](const std::string& file) { return ts::flat<four>::read(bytes_of(file), "x").has_value(); });
  all_refused(read_file(fixture("index/flat_i8.tsi")),
              [](const std::string& file) { return ts::flat<four, ts::i8>::read(bytes_of(file), "x").has_value(); });
  all_refused(read_file(fixture("index/flat_b1.tsi")),
              [](const std::string& file) { return ts::flat<nine, ts::b1, ts::hamming>::read(bytes_of(file), "x").has_value(); });
}

TEST_CASE("index file: damage in any block is found and placed", "[index]") {
  const scratch_directory scratch;
  ts::flat<odd> index;
  succeed(index.add_rows(some_ids(1000), some_rows<odd>(1000)));
  succeed(index.save((scratch / "x.tsi").string()));
  const std::string file = read_file(scratch / "x.tsi");
  const std::size_t data = get<std::uint64_t>(file, 184);
  REQUIRE(file.size() - data > 12 * 16384);
  for (std::size_t block = 0; data + block * 16384 < file.size(); ++block) {
    std::string changed = file;
    changed[std::min(file.size() - 1, data + block * 16384 + 777)] ^= 4;
    const ts::error found = refusal<ts::flat<odd>>(changed);
    CHECK(found.code == ts::error_code::checksum);
    CHECK(found.thing == "block " + std::to_string(block));
    CHECK(found.offset == data + block * 16384);
  }
  // two blocks exchanged: each is whole, but not in its place
  std::string exchanged = file;
  std::swap_ranges(exchanged.begin() + static_cast<std::ptrdiff_t>(data + 16384),
                   exchanged.begin() + static_cast<std::ptrdiff_t>(data + 2 * 16384),
                   exchanged.begin() + static_cast<std::ptrdiff_t>(data + 3 * 16384));
  CHECK(refusal<ts::flat<odd>>(exchanged).thing == "block 1");
}

TEST_CASE("index file: what a right checksum does not excuse", "[index]") {
  const std::string file = read_file(fixture("index/flat_f32.tsi"));
  const std::size_t sections = 176;  // name, offset, size of "ids"; then of "rows"
  const auto changed = [&](std::size_t at, auto value) {
    std::string made = file;
    put(made, at, value);
    return refusal<ts::flat<four>>(with_right_checksums(made));
  };
  constexpr std::uint64_t huge[] = {0, 1, 64, 0x7fffffffffffffff, 0x8000000000000000, 0xffffffffffffffff, 0xffffffffffffffc0,
                                    0x2000000000000001, 0x0400000000000003};
  for (const std::uint64_t value : huge) {
    CAPTURE(value);
    changed(16, value);                                           // file
    changed(24, value);                                           // rows
    changed(32, value);                                           // dimension
    if (value != 64) changed(sections + 8, value);                // begin of ids
    changed(sections + 16, value);                                // size of ids
    changed(sections + 24 + 8, value);                            // begin of rows
    changed(sections + 24 + 16, value);                           // size of rows
    if (value != 16) changed(40, value == 64 ? 128 : value);      // stride
  }
  CHECK(changed(8, std::uint32_t{2}).message() == "x.tsi (byte 8): format version: wanted 1, found 2");
  CHECK(changed(8, std::uint32_t{2}).code == ts::error_code::unsupported);
  CHECK(changed(12, std::uint32_t{192}).code == ts::error_code::malformed);
  CHECK(changed(12, std::uint32_t{0}).code == ts::error_code::malformed);
  CHECK(changed(88, std::uint32_t{4}).code == ts::error_code::unsupported);
  CHECK(changed(92, std::uint32_t{8192}).code == ts::error_code::unsupported);
  CHECK(changed(128, std::uint64_t{0x65646F6D}).message() ==
        "x.tsi (byte 128): pooling: wanted mean, cls, last_token, max or weighted_mean, found \"mode\"");
  CHECK(changed(168, std::uint32_t{65}).thing == "sections");
  CHECK(changed(168, std::uint32_t{1}).code == ts::error_code::malformed);
  CHECK(changed(172, std::uint32_t{0xffffffff}).thing == "name of the space");
  CHECK(changed(sections, std::uint64_t{0x736478}).message() == "x.tsi: section ids: wanted 3 rows of 8 bytes, found none");
  CHECK(refusal<ts::flat<four, ts::bf16>>([] {
          std::string made = read_file(fixture("index/flat_f32.tsi"));  // f32 that calls itself bf16, which has norms
          put(made, 112, std::uint64_t{0x36316662});
          put(made, 40, std::uint64_t{64});
          return with_right_checksums(made);
        }()).message() == "x.tsi (byte 168): sections: wanted 3, found 2");
  const std::size_t ids_at = get<std::uint64_t>(file, sections + 8);
  CHECK(changed(ids_at + 8, std::uint64_t{7}).message() == "x.tsi: id 7: wanted an id that no other row has, found one that is taken");
}

TEST_CASE("index file: no file, no index, no place to write", "[index]") {
  const scratch_directory scratch;
  const std::string path = (scratch / "x.tsi").string();
  CHECK(ts::flat<four>::open(path).error().code == ts::error_code::not_found);
  CHECK(ts::flat<four>::open(scratch.path().string()).error().code == ts::error_code::unsupported);
  CHECK(refusal<ts::flat<four>>("").message() == "x.tsi (byte 0): wanted an index file (\"\\x89TSI\" first), found \"\"");
  CHECK(refusal<ts::flat<four>>("PK\x03\x04zip").code == ts::error_code::malformed);
  CHECK(refusal<ts::flat<four>>("version https://git-lfs.github.com/spec/v1\n").message().find("Git LFS") != std::string::npos);
  const ts::flat<four> index;
  CHECK_FALSE(index.save((scratch / "none/x.tsi").string()));
  succeed(index.save(path));
  CHECK(value_of(ts::flat<four>::open(path)).empty());
  CHECK_FALSE(ts::write_index_file(path, {.kind = "seventeen letters", .precision = {}, .metric = {}, .label = {}}, std::span<const ts::index_section>()));
}

TEST_CASE("npy: rows and ids from numpy and back, byte for byte", "[index]") {
  using plain = ts::anonymous<24>;
  const scratch_directory scratch;
  const auto folder = fixture("search");
  const std::string out = (scratch / "out.npy").string();
  const auto rows = value_of(ts::read_npy_rows<plain>((folder / "rows.npy").string()));
  CHECK(rows.rows() == 200);
  succeed(ts::write_npy_rows(out, rows));
  CHECK(read_file(out) == read_file(folder / "rows.npy"));
  const auto ids = value_of(ts::read_npy_ids((folder / "ids.npy").string()));
  succeed(ts::write_npy_ids(out, ids));
  CHECK(read_file(out) == read_file(folder / "ids.npy"));
  CHECK(value_of(ts::read_npy_ids(out)) == ids);

  // f16 in Fortran order: as f16 and widened, equal to the rows rounded here
  const std::string fortran = (folder / "rows_f16_fortran.npy").string();
  const auto half = value_of(ts::read_npy_rows<plain, ts::f16>(fortran));
  const auto widened = value_of(ts::read_npy_rows<plain>(fortran));
  const auto rounded = value_of(ts::cast<ts::f16>(rows));
  for (std::size_t i = 0; i < rows.rows(); ++i)
    for (std::size_t j = 0; j < plain::dimension; ++j) {
      REQUIRE(half.row(i)[j].bits == rounded.row(i)[j].bits);
      REQUIRE(widened.row(i)[j] == static_cast<float>(rounded.row(i)[j]));
    }
  ts::flat<plain, ts::f16> index;
  succeed(index.add_rows(ids, half));
  CHECK(index.rows().facts(5).norm == rounded.facts(5).norm);

  // rows of bits, whose last byte is not full
  const auto bits = in_precision<ts::b1>(some_rows<nine>(5));
  succeed(ts::write_npy_rows(out, bits));
  const auto again = value_of(ts::read_npy_rows<nine, ts::b1>(out));
  for (std::size_t i = 0; i < 5; ++i) CHECK(std::ranges::equal(again.row(i), bits.row(i)));
  std::string beyond = read_file(out);
  beyond.back() = '\x02';
  write_file(out, beyond);
  CHECK(message_of(ts::read_npy_rows<nine, ts::b1>(out)) == out + ": row 4: wanted 9 bits, then zeros, found a bit beyond them");
}

TEST_CASE("npy: rows and ids that do not fit", "[index]") {
  const auto folder = fixture("search");
  const std::string rows = (folder / "rows.npy").string();
  const std::string ids = (folder / "ids.npy").string();
  CHECK(message_of(ts::read_npy_rows<ts::anonymous<25>>(rows)) == rows + ": rows of the array: wanted F32 [rows, 25], found F32 [200, 24]");
  CHECK(message_of(ts::read_npy_rows<ts::anonymous<24>, ts::f16>(rows)) ==
        rows + ": rows of the array: wanted F16 [rows, 24], found F32 [200, 24]");
  CHECK(message_of(ts::read_npy_rows<ts::anonymous<24>>(ids)) == ids + ": rows of the array: wanted F32 [rows, 24], found U64 [200]");
  CHECK(message_of(ts::read_npy_ids(rows)) == rows + ": ids: wanted integers [rows], found F32 [200, 24]");
  CHECK(ts::read_npy_ids(rows + "x").error().code == ts::error_code::not_found);
  const scratch_directory scratch;
  const std::string path = (scratch / "ids.npy").string();
  const std::size_t shape[] = {3};
  const std::int32_t small[] = {3, 0, 70000};
  succeed(ts::write_npy(path, ts::tensor_of<std::int32_t>("", shape, small)));
  CHECK(value_of(ts::read_npy_ids(path)) == std::vector<std::uint64_t>{3, 0, 70000});
  const std::int64_t negative[] = {3, -1, 5};
  succeed(ts::write_npy(path, ts::tensor_of<std::int64_t>("", shape, negative)));
  CHECK(message_of(ts::read_npy_ids(path)) == path + ": ids[1]: wanted 0 or more, found -1");
  const float floats[] = {1, 2, 3};
  succeed(ts::write_npy(path, ts::tensor_of<float>("", shape, floats)));
  CHECK_FALSE(ts::read_npy_ids(path));
}
