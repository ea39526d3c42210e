// SPDX-License-Identifier: Apache-2.0
/// Everything about loading a model that does not depend on its type: files read and compared, settings taken, the budget kept.
///
/// A directory is compared with the type in full before a weight is read: config.json, modules, every tensor, the tokenizer's
/// vocabulary; all that differs is in one error (mismatch), each cause with what was wanted, what was found, and the file. Where a
/// directory has a dense head for each dimension, the type's dimension says which is read.
#pragma once

#include <tessera/model/published.hpp>
#include <tessera/model/text_embedder.hpp>

#include <limits>
#include <string>
#include <string_view>

namespace tessera::inline TESSERA_ABI {

struct load_options {
  std::string weights = {};  ///< a file or index to read instead of the directory's own weights
  /// Bytes that loaded weights, and what packing the largest of them needs meanwhile, may hold; less is an error (over_budget) before
  /// anything is allocated. What is mapped is not held.
  std::size_t memory_budget = std::numeric_limits<std::size_t>::max();
  /// True: no tokenizer is read, and the model takes ready tokens only (`encode_tokens`).
  bool tokens_only = false;
  /// `mapped`: token vectors stay in the weight file, with the bits of copies. The file must then keep still as long as the model lives,
  /// else behaviour is undefined: read what table_storage says. A table that the file has in another form is an error (unsupported).
  table_storage token_table = table_storage::copied;
  observer listener = {};    ///< progress in tensors
  thread_pool* threads = nullptr;  ///< share reading and packing; null: the calling thread does all of it
};

/// A directory that fits a type, opened and ready to be read.
struct load_plan {
  published_tensors tensors;
  text_settings text;
};

/// Compares `path` with `wanted`. Errors: mismatch with all differences; not_found, malformed, unsupported, io, over_budget.
[[nodiscard]] result<load_plan> plan_load(std::string_view path, const model_description& wanted, std::size_t memory_bytes,
                                          const load_options& options);

/// The check without a type: does the directory hold a whole model of a supported kind? What `tools/inspect` says. Errors: as plan_load.
[[nodiscard]] result<load_plan> check_directory(const model_directory& directory, const model_description& found,
                                                const load_options& options = {});

/// SHA-256 of the weights that a model was loaded from. Errors: io; mismatch where they are no longer those that made `made_by`.
[[nodiscard]] result<sha256_digest> sha256_of_weights(std::string_view path, const model_description& wanted,
                                                      std::string_view weights_path, fingerprint made_by);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/loader-inl.hpp>
#endif
