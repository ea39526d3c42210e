// SPDX-License-Identifier: Apache-2.0
#include <tests/io/support.hpp>

#include <tessera/io/npy.hpp>

#include <algorithm>
#include <cmath>

namespace ts = tessera;
using Catch::Matchers::ContainsSubstring;
using tessera_tests::exact_bytes;
using tessera_tests::message_of;
using tessera_tests::succeed;
using tessera_tests::value_of;

namespace {

std::vector<double> values_of(const ts::tensor_view& tensor) {
  if (tensor.type == ts::dtype::f64) {
    std::vector<double> doubles(ts::element_count(tensor));
    succeed(ts::copy_le<double>(tensor.bytes, doubles));
    return doubles;
  }
  std::vector<float> floats(ts::element_count(tensor));
  if (ts::read_f32(tensor, floats)) return {floats.begin(), floats.end()};
  std::vector<std::int64_t> integers(floats.size());
  succeed(ts::read_i64(tensor, integers));
  return {integers.begin(), integers.end()};
}
void check_same(const std::vector<double>& found, const std::vector<double>& wanted) {
  REQUIRE(found.size() == wanted.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    CHECK(((std::isnan(found[i]) && std::isnan(wanted[i])) ||
           (found[i] == wanted[i] && std::signbit(found[i]) == std::signbit(wanted[i]))));
}
double number_of(ts::json_value value) {
  if (const auto flag = value.get<bool>()) return *flag ? 1 : 0;
  return tessera_tests::number_of(value);
}

/// A version 1 file with that dictionary and data.
std::string file_of(std::string_view dictionary, std::string_view data = {}, char version = 1) {
  std::string text = "\x93NUMPY";
  text += version;
  text += '\0';
  if (version == 1) ts::append_le(text, static_cast<std::uint16_t>(dictionary.size()));
  else ts::append_le(text, static_cast<std::uint32_t>(dictionary.size()));
  return text.append(dictionary).append(data);
}
ts::result<ts::npy> read(std::string_view text) {
  static std::unique_ptr<exact_bytes> kept;
  kept = std::make_unique<exact_bytes>(text);
  return ts::npy::view(kept->bytes(), "a.npy");
}

}  // namespace

TEST_CASE("npy: what numpy wrote is read, whatever the byte and axis order", "[npy]") {
  const auto directory = fixture("npy");
  const ts::json expected = value_of(ts::read_json((directory / "expected.json").string()));
  for (const auto& [name, wanted] : value_of(expected.root().members())) {
    INFO(name);
    ts::npy opened = value_of(ts::npy::open((directory / (std::string(name) + ".npy")).string()));
    const ts::npy array = std::move(opened);
    std::vector<std::size_t> shape;
    for (const ts::json_value extent : value_of(value_of(wanted.at("shape")).elements()))
      shape.push_back(value_of(extent.get<std::size_t>()));
    CHECK(std::ranges::equal(array.shape(), shape));
    std::vector<double> values;
    for (const ts::json_value value : value_of(value_of(wanted.at("values")).elements()))
      values.push_back(number_of(value));
    const auto descr = value_of(wanted.get<std::string>("dtype"));
    check_same(values_of(array.tensor()), values);
    // What numpy stores row-major and little-endian in version 1 is written back byte for byte.
    if (descr[0] == '>' || value_of(wanted.get<bool>("fortran")) || name.find("version") != std::string_view::npos)
      continue;
    const scratch_directory scratch;
    succeed(ts::write_npy((scratch / "out.npy").string(), array.tensor()));
    CHECK(read_file(scratch / "out.npy") == read_file(directory / (std::string(name) + ".npy")));
  }
}

TEST_CASE("npy: arrays that are not plain numbers are refused by name", "[npy]") {
  const auto refused = [](std::string_view name) {
    const auto outcome = ts::npy::open(fixture("npy/unsupported_" + std::string(name) + ".npy").string());
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ts::error_code::unsupported);
    return outcome.error().message();
  };
  CHECK_THAT(refused("string"), ContainsSubstring("found \"<U1\""));
  CHECK_THAT(refused("complex"), ContainsSubstring("found \"<c16\""));
  CHECK_THAT(refused("record"), ContainsSubstring("a record of fields"));
  CHECK_THAT(refused("date"), ContainsSubstring("M8"));
}

TEST_CASE("npy: the damaged files get their verdict", "[npy]") {
  const auto manifest_path = fixture("text/bad/manifest.json");
  const ts::json manifest = value_of(ts::read_json(manifest_path.string()));
  std::size_t seen = 0;
  for (const ts::json_value entry : value_of(value_of(manifest.root().at("cases")).elements())) {
    if (value_of(entry.get<std::string>("kind")) != "npy") continue;
    ++seen;
    const auto path = manifest_path.parent_path() / value_of(entry.get<std::string>("path"));
    INFO(path);
    const auto array = ts::npy::open(path.string());
    CHECK(array.has_value() == (value_of(entry.get<std::string>("expect")) == "load"));
    if (!array) CHECK(array.error().path == path);
    if (!array) continue;
    CHECK(std::ranges::equal(array->shape(), std::vector<std::size_t>{2, 3}));
    const auto wanted = tessera_tests::numbers_of(value_of(entry.at("array")));
    const auto found = values_of(array->tensor());
    for (std::size_t i = 0; i < wanted.size(); ++i)
      CHECK(found[i] == static_cast<double>(static_cast<float>(wanted[i])));
  }
  CHECK(seen >= 7);
}

TEST_CASE("npy: spellings of the header that others write", "[npy]") {
  const std::string data(8, '\0');
  for (const char* dictionary : {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }",
                                 "{\"descr\":\"<f4\",\"fortran_order\":True,\"shape\":(2,)}\n",
                                 "{'shape': (1, 2), 'fortran_order': False, 'descr': '<f4'}  \n",
                                 "{'descr': 'f4', 'fortran_order': False, 'shape': (2L,)}",
                                 "{'descr': '=f4', 'fortran_order': False, 'shape': (2, )}",
                                 "{'descr': '|u1', 'fortran_order': False, 'shape': (8,)}",
                                 "{'descr': '<u1', 'fortran_order': False, 'shape': (4, 2)}",
                                 "{'descr': '<f8', 'fortran_order': True, 'shape': ()}"}) {
    INFO(dictionary);
    CHECK(read(file_of(dictionary, data)).has_value());
    CHECK(read(file_of(dictionary, data, 2)).has_value());
    CHECK(read(file_of(dictionary, data, 3)).has_value());
    CHECK_THAT(message_of(read(file_of(dictionary, data + "x"))), ContainsSubstring("found 9"));
    CHECK_THAT(message_of(read(file_of(dictionary, data.substr(1)))), ContainsSubstring("found 7"));
  }
}

TEST_CASE("npy: damaged headers are refused", "[npy]") {
  for (const char* dictionary : {"",
                                 "{",
                                 "{}",
                                 "{'descr': '<f4'}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)",
                                 "('descr', '<f4')",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (02,)}",
                                 "{'descr': '<f4', 'fortran_order': 0, 'shape': (2,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': [2]}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (-2,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2.0,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}",
                                 "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x",
                                 "{'descr': '<f\\x34', 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '<f4, 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '|f4', 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '<f3', 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '', 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '<', 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '<f44', 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '|O', 'fortran_order': False, 'shape': (2,)}",
                                 "{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",
                                 "{'descr': '<f8', 'fortran_order': False, 'shape': (2305843009213693953,)}"}) {
    INFO(dictionary);
    CHECK_FALSE(read(file_of(dictionary, std::string(8, '\0'))).has_value());
  }
  CHECK_FALSE(
      read(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", std::string(8, '\0'), 4)).has_value());
  CHECK_FALSE(read(file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", std::string(8, '\0'), '\0'))
                  .has_value());
  const std::string good =
      file_of("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}    \n", std::string(8, '\0'));
  REQUIRE(read(good).has_value());
  for (const std::size_t place : {good.find("    "), good.find("    ") + 2, std::size_t{7}}) {
    std::string with_other = good;
    with_other[place] = place == 7 ? '\1' : '\0';
    CHECK_FALSE(read(with_other).has_value());
  }
  CHECK_THAT(message_of(read(file_of("{'descr': '|O', 'fortran_order': False, 'shape': (2,)}"))),
             ContainsSubstring("Python objects, which are never read"));
}

TEST_CASE("npy: cut or changed anywhere, an array is read or refused, never more", "[npy]") {
  const std::string whole = file_of("{'descr': '>i2', 'fortran_order': True, 'shape': (2, 3), }", "abcdefghijkl");
  REQUIRE(read(whole).has_value());
  tessera_tests::each_truncation(whole,
                                 [](std::string_view text, std::size_t) { CHECK_FALSE(read(text).has_value()); });
  int loaded = 0;
  tessera_tests::each_flip(whole, [&](std::string_view text, std::size_t) {
    if (const auto array = read(text)) {
      CHECK(array->tensor().bytes.size() == ts::storage_bytes(array->type(), array->shape()));
      loaded += 1;
    }
  });
  CHECK(loaded > 0);
}

TEST_CASE("npy: files of numpy, cut or changed anywhere", "[npy]") {
  for (const char* name : {"f4_2x3", "f2_big_fortran_4x3x2", "i2_scalar", "u4_0x3", "f4_version2"}) {
    INFO(name);
    const std::string whole = read_file(fixture("npy/" + std::string(name) + ".npy"));
    REQUIRE(read(whole).has_value());
    tessera_tests::each_truncation(whole,
                                   [](std::string_view text, std::size_t) { CHECK_FALSE(read(text).has_value()); });
    CHECK_FALSE(read(whole + ' ').has_value());
    tessera_tests::each_flip(whole, [](std::string_view text, std::size_t) {
      if (const auto array = read(text))
        CHECK(array->tensor().bytes.size() == ts::storage_bytes(array->type(), array->shape()));
    });
  }
}

TEST_CASE("npy: only what numpy has is written", "[npy]") {
  const scratch_directory scratch;
  const std::vector<ts::bfloat16> values(2);
  const std::vector<std::size_t> two = {2}, deep(65, 1);
  CHECK_THAT(message_of(ts::write_npy((scratch / "out.npy").string(), ts::tensor_of<ts::bfloat16>("", two, values))),
             ContainsSubstring("found BF16"));
  CHECK_FALSE(ts::npy_header(ts::dtype::f32, deep).has_value());
  ts::tensor_view bad = ts::tensor_of<ts::bfloat16>("", two, values);
  bad.type = ts::dtype::f32;
  CHECK_FALSE(ts::write_npy((scratch / "out.npy").string(), bad).has_value());
  CHECK(std::filesystem::is_empty(scratch.path()));
  // Headers are whole multiples of 64 bytes, so that rows after them are aligned, also for long shapes.
  for (std::size_t rank = 0; rank <= 64; ++rank) {
    const std::vector<std::size_t> shape(rank, 10);
    const std::string header = value_of(ts::npy_header(ts::dtype::i64, shape));
    CHECK(header.size() % 64 == 0);
    CHECK(header.back() == '\n');
  }
}
