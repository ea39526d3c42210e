// SPDX-License-Identifier: Apache-2.0
/// What is known of published XLM-RoBERTa files with rotary positions and adapters (jina-embeddings-v3): the numbers of their
/// config.json as one value, and the names of their tensors.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/io/json.hpp>
#include <tessera/model/description.hpp>
#include <tessera/model/gguf_names.hpp>

namespace tessera::inline TESSERA_ABI {

/// What such a model is, as a value; defaults are those of jina-embeddings-v3. Adapters are scaled by alpha / rank.
struct rotary_roberta_shape {
  std::size_t vocabulary = 250002;
  std::size_t layers = 24;
  std::size_t width = 1024;
  std::size_t heads = 16;
  std::size_t inner = 4096;
  std::size_t positions = 8194;
  std::size_t types = 1;
  kernel::activation activation = kernel::activation::gelu_erf;
  double epsilon = 1e-5;
  double theta = 20000.0;
  std::size_t adapters = 5;  ///< 0: none, as checkpoints of the bare encoder have it
  std::size_t rank = 4;      ///< of an adapter; 0 where there are none
  double alpha = 1.0;

  [[nodiscard]] constexpr bool operator==(const rotary_roberta_shape&) const = default;
};

/// The family's knowledge of files; what `published_by` names.
struct rotary_roberta_family {
  using shape = rotary_roberta_shape;
  static constexpr std::string_view label = "rotary_roberta";

  /// Maps with adapters are stored as PyTorch's parametrizations, those without under their plain names.
  static constexpr auto names = std::to_array<published_name>({
      {"token_embedding.weight", "embeddings.word_embeddings.parametrizations.weight.original"},
      {"token_embedding.adapters.a", "embeddings.word_embeddings.parametrizations.weight.0.lora_A"},
      {"token_embedding.adapters.b", "embeddings.word_embeddings.parametrizations.weight.0.lora_B"},
      {"token_embedding.", "embeddings.word_embeddings."},
      {"token_type_embedding.weight", "embeddings.token_type_embeddings.parametrizations.weight.original"},
      {"token_type_embedding.adapters.a", "embeddings.token_type_embeddings.parametrizations.weight.0.lora_A"},
      {"token_type_embedding.adapters.b", "embeddings.token_type_embeddings.parametrizations.weight.0.lora_B"},
      {"token_type_embedding.", "embeddings.token_type_embeddings."},
      {"norm.", "emb_ln."},
      {"layers.{}.attention.query.weight", "encoder.layers.{}.mixer.Wqkv.parametrizations.weight.original", 0, 3},
      {"layers.{}.attention.key.weight", "encoder.layers.{}.mixer.Wqkv.parametrizations.weight.original", 1, 3},
      {"layers.{}.attention.value.weight", "encoder.layers.{}.mixer.Wqkv.parametrizations.weight.original", 2, 3},
      {"layers.{}.attention.query_key_value.adapters.a", "encoder.layers.{}.mixer.Wqkv.parametrizations.weight.0.lora_A"},
      {"layers.{}.attention.query_key_value.adapters.b", "encoder.layers.{}.mixer.Wqkv.parametrizations.weight.0.lora_B"},
      {"layers.{}.attention.query.", "encoder.layers.{}.mixer.Wqkv.", 0, 3},
      {"layers.{}.attention.key.", "encoder.layers.{}.mixer.Wqkv.", 1, 3},
      {"layers.{}.attention.value.", "encoder.layers.{}.mixer.Wqkv.", 2, 3},
      {"layers.{}.attention.output.weight", "encoder.layers.{}.mixer.out_proj.parametrizations.weight.original"},
      {"layers.{}.attention.output.adapters.a", "encoder.layers.{}.mixer.out_proj.parametrizations.weight.0.lora_A"},
      {"layers.{}.attention.output.adapters.b", "encoder.layers.{}.mixer.out_proj.parametrizations.weight.0.lora_B"},
      {"layers.{}.attention.output.", "encoder.layers.{}.mixer.out_proj."},
      {"layers.{}.attention.norm.", "encoder.layers.{}.norm1."},
      {"layers.{}.feed_forward.up.weight", "encoder.layers.{}.mlp.fc1.parametrizations.weight.original"},
      {"layers.{}.feed_forward.up.adapters.a", "encoder.layers.{}.mlp.fc1.parametrizations.weight.0.lora_A"},
      {"layers.{}.feed_forward.up.adapters.b", "encoder.layers.{}.mlp.fc1.parametrizations.weight.0.lora_B"},
      {"layers.{}.feed_forward.up.", "encoder.layers.{}.mlp.fc1."},
      {"layers.{}.feed_forward.down.weight", "encoder.layers.{}.mlp.fc2.parametrizations.weight.original"},
      {"layers.{}.feed_forward.down.adapters.a", "encoder.layers.{}.mlp.fc2.parametrizations.weight.0.lora_A"},
      {"layers.{}.feed_forward.down.adapters.b", "encoder.layers.{}.mlp.fc2.parametrizations.weight.0.lora_B"},
      {"layers.{}.feed_forward.down.", "encoder.layers.{}.mlp.fc2."},
      {"layers.{}.feed_forward.norm.", "encoder.layers.{}.norm2."},
      // No vector is made of the pooler, and no model reads it.
      {"pooler.weight", "pooler.dense.parametrizations.weight.original"},
      {"pooler.adapters.a", "pooler.dense.parametrizations.weight.0.lora_A"},
      {"pooler.adapters.b", "pooler.dense.parametrizations.weight.0.lora_B"},
      {"pooler.", "pooler.dense."},
  });
  static constexpr auto prefixes = std::to_array<std::string_view>({"", "roberta."});
  static constexpr auto gguf = gguf_names::rotary_roberta;

  /// The published files call themselves xlm-roberta: only their positions tell.
  [[nodiscard]] static bool reads(std::string_view model_type, json_value config);
  /// Error: mismatch or unsupported, whose causes are all fields that are missing, of the wrong kind, impossible or not implemented.
  [[nodiscard]] static result<rotary_roberta_shape> read(json_value config);
  [[nodiscard]] static encoder_description facts(const rotary_roberta_shape& shape);

  template <class Sink>
  static constexpr void describe(const rotary_roberta_shape& shape, Sink sink) {
    const described::adapter_sizes adapters{shape.adapters, shape.rank};
    described::table(sink.scope("token_embedding"), shape.vocabulary, shape.width, adapters);
    described::table(sink.scope("token_type_embedding"), shape.types, shape.width, adapters);
    described::norm(sink.scope("norm"), shape.width);
    for (std::size_t i = 0; i < shape.layers; ++i)
      described::encoder_layer(sink.scope("layers", i), shape.width, shape.width, shape.width, shape.inner, adapters);
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/rotary_roberta_family-inl.hpp>
#endif
