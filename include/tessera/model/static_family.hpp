// SPDX-License-Identifier: Apache-2.0
/// What is known of published static models: one vector a token, and their mean is the text's (model2vec; StaticEmbedding of
/// sentence-transformers).
///
/// | written by            | tensors                                                       |
/// | --------------------- | ------------------------------------------------------------- |
/// | sentence-transformers | `embedding.weight` [vocabulary, width]                        |
/// | model2vec             | `embeddings` [rows, width], `mapping` and `weights` [vocabulary] |
///
/// Token t has row mapping[t] of the embeddings, times weights[t], where these tensors exist.
///
/// Sizes are those of the tensors: no config.json has them. The meaning is that of sentence-transformers: texts get no special tokens,
/// nothing limits their length, the unknown token counts, and the token that tokenizer.json pads with does not.
#pragma once

#include <tessera/graph/manifest.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/model/description.hpp>

namespace tessera::inline TESSERA_ABI {

struct static_shape {
  std::size_t vocabulary = 0;
  std::size_t width = 0;

  [[nodiscard]] constexpr bool operator==(const static_shape&) const = default;
};

struct static_family {
  using shape = static_shape;
  static constexpr std::string_view label = "static_embedding";

  static constexpr auto names = std::to_array<published_name>({
      {.ours = "token_embedding.weight", .theirs = "embedding.weight"},
      {.ours = "token_embedding.weight", .theirs = "embeddings", .rows = "mapping", .factors = "weights"},
  });
  static constexpr auto prefixes = std::to_array<std::string_view>({""});

  /// True for the `model_type` that model2vec writes.
  [[nodiscard]] static bool reads(std::string_view model_type) noexcept { return model_type == "model2vec"; }
  /// The shape of a file's table. Errors: not_found, mismatch.
  [[nodiscard]] static result<static_shape> read(const weights& file);
  [[nodiscard]] static encoder_description facts(const static_shape& shape);

  template <class Sink>
  static constexpr void describe(const static_shape& shape, Sink sink) {
    described::table(sink.scope("token_embedding"), shape.vocabulary, shape.width);
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/static_family-inl.hpp>
#endif
