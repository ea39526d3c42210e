// SPDX-License-Identifier: Apache-2.0
/// The feed-forward block of a transformer, row by row.
///
/// | block                               | formula                                                            |
/// | ----------------------------------- | ------------------------------------------------------------------ |
/// | feed_forward<Inner, Act>            | act(x·Wupᵀ + bup)·Wdownᵀ + bdown                                   |
/// | gated_feed_forward<Inner, Act>      | (act(x·Wgateᵀ + bgate) ∘ (x·Wupᵀ + bup))·Wdownᵀ + bdown (arXiv:2002.05202) |
#pragma once

#include <tessera/graph/activation.hpp>
#include <tessera/graph/adapters.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/gate.hpp>
#include <tessera/graph/options.hpp>
#include <tessera/graph/shape.hpp>

namespace tessera::inline TESSERA_ABI {

/// Inner width and activation, as written in an encoder_layer; `stage<Width>` is the block for a model's width. Options:
/// biases<...>, which of the maps have one; adapters<...>.
template <std::size_t Inner, activation_function Activation, class... Options>
struct feed_forward {
  using bias = typename detail::option_of<option::biases, biases<true, true>, Options...>::type;
  using adapters = typename detail::option_of<option::adapters, no_adapters, Options...>::type;

  template <std::size_t Width>
  struct stage {
    using input = wants<axis::tokens, Width>;
    using output = produces<axis::tokens, Width>;
    static constexpr std::string_view scope_name = "feed_forward";

    template <class Precision>
    struct weights {
      linear_map<Precision, adapters> up;
      linear_map<Precision, adapters> down;
    };
    template <class Sink>
    static constexpr void describe(Sink sink) {
      described::feed_forward(
          sink, {.width = Width, .inner = Inner, .inner_bias = bias::inner, .outer_bias = bias::outer, .adapters = adapters::sizes});
    }
    template <class Precision>
    [[nodiscard]] static std::size_t memory_bytes() noexcept {
      using map = linear_map<Precision, adapters>;
      return map::memory_bytes(Width, Inner, bias::inner) + map::memory_bytes(Inner, Width, bias::outer);
    }
    template <class Precision>
    [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
      TESSERA_CHECK(into.up.load(scope, Width, {{"up", Inner}}, bias::inner));
      return into.down.load(scope, Inner, {{"down", Width}}, bias::outer);
    }
    [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
    [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
      return workspace::piece_bytes(size.tokens * Inner) + adapters::scratch_bytes(size.tokens);
    }

    /// y = after(feed_forward(x) + residual); y may be x, residual or both.
    template <class Weights>
    static void apply(const Weights& weights, const token_batch& batch, const float* x, const float* residual,
                      const kernel::row_norm& after, float* y, workspace& memory) noexcept {
      const workspace::mark scope(memory);
      float* inner = memory.take(batch.tokens() * Inner);
      weights.up.apply(batch, x, Width, Activation::kernel, nullptr, inner, Inner, memory);
      weights.down.apply_normed(batch, inner, Inner, residual, after, y, Width, memory);
    }
  };
};

/// The same with a gate.
template <std::size_t Inner, activation_function Activation, class... Options>
struct gated_feed_forward {
  using bias = typename detail::option_of<option::biases, biases<false, false>, Options...>::type;
  using adapters = typename detail::option_of<option::adapters, no_adapters, Options...>::type;

  template <std::size_t Width>
  struct stage {
    using input = wants<axis::tokens, Width>;
    using output = produces<axis::tokens, Width>;
    static constexpr std::string_view scope_name = "feed_forward";
    static constexpr std::size_t inner_stride = gate_map<f32, adapters>::stride(Inner);

    template <class Precision>
    struct weights {
      gate_map<Precision, adapters> gate_up;
      linear_map<Precision, adapters> down;
    };
    template <class Sink>
    static constexpr void describe(Sink sink) {
      described::feed_forward(
          sink, {.width = Width,
                 .inner = Inner,
                 .gated = true,
                 .inner_bias = bias::inner,
                 .outer_bias = bias::outer,
                 .adapters = adapters::sizes});
    }
    template <class Precision>
    [[nodiscard]] static std::size_t memory_bytes() noexcept {
      return gate_map<Precision, adapters>::memory_bytes(Width, Inner, bias::inner) +
             linear_map<Precision, adapters>::memory_bytes(Inner, Width, bias::outer);
    }
    template <class Precision>
    [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
      TESSERA_CHECK(into.gate_up.load(scope, Width, Inner, bias::inner));
      return into.down.load(scope, Inner, {{"down", Width}}, bias::outer);
    }
    [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
    [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
      return workspace::piece_bytes(size.tokens * inner_stride) + adapters::scratch_bytes(size.tokens);
    }

    /// y = after(feed_forward(x) + residual); y may be x, residual or both.
    template <class Weights>
    static void apply(const Weights& weights, const token_batch& batch, const float* x, const float* residual,
                      const kernel::row_norm& after, float* y, workspace& memory) noexcept {
      const workspace::mark scope(memory);
      float* inner = memory.take(batch.tokens() * inner_stride);
      weights.gate_up.apply(batch, x, Width, Activation::kernel, inner, inner_stride, memory);
      weights.down.apply_normed(batch, inner, inner_stride, residual, after, y, Width, memory);
    }
  };
};

}  // namespace tessera::inline TESSERA_ABI
