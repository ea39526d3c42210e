// SPDX-License-Identifier: Apache-2.0
/// What a GGUF file says of a model, in the words of config.json: the same readers of families then serve both.
///
///     TESSERA_TRY(const auto encoder, ts::load<ts::bge_m3<>>("bge-m3-Q8_0.gguf"));    // no directory beside it
///
/// | general.architecture | becomes model_type         | what its files do not say, and what is taken as in llama.cpp          |
/// | -------------------- | -------------------------- | ---------------------------------------------------------------------- |
/// | bert                 | bert; with a tokenizer other than WordPiece xlm-roberta | the activation: gelu                      |
/// | jina-bert-v3         | xlm-roberta, rotary        | the activation: gelu                                                    |
/// | nomic-bert           | nomic_bert                 | n_positions: four times what it was trained for, as published           |
/// | nomic-bert-moe       | nomic_bert with experts    | the same; the activation: gelu; that experts have no bias               |
/// | modern-bert          | modernbert                 | the activation: gelu; a layer in three global; mean before a classifier |
/// | qwen2, qwen3         | the same                   | the activation: silu; causal                                            |
/// | gemma-embedding      | gemma3_text                | gelu by tanh, a layer in six global, no causal mask                     |
///
/// Pooling is `<architecture>.pooling_type`; that vectors are scaled to unit length is in no GGUF file, so it is the type that says so. A
/// file with a classifier (`cls.output`) is a reranker's. llama.cpp leaves the experts' bias out of what it converts: a file of Nomic's
/// model with experts is one without it, of another type (`.expert_bias = false`). Any other architecture is an error that names it, and so
/// is an adapter (`general.type`).
#pragma once

#include <tessera/base/result.hpp>

#include <span>

namespace tessera::inline TESSERA_ABI {

class gguf;              // io/gguf.hpp
struct model_directory;  // model/directory.hpp

/// Fills `into`, whose path is the file's. Errors: those of gguf::open; not_found (a key), mismatch (its kind), unsupported (the
/// architecture, or a way of pooling).
[[nodiscard]] result<> read_gguf_config(model_directory& into);
/// The same of open files: one, or the parts of a split one (`open_gguf_parts`).
[[nodiscard]] result<> read_gguf_config(std::span<const gguf> files, model_directory& into);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/gguf_config-inl.hpp>
#endif
