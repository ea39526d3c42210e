// SPDX-License-Identifier: Apache-2.0
// modernbert: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("modernbert: modernbert", "[model]") { check_toy<toy::modernbert<>>(6.1e-05); }
