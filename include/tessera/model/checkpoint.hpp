// SPDX-License-Identifier: Apache-2.0
/// Writes weights back as safetensors under the names that the reference library reads, whatever they were read from.
///
///     TESSERA_CHECK(ts::convert_checkpoint("models/bge-small", "out/model.safetensors", {.weights = "bge-small-q8_0.gguf"}));
///     TESSERA_CHECK(ts::write_checkpoint("out/model.safetensors", my_model::description(), source));   // any source of tensors
///
/// Names are the first that the family's table has for a tensor; parts of a packed one are put together again. Where the
/// encoder is a part of what is published (under a classifier, or with adapters), its names begin with the architecture's ("bert."), as
/// `save_pretrained` writes them. The dense modules behind an encoder have files of their own.
#pragma once

#include <tessera/graph/weights.hpp>
#include <tessera/io/dtype.hpp>
#include <tessera/model/description.hpp>

#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// Writes the encoder's tensors, and those of a classifier behind it, as `type`: F32, or F16 or BF16 rounded to nearest. All of them are in
/// memory at once. Errors: those of `source` and of write_safetensors; invalid_argument (another type); unsupported (a reranker that
/// answers: its table of answers is not all that was published); not_finite (a number beyond the range of `type`); out_of_memory.
[[nodiscard]] result<> write_checkpoint(std::string_view path, const model_description& model, weight_reader& source,
                                        dtype type = dtype::f32);
/// The same for dense module `head`, counted from 0: linear.weight and linear.bias.
[[nodiscard]] result<> write_dense_checkpoint(std::string_view path, const model_description& model, std::size_t head,
                                              weight_reader& source, dtype type = dtype::f32);

struct convert_options {
  std::string weights = {};  ///< a file to read instead of the directory's own weights
  dtype type = dtype::f32;
};

/// Reads the weights of a published directory, checked as loading checks them, and writes the encoder's to `path`. Errors: those of
/// `describe`, of loading and of write_checkpoint.
[[nodiscard]] result<> convert_checkpoint(std::string_view directory, std::string_view path, const convert_options& options = {});

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/checkpoint-inl.hpp>
#endif
