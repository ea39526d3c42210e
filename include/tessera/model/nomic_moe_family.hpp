// SPDX-License-Identifier: Apache-2.0
/// What is known of published files of Nomic BERT with experts: the numbers of their config.json as one value, and the names of their
/// tensors.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/graph/stage/experts.hpp>
#include <tessera/io/json.hpp>
#include <tessera/model/description.hpp>

namespace tessera::inline TESSERA_ABI {

/// What such a model is, as a value; defaults are those of nomic-embed-text-v2-moe. Layers 1, 3, 5, ... have experts.
struct nomic_moe_shape {
  std::size_t vocabulary = 250048;
  std::size_t layers = 12;
  std::size_t width = 768;
  std::size_t heads = 12;
  std::size_t inner = 3072;
  std::size_t positions = 2048;
  std::size_t types = 1;
  std::size_t experts = 8;
  std::size_t used = 2;  ///< experts that a token is given to
  bool bias = true;      ///< of attention, and of layers without experts
  kernel::activation activation = kernel::activation::gelu_erf;
  double epsilon = 1e-5;
  double theta = 10000.0;

  [[nodiscard]] constexpr bool operator==(const nomic_moe_shape&) const = default;
};

/// The family's knowledge of files; what `published_by` names.
struct nomic_moe_family {
  using shape = nomic_moe_shape;
  static constexpr std::string_view label = "nomic_moe";

  static constexpr auto names = std::to_array<published_name>({
      {"token_embedding.", "embeddings.word_embeddings."},
      {"token_type_embedding.", "embeddings.token_type_embeddings."},
      {"norm.", "emb_ln."},
      {"layers.{}.attention.query.", "encoder.layers.{}.attn.Wqkv.", 0, 3},
      {"layers.{}.attention.key.", "encoder.layers.{}.attn.Wqkv.", 1, 3},
      {"layers.{}.attention.value.", "encoder.layers.{}.attn.Wqkv.", 2, 3},
      {"layers.{}.attention.output.", "encoder.layers.{}.attn.out_proj."},
      {"layers.{}.attention.norm.", "encoder.layers.{}.norm1."},
      {"layers.{}.feed_forward.up.", "encoder.layers.{}.mlp.fc1."},
      {"layers.{}.feed_forward.down.", "encoder.layers.{}.mlp.fc2."},
      {"layers.{}.feed_forward.router.", "encoder.layers.{}.mlp.router.layer."},
      {"layers.{}.feed_forward.experts.up", "encoder.layers.{}.mlp.experts.mlp.w1"},
      {"layers.{}.feed_forward.experts.down", "encoder.layers.{}.mlp.experts.mlp.w2"},
      {"layers.{}.feed_forward.experts.bias", "encoder.layers.{}.mlp.experts.bias"},
      {"layers.{}.feed_forward.norm.", "encoder.layers.{}.norm2."},
  });
  static constexpr auto prefixes = std::to_array<std::string_view>({"", "bert."});

  /// The published files call themselves nomic_bert: only their experts tell.
  [[nodiscard]] static bool reads(std::string_view model_type, json_value config);
  /// Error: mismatch or unsupported, whose causes are all fields that are missing, of the wrong kind, impossible or not implemented.
  [[nodiscard]] static result<nomic_moe_shape> read(json_value config);
  [[nodiscard]] static encoder_description facts(const nomic_moe_shape& shape);

  template <class Sink>
  static constexpr void describe(const nomic_moe_shape& shape, Sink sink) {
    described::table(sink.scope("token_embedding"), shape.vocabulary, shape.width);
    described::table(sink.scope("token_type_embedding"), shape.types, shape.width);
    described::norm(sink.scope("norm"), shape.width);
    for (std::size_t i = 0; i < shape.layers; ++i) {
      const Sink layer = sink.scope("layers", i);
      const Sink feed_forward = layer.scope("feed_forward");
      described::self_attention(layer.scope("attention"), {.width = shape.width,
                                                           .query_width = shape.width,
                                                           .key_width = shape.width,
                                                           .inner_bias = shape.bias,
                                                           .outer_bias = shape.bias});
      described::norm(layer.scope("attention").scope("norm"), shape.width);
      if (i % 2 == 1) described::expert_feed_forward(feed_forward, shape.width, shape.experts, shape.inner);
      else
        described::feed_forward(feed_forward,
                                {.width = shape.width, .inner = shape.inner, .inner_bias = shape.bias, .outer_bias = shape.bias});
      described::norm(feed_forward.scope("norm"), shape.width);
    }
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/nomic_moe_family-inl.hpp>
#endif
