// SPDX-License-Identifier: Apache-2.0
// gte: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/families/toys.hpp>

#include <tessera/model/stella.hpp>

using namespace tessera_tests;

namespace {

template <std::size_t Dimension>
void check_stella() {
  const std::string folder = fixture("text/stella_new_ntk").string();
  const std::string name = std::to_string(Dimension);
  INFO(name);
  check_ids<toy::stella<Dimension>>(folder, 1.2e-04, "dense_" + name);

  // The reference's embeddings of texts have unit length.
  const auto model = value_of(ts::load<toy::stella<Dimension>>(folder));
  const ts::safetensors expected = value_of(ts::safetensors::open(folder + "/expected_texts.safetensors"));
  const auto check_texts = [&](const ts::embed_options& options, const std::string& which) {
    const auto rows = value_of(model.encode(texts_of(folder + "/texts.jsonl"), options));
    std::vector<float> found = flat_values(rows);
    for (std::size_t i = 0; i < rows.rows(); ++i)
      ts::kernel::kernels().norm.l2_normalize_f32(&found[i * Dimension], &found[i * Dimension], Dimension);
    CHECK(distance(found, floats(expected, which + name)) <= 2e-5);
  };
  check_texts({.prompt = ts::stella_prompt::s2p_query}, "embeddings_");
  check_texts({}, "embeddings_noprompt_");
  CHECK(value_of(model.sha256()) != ts::sha256_digest());
}

}  // namespace

TEST_CASE("gte: the dimension of a type chooses Stella's dense head", "[model]") {
  check_stella<32>();
  check_stella<96>();
  // The files that are read decide what tells one model from another.
  const std::string folder = fixture("text/stella_new_ntk").string();
  CHECK(value_of(ts::load<toy::stella<32>>(folder)).made_by() != value_of(ts::load<toy::stella<96>>(folder)).made_by());
}

TEST_CASE("gte: gte_v5", "[model]") { check_toy<toy::gte_v5<>>(6.1e-05); }

TEST_CASE("gte: new_ntk_mixed", "[model]") { check_toy<toy::new_ntk_mixed<>>(6.1e-05); }

TEST_CASE("gte: new_unpacked", "[model]") { check_toy<toy::new_unpacked<>>(3.1e-05); }
