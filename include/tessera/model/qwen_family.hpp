// SPDX-License-Identifier: Apache-2.0
/// What is known of published Qwen2 and Qwen3 files: the numbers of their config.json as one value, and the names of their tensors.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/io/json.hpp>
#include <tessera/model/description.hpp>
#include <tessera/model/gguf_names.hpp>

namespace tessera::inline TESSERA_ABI {

/// What a Qwen of a generation, 2 or 3, is, as a value. Defaults are those of Qwen2-1.5B, of which Stella 1.5B and
/// gte-Qwen2 are made, and of Qwen3-Embedding-0.6B.
template <int Generation>
struct qwen_shape {
  static_assert(Generation == 2 || Generation == 3, "tessera: there are Qwen2 and Qwen3 embedding models");
  std::size_t vocabulary = Generation == 2 ? 151646 : 151669;
  std::size_t layers = 28;
  std::size_t width = Generation == 2 ? 1536 : 1024;
  std::size_t heads = Generation == 2 ? 12 : 16;
  std::size_t kv_heads = Generation == 2 ? 2 : 8;
  std::size_t head_width = 128;
  std::size_t inner = Generation == 2 ? 8960 : 3072;
  std::size_t positions = Generation == 2 ? 131072 : 32768;
  std::size_t window = 0;       ///< tokens that the layers from full_layers on see; 0: all
  std::size_t full_layers = 0;  ///< layers without a window
  bool causal = true;           ///< false: is_causal is false, or absent where auto_map names gte-Qwen2's class
  bool bias = Generation == 2;  ///< of query, key and value, in the third generation of the output too
  kernel::activation activation = kernel::activation::silu;
  double epsilon = 1e-6;
  double theta = 1000000.0;

  /// The third generation normalises queries and keys, head by head.
  static constexpr bool normed_heads = Generation == 3;
  [[nodiscard]] constexpr bool output_bias() const noexcept { return Generation == 3 && bias; }
  [[nodiscard]] constexpr bool operator==(const qwen_shape&) const = default;
};
using qwen2_shape = qwen_shape<2>;
using qwen3_shape = qwen_shape<3>;

/// The family's knowledge of files; what `published_by` names.
template <int Generation>
struct qwen_family {
  using shape = qwen_shape<Generation>;
  static constexpr std::string_view label = Generation == 2 ? "qwen2" : "qwen3";

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
  static constexpr auto gguf = gguf_names::qwen;

  [[nodiscard]] static bool reads(std::string_view model_type) noexcept { return model_type == label; }
  /// Error: mismatch or unsupported, whose causes are all fields that are missing, of the wrong kind, impossible or not implemented.
  [[nodiscard]] static result<shape> read(json_value config);
  [[nodiscard]] static encoder_description facts(const shape& what);

  template <class Sink>
  static constexpr void describe(const qwen_shape<Generation>& shape, Sink sink) {
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
                                            .outer_bias = shape.output_bias(),
                                            .head_norm = shape.normed_heads});
      described::norm(feed_forward.scope("norm"), shape.width, false);
      described::feed_forward(
          feed_forward,
          {.width = shape.width, .inner = shape.inner, .gated = true, .inner_bias = false, .outer_bias = false});
    }
    described::norm(sink.scope("norm"), shape.width, false);
  }
};

using qwen2_family = qwen_family<2>;
using qwen3_family = qwen_family<3>;

template <>
result<qwen2_shape> qwen2_family::read(json_value config);
template <>
result<qwen3_shape> qwen3_family::read(json_value config);
template <>
encoder_description qwen2_family::facts(const qwen2_shape& what);
template <>
encoder_description qwen3_family::facts(const qwen3_shape& what);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/qwen_family-inl.hpp>
#endif
