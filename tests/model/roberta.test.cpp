// SPDX-License-Identifier: Apache-2.0
// roberta: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/model/support.hpp>

#include <tessera/model/roberta.hpp>

using namespace tessera_tests;

namespace {

using roberta = ts::roberta<
    ts::space<"roberta", 48, ts::pooling::cls, ts::unit_length>,
    ts::roberta_shape{
        .vocabulary = 220, .layers = 2, .width = 48, .heads = 6, .inner = 80, .positions = 28, .epsilon = 0.004}>;
using xlm_roberta = ts::roberta<
    ts::space<"xlm_roberta", 48, ts::pooling::mean, ts::unit_length>,
    ts::roberta_shape{
        .vocabulary = 900, .layers = 2, .width = 48, .heads = 6, .inner = 80, .positions = 38, .epsilon = 0.004}>;

}  // namespace

TEST_CASE("roberta: roberta", "[model]") {
  const std::string folder = fixture("text/roberta").string();
  check_ids<roberta>(folder, 6.1e-05);
  check_description<roberta>(folder);
}

TEST_CASE("roberta: xlm_roberta", "[model]") {
  const std::string folder = fixture("text/xlm_roberta").string();
  check_ids<xlm_roberta>(folder, 6.1e-05);
  check_description<xlm_roberta>(folder);
}
