// SPDX-License-Identifier: Apache-2.0
#include <tests/io/support.hpp>

#include <tessera/io/safetensors.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace ts = tessera;
using Catch::Matchers::ContainsSubstring;
using tessera_tests::exact_bytes;
using tessera_tests::message_of;
using tessera_tests::succeed;
using tessera_tests::value_of;

namespace {

/// A file of that header and data.
std::string file_of(std::string_view header, std::string_view data) {
  std::string text;
  ts::append_le(text, std::uint64_t{header.size()});
  return text.append(header).append(data);
}
ts::result<ts::safetensors> read(std::string_view text) {
  // The views of what is returned must not outlive the copy: keep the last one.
  static std::unique_ptr<exact_bytes> kept;
  kept = std::make_unique<exact_bytes>(text);
  return ts::safetensors::view(kept->bytes(), "m.safetensors");
}
ts::result<ts::safetensors> read(std::string_view header, std::size_t data_bytes) {
  return read(file_of(header, std::string(data_bytes, '\0')));
}

std::vector<double> values_of(const ts::tensor_view& tensor) {
  std::vector<float> floats(ts::element_count(tensor));
  if (ts::read_f32(tensor, floats)) return {floats.begin(), floats.end()};
  std::vector<std::int64_t> integers(floats.size());
  succeed(ts::read_i64(tensor, integers));
  return {integers.begin(), integers.end()};
}

}  // namespace

TEST_CASE("safetensors: every damaged and every odd file gets its verdict", "[safetensors]") {
  const auto manifest_path = fixture("text/bad/manifest.json");
  const ts::json manifest = value_of(ts::read_json(manifest_path.string()));
  std::size_t seen = 0;
  for (const ts::json_value entry : value_of(value_of(manifest.root().at("cases")).elements())) {
    if (value_of(entry.get<std::string>("kind")) != "safetensors") continue;
    ++seen;
    const auto path = manifest_path.parent_path() / value_of(entry.get<std::string>("path"));
    const auto expect = value_of(entry.get<std::string>("expect"));
    INFO(path << ": " << value_of(entry.get<std::string>("why")));
    const auto file = ts::safetensors::open(path.string());
    if (expect == "reject") {
      REQUIRE_FALSE(file.has_value());
      CHECK(file.error().path == path);
      CHECK(file.error().message().size() < 400);
      continue;
    }
    if (!file) FAIL(file.error().message());
    if (expect == "load_report") {
      const auto finite = [](const ts::tensor_view& tensor) { return ts::check_finite(tensor).has_value(); };
      CHECK_FALSE(std::ranges::all_of(file->tensors(), finite));
    }
    const auto tensors = entry.find("tensors");
    if (!tensors) continue;
    for (const auto& [name, wanted] : value_of(tensors->members())) {
      INFO(name);
      const auto numbers = tessera_tests::numbers_of(wanted);
      CHECK(values_of(value_of(file->at(name))) == numbers);
    }
  }
  CHECK(seen >= 35);
}

TEST_CASE("safetensors: tensors by name, with shape, type, place and metadata", "[safetensors]") {
  const std::string header =
      R"({"__metadata__":{"format":"pt","a":"b"},"w":{"dtype":"F32","shape":[2,1],"data_offsets":[3,11]},)"
      R"("a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"e":{"shape":[0],"dtype":"I64","data_offsets":[3,3],"extra":1}})";
  ts::safetensors file = value_of(read(header, 11));
  CHECK(file.path() == "m.safetensors");
  CHECK(file.metadata() == ts::tensor_metadata{{"format", "pt"}, {"a", "b"}});
  REQUIRE(file.tensors().size() == 3);
  CHECK(file.tensors()[0].name == "a");
  const ts::tensor_view w = value_of(file.at("w"));
  const ts::safetensors moved = std::move(file);
  CHECK(w.type == ts::dtype::f32);
  CHECK(std::ranges::equal(w.shape, std::vector<std::size_t>{2, 1}));
  CHECK(w.bytes.size() == 8);
  CHECK(w.offset == 8 + header.size() + 3);
  CHECK(w.file == "m.safetensors");
  CHECK(moved.find("e")->bytes.empty());
  CHECK(moved.find("x") == nullptr);
  CHECK(moved.at("x").error().code == ts::error_code::not_found);
  CHECK(message_of(moved.at("x")) == "m.safetensors: x: wanted this tensor, found none");
}

TEST_CASE("safetensors: what breaks a rule is named with tensor, wanted, found and byte", "[safetensors]") {
  const auto one = [](std::string_view body, std::size_t bytes) {
    return message_of(read("{\"w\":" + std::string(body) + "}", bytes));
  };
  CHECK_THAT(one(R"({"dtype":"F32","shape":[2],"data_offsets":[0,4]})", 4),
             ContainsSubstring("\"w\": wanted 8 bytes for F32 [2], found 4"));
  CHECK_THAT(one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,8]})", 8), ContainsSubstring("a hole of 4 bytes"));
  CHECK_THAT(one(R"({"dtype":"F32","shape":[1],"data_offsets":[4,0]})", 8),
             ContainsSubstring("wanted data_offsets in order, found 4 to 0"));
  CHECK_THAT(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4]})", 8), ContainsSubstring("4 more bytes"));
  CHECK_THAT(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0]})", 4),
             ContainsSubstring("w.data_offsets: wanted [begin, end], found 1 elements"));
  CHECK_THAT(one(R"({"dtype":"F32","shape":[1],"data_offsets":[0,4,4]})", 4), ContainsSubstring("3 elements"));
  CHECK_THAT(one(R"({"dtype":"F32","shape":1,"data_offsets":[0,4]})", 4),
             ContainsSubstring("w.shape: wanted an array"));
  CHECK_THAT(one(R"({"dtype":"F32","shape":[1.0],"data_offsets":[0,4]})", 4),
             ContainsSubstring("w.shape[0]: wanted an unsigned integer"));
  CHECK_THAT(one(R"({"dtype":1,"shape":[1],"data_offsets":[0,4]})", 4), ContainsSubstring("w.dtype: wanted a string"));
  CHECK_THAT(one(R"({"dtype":"F4","shape":[1],"data_offsets":[0,0]})", 0),
             ContainsSubstring("a possible number of bytes for F4 [1]"));
  CHECK_THAT(one("[]", 0), ContainsSubstring("w: wanted an object"));
  CHECK_THAT(message_of(read(R"({"__metadata__":[]})", 0)), ContainsSubstring("__metadata__: wanted an object"));
  CHECK_THAT(message_of(read(R"( {})", 0)), ContainsSubstring("wanted '{' first"));
  CHECK_THAT(message_of(read("{}\n", 0)), ContainsSubstring("wanted '}' and spaces at its end, found \"\\x0a\""));
  CHECK(read("{}    ", 0).has_value());
  CHECK_THAT(message_of(read("version https://git-lfs.example/spec/v1\noid sha256:0\n")),
             ContainsSubstring("Git LFS pointer"));
}

TEST_CASE("safetensors: names are only names", "[safetensors]") {
  const ts::safetensors file = value_of(read(
      R"({"../../etc/passwd":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\u0000":{"dtype":"U8","shape":[],"data_offsets":[0,1]}})",
      1));
  CHECK(file.find("../../etc/passwd") != nullptr);
  CHECK(file.find(std::string_view("\0", 1)) != nullptr);
}

TEST_CASE("safetensors: what is written is read back, aligned and sorted", "[safetensors]") {
  const scratch_directory scratch;
  const auto path = (scratch / "out.safetensors").string();
  const std::vector<float> floats = {1.5F, -2.0F, std::numeric_limits<float>::denorm_min(), 4.0F, 5.0F, 6.0F};
  const std::vector<std::int64_t> ids = {std::numeric_limits<std::int64_t>::min(), 7};
  const std::vector<std::uint8_t> mask = {1, 0, 1};
  const std::vector<ts::float16> halves = {ts::float16(0.5F)};
  const std::vector<std::size_t> two_three = {2, 3}, two = {2}, three = {3}, scalar = {}, none = {0, 4};
  const std::vector<ts::tensor_view> tensors = {
      ts::tensor_of<std::uint8_t>("mask", three, mask), ts::tensor_of<float>("b\n\"é\\", two_three, floats),
      ts::tensor_of<ts::float16>("half", scalar, halves), ts::tensor_of<std::int64_t>("ids", two, ids),
      ts::tensor_of<float>("a", none, {})};
  const ts::tensor_metadata metadata = {{"format", "pt"}, {"quote \"", "line\nbreak"}};
  succeed(ts::write_safetensors(path, tensors, metadata));
  const ts::safetensors file = value_of(ts::safetensors::open(path));
  CHECK(file.metadata() == metadata);
  REQUIRE(file.tensors().size() == tensors.size());
  for (const ts::tensor_view& wanted : tensors) {
    const ts::tensor_view found = value_of(file.at(wanted.name));
    CHECK(found.type == wanted.type);
    CHECK(std::ranges::equal(found.shape, wanted.shape));
    CHECK(std::ranges::equal(found.bytes, wanted.bytes));
    CHECK(found.offset % (ts::bits_of(found.type) / 8) == 0);
  }
  CHECK(value_of(file.at("ids")).offset % 64 == 0);
  // The same tensors in another order make the same file.
  std::vector<ts::tensor_view> reversed(tensors.rbegin(), tensors.rend());
  const std::string first = read_file(path);
  succeed(ts::write_safetensors(path, reversed, metadata));
  CHECK(read_file(path) == first);
  succeed(ts::write_safetensors(path, {}));
  CHECK(value_of(ts::safetensors::open(path)).tensors().empty());
}

TEST_CASE("safetensors: what cannot be read back is not written", "[safetensors]") {
  const scratch_directory scratch;
  const auto path = (scratch / "out.safetensors").string();
  const std::vector<float> floats = {1, 2};
  const std::vector<std::size_t> two = {2};
  const auto refuse = [&](std::vector<ts::tensor_view> tensors) {
    const auto outcome = ts::write_safetensors(path, tensors);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ts::error_code::invalid_argument);
    CHECK(std::filesystem::is_empty(scratch.path()));
  };
  const ts::tensor_view good = ts::tensor_of<float>("w", two, floats);
  refuse({good, good});
  ts::tensor_view bad = good;
  bad.name = "__metadata__";
  refuse({bad});
  bad.name = "\xff";
  refuse({bad});
  bad = good;
  bad.bytes = bad.bytes.first(7);
  refuse({bad});
}

TEST_CASE("safetensors: cut or changed anywhere, a file is read or refused, never more", "[safetensors]") {
  const std::string whole = file_of(
      R"({"a":{"dtype":"F16","shape":[2],"data_offsets":[1,5]},"x":{"dtype":"U8","shape":[],"data_offsets":[0,1]}} )",
      "\x01\x02\x03\x04\x05");
  REQUIRE(read(whole).has_value());
  tessera_tests::each_truncation(whole,
                                 [](std::string_view text, std::size_t) { CHECK_FALSE(read(text).has_value()); });
  int loaded = 0;
  tessera_tests::each_flip(whole, [&](std::string_view text, std::size_t) {
    const auto file = read(text);
    if (!file) return;
    ++loaded;
    for (const ts::tensor_view& tensor : file->tensors()) {
      std::vector<float> floats(ts::element_count(tensor));
      static_cast<void>(ts::read_f32(tensor, floats));
      static_cast<void>(ts::check_finite(tensor));
    }
  });
  CHECK(loaded > 0);
}

TEST_CASE("safetensors: the small whole files, cut or changed anywhere", "[safetensors]") {
  for (const char* name : {"ok_plain", "ok_misaligned_f16", "ok_header_spaces", "ok_empty_and_scalar", "ok_no_tensors",
                           "ok_escaped_name"}) {
    INFO(name);
    const std::string whole = read_file(fixture("text/bad/" + std::string(name) + ".safetensors"));
    REQUIRE(read(whole).has_value());
    tessera_tests::each_truncation(whole,
                                   [](std::string_view text, std::size_t) { CHECK_FALSE(read(text).has_value()); });
    CHECK_FALSE(read(whole + ' ').has_value());
    tessera_tests::each_flip(whole, [](std::string_view text, std::size_t) {
      if (const auto file = read(text))
        for (const ts::tensor_view& tensor : file->tensors())
          CHECK(ts::storage_bytes(tensor.type, tensor.shape) == tensor.bytes.size());
    });
  }
}
