// SPDX-License-Identifier: Apache-2.0
// qwen3: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("qwen3: qwen3_embed", "[model]") { check_toy<toy::qwen3_embed<>>(6.1e-05); }
