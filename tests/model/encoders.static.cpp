// SPDX-License-Identifier: Apache-2.0
// The published encoders of BERT's kind as types: their numbers of parameters against those of the published files, counted by their
// publishers; what a file stores and no vector is made of is named.
#include <tessera/model/bge.hpp>
#include <tessera/model/bge_m3.hpp>
#include <tessera/model/bge_reranker.hpp>
#include <tessera/model/e5.hpp>
#include <tessera/model/embedding_gemma.hpp>
#include <tessera/model/gte_en.hpp>
#include <tessera/model/gte_modernbert.hpp>
#include <tessera/model/gte_modernbert_reranker.hpp>
#include <tessera/model/gte_multilingual.hpp>
#include <tessera/model/gte_multilingual_reranker.hpp>
#include <tessera/model/minilm.hpp>
#include <tessera/model/modernbert_embed.hpp>
#include <tessera/model/ms_marco.hpp>
#include <tessera/model/multilingual_e5.hpp>
#include <tessera/model/nomic_embed.hpp>
#include <tessera/model/stella_400m.hpp>

namespace ts = tessera;

namespace {

/// BERT's and RoBERTa's pooler: a dense map of the first state.
consteval std::size_t pooler(std::size_t width) { return width * width + width; }

static_assert(ts::minilm_l6<>::parameter_count + pooler(384) == 22'713'216);
static_assert(ts::bge_small_en<>::parameter_count + pooler(384) == 33'360'000);
static_assert(ts::bge_base_en<>::parameter_count + pooler(768) == 109'482'240);
static_assert(ts::bge_large_en<>::parameter_count + pooler(1024) == 335'141'888);
static_assert(ts::e5_base<>::parameter_count == ts::bge_base_en<>::parameter_count);
static_assert(ts::multilingual_e5_small<>::parameter_count + pooler(384) == 117'653'760);
static_assert(ts::multilingual_e5_base<>::parameter_count + pooler(768) == 278'043'648);
static_assert(ts::multilingual_e5_large<>::parameter_count + pooler(1024) == 559'890'432);
static_assert(ts::multilingual_e5_large_instruct<>::parameter_count + pooler(1024) == 559'890'432);
static_assert(ts::bge_m3<>::parameter_count + pooler(1024) == 567'754'752);
static_assert(ts::gte_base_en<>::parameter_count == 136'776'192);
static_assert(ts::gte_large_en<>::parameter_count == 434'139'136);
static_assert(ts::gte_multilingual_base<>::parameter_count == 305'368'320);
static_assert(ts::gte_modernbert_base<>::parameter_count == 149'014'272);
static_assert(ts::modernbert_embed_base<>::parameter_count == 149'014'272);
static_assert(ts::nomic_embed_v1<>::parameter_count == 136'731'648);
static_assert(ts::nomic_embed_v1_5<>::parameter_count == 136'731'648);
static_assert(ts::nomic_embed_v1_5_matryoshka<>::parameter_count == 136'731'648);
static_assert(ts::nomic_embed_v2_moe<>::parameter_count == 475'292'928);
static_assert(ts::embedding_gemma_300m<>::parameter_count == 307'581'696);

// Stella: gte-large's encoder and one head.
static_assert(ts::stella_400m<>::parameter_count == 434'139'136 + pooler(1024));
static_assert(ts::stella_400m<8192>::parameter_count == 434'139'136 + 1024 * 8192 + 8192);
static_assert(ts::stella_400m<1024>::space::dimension == 1024 && ts::stella_400m<256, ts::bf16>::dimension == 256);
static_assert(std::is_same_v<ts::stella_400m<1024>::space, ts::stella_400m<1024, ts::i8>::space>);
static_assert(!std::is_same_v<ts::stella_400m<1024>::space, ts::stella_400m<2048>::space>);

// Rerankers count their poolers, and one logit.
static_assert(ts::ms_marco_minilm_l6<>::parameter_count == 22'713'601);
static_assert(ts::ms_marco_minilm_l12<>::parameter_count == 33'360'385);
static_assert(ts::bge_reranker_base<>::parameter_count == 278'044'417);
static_assert(ts::bge_reranker_large<>::parameter_count == 559'891'457);
static_assert(ts::bge_reranker_v2_m3<>::parameter_count == 567'755'777);
static_assert(ts::gte_multilingual_reranker_base<>::parameter_count == 305'368'320 + pooler(768) + 769);
static_assert(ts::gte_modernbert_reranker_base<>::parameter_count == 149'014'272 + 768 * 768 + 768 + 769);

// What they were trained for, and nothing else.
static_assert(ts::gte_multilingual_base_space::truncates_to(256) && !ts::gte_multilingual_base_space::truncates_to(300));
static_assert(ts::modernbert_embed_base_space::truncates_to(256) && !ts::modernbert_embed_base_space::truncates_to(512));
static_assert(ts::embedding_gemma_300m_space::truncates_to(128) && !ts::nomic_embed_v1_5_space::truncates_to(512));
static_assert(!ts::bge_m3_space::truncates_to(512) && !ts::multilingual_e5_large_space::truncates_to(512));

}  // namespace
