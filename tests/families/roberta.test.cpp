// SPDX-License-Identifier: Apache-2.0
// roberta: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("roberta: roberta", "[model]") {
  const std::string folder = fixture("text/roberta").string();
  check_ids<toy::roberta<>>(folder, 6.1e-05);
  check_description<toy::roberta<>>(folder);
}

TEST_CASE("roberta: xlm_roberta", "[model]") {
  const std::string folder = fixture("text/xlm_roberta").string();
  check_ids<toy::xlm_roberta<>>(folder, 6.1e-05);
  check_description<toy::xlm_roberta<>>(folder);
}
