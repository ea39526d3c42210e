// SPDX-License-Identifier: Apache-2.0
// modernbert: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("modernbert: modernbert", "[model]") {
  const std::string folder = fixture("text/modernbert").string();
  check_ids<toy::modernbert<>>(folder, 6.1e-05);
  check_description<toy::modernbert<>>(folder);
}
