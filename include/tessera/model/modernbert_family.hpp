// SPDX-License-Identifier: Apache-2.0
/// What is known of published ModernBERT files: the numbers of their config.json as one value, and the names of their tensors.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/io/json.hpp>
#include <tessera/model/description.hpp>
#include <tessera/model/gguf_names.hpp>

namespace tessera::inline TESSERA_ABI {

/// What a ModernBERT is, as a value; defaults are those of ModernBERT-base.
struct modernbert_shape {
  std::size_t vocabulary = 50368;
  std::size_t layers = 22;
  std::size_t width = 768;
  std::size_t heads = 12;
  std::size_t inner = 1152;
  std::size_t positions = 8192;
  std::size_t local_attention = 128;  ///< a local layer's token sees those at most half of it away
  std::size_t global_every = 3;       ///< layers 0, n, 2n, ... see the whole text
  bool norm_bias = false;
  bool attention_bias = false;
  bool mlp_bias = false;
  kernel::activation activation = kernel::activation::gelu_erf;
  double epsilon = 1e-5;
  double global_theta = 160000.0;
  double local_theta = 10000.0;

  [[nodiscard]] constexpr bool operator==(const modernbert_shape&) const = default;
};

/// The family's knowledge of files; what `published_by` names.
struct modernbert_family {
  using shape = modernbert_shape;
  static constexpr std::string_view label = "modernbert";

  static constexpr auto names = std::to_array<published_name>({
      {"token_embedding.", "embeddings.tok_embeddings."},
      {"norm.2.", "head.norm."},
      {"norm.1.", "final_norm."},
      {"norm.", "embeddings.norm."},
      {"layers.{}.attention.norm.", "layers.{}.attn_norm."},
      {"layers.{}.attention.query.", "layers.{}.attn.Wqkv.", 0, 3},
      {"layers.{}.attention.key.", "layers.{}.attn.Wqkv.", 1, 3},
      {"layers.{}.attention.value.", "layers.{}.attn.Wqkv.", 2, 3},
      {"layers.{}.attention.output.", "layers.{}.attn.Wo."},
      {"layers.{}.feed_forward.norm.", "layers.{}.mlp_norm."},
      {"layers.{}.feed_forward.gate.", "layers.{}.mlp.Wi.", 0, 2},
      {"layers.{}.feed_forward.up.", "layers.{}.mlp.Wi.", 1, 2},
      {"layers.{}.feed_forward.down.", "layers.{}.mlp.Wo."},
      {"dense.1.", "classifier."},
      {"dense.", "head.dense."},
  });
  static constexpr auto prefixes = std::to_array<std::string_view>({"", "model."});
  static constexpr auto gguf = gguf_names::modernbert;

  [[nodiscard]] static bool reads(std::string_view model_type) noexcept { return model_type == "modernbert"; }
  /// Error: mismatch or unsupported, whose causes are all fields that are missing, of the wrong kind, impossible or not implemented.
  [[nodiscard]] static result<modernbert_shape> read(json_value config);
  [[nodiscard]] static encoder_description facts(const modernbert_shape& shape);

  template <class Sink>
  static constexpr void describe(const modernbert_shape& shape, Sink sink) {
    described::table(sink.scope("token_embedding"), shape.vocabulary, shape.width);
    described::norm(sink.scope("norm"), shape.width, shape.norm_bias);
    for (std::size_t i = 0; i < shape.layers; ++i) {
      const Sink attention = sink.scope("layers", i).scope("attention");
      const Sink feed_forward = sink.scope("layers", i).scope("feed_forward");
      if (i != 0) described::norm(attention.scope("norm"), shape.width, shape.norm_bias);
      described::self_attention(attention, {.width = shape.width,
                                            .query_width = shape.width,
                                            .key_width = shape.width,
                                            .inner_bias = shape.attention_bias,
                                            .outer_bias = shape.attention_bias});
      described::norm(feed_forward.scope("norm"), shape.width, shape.norm_bias);
      described::feed_forward(feed_forward, {.width = shape.width,
                                             .inner = shape.inner,
                                             .gated = true,
                                             .inner_bias = shape.mlp_bias,
                                             .outer_bias = shape.mlp_bias});
    }
    described::norm(sink.scope("norm", 1), shape.width, shape.norm_bias);
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/modernbert_family-inl.hpp>
#endif
