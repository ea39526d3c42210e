// SPDX-License-Identifier: Apache-2.0
// gte: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/model/support.hpp>

#include <tessera/model/gte.hpp>
#include <tessera/model/stella.hpp>

using namespace tessera_tests;

namespace {

using gte_v5 = ts::gte<ts::space<"gte_v5", 48, ts::pooling::cls, ts::unit_length>, ts::gte_shape{.vocabulary = 400,
                                                                                                 .layers = 2,
                                                                                                 .width = 48,
                                                                                                 .heads = 4,
                                                                                                 .inner = 72,
                                                                                                 .positions = 32,
                                                                                                 .types = 1,
                                                                                                 .epsilon = 0.004,
                                                                                                 .theta = 50.0,
                                                                                                 .ntk_factor = 1.0}>;
using new_ntk_mixed =
    ts::gte<ts::space<"new_ntk_mixed", 48, ts::pooling::cls, ts::unit_length>, ts::gte_shape{.vocabulary = 180,
                                                                                             .layers = 2,
                                                                                             .width = 48,
                                                                                             .heads = 3,
                                                                                             .inner = 40,
                                                                                             .positions = 45,
                                                                                             .types = 1,
                                                                                             .epsilon = 0.005,
                                                                                             .theta = 80.0,
                                                                                             .ntk_factor = 2.5,
                                                                                             .ntk_mixed = 0.625}>;
using new_unpacked =
    ts::gte<ts::space<"new_unpacked", 32, ts::pooling::cls, ts::unit_length>, ts::gte_shape{.vocabulary = 200,
                                                                                            .layers = 2,
                                                                                            .width = 32,
                                                                                            .heads = 4,
                                                                                            .inner = 56,
                                                                                            .positions = 22,
                                                                                            .types = 0,
                                                                                            .epsilon = 0.005,
                                                                                            .theta = 100.0,
                                                                                            .ntk_factor = 1.0}>;

/// Stella 400M's layout: one encoder, a dense head for each dimension.
template <std::size_t Dimension>
using stella_toy = ts::gte<
    ts::space<"stella_new_ntk", Dimension, ts::pooling::mean>,
    ts::gte_shape{
        .vocabulary = 700, .layers = 3, .width = 48, .heads = 4, .inner = 64, .positions = 128, .epsilon = 0.005, .theta = 40.0},
    ts::f32, ts::dense<48, Dimension>>;

template <std::size_t Dimension>
void check_stella() {
  const std::string folder = fixture("text/stella_new_ntk").string();
  const std::string name = std::to_string(Dimension);
  INFO(name);
  check_ids<stella_toy<Dimension>>(folder, 1.2e-04, "dense_" + name);

  // The reference's embeddings of texts have unit length.
  const auto model = value_of(ts::load<stella_toy<Dimension>>(folder));
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
  CHECK(value_of(ts::load<stella_toy<32>>(folder)).made_by() != value_of(ts::load<stella_toy<96>>(folder)).made_by());
}

TEST_CASE("gte: gte_v5", "[model]") {
  const std::string folder = fixture("text/gte_v5").string();
  check_ids<gte_v5>(folder, 6.1e-05);
  check_description<gte_v5>(folder);
}

TEST_CASE("gte: new_ntk_mixed", "[model]") {
  const std::string folder = fixture("text/new_ntk_mixed").string();
  check_ids<new_ntk_mixed>(folder, 6.1e-05);
  check_description<new_ntk_mixed>(folder);
}

TEST_CASE("gte: new_unpacked", "[model]") {
  const std::string folder = fixture("text/new_unpacked").string();
  check_ids<new_unpacked>(folder, 3.1e-05);
  check_description<new_unpacked>(folder);
}
