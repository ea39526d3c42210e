// SPDX-License-Identifier: Apache-2.0
// gemma3: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("gemma3: embedding_gemma", "[model]") {
  const std::string folder = fixture("text/embedding_gemma").string();
  check_ids<toy::embedding_gemma<>>(folder, 3.1e-05, "embedding");
  check_description<toy::embedding_gemma<>>(folder);
}
