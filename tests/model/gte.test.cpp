// SPDX-License-Identifier: Apache-2.0
// gte: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/model/support.hpp>

#include <tessera/model/gte.hpp>

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

}  // namespace

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
