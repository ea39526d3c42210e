// SPDX-License-Identifier: Apache-2.0
// nomic_bert: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/model/support.hpp>

#include <tessera/model/nomic_bert.hpp>

using namespace tessera_tests;

namespace {

using nomic_bert = ts::nomic_bert<ts::space<"nomic_bert", 48, ts::pooling::mean, ts::unit_length>,
                                  ts::nomic_bert_shape{.vocabulary = 300,
                                                       .layers = 2,
                                                       .width = 48,
                                                       .heads = 4,
                                                       .inner = 64,
                                                       .positions = 30,
                                                       .epsilon = 0.003,
                                                       .theta = 70.0}>;

}  // namespace

TEST_CASE("nomic_bert: nomic_bert", "[model]") {
  const std::string folder = fixture("text/nomic_bert").string();
  check_ids<nomic_bert>(folder, 6.1e-05);
  check_description<nomic_bert>(folder);
}
