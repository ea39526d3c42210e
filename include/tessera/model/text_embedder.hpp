// SPDX-License-Identifier: Apache-2.0
/// From texts to rows of vectors with any graph: tokens, blocks of whole texts, threads, limits and errors. What a model type adds is its
/// graph, so this is compiled once for all of them.
///
/// Texts are tokenised and packed, in the order given, into blocks of about `block_tokens` tokens; each block runs through the whole
/// graph while its activations are in the cache. A text is never split over blocks, and its vector does not depend on its
/// neighbours. Memory between calls is kept by the thread, so a warm call allocates nothing but its result.
#pragma once

#include <tessera/model/embed_options.hpp>
#include <tessera/model/graph_runner.hpp>
#include <tessera/model/text_settings.hpp>

#include <string_view>

namespace tessera::inline TESSERA_ABI {

/// What a reranker judges.
struct text_pair {
  std::string_view query;
  std::string_view text;
};

/// Texts, or pairs of texts, in whatever container they stand.
struct text_list {
  const void* first;
  std::size_t count;
  std::string_view (*at)(const void* first, std::size_t i) noexcept;
  std::string_view (*pair_at)(const void* first, std::size_t i) noexcept = nullptr;  ///< the second text of a pair; null: single texts

  [[nodiscard]] std::string_view operator[](std::size_t i) const noexcept { return at(first, i); }
  [[nodiscard]] std::string_view pair(std::size_t i) const noexcept { return pair_at == nullptr ? std::string_view() : pair_at(first, i); }
};

/// Writes vector i to rows[i * stride]. Errors name the text by its number: invalid_text, too_long, not_finite; also not_found (prompt,
/// task), over_budget, out_of_memory, stopped, invalid_argument (no tokenizer).
[[nodiscard]] result<> embed_texts(const graph_runner& graph, const text_settings& settings, text_list texts,
                                   const embed_options& options, float* rows, std::size_t stride);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/text_embedder-inl.hpp>
#endif
