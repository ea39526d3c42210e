// SPDX-License-Identifier: Apache-2.0
// bf16, i8 and i4 weights of the families of BERT's kind: the least cosine with the reference's f32 vectors.
#include <tests/families/precision_support.hpp>

using namespace tessera_tests;

TEST_CASE("precision: bert", "[model]") { check_precisions<toy::bert_mean>("pooled_mean_norm", {0.9999, 0.999, 0.89}); }
TEST_CASE("precision: roberta", "[model]") { check_precisions<toy::xlm_roberta>("pooled_mean_norm", {0.9999, 0.997, 0.70}); }
TEST_CASE("precision: rotary_roberta", "[model]") { check_precisions<toy::jina_v3>("pooled_mean_norm", {0.9999, 0.998, 0.85}); }
TEST_CASE("precision: gte", "[model]") { check_precisions<toy::gte_v5>("pooled_cls_norm", {0.9997, 0.995, 0.82}); }
TEST_CASE("precision: modernbert", "[model]") { check_precisions<toy::modernbert>("pooled_mean_norm", {0.9999, 0.998, 0.83}); }
TEST_CASE("precision: nomic_bert", "[model]") { check_precisions<toy::nomic_bert>("pooled_mean_norm", {0.9999, 0.999, 0.93}); }
TEST_CASE("precision: nomic_moe", "[model]") { check_precisions<toy::nomic_moe>("pooled_mean_norm", {0.9999, 0.97, 0.87}); }
