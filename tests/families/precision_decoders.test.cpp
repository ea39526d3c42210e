// SPDX-License-Identifier: Apache-2.0
// bf16, i8 and i4 weights of the families on causal models: the least cosine with the reference's f32 vectors.
#include <tests/families/precision_support.hpp>

using namespace tessera_tests;

TEST_CASE("precision: qwen2", "[model]") { check_precisions<toy::qwen2_causal>("dense_64_last_norm", {0.9998, 0.997, 0.80}); }
TEST_CASE("precision: qwen3", "[model]") { check_precisions<toy::qwen3_embed>("pooled_last_norm", {0.9999, 0.999, 0.88}); }
TEST_CASE("precision: gemma3", "[model]") { check_precisions<toy::embedding_gemma>("embedding", {0.9998, 0.999, 0.93}); }
