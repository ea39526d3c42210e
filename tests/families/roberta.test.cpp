// SPDX-License-Identifier: Apache-2.0
// roberta: token states and vectors of the reference, and the type against what its directory describes.
#include <tests/families/toys.hpp>

using namespace tessera_tests;

TEST_CASE("roberta: roberta", "[model]") { check_toy<toy::roberta<>>(6.1e-05); }

TEST_CASE("roberta: xlm_roberta", "[model]") { check_toy<toy::xlm_roberta<>>(6.1e-05); }
