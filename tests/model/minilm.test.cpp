// SPDX-License-Identifier: Apache-2.0
// The real all-MiniLM-L6-v2 against the reference's vectors of 200 texts. Runs where tools/get-model has put the model.
#include <tests/kernel/support/amx.hpp>
#include <tests/model/support.hpp>

#include <tessera/model/bge.hpp>
#include <tessera/model/e5.hpp>
#include <tessera/model/minilm.hpp>

using namespace tessera_tests;

// The published sizes, as the authors state them.
static_assert(ts::minilm_l6<>::parameter_count == 22'565'376);
static_assert(ts::minilm_l6<>::manifest().size() == 5 + 6 * 16);
static_assert(ts::bge_base_en<>::dimension == 768 && ts::e5_large<>::dimension == 1024);
static_assert(ts::bge_small_en<>::parameter_count == ts::e5_small<>::parameter_count);

namespace {

std::string minilm_folder() {
  const auto folder = source_tree() / "models/all-MiniLM-L6-v2";
  if (!std::filesystem::exists(folder / "model.safetensors")) SKIP("no models/all-MiniLM-L6-v2 (tools/get-model all-MiniLM-L6-v2)");
  return folder.string();
}

}  // namespace

TEST_CASE("minilm: the reference's vectors of 200 texts", "[model]") {
  const std::string golden = fixture("text/minilm_golden").string();
  const auto model = value_of(ts::load<ts::minilm_l6<>>(minilm_folder()));
  CHECK(model.settings().max_tokens == 256);
  CHECK(ts::to_hex(value_of(model.sha256())) == "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db");

  const auto texts = texts_of(golden + "/texts.jsonl");
  const ts::safetensors expected = value_of(ts::safetensors::open(golden + "/expected.safetensors"));
  const auto counts = integers(expected, "token_count");
  REQUIRE(texts.size() == counts.size());
  for (std::size_t i = 0; i < texts.size(); ++i)
    CHECK(value_of(model.text_tokenizer()->encode(texts[i], {.max_length = 256})).size() == static_cast<std::size_t>(counts[i]));
  const auto vectors = value_of(model.encode(texts));
  CHECK(distance(flat_values(vectors), floats(expected, "embeddings")) <= 1e-5);
  ts::thread_pool pool(2);
  CHECK(flat_values(value_of(model.encode(texts, {.threads = &pool}))) == flat_values(vectors));
  for (const std::size_t i : {std::size_t{0}, std::size_t{99}, std::size_t{199}})
    CHECK(same_bits(value_of(model.encode(texts[i])).values(), vectors.row(i).values()));
}

TEST_CASE("minilm: the reference's vectors by tiles of AMX, which multiply f32 as sums of bf16", "[model]") {
  if (!tessera_test::amx_can_run()) SKIP("this machine lacks AVX3_ZEN4, which stands around the tiles");
  const std::string golden = fixture("text/minilm_golden").string();
  const std::string folder = minilm_folder();
  const auto all = texts_of(golden + "/texts.jsonl");
  const auto expected = floats(value_of(ts::safetensors::open(golden + "/expected.safetensors")), "embeddings");
  constexpr std::size_t count = 6;  // emulated, a text of 100 tokens takes about a second
  const std::vector<std::string_view> texts(all.begin(), all.begin() + count);
  tessera_test::as_amx_machine([&] {
    const auto model = value_of(ts::load<ts::minilm_l6<>>(folder));
    const auto vectors = value_of(model.encode(texts));
    CHECK(distance(flat_values(vectors), std::vector(expected.begin(), expected.begin() + count * 384)) <= 1e-5);
    CHECK(same_bits(value_of(model.encode(texts[5])).values(), vectors.row(5).values()));
  });
}
