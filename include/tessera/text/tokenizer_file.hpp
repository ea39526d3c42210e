// SPDX-License-Identifier: Apache-2.0
/// Finds and reads a tokenizer in the forms that models are published in.
///
/// | path                             | what is read                                                                       |
/// | -------------------------------- | ---------------------------------------------------------------------------------- |
/// | a directory                      | its tokenizer.json, else its tokenizer.model or spiece.model, else its vocab.txt    |
/// | begins with "GGUF"               | the metadata tokenizer.ggml.*: models "bert", "gpt2", "llama", "t5"                 |
/// | ends with .json                  | Hugging Face tokenizers                                                             |
/// | ends with .model                 | sentencepiece: Unigram and BPE                                                      |
/// | ends with .txt                   | one token a line, BERT's vocabulary; uncased where tokenizer_config.json does not say  |
///
/// `tokenizer::open` is the usual entrance; the readers here give the parts.
#pragma once

#include <tessera/text/tokenizer_parts.hpp>

#include <cstddef>
#include <span>

namespace tessera::inline TESSERA_ABI {

class gguf;

/// The parts of the tokenizer at `path`. Errors, all with the path: not_found, io, malformed, unsupported.
[[nodiscard]] result<tokenizer_parts> read_tokenizer(std::string_view path);

/// The WordPiece tokenizer of a vocab.txt, with BERT's normaliser and [CLS] $A [SEP] $B:1 [SEP]:1. Errors: malformed
/// (duplicates, bytes that are not UTF-8), not_found ([UNK], [CLS], [SEP]).
[[nodiscard]] result<tokenizer_parts> read_vocabulary_text(std::string_view text, const bert_normalizer& how = {});

/// The tokenizer in a GGUF file's metadata, with the ids that llama.cpp gives: "bert" (WordPiece; its "▁" before words
/// becomes "##" inside them), "gpt2" (byte-level BPE, split as tokenizer.ggml.pre says), "llama" (BPE by scores), "t5"
/// (Unigram). Control and user-defined tokens are added tokens. Errors: unsupported (another model or pre), malformed,
/// not_found.
[[nodiscard]] result<tokenizer_parts> read_gguf_tokenizer(const gguf& file);

/// The tokenizer of a sentencepiece .model, with that library's ids and no special tokens around texts. Errors:
/// malformed with the byte, unsupported (word and character models).
[[nodiscard]] result<tokenizer_parts> read_sentencepiece(std::span<const std::byte> bytes);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/text/tokenizer_file-inl.hpp>
#endif
