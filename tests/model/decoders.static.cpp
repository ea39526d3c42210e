// SPDX-License-Identifier: Apache-2.0
// The published encoders on Qwen as types: their numbers of parameters against those that their publishers count. None of these files
// needs the output table for vectors.
#include <tessera/model/gte_qwen2.hpp>
#include <tessera/model/qodo_embed.hpp>
#include <tessera/model/qwen3_embedding.hpp>
#include <tessera/model/qwen3_reranker.hpp>
#include <tessera/model/stella_1_5b.hpp>

namespace ts = tessera;

namespace {

static_assert(ts::gte_qwen2_1_5b<>::parameter_count == 1'543'268'864);
static_assert(ts::gte_qwen2_7b<>::parameter_count == 7'069'121'024);
static_assert(ts::qodo_embed_1_5b<>::parameter_count == 1'543'268'864);
static_assert(ts::qodo_embed_1_5b<>::dimension == 1536 && !ts::qodo_embed_1_5b<>::space::unit_length);
static_assert(ts::stella_1_5b<>::parameter_count == 1'543'268'864 + 1536 * 1024 + 1024);
static_assert(ts::stella_1_5b<8192>::dimension == 8192 && ts::stella_1_5b<256, ts::bf16>::space::dimension == 256);
static_assert(ts::qwen3_embedding_0_6b<>::parameter_count == 595'776'512);
static_assert(ts::qwen3_embedding_4b<>::parameter_count == 4'021'774'336);
static_assert(ts::qwen3_embedding_8b<>::parameter_count == 7'567'295'488);
static_assert(ts::qwen3_embedding_8b_space::truncates_to(4096 / 2) && !ts::qwen3_embedding_0_6b_space::truncates_to(1000));

// The answers' rows are the token table's; the largest has an output table of its own, of which only these two are read.
static_assert(ts::qwen3_reranker_0_6b<>::parameter_count == 595'776'512);
static_assert(ts::qwen3_reranker_4b<>::parameter_count == 4'021'784'576);
static_assert(ts::qwen3_reranker_8b<>::parameter_count == 8'188'548'096 - 151'669 * 4096);

// Without causal order there is nothing to continue a text with.
static_assert(ts::gte_qwen2_1_5b<>::graph::looks_ahead && ts::stella_1_5b<>::graph::looks_ahead && !ts::qwen3_embedding_0_6b<>::graph::looks_ahead);

}  // namespace
