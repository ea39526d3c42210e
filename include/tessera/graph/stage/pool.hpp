// SPDX-License-Identifier: Apache-2.0
/// Stages after the encoder: token states to one vector a text, a dense head, and scaling to unit length.
///
/// | stage              | input           | output          |
/// | ------------------ | --------------- | --------------- |
/// | pool<Mode>         | [tokens, H]     | [texts, H]      |
/// | dense<In, Out, Act>| [texts, In]     | [texts, Out]    |
/// | l2_normalize       | [texts, H]      | in place; a zero row stays zero |
#pragma once

#include <tessera/graph/activation.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/linear.hpp>
#include <tessera/graph/options.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/stage/weightless.hpp>
#include <tessera/op/pool.hpp>

namespace tessera::inline TESSERA_ABI {

template <pooling Mode>
struct pool : detail::weightless {
  using input = wants<axis::tokens, any_size>;
  template <class Made>
  using output_of = produces<axis::texts, Made::width>;
  static constexpr std::string_view scope_name = "pool";
  static constexpr pooling mode = Mode;

  template <std::size_t Width>
  static void forward_width(const token_batch& batch, activations& x, workspace& memory) noexcept {
    float* pooled = memory.take(batch.texts() * Width);
    for (std::size_t i = 0; i < batch.texts(); ++i) {
      const std::size_t first = batch.offsets[i] + batch.left_out(i);
      pool_rows(Mode, x.data + first * Width, Width, batch.offsets[i + 1] - first, Width, pooled + i * Width);
    }
    x = {pooled, batch.texts()};
  }
};

/// y = act(x·Wᵀ + b): a head of sentence-transformers.
template <std::size_t In, std::size_t Out, activation_function Activation = identity, class Bias = with_bias>
struct dense {
  using input = wants<axis::texts, In>;
  using output = produces<axis::texts, Out>;
  static constexpr std::string_view scope_name = "dense";
  static constexpr std::size_t in = In;
  static constexpr std::size_t out = Out;
  static constexpr bool bias = Bias::value;
  static constexpr auto activation = Activation::kernel;

  template <class Precision>
  struct weights {
    packed_linear<Precision> map;
  };
  template <class Sink>
  static constexpr void describe(Sink sink) {
    described::linear(sink, In, Out, Bias::value);
  }
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return packed_linear<Precision>::memory_bytes(In, Out, Bias::value);
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    return into.map.load(scope, In, {{"", Out}}, Bias::value);
  }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size size) noexcept {
    return workspace::piece_bytes(size.texts * Out);
  }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size) noexcept { return 0; }
  template <class Weights>
  static void forward(const Weights& weights, const token_batch&, activations& x, workspace& memory) noexcept {
    float* made = memory.take(x.rows * Out);
    weights.map.apply(x.data, In, x.rows, Activation::kernel, nullptr, made, Out, memory.threads());
    x.data = made;
  }
};

struct l2_normalize : detail::weightless {
  using input = wants<axis::texts, any_size>;
  template <class Made>
  using output_of = Made;
  static constexpr std::string_view scope_name = "l2_normalize";

  template <std::size_t Width>
  static void forward_width(const token_batch&, activations& x, workspace&) noexcept {
    for (std::size_t i = 0; i < x.rows; ++i)
      kernel::kernels().norm.l2_normalize_f32(x.data + i * Width, x.data + i * Width, Width);
  }
};

}  // namespace tessera::inline TESSERA_ABI
