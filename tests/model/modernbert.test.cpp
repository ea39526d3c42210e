// SPDX-License-Identifier: Apache-2.0
// modernbert: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/model/support.hpp>

#include <tessera/model/modernbert.hpp>

using namespace tessera_tests;

namespace {

using modernbert = ts::modernbert<ts::space<"modernbert", 48, ts::pooling::mean, ts::unit_length>,
                                  ts::modernbert_shape{.vocabulary = 320,
                                                       .layers = 4,
                                                       .width = 48,
                                                       .heads = 4,
                                                       .inner = 56,
                                                       .positions = 36,
                                                       .local_attention = 10,
                                                       .epsilon = 0.004,
                                                       .global_theta = 400.0,
                                                       .local_theta = 50.0}>;

}  // namespace

TEST_CASE("modernbert: modernbert", "[model]") {
  const std::string folder = fixture("text/modernbert").string();
  check_ids<modernbert>(folder, 6.1e-05);
  check_description<modernbert>(folder);
}
