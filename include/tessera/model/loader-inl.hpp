// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/loader.hpp.
#pragma once

#include <tessera/model/families-inl.hpp>
#include <tessera/model/loader.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

namespace detail {

[[nodiscard]] inline std::unexpected<error> all_of(std::vector<error> problems, const model_directory& directory) {
  if (problems.size() == 1) return fail(std::move(problems.front()));
  return fail({.code = error_code::mismatch,
               .thing = "model",
               .wanted = "files that fit its type",
               .found = std::to_string(problems.size()) + " differences",
               .path = directory.path,
               .causes = std::move(problems)});
}

/// What the files say about texts. `vocabulary` rows must hold every id of the tokenizer.
[[nodiscard]] inline result<text_settings> read_text_settings(const model_directory& directory, const model_description& model,
                                                              bool tokens_only) {
  text_settings text;
  const std::string place = directory.encoder_folder.empty() ? directory.path : directory.file(directory.encoder_folder);
  if (!tokens_only) {
    TESSERA_TRY(text.tokens, tokenizer::open(place));
    if (text.tokens->vocabulary_size() > model.encoder.vocabulary)
      return fail({.code = error_code::mismatch,
                   .thing = "tokenizer",
                   .wanted = "ids below " + std::to_string(model.encoder.vocabulary) + " (rows of the token table)",
                   .found = "ids up to " + std::to_string(text.tokens->vocabulary_size() - 1),
                   .path = place});
  }
  text.special_tokens = model.encoder.special_tokens;
  // The reference gives its table a padding row where tokenizer.json pads, and leaves that row out of the mean.
  if (!text.special_tokens && text.tokens && text.tokens->padding()) text.left_out = text.tokens->padding_id();
  constexpr std::size_t endless = std::numeric_limits<std::size_t>::max();
  const std::size_t positions = model.encoder.positions == 0 ? endless : model.encoder.positions;
  const std::size_t limit = text.special_tokens ? directory.tokenizer_limit.value_or(endless) : endless;
  text.max_tokens = directory.max_tokens ? *directory.max_tokens : std::min(positions, limit);
  if (const std::size_t special = text.tokens && text.special_tokens ? text.tokens->special_tokens_added() : 0; text.max_tokens <= special)
    return fail({.code = error_code::mismatch,
                 .thing = "longest text",
                 .wanted = "more than the " + std::to_string(special) + " special tokens",
                 .found = std::to_string(text.max_tokens),
                 .path = directory.path});
  text.lower_case = directory.lower_case;
  text.pool_prompt = directory.pool_prompt;
  text.prompts = directory.prompts;
  text.default_prompt = directory.default_prompt;
  if (model.encoder.adapters != 0) text.tasks = directory.tasks;
  if (!text.pool_prompt && !(text.prompts.empty() && text.tasks.empty()) && model.pooling_mode == pooling::weighted_mean)
    return fail({.code = error_code::unsupported,
                 .thing = "include_prompt",
                 .wanted = "true with weighted_mean pooling",
                 .found = "false",
                 .path = directory.path});
  TESSERA_CHECK(text.count_prompts());
  return text;
}

/// The directory with the dense head that the type wants, where it has several to choose from.
[[nodiscard]] inline result<model_directory> read_directory_for(std::string_view path, const model_description& wanted) {
  TESSERA_TRY(model_directory directory, model_directory::read(path));
  if (wanted.dense.size() == 1) TESSERA_CHECK(directory.choose_dense(wanted.dense.front().out));
  return directory;
}

/// Opens weights and tokenizer and adds what does not fit to `problems`.
[[nodiscard]] inline result<load_plan> open_parts(const model_directory& directory, const model_description& wanted,
                                                  std::vector<error> problems, const load_options& options) {
  auto tensors = published_tensors::open(directory, wanted, options.weights);
  if (!tensors) {
    problems.push_back(std::move(tensors).error());
  } else {
    for (error& problem : tensors->compare(wanted.manifest())) problems.push_back(std::move(problem));
  }
  auto text = read_text_settings(directory, wanted, options.tokens_only);
  if (!text) problems.push_back(std::move(text).error());
  if (!problems.empty()) return all_of(std::move(problems), directory);
  return load_plan{.tensors = *std::move(tensors), .text = *std::move(text)};
}

}  // namespace detail

TESSERA_INLINE result<load_plan> plan_load(std::string_view path, const model_description& wanted, std::size_t memory_bytes,
                                           const load_options& options) {
  std::size_t largest = 0;
  // Tables are read into their place; of what is packed, the three maps of an attention together.
  for (const tensor_entry& entry : wanted.manifest())
    if (!entry.label().ends_with("embedding.weight")) largest = std::max(largest, entry.size() * sizeof(float));
  const std::size_t need = memory_bytes + 3 * largest;
  if (need > options.memory_budget)
    return fail({.code = error_code::over_budget,
                 .thing = "model",
                 .wanted = "at most " + std::to_string(options.memory_budget) + " bytes",
                 .found = std::to_string(memory_bytes) + " bytes of weights and " + std::to_string(3 * largest) + " while they are packed",
                 .path = std::string(path)});
  TESSERA_TRY(const model_directory directory, detail::read_directory_for(path, wanted));
  model_description found;
  if (wanted.encoder.family.empty()) {
    found.encoder.width = wanted.encoder.width;
    found.encoder.positions = wanted.encoder.positions;
    TESSERA_CHECK(detail::describe_modules(directory, found));
  } else {
    TESSERA_TRY(found, describe(directory, options.weights));
  }
  return detail::open_parts(directory, wanted, compare(wanted, found, directory), options);
}

TESSERA_INLINE result<load_plan> check_directory(const model_directory& directory, const model_description& found,
                                                 const load_options& options) {
  return detail::open_parts(directory, found, {}, options);
}

TESSERA_INLINE result<sha256_digest> sha256_of_weights(std::string_view path, const model_description& wanted,
                                                       std::string_view weights_path, fingerprint made_by) {
  TESSERA_TRY(const model_directory directory, detail::read_directory_for(path, wanted));
  TESSERA_TRY(const published_tensors tensors, published_tensors::open(directory, wanted, weights_path));
  if (tensors.digest(wanted.manifest()) != made_by)
    return fail({.code = error_code::mismatch,
                 .thing = "weights",
                 .wanted = "those that this model was loaded from",
                 .found = "others",
                 .path = tensors.encoder().path()});
  TESSERA_TRY(const sha256_digest digest, tensors.sha256());
  TESSERA_CHECK(tensors.unchanged());
  return digest;
}

}  // namespace tessera::inline TESSERA_ABI
