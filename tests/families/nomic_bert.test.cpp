// SPDX-License-Identifier: Apache-2.0
// nomic_bert: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("nomic_bert: nomic_bert", "[model]") {
  const std::string folder = fixture("text/nomic_bert").string();
  check_ids<toy::nomic_bert<>>(folder, 6.1e-05);
  check_description<toy::nomic_bert<>>(folder);
}
