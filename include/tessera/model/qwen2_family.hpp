// SPDX-License-Identifier: Apache-2.0
/// What is known of published Qwen2 files: the numbers of their config.json as one value, and the names of their tensors.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/io/json.hpp>
#include <tessera/model/description.hpp>

namespace tessera::inline TESSERA_ABI {

/// What a Qwen2 is, as a value; defaults are those of Qwen2-1.5B, of which Stella 1.5B and gte-Qwen2 are made.
struct qwen2_shape {
  std::size_t vocabulary = 151646;
  std::size_t layers = 28;
  std::size_t width = 1536;
  std::size_t heads = 12;
  std::size_t kv_heads = 2;
  std::size_t head_width = 128;
  std::size_t inner = 8960;
  std::size_t positions = 131072;
  std::size_t window = 0;       ///< tokens that the layers from full_layers on see; 0: all
  std::size_t full_layers = 0;  ///< layers without a window
  bool causal = true;           ///< false: is_causal is false in config.json
  bool bias = true;             ///< of query, key and value
  kernel::activation activation = kernel::activation::silu;
  double epsilon = 1e-6;
  double theta = 1000000.0;

  [[nodiscard]] constexpr bool operator==(const qwen2_shape&) const = default;
};

/// The family's knowledge of files; what `published_by` names.
struct qwen2_family {
  using shape = qwen2_shape;
  static constexpr std::string_view label = "qwen2";

  static constexpr auto names = std::to_array<published_name>({
      {"token_embedding.", "embed_tokens."},
      {"layers.{}.attention.norm.", "layers.{}.input_layernorm."},
      {"layers.{}.attention.query_norm.", "layers.{}.self_attn.q_norm."},
      {"layers.{}.attention.key_norm.", "layers.{}.self_attn.k_norm."},
      {"layers.{}.attention.query.", "layers.{}.self_attn.q_proj."},
      {"layers.{}.attention.key.", "layers.{}.self_attn.k_proj."},
      {"layers.{}.attention.value.", "layers.{}.self_attn.v_proj."},
      {"layers.{}.attention.output.", "layers.{}.self_attn.o_proj."},
      {"layers.{}.feed_forward.norm.", "layers.{}.post_attention_layernorm."},
      {"layers.{}.feed_forward.gate.", "layers.{}.mlp.gate_proj."},
      {"layers.{}.feed_forward.up.", "layers.{}.mlp.up_proj."},
      {"layers.{}.feed_forward.down.", "layers.{}.mlp.down_proj."},
      {"norm.", "norm."},
  });
  static constexpr auto prefixes = std::to_array<std::string_view>({"", "model."});

  [[nodiscard]] static bool reads(std::string_view model_type) noexcept { return model_type == "qwen2"; }
  /// Error: mismatch or unsupported, whose causes are all fields that are missing, of the wrong kind, impossible or not implemented.
  [[nodiscard]] static result<qwen2_shape> read(json_value config);
  [[nodiscard]] static encoder_description facts(const qwen2_shape& shape);

  template <class Sink>
  static constexpr void describe(const qwen2_shape& shape, Sink sink) {
    described::table(sink.scope("token_embedding"), shape.vocabulary, shape.width);
    for (std::size_t i = 0; i < shape.layers; ++i) {
      const Sink attention = sink.scope("layers", i).scope("attention");
      const Sink feed_forward = sink.scope("layers", i).scope("feed_forward");
      described::norm(attention.scope("norm"), shape.width, false);
      described::self_attention(attention, {.width = shape.width,
                                            .query_width = shape.heads * shape.head_width,
                                            .key_width = shape.kv_heads * shape.head_width,
                                            .head_width = shape.head_width,
                                            .inner_bias = shape.bias,
                                            .outer_bias = false,
                                            .head_norm = false});
      described::norm(feed_forward.scope("norm"), shape.width, false);
      described::feed_forward(
          feed_forward,
          {.width = shape.width, .inner = shape.inner, .gated = true, .inner_bias = false, .outer_bias = false});
    }
    described::norm(sink.scope("norm"), shape.width, false);
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/qwen2_family-inl.hpp>
#endif
