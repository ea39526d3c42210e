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
/// | modern-bert          | modernbert                 | the activation: gelu; a layer in three global; mean before a classifier |
/// | qwen2, qwen3         | the same                   | the activation: silu; causal                                            |
/// | gemma-embedding      | gemma3_text                | gelu by tanh, a layer in six global, no causal mask                     |
///
/// Pooling is `<architecture>.pooling_type`; that vectors are scaled to unit length is in no GGUF file, so it is the type that says so. A
/// file with a classifier (`cls.output`) is a reranker's. Any other architecture is an error that names it, nomic-bert-moe too: its files
/// lack the experts' bias.
#pragma once

#include <tessera/base/result.hpp>

namespace tessera::inline TESSERA_ABI {

class gguf;              // io/gguf.hpp
struct model_directory;  // model/directory.hpp

/// Fills `into`, whose path is the file's. Errors: those of gguf::open; not_found (a key), mismatch (its kind), unsupported (the
/// architecture, or a way of pooling).
[[nodiscard]] result<> read_gguf_config(model_directory& into);
/// The same of an open file.
[[nodiscard]] result<> read_gguf_config(const gguf& file, model_directory& into);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/gguf_config-inl.hpp>
#endif
