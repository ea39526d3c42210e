// SPDX-License-Identifier: Apache-2.0
/// What is known of published BERT files: the numbers of their config.json as one value, and the names of their tensors.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/io/json.hpp>
#include <tessera/model/description.hpp>
#include <tessera/model/gguf_names.hpp>

namespace tessera::inline TESSERA_ABI {

/// What a BERT is, as a value: the numbers of its config.json. Defaults are those of bert-base-uncased.
struct bert_shape {
  std::size_t vocabulary = 30522;
  std::size_t layers = 12;
  std::size_t width = 768;
  std::size_t heads = 12;
  std::size_t inner = 3072;
  std::size_t positions = 512;
  std::size_t types = 2;
  kernel::activation activation = kernel::activation::gelu_erf;
  double epsilon = 1e-12;

  [[nodiscard]] constexpr bool operator==(const bert_shape&) const = default;
};

namespace detail {

/// Tensor names of BERT and RoBERTa: Tessera's on the left, published ones on the right; {} is a layer's number. The two differ in the head
/// of a reranker.
[[nodiscard]] constexpr auto bert_names(std::string_view dense, std::string_view classifier) {
  return std::to_array<published_name>({
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
      {"dense.1.", classifier},
      {"dense.", dense},
  });
}

/// Their tensors up to the last hidden state.
template <class Shape, class Sink>
constexpr void describe_bert(const Shape& shape, Sink sink) {
  described::table(sink.scope("token_embedding"), shape.vocabulary, shape.width);
  described::table(sink.scope("position_embedding"), shape.positions, shape.width);
  described::table(sink.scope("token_type_embedding"), shape.types, shape.width);
  described::norm(sink.scope("norm"), shape.width);
  for (std::size_t i = 0; i < shape.layers; ++i)
    described::encoder_layer(sink.scope("layers", i), shape.width, shape.width, shape.width, shape.inner);
}

}  // namespace detail

/// The family's knowledge of files; what `published_by` names.
struct bert_family {
  using shape = bert_shape;
  static constexpr std::string_view label = "bert";

  static constexpr auto names = detail::bert_names("pooler.dense.", "classifier.");
  /// Prefixes under which checkpoints with a task head hold the encoder.
  static constexpr auto prefixes = std::to_array<std::string_view>({"", "bert."});
  static constexpr auto gguf = gguf_names::bert;

  /// True for the `model_type` of a config.json of this family.
  [[nodiscard]] static bool reads(std::string_view model_type) noexcept { return model_type == "bert"; }
  /// The shape in a config.json. Error: mismatch, whose causes are all fields that are missing, of the wrong kind or impossible.
  [[nodiscard]] static result<bert_shape> read(json_value config);
  /// Sizes, settings and C++ spelling of a shape; the manifest is left to `describe`.
  [[nodiscard]] static encoder_description facts(const bert_shape& shape);

  /// Describes the tensors of a shape.
  template <class Sink>
  static constexpr void describe(const bert_shape& shape, Sink sink) {
    detail::describe_bert(shape, sink);
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/bert_family-inl.hpp>
#endif
