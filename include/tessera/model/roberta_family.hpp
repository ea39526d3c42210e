// SPDX-License-Identifier: Apache-2.0
/// What is known of published RoBERTa or XLM-RoBERTa files: the numbers of their config.json as one value, and the names of their tensors.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/io/json.hpp>
#include <tessera/model/description.hpp>

namespace tessera::inline TESSERA_ABI {

/// What a RoBERTa is, as a value; defaults are those of xlm-roberta-base. Positions count from `padding` + 1, so that the longest text has
/// positions - padding - 1 tokens.
struct roberta_shape {
  std::size_t vocabulary = 250002;
  std::size_t layers = 12;
  std::size_t width = 768;
  std::size_t heads = 12;
  std::size_t inner = 3072;
  std::size_t positions = 514;
  std::size_t types = 1;
  std::size_t padding = 1;
  kernel::activation activation = kernel::activation::gelu_erf;
  double epsilon = 1e-5;

  [[nodiscard]] constexpr bool operator==(const roberta_shape&) const = default;
};

/// The family's knowledge of files; what `published_by` names.
struct roberta_family {
  using shape = roberta_shape;
  static constexpr std::string_view label = "roberta";

  static constexpr auto names = std::to_array<published_name>({
      {"token_embedding.", "embeddings.word_embeddings."},
      {"position_embedding.", "embeddings.position_embeddings."},
      {"token_type_embedding.", "embeddings.token_type_embeddings."},
      {"norm.", "embeddings.LayerNorm."},
      {"layers.{}.attention.query.", "encoder.layer.{}.attention.self.query."},
      {"layers.{}.attention.key.", "encoder.layer.{}.attention.self.key."},
      {"layers.{}.attention.value.", "encoder.layer.{}.attention.self.value."},
      {"layers.{}.attention.output.", "encoder.layer.{}.attention.output.dense."},
      {"layers.{}.attention.norm.", "encoder.layer.{}.attention.output.LayerNorm."},
      {"layers.{}.feed_forward.up.", "encoder.layer.{}.intermediate.dense."},
      {"layers.{}.feed_forward.down.", "encoder.layer.{}.output.dense."},
      {"layers.{}.feed_forward.norm.", "encoder.layer.{}.output.LayerNorm."},
      {"dense.1.", "classifier.out_proj."},
      {"dense.", "classifier.dense."},
  });
  static constexpr auto prefixes = std::to_array<std::string_view>({"", "roberta."});

  [[nodiscard]] static bool reads(std::string_view model_type) noexcept {
    return model_type == "roberta" || model_type == "xlm-roberta";
  }
  /// Error: mismatch or unsupported, whose causes are all fields that are missing, of the wrong kind, impossible or not implemented.
  [[nodiscard]] static result<roberta_shape> read(json_value config);
  [[nodiscard]] static encoder_description facts(const roberta_shape& shape);

  template <class Sink>
  static constexpr void describe(const roberta_shape& shape, Sink sink) {
    described::table(sink.scope("token_embedding"), shape.vocabulary, shape.width);
    described::table(sink.scope("position_embedding"), shape.positions, shape.width);
    described::table(sink.scope("token_type_embedding"), shape.types, shape.width);
    described::norm(sink.scope("norm"), shape.width);
    for (std::size_t i = 0; i < shape.layers; ++i)
      described::encoder_layer(sink.scope("layers", i), shape.width, shape.width, shape.width, shape.inner);
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/roberta_family-inl.hpp>
#endif
