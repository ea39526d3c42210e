// SPDX-License-Identifier: Apache-2.0
/// What is known of published gte (NewModel) files: the numbers of their config.json as one value, and the names of their tensors.
#pragma once

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/io/json.hpp>
#include <tessera/model/description.hpp>

namespace tessera::inline TESSERA_ABI {

/// What a gte model (NewModel) is, as a value; defaults are those of gte-large-en-v1.5. `positions` is the usable length: NTK scaling by a
/// factor stretches max_position_embeddings by it.
struct gte_shape {
  std::size_t vocabulary = 30528;
  std::size_t layers = 24;
  std::size_t width = 1024;
  std::size_t heads = 16;
  std::size_t inner = 4096;
  std::size_t positions = 16384;
  std::size_t types = 2;
  kernel::activation activation = kernel::activation::gelu_erf;
  double epsilon = 1e-12;
  double theta = 160000.0;
  double ntk_factor = 2.0;  ///< 1: no scaling
  double ntk_mixed = 0.0;   ///< mixed_b; 0: the plain rule
  double linear_factor = 1.0;

  [[nodiscard]] constexpr bool operator==(const gte_shape&) const = default;
};

/// The family's knowledge of files; what `published_by` names.
struct gte_family {
  using shape = gte_shape;
  static constexpr std::string_view label = "gte";

  static constexpr auto names = std::to_array<published_name>({
      {"token_embedding.", "embeddings.word_embeddings."},
      {"token_type_embedding.", "embeddings.token_type_embeddings."},
      {"norm.", "embeddings.LayerNorm."},
      {"layers.{}.attention.query.", "encoder.layer.{}.attention.qkv_proj.", 0, 3},
      {"layers.{}.attention.key.", "encoder.layer.{}.attention.qkv_proj.", 1, 3},
      {"layers.{}.attention.value.", "encoder.layer.{}.attention.qkv_proj.", 2, 3},
      {"layers.{}.attention.query.", "encoder.layer.{}.attention.q_proj."},
      {"layers.{}.attention.key.", "encoder.layer.{}.attention.k_proj."},
      {"layers.{}.attention.value.", "encoder.layer.{}.attention.v_proj."},
      {"layers.{}.attention.output.", "encoder.layer.{}.attention.o_proj."},
      {"layers.{}.attention.norm.", "encoder.layer.{}.attn_ln."},
      {"layers.{}.feed_forward.up.", "encoder.layer.{}.mlp.up_gate_proj.", 0, 2},
      {"layers.{}.feed_forward.gate.", "encoder.layer.{}.mlp.up_gate_proj.", 1, 2},
      {"layers.{}.feed_forward.down.", "encoder.layer.{}.mlp.down_proj."},
      {"layers.{}.feed_forward.norm.", "encoder.layer.{}.mlp_ln."},
      {"dense.1.", "classifier."},
      {"dense.", "pooler.dense."},
  });
  static constexpr auto prefixes = std::to_array<std::string_view>({"", "new.", "gte."});

  [[nodiscard]] static bool reads(std::string_view model_type) noexcept {
    return model_type == "new" || model_type == "gte";
  }
  /// Error: mismatch or unsupported, whose causes are all fields that are missing, of the wrong kind, impossible or not implemented.
  [[nodiscard]] static result<gte_shape> read(json_value config);
  [[nodiscard]] static encoder_description facts(const gte_shape& shape);

  template <class Sink>
  static constexpr void describe(const gte_shape& shape, Sink sink) {
    described::table(sink.scope("token_embedding"), shape.vocabulary, shape.width);
    if (shape.types != 0) described::table(sink.scope("token_type_embedding"), shape.types, shape.width);
    described::norm(sink.scope("norm"), shape.width);
    for (std::size_t i = 0; i < shape.layers; ++i) {
      const Sink layer = sink.scope("layers", i);
      described::self_attention(layer.scope("attention"),
                                {.width = shape.width, .query_width = shape.width, .key_width = shape.width});
      described::norm(layer.scope("attention").scope("norm"), shape.width);
      described::feed_forward(layer.scope("feed_forward"),
                              {.width = shape.width, .inner = shape.inner, .gated = true, .inner_bias = false});
      described::norm(layer.scope("feed_forward").scope("norm"), shape.width);
    }
  }
};

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/gte_family-inl.hpp>
#endif
