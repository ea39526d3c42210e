// SPDX-License-Identifier: Apache-2.0
/// What is known of published files of Nomic BERT, with experts or without: the numbers of their config.json as one value, and the names of
/// their tensors.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/graph/stage/experts.hpp>
#include <tessera/io/json.hpp>
#include <tessera/model/description.hpp>
#include <tessera/model/gguf_names.hpp>

#include <span>

namespace tessera::inline TESSERA_ABI {

/// What a Nomic BERT is, as a value; defaults are those of nomic-embed-text-v1.5. Without experts every feed-forward has a gate; with them
/// layers 0, 2, 4, ... have one without a gate, and layers 1, 3, 5, ... the experts.
struct nomic_bert_shape {
  std::size_t vocabulary = 30528;
  std::size_t layers = 12;
  std::size_t width = 768;
  std::size_t heads = 12;
  std::size_t inner = 3072;
  std::size_t positions = 8192;
  std::size_t types = 2;
  std::size_t experts = 0;
  std::size_t used = 0;     ///< experts that a token is given to
  bool bias = false;        ///< of attention, and of feed-forwards without experts
  bool expert_bias = true;  ///< of experts
  kernel::activation activation = kernel::activation::silu;
  double epsilon = 1e-12;
  double theta = 1000.0;

  [[nodiscard]] constexpr bool operator==(const nomic_bert_shape&) const = default;
};

namespace detail {

/// A feed-forward with a gate has other names for its maps than one without.
[[nodiscard]] constexpr auto nomic_bert_names(std::string_view up) {
  return std::to_array<published_name>({
      {"token_embedding.", "embeddings.word_embeddings."},
      {"token_type_embedding.", "embeddings.token_type_embeddings."},
      {"norm.", "emb_ln."},
      {"layers.{}.attention.query.", "encoder.layers.{}.attn.Wqkv.", 0, 3},
      {"layers.{}.attention.key.", "encoder.layers.{}.attn.Wqkv.", 1, 3},
      {"layers.{}.attention.value.", "encoder.layers.{}.attn.Wqkv.", 2, 3},
      {"layers.{}.attention.output.", "encoder.layers.{}.attn.out_proj."},
      {"layers.{}.attention.norm.", "encoder.layers.{}.norm1."},
      {"layers.{}.feed_forward.gate.", "encoder.layers.{}.mlp.fc12."},
      {"layers.{}.feed_forward.up.", up},
      {"layers.{}.feed_forward.down.", "encoder.layers.{}.mlp.fc2."},
      {"layers.{}.feed_forward.router.", "encoder.layers.{}.mlp.router.layer."},
      {"layers.{}.feed_forward.experts.up", "encoder.layers.{}.mlp.experts.mlp.w1"},
      {"layers.{}.feed_forward.experts.down", "encoder.layers.{}.mlp.experts.mlp.w2"},
      {"layers.{}.feed_forward.experts.bias", "encoder.layers.{}.mlp.experts.bias"},
      {"layers.{}.feed_forward.norm.", "encoder.layers.{}.norm2."},
  });
}
inline constexpr auto nomic_bert_names_gated = nomic_bert_names("encoder.layers.{}.mlp.fc11.");
inline constexpr auto nomic_bert_names_plain = nomic_bert_names("encoder.layers.{}.mlp.fc1.");

}  // namespace detail

/// The family's knowledge of files; what `published_by` names.
struct nomic_bert_family {
  using shape = nomic_bert_shape;
  static constexpr std::string_view label = "nomic_bert";

  [[nodiscard]] static constexpr std::span<const published_name> names_of(const nomic_bert_shape& shape) noexcept {
    if (shape.experts == 0) return detail::nomic_bert_names_gated;
    return detail::nomic_bert_names_plain;
  }
  static constexpr auto prefixes = std::to_array<std::string_view>({"", "bert."});
  static constexpr auto gguf = gguf_names::nomic_bert;

  [[nodiscard]] static bool reads(std::string_view model_type) noexcept { return model_type == "nomic_bert"; }
  /// Error: mismatch or unsupported, whose causes are all fields that are missing, of the wrong kind, impossible or not implemented.
  [[nodiscard]] static result<nomic_bert_shape> read(json_value config);
  [[nodiscard]] static encoder_description facts(const nomic_bert_shape& shape);

  template <class Sink>
  static constexpr void describe(const nomic_bert_shape& shape, Sink sink) {
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
      if (shape.experts != 0 && i % 2 == 1)
        described::expert_feed_forward(feed_forward, shape.width, shape.experts, shape.inner, shape.expert_bias);
      else
        described::feed_forward(feed_forward, {.width = shape.width,
                                               .inner = shape.inner,
                                               .gated = shape.experts == 0,
                                               .inner_bias = shape.bias,
                                               .outer_bias = shape.bias});
      described::norm(feed_forward.scope("norm"), shape.width);
    }
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/nomic_bert_family-inl.hpp>
#endif
