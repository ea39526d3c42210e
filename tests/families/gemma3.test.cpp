// SPDX-License-Identifier: Apache-2.0
// gemma3: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("gemma3: embedding_gemma", "[model]") { check_toy<toy::embedding_gemma<>>(3.1e-05, "embedding"); }
