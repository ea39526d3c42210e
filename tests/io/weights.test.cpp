// SPDX-License-Identifier: Apache-2.0
#include <tests/io/support.hpp>

#include <tessera/io/weights.hpp>

#include <algorithm>
#include <functional>

namespace ts = tessera;
using Catch::Matchers::ContainsSubstring;
using tessera_tests::message_of;
using tessera_tests::succeed;
using tessera_tests::value_of;

namespace {

constexpr std::string_view index_name = "model.safetensors.index.json";

/// One tensor of two floats in a file of its own.
void write_shard(const std::filesystem::path& path, std::string_view tensor, float value) {
  const std::vector<float> values = {value, value};
  const std::vector<std::size_t> shape = {2};
  const std::vector<ts::tensor_view> all = {ts::tensor_of<float>(tensor, shape, values)};
  succeed(ts::write_safetensors(path.string(), all));
}

}  // namespace

TEST_CASE("weights: a directory, a file and an index are one thing", "[weights]") {
  const auto model = fixture("text/bad/ok_model");
  const ts::weights whole = value_of(ts::weights::open(model.string()));
  const ts::weights file = value_of(ts::weights::open((model / "model.safetensors").string()));
  ts::weights sharded = value_of(ts::weights::open(fixture("text/bad/ok_shards").string()));
  const ts::weights moved = std::move(sharded);
  const ts::weights index = value_of(ts::weights::open((fixture("text/bad/ok_shards") / index_name).string()));
  CHECK(whole.path() == (model / "model.safetensors").string());
  CHECK(whole.files().size() == 1);
  CHECK(moved.files().size() == 2);
  CHECK(index.tensors().size() == moved.tensors().size());
  REQUIRE(whole.tensors().size() == moved.tensors().size());
  CHECK(file.tensors().size() == whole.tensors().size());
  CHECK(std::ranges::is_sorted(moved.tensors(), {}, &ts::tensor_view::name));
  for (const ts::tensor_view& tensor : whole.tensors()) {
    const ts::tensor_view other = value_of(moved.at(tensor.name));
    CHECK(std::ranges::equal(tensor.shape, other.shape));
    CHECK(std::ranges::equal(tensor.bytes, other.bytes));
  }
  CHECK(whole.find("nothing") == nullptr);
  CHECK(whole.at("nothing").error().code == ts::error_code::not_found);
  succeed(moved.unchanged());
}

TEST_CASE("weights: damaged directories get their verdict", "[weights]") {
  const auto refused = [](std::string_view name) {
    return message_of(ts::weights::open(fixture("text/bad/" + std::string(name)).string()));
  };
  CHECK_THAT(refused("weights_missing"),
             ContainsSubstring("wanted model.safetensors, model.safetensors.index.json, onnx/model.onnx or model.onnx, found none of them"));
  CHECK_THAT(refused("weights_is_git_lfs_pointer"), ContainsSubstring("Git LFS pointer"));
  CHECK_THAT(refused("shard_missing"),
             ContainsSubstring("model-00002-of-00002.safetensors: cannot open: No such file"));
  CHECK_THAT(refused("shard_path_escape"),
             ContainsSubstring("wanted a file name beside the index, found \"../ok_model/model.safetensors\""));
  CHECK_THAT(refused("shard_tensor_not_in_file"), ContainsSubstring("found none of that name"));
  const ts::weights nan = value_of(ts::weights::open(fixture("text/bad/nan_model").string()));
  const auto finite = [](const ts::tensor_view& tensor) { return ts::check_finite(tensor).has_value(); };
  CHECK(std::ranges::count_if(nan.tensors(), std::not_fn(finite)) == 1);
}

TEST_CASE("weights: an index may not reach beyond its directory", "[weights]") {
  const scratch_directory scratch;
  write_shard(scratch / "one.safetensors", "w", 1);
  const auto with = [&](std::string_view file) {
    write_file(scratch / index_name, R"({"weight_map": {"w": ")" + std::string(file) + "\"}}");
    return ts::weights::open(scratch.path().string());
  };
  CHECK(with("one.safetensors").has_value());
  for (const auto& name : {std::string(".."), std::string("."), std::string(), std::string("/etc/passwd"),
                           (scratch / "one.safetensors").string(), std::string("./one.safetensors"),
                           std::string("sub/one.safetensors"), std::string("..\\\\one"), std::string("one\\u0000")}) {
    INFO(name);
    const auto outcome = with(name);
    REQUIRE_FALSE(outcome.has_value());
    CHECK_THAT(outcome.error().message(), ContainsSubstring("weight_map.w: wanted a file name beside the index"));
  }
}

TEST_CASE("weights: an index that contradicts its shards is refused", "[weights]") {
  const scratch_directory scratch;
  write_shard(scratch / "a.safetensors", "w", 1);
  write_shard(scratch / "b.safetensors", "w", 2);
  const auto open = [&](std::string_view index) {
    write_file(scratch / index_name, index);
    return ts::weights::open(scratch.path().string());
  };
  CHECK_THAT(message_of(open(R"({"weight_map": {"w": "a.safetensors", "v": "b.safetensors"}})")),
             ContainsSubstring("\"v\""));
  write_shard(scratch / "c.safetensors", "v", 2);
  const ts::weights good =
      value_of(open(R"({"metadata": {"total_size": -1}, "weight_map": {"w": "a.safetensors", "v": "c.safetensors"}})"));
  CHECK(good.tensors().size() == 2);
  // The same tensor in two shards, whichever of them the index names.
  const std::vector<float> values = {1, 2};
  const std::vector<std::size_t> shape = {2};
  const std::vector<ts::tensor_view> both = {ts::tensor_of<float>("v", shape, values),
                                             ts::tensor_of<float>("w", shape, values)};
  succeed(ts::write_safetensors((scratch / "c.safetensors").string(), both));
  CHECK_THAT(message_of(open(R"({"weight_map": {"w": "a.safetensors", "v": "c.safetensors"}})")),
             ContainsSubstring("wanted each tensor in one shard"));
  for (const char* index : {"{}", "[]", R"({"weight_map": []})", R"({"weight_map": {}})", R"({"weight_map": {"w": 1}})",
                            R"({"weight_map": {"w": "a.safetensors", "w": "b.safetensors"}})", "not json"}) {
    INFO(index);
    CHECK_FALSE(open(index).has_value());
  }
}

TEST_CASE("weights: a tensor's bytes outlive what was opened, and bytes that no file has are refused", "[weights]") {
  std::string wanted;
  std::shared_ptr<const std::byte> part;
  {
    const ts::weights file = value_of(ts::weights::open(fixture("text/bert_cls").string()));
    const ts::tensor_view table = file.tensors().front();
    wanted.assign(reinterpret_cast<const char*>(table.bytes.data()), table.bytes.size());
    part = value_of(file.part(table));
    ts::tensor_view elsewhere = table;
    elsewhere.bytes = std::as_bytes(std::span(wanted));
    const auto refused = file.part(elsewhere);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ts::error_code::unsupported);
    CHECK_THAT(refused.error().message(), ContainsSubstring(std::string(table.name)));
  }
  CHECK(std::memcmp(part.get(), wanted.data(), wanted.size()) == 0);
}

TEST_CASE("weights: other formats are named, not guessed", "[weights]") {
  const scratch_directory scratch;
  write_file(scratch / "pytorch_model.bin", "x");
  CHECK_THAT(message_of(ts::weights::open(scratch.path().string())), ContainsSubstring("pytorch_model.bin"));
  CHECK_THAT(message_of(ts::weights::open((scratch / "pytorch_model.bin").string())),
             ContainsSubstring("found a .bin file"));
  CHECK(ts::weights::open((scratch / "nowhere").string()).error().code == ts::error_code::not_found);
  CHECK_FALSE(ts::weights::open(std::string_view("a\0b", 3)).has_value());
}

TEST_CASE("weights: the digest is the file's own, or that of the shards' digests", "[weights]") {
  const scratch_directory scratch;
  write_shard(scratch / "a.safetensors", "w", 1);
  write_shard(scratch / "b.safetensors", "v", 2);
  const auto a = (scratch / "a.safetensors").string();
  const auto b = (scratch / "b.safetensors").string();
  CHECK(value_of(value_of(ts::weights::open(a)).sha256()) == value_of(ts::sha256_file(a)));
  write_file(scratch / index_name, R"({"weight_map": {"v": "b.safetensors", "w": "a.safetensors"}})");
  std::vector<std::byte> both;
  for (const auto& path : {a, b}) {
    const auto digest = value_of(ts::sha256_file(path));
    both.insert(both.end(), digest.begin(), digest.end());
  }
  const ts::weights sharded = value_of(ts::weights::open(scratch.path().string()));
  CHECK(value_of(sharded.sha256()) == value_of(ts::sha256(both)));
  write_shard(scratch / "b.safetensors", "v", 3);
  succeed(sharded.unchanged());  // replaced by renaming: what is mapped is still the old file
}
