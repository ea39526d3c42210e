// SPDX-License-Identifier: Apache-2.0
/// tools/inspect against the manifest of damaged and odd files, and what it says of good ones.
#include <tests/tools/programs/call.hpp>

#include <tessera/io/json.hpp>

#include <algorithm>

using namespace tessera_tests;

TEST_CASE("every damaged file is refused with one sentence, every odd one is read", "[programs][inspect]") {
  const std::filesystem::path folder = fixture("text/bad");
  const ts::json manifest = value_of(ts::read_json((folder / "manifest.json").string()));
  const ts::json_value list = value_of(manifest.root().at("cases"));
  const ts::json_elements cases = value_of(list.elements());
  std::size_t looked_at = 0;
  for (const ts::json_value each : cases) {
    const auto kind = value_of(each.get<std::string>("kind"));
    const auto name = value_of(each.get<std::string>("path"));
    const auto expect = value_of(each.get<std::string>("expect"));
    if (name == "ok_tokenizer_bpe.json" || name == "ok_tokenizer_unigram.json") continue;  // kinds of tokenizer that are not read yet
    INFO(name << ": " << value_of(each.get<std::string>("why")));
    const answer said = program("inspect", {(folder / name).string()});
    ++looked_at;
    if (expect == "reject") {
      CHECK(said.status == 1);
      CHECK(said.out.empty());
      CHECK(std::ranges::count(said.err, '\n') == 1);
      CHECK_THAT(said.err, Catch::Matchers::ContainsSubstring(name));
    } else if (expect == "load") {
      CHECK(said.status == 0);
      CHECK_FALSE(said.out.empty());
      CHECK(said.err.empty());
    } else {
      CHECK_THAT(said.out + said.err, Catch::Matchers::ContainsSubstring("NaN"));
    }
  }
  CHECK(looked_at >= 80);
}

TEST_CASE("a model directory is described without compiling anything", "[programs][inspect]") {
  const answer said = program("inspect", {fixture("text/bert_mean").string()});
  REQUIRE(said.status == 0);
  for (const std::string words :
       {"bert", "hidden_size = 48", "layer_norm_eps = 0.005", "mean", "48 dimensions, unit length", "40 tokens", "WordPiece, 700 tokens",
        "encoder.layer.N.attention.self.query.weight", "F32 [48, 48] x 3",
        "tessera::space<\"bert_mean\", 48, tessera::pooling::mean, tessera::unit_length>", ".epsilon = 0.005"}) {
    INFO(words);
    CHECK_THAT(said.out, Catch::Matchers::ContainsSubstring(words));
  }
  const answer all = program("inspect", {"--all", fixture("text/bert_mean").string()});
  CHECK_THAT(all.out, Catch::Matchers::ContainsSubstring("encoder.layer.2.attention.self.query.weight"));
  const answer head = program("inspect", {fixture("text/bert_cls").string()});
  CHECK_THAT(head.out, Catch::Matchers::ContainsSubstring("8 tensors that this family does not use") &&
                           Catch::Matchers::ContainsSubstring("cls.predictions.bias"));
}

TEST_CASE("files of each kind are told by what they hold", "[programs][inspect]") {
  const auto says = [](const std::string& text) { return Catch::Matchers::ContainsSubstring(text); };
  CHECK_THAT(program("inspect", {fixture("text/bad/ok_plain.safetensors").string()}).out, says("a  F32 [3, 4]") && says("b  F32 [6]"));
  CHECK_THAT(program("inspect", {fixture("text/bad/ok_fortran.npy").string()}).out, says("[2, 3]"));
  CHECK_THAT(program("inspect", {fixture("text/tokenizers/wordpiece_cased").string()}).out, says("WordPiece, 640 tokens"));
  CHECK_THAT(program("inspect", {fixture("gguf/small_v3.gguf").string()}).out, says("GGUF"));
  CHECK_THAT(program("inspect", {fixture("index/flat_i8.tsi").string()}).out, says("flat, i8, ") && says("checksums"));
  CHECK_THAT(program("inspect", {fixture("store/f16.snapshot").string()}).out, says("store, f16, cosine") && says("graph         degree 2"));
  const scratch_directory scratch;
  const std::string log = (scratch / "log-0000000000000000").string(), directory = scratch.path().string();
  std::filesystem::copy_file(fixture("store/f16.log"), log);
  CHECK_THAT(program("inspect", {log}).out, says("23 added") && says("cut short"));
  CHECK_THAT(program("inspect", {directory}).out, says("0 snapshots, 1 log") && says("rows in all   23"));
  std::string bytes = read_file(log);
  bytes[bytes.size() / 2] ^= 1;
  write_file(log, bytes);
  CHECK(program("inspect", {directory}).status == 1);
  CHECK_THAT(program("inspect", {log}).err, says("damaged place"));
  std::filesystem::remove(log);
  const std::string renamed = (scratch / "blob").string();
  std::filesystem::copy_file(fixture("text/bad/ok_plain.safetensors"), renamed);
  CHECK_THAT(program("inspect", {renamed}).out, says("F32 [3, 4]"));
  write_file(renamed, "nothing of that kind");
  CHECK(program("inspect", {renamed}).status == 1);
  CHECK(program("inspect", {(scratch / "absent").string()}).status == 1);
}
