// SPDX-License-Identifier: Apache-2.0
#include <tests/io/support.hpp>

#include <tessera/io/onnx.hpp>
#include <tessera/io/weights.hpp>

#include <algorithm>
#include <filesystem>
#include <vector>

namespace ts = tessera;
using Catch::Matchers::ContainsSubstring;
using tessera_tests::succeed;
using tessera_tests::value_of;

namespace {

std::vector<float> floats(const ts::tensor_view& tensor) {
  std::vector<float> values(ts::element_count(tensor));
  succeed(ts::read_f32(tensor, values));
  return values;
}

std::string varint(std::uint64_t value) {
  std::string out;
  for (; value >= 0x80; value >>= 7U) out.push_back(static_cast<char>(value | 0x80U));
  out.push_back(static_cast<char>(value));
  return out;
}
std::string number(unsigned field, std::uint64_t value) { return varint(field << 3U) + varint(value); }
std::string bytes(unsigned field, std::string_view value) { return varint(field << 3U | 2U) + varint(value.size()) + std::string(value); }

/// A TensorProto of this data_type; `rest` holds its data.
std::string initializer(std::string_view name, unsigned type, std::initializer_list<std::uint64_t> extents, std::string_view rest) {
  std::string made;
  for (const std::uint64_t extent : extents) made += number(1, extent);
  return bytes(5, made + number(2, type) + bytes(8, name) + std::string(rest));
}
std::string external(std::string_view location, std::uint64_t length) {
  const auto entry = [](std::string_view key, std::string_view value) { return bytes(13, bytes(1, key) + bytes(2, value)); };
  return entry("location", location) + entry("length", std::to_string(length)) + number(14, 1);
}
/// A NodeProto.
std::string node(std::string_view operation, std::initializer_list<std::string_view> inputs, std::string_view output,
                 std::string_view name = "") {
  std::string made;
  for (const std::string_view input : inputs) made += bytes(1, input);
  return bytes(1, made + bytes(2, output) + bytes(3, name) + bytes(4, operation));
}
std::string model(std::string_view graph) { return bytes(7, graph); }

ts::result<ts::onnx> view_of(const std::string& text) { return ts::onnx::view(std::as_bytes(std::span(text)), "test.onnx"); }

}  // namespace

TEST_CASE("onnx: every damaged file gets its verdict", "[onnx]") {
  const auto folder = fixture("text/bad");
  const ts::json manifest = value_of(ts::read_json((folder / "manifest.json").string()));
  const ts::json_value list = value_of(manifest.root().at("cases"));
  const ts::json_elements cases = value_of(list.elements());
  std::size_t looked_at = 0;
  for (const ts::json_value each : cases) {
    if (value_of(each.get<std::string>("kind")) != "onnx") continue;
    const auto name = value_of(each.get<std::string>("path"));
    INFO(name << ": " << value_of(each.get<std::string>("why")));
    ++looked_at;
    const auto file = ts::onnx::open((folder / name).string());
    CHECK(file.has_value() == (value_of(each.get<std::string>("expect")) == "load"));
    if (!file) CHECK_THAT(file.error().message(), ContainsSubstring(name));
  }
  CHECK(looked_at >= 11);
}

TEST_CASE("onnx: raw, typed and external data hold the same tensors", "[onnx]") {
  const auto folder = fixture("text/onnx_bert_mean");
  const ts::onnx raw = value_of(ts::onnx::open((folder / "named_raw.onnx").string()));
  for (const char* name : {"named_typed.onnx", "named_external.onnx"}) {
    INFO(name);
    const ts::onnx other = value_of(ts::onnx::open((folder / name).string()));
    REQUIRE(other.tensors().size() == raw.tensors().size());
    for (const ts::tensor_view& tensor : raw.tensors()) {
      INFO(tensor.name);
      const ts::tensor_view same = value_of(other.at(tensor.name));
      CHECK(std::ranges::equal(same.shape, tensor.shape));
      CHECK(std::ranges::equal(same.bytes, tensor.bytes));
    }
  }
}

TEST_CASE("onnx: an export's tensors have their published names and orientation", "[onnx]") {
  const auto folder = fixture("text/onnx_bert_mean");
  const ts::onnx named = value_of(ts::onnx::open((folder / "named_raw.onnx").string()));
  const ts::onnx exported = value_of(ts::onnx::open((folder / "exported_legacy.onnx").string()));
  const ts::json map = value_of(ts::read_json((folder / "exported_legacy.map.json").string()));
  const ts::json_value all = value_of(map.root().at("initializers"));
  const ts::json_members members = value_of(all.members());
  for (const auto& [stored, value] : members) {
    const auto parameter = value_of(value.get<std::string>("parameter"));
    INFO(stored << " is " << parameter);
    const ts::tensor_view found = value_of(exported.at("m." + parameter));
    const ts::tensor_view wanted = value_of(named.at(parameter));
    CHECK(std::ranges::equal(found.shape, wanted.shape));
    CHECK(floats(found) == floats(wanted));
  }
}

TEST_CASE("onnx: half precision initialisers are those of the export, rounded", "[onnx]") {
  const auto folder = fixture("text/onnx_bert_mean");
  const ts::onnx whole = value_of(ts::onnx::open((folder / "named_raw.onnx").string()));
  const ts::onnx half = value_of(ts::onnx::open((folder / "named_fp16_weights_only.onnx").string()));
  std::size_t compared = 0;
  for (const ts::tensor_view& tensor : whole.tensors()) {
    const ts::tensor_view* other = half.find(tensor.name);
    if (other == nullptr || other->type != ts::dtype::f16) continue;
    INFO(tensor.name);
    const std::vector<float> wanted = floats(tensor);
    const std::vector<float> found = floats(*other);
    REQUIRE(found.size() == wanted.size());
    ++compared;
    for (std::size_t i = 0; i < found.size(); ++i)
      if (found[i] != static_cast<float>(static_cast<ts::float16>(wanted[i]))) FAIL_CHECK("element " << i << ": " << found[i] << ", wanted " << wanted[i]);
  }
  CHECK(compared > 30);
}

TEST_CASE("onnx: external data never leaves the folder", "[onnx]") {
  const scratch_directory scratch;
  const std::filesystem::path inner = scratch.path() / "model";
  std::filesystem::create_directories(inner / "data");
  const std::string values(8, '\x3f');
  write_file(scratch / "secret.bin", values);
  write_file(inner / "data" / "near.bin", values);
  std::filesystem::create_symlink(scratch.path() / "secret.bin", inner / "leads_out.bin");
  std::filesystem::create_directory_symlink(scratch.path(), inner / "folder_leads_out");
  std::filesystem::create_symlink("data/near.bin", inner / "stays.bin");
  const auto opened = [&](const std::string& location) {
    write_file(inner / "model.onnx", model(initializer("a", 1, {2}, external(location, 8))));
    return ts::onnx::open((inner / "model.onnx").string());
  };
  for (const char* name : {"data/near.bin", "stays.bin", "./data/near.bin"}) {
    INFO(name);
    const ts::onnx file = value_of(opened(name));
    CHECK(file.files().size() == 2);
    CHECK(floats(value_of(file.at("a"))).size() == 2);
  }
  for (const std::string& name : {std::string("../secret.bin"), (scratch.path() / "secret.bin").string(), std::string("data/../../secret.bin"),
                                  std::string("leads_out.bin"), std::string("folder_leads_out/secret.bin"), std::string("data\\near.bin"),
                                  std::string("data/near.bin\0", 14), std::string(), std::string("data"), std::string("none.bin")}) {
    INFO(name);
    const auto file = opened(name);
    REQUIRE_FALSE(file.has_value());
    CHECK_THAT(file.error().message(), ContainsSubstring("model.onnx"));
  }
  const std::string inside = model(initializer("a", 1, {2}, external("data/near.bin", 8)));
  CHECK(view_of(inside).error().code == ts::error_code::unsupported);
}

TEST_CASE("onnx: typed numbers fill their type exactly", "[onnx]") {
  const std::string packed = bytes(5, varint(1) + varint(static_cast<std::uint64_t>(std::int64_t{-128})) + varint(127));
  const std::string kept = model(initializer("n", 3, {3}, packed));  // INT8 in int32_data
  const ts::onnx file = value_of(view_of(kept));
  std::vector<std::int64_t> numbers(3);
  succeed(ts::read_i64(value_of(file.at("n")), numbers));
  CHECK(numbers == std::vector<std::int64_t>{1, -128, 127});
  for (const std::string& broken :
       {initializer("n", 3, {3}, bytes(5, varint(1) + varint(128) + varint(2))), initializer("n", 3, {2}, packed),
        initializer("n", 3, {4}, packed), initializer("n", 3, {3}, packed + bytes(9, "abc")), initializer("n", 3, {3}, bytes(7, "abc")),
        initializer("n", 3, {3}, {}), initializer("n", 3, {3}, packed) + initializer("n", 3, {3}, packed),
        initializer("", 3, {3}, packed)}) {
    const std::string whole = model(broken);
    CHECK_FALSE(view_of(whole).has_value());
  }
}

TEST_CASE("onnx: a name that two tensors could have is given to neither", "[onnx]") {
  const auto matrix = [](std::string_view name, char fill) { return initializer(name, 1, {2, 1}, bytes(9, std::string(8, fill))); };
  const std::string one = matrix("onnx::MatMul_1", 'a') + matrix("onnx::MatMul_2", 'b') + node("MatMul", {"x", "onnx::MatMul_1"}, "y", "/dense/MatMul");
  const std::string first = model(one);
  const ts::onnx clear = value_of(view_of(first));
  CHECK(ts::shape_text(value_of(clear.at("dense.weight")).shape) == "[1, 2]");
  const std::string second = model(one + node("MatMul", {"y", "onnx::MatMul_2"}, "z", "/dense/MatMul"));
  CHECK(value_of(view_of(second)).find("dense.weight") == nullptr);
}
