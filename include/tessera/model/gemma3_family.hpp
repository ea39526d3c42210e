// SPDX-License-Identifier: Apache-2.0
/// What is known of published Gemma 3 (EmbeddingGemma) files: the numbers of config.json as one value, and tensor names.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/io/json.hpp>
#include <tessera/model/description.hpp>
#include <tessera/model/gguf_names.hpp>

namespace tessera::inline TESSERA_ABI {

/// What a Gemma 3 encoder is, as a value; defaults are those of embeddinggemma-300m.
struct gemma3_shape {
  std::size_t vocabulary = 262144;
  std::size_t layers = 24;
  std::size_t width = 768;
  std::size_t heads = 3;
  std::size_t kv_heads = 1;
  std::size_t head_width = 256;
  std::size_t inner = 1152;
  std::size_t positions = 2048;
  std::size_t window = 512;        ///< of local layers: half of it on either side, or causally the last so many tokens
  std::size_t global_every = 6;    ///< layers n - 1, 2n - 1, ... see the whole text; 0: none does
  std::size_t query_scalar = 256;  ///< scores are divided by its root
  bool causal = false;
  kernel::activation activation = kernel::activation::gelu_tanh;
  double epsilon = 1e-6;
  double global_theta = 1000000.0;
  double local_theta = 10000.0;

  [[nodiscard]] constexpr bool operator==(const gemma3_shape&) const = default;
};

/// The family's knowledge of files; what `published_by` names.
struct gemma3_family {
  using shape = gemma3_shape;
  static constexpr std::string_view label = "gemma3";

  static constexpr auto names = std::to_array<published_name>({
      {"token_embedding.", "embed_tokens."},
      {"layers.{}.attention.norm.", "layers.{}.input_layernorm."},
      {"layers.{}.attention.norm_after.", "layers.{}.post_attention_layernorm."},
      {"layers.{}.attention.query_norm.", "layers.{}.self_attn.q_norm."},
      {"layers.{}.attention.key_norm.", "layers.{}.self_attn.k_norm."},
      {"layers.{}.attention.query.", "layers.{}.self_attn.q_proj."},
      {"layers.{}.attention.key.", "layers.{}.self_attn.k_proj."},
      {"layers.{}.attention.value.", "layers.{}.self_attn.v_proj."},
      {"layers.{}.attention.output.", "layers.{}.self_attn.o_proj."},
      {"layers.{}.feed_forward.norm.", "layers.{}.pre_feedforward_layernorm."},
      {"layers.{}.feed_forward.norm_after.", "layers.{}.post_feedforward_layernorm."},
      {"layers.{}.feed_forward.gate.", "layers.{}.mlp.gate_proj."},
      {"layers.{}.feed_forward.up.", "layers.{}.mlp.up_proj."},
      {"layers.{}.feed_forward.down.", "layers.{}.mlp.down_proj."},
      {"norm.", "norm."},
  });
  static constexpr auto prefixes = std::to_array<std::string_view>({"", "model."});
  static constexpr auto gguf = gguf_names::gemma3;

  [[nodiscard]] static bool reads(std::string_view model_type) noexcept { return model_type == "gemma3_text"; }
  /// Error: mismatch or unsupported, whose causes are all fields that are missing, of the wrong kind, impossible or not implemented.
  [[nodiscard]] static result<gemma3_shape> read(json_value config);
  [[nodiscard]] static encoder_description facts(const gemma3_shape& shape);

  template <class Sink>
  static constexpr void describe(const gemma3_shape& shape, Sink sink) {
    described::table(sink.scope("token_embedding"), shape.vocabulary, shape.width);
    for (std::size_t i = 0; i < shape.layers; ++i) {
      const Sink attention = sink.scope("layers", i).scope("attention");
      const Sink feed_forward = sink.scope("layers", i).scope("feed_forward");
      described::norm(attention.scope("norm"), shape.width, false);
      described::self_attention(attention, {.width = shape.width,
                                            .query_width = shape.heads * shape.head_width,
                                            .key_width = shape.kv_heads * shape.head_width,
                                            .head_width = shape.head_width,
                                            .inner_bias = false,
                                            .outer_bias = false,
                                            .head_norm = true});
      described::norm(attention.scope("norm_after"), shape.width, false);
      described::norm(feed_forward.scope("norm"), shape.width, false);
      described::feed_forward(
          feed_forward,
          {.width = shape.width, .inner = shape.inner, .gated = true, .inner_bias = false, .outer_bias = false});
      described::norm(feed_forward.scope("norm_after"), shape.width, false);
    }
    described::norm(sink.scope("norm"), shape.width, false);
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/gemma3_family-inl.hpp>
#endif
