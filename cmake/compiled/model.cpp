// SPDX-License-Identifier: Apache-2.0
/// What model types share, of tessera::compiled.
#include <tessera/model/batching_engine-inl.hpp>
#include <tessera/model/bert_family-inl.hpp>
#include <tessera/model/checkpoint-inl.hpp>
#include <tessera/model/description-inl.hpp>
#include <tessera/model/directory-inl.hpp>
#include <tessera/model/families-inl.hpp>
#include <tessera/model/gemma3_family-inl.hpp>
#include <tessera/model/gguf_config-inl.hpp>
#include <tessera/model/graph_runner-inl.hpp>
#include <tessera/model/gte_family-inl.hpp>
#include <tessera/model/loader-inl.hpp>
#include <tessera/model/modernbert_family-inl.hpp>
#include <tessera/model/nomic_bert_family-inl.hpp>
#include <tessera/model/published-inl.hpp>
#include <tessera/model/qwen_family-inl.hpp>
#include <tessera/model/rerank_text-inl.hpp>
#include <tessera/model/roberta_family-inl.hpp>
#include <tessera/model/rotary_roberta_family-inl.hpp>
#include <tessera/model/static_family-inl.hpp>
#include <tessera/model/text_embedder-inl.hpp>
#include <tessera/model/text_settings-inl.hpp>
#include <tessera/model/with_model-inl.hpp>
