// SPDX-License-Identifier: Apache-2.0
/// The feed-forward block of a transformer, row by row.
///
/// | block                               | formula                                                            |
/// | ----------------------------------- | ------------------------------------------------------------------ |
/// | feed_forward<Inner, Act>            | act(x·Wupᵀ + bup)·Wdownᵀ + bdown                                   |
/// | gated_feed_forward<Inner, Act>      | (act(x·Wgateᵀ + bgate) ∘ (x·Wupᵀ + bup))·Wdownᵀ + bdown (arXiv:2002.05202) |
#pragma once

#include <tessera/graph/activation.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/linear.hpp>
#include <tessera/graph/options.hpp>
#include <tessera/graph/shape.hpp>

namespace tessera::inline TESSERA_ABI {

/// Inner width and activation, as written in an encoder_layer; `stage<Width>` is the block for a model's width. Biases says which of
/// the maps have one.
template <std::size_t Inner, activation_function Activation, class Biases = biases<true, true>>
struct feed_forward {
  template <std::size_t Width>
  struct stage {
    using input = wants<axis::tokens, Width>;
    using output = produces<axis::tokens, Width>;
    static constexpr std::string_view scope_name = "feed_forward";

    template <class Precision>
    struct weights {
      packed_linear<Precision> up;
      packed_linear<Precision> down;
    };
    template <class Sink>
    static constexpr void describe(Sink sink) {
      described::feed_forward(
          sink, {.width = Width, .inner = Inner, .inner_bias = Biases::inner, .outer_bias = Biases::outer});
    }
    template <class Precision>
    [[nodiscard]] static std::size_t memory_bytes() noexcept {
      return packed_linear<Precision>::memory_bytes(Width, Inner) + packed_linear<Precision>::memory_bytes(Inner, Width);
    }
    template <class Precision>
    [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
      TESSERA_CHECK(into.up.load(scope, Width, {{"up", Inner}}, Biases::inner));
      return into.down.load(scope, Inner, {{"down", Width}}, Biases::outer);
    }
    [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
    [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
      return workspace::piece_bytes(size.tokens * Inner);
    }

    /// y = feed_forward(x) + residual; y must not be x, and may be residual.
    template <class Weights>
    static void apply(const Weights& weights, const token_batch& batch, const float* x, const float* residual, float* y,
                      workspace& memory) noexcept {
      const workspace::mark scope(memory);
      float* inner = memory.take(batch.tokens() * Inner);
      weights.up.apply(x, Width, batch.tokens(), Activation::kernel, nullptr, inner, Inner, memory.threads());
      weights.down.apply(inner, Inner, batch.tokens(), kernel::activation::none, residual, y, Width, memory.threads());
    }
  };
};

/// The same with a gate.
template <std::size_t Inner, activation_function Activation, class Biases = biases<false, false>>
struct gated_feed_forward {
  template <std::size_t Width>
  struct stage {
    using input = wants<axis::tokens, Width>;
    using output = produces<axis::tokens, Width>;
    static constexpr std::string_view scope_name = "feed_forward";

    template <class Precision>
    struct weights {
      packed_linear<Precision> gate_up;
      packed_linear<Precision> down;
    };
    template <class Sink>
    static constexpr void describe(Sink sink) {
      described::feed_forward(
          sink, {.width = Width, .inner = Inner, .gated = true, .inner_bias = Biases::inner, .outer_bias = Biases::outer});
    }
    template <class Precision>
    [[nodiscard]] static std::size_t memory_bytes() noexcept {
      return packed_linear<Precision>::memory_bytes(Width, 2 * Inner) + packed_linear<Precision>::memory_bytes(Inner, Width);
    }
    template <class Precision>
    [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
      TESSERA_CHECK(into.gate_up.load(scope, Width, {{"gate", Inner}, {"up", Inner}}, Biases::inner));
      return into.down.load(scope, Inner, {{"down", Width}}, Biases::outer);
    }
    [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
    [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
      return workspace::piece_bytes(size.tokens * 2 * Inner);
    }

    /// y = feed_forward(x) + residual; y must not be x, and may be residual.
    template <class Weights>
    static void apply(const Weights& weights, const token_batch& batch, const float* x, const float* residual, float* y,
                      workspace& memory) noexcept {
      const workspace::mark scope(memory);
      float* inner = memory.take(batch.tokens() * 2 * Inner);
      weights.gate_up.apply(x, Width, batch.tokens(), kernel::activation::none, nullptr, inner, 2 * Inner, memory.threads());
      constexpr std::size_t work = 32;  // of one element, in multiply-adds
      split(memory.threads(), batch.tokens(), 1, batch.tokens() * Inner * work, [&](std::size_t, std::size_t begin, std::size_t end) {
        for (std::size_t t = begin; t < end; ++t) {
          float* row = inner + t * 2 * Inner;
          kernel::kernels().activation.gate_f32(Activation::kernel, row, row + Inner, row, Inner);
        }
      });
      weights.down.apply(inner, 2 * Inner, batch.tokens(), kernel::activation::none, residual, y, Width, memory.threads());
    }
  };
};

}  // namespace tessera::inline TESSERA_ABI
