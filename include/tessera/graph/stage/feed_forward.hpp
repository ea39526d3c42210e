// SPDX-License-Identifier: Apache-2.0
/// The two-layer feed-forward block of a transformer: y = act(x·Wupᵀ + bup)·Wdownᵀ + bdown, row by row.
#pragma once

#include <tessera/graph/activation.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/linear.hpp>
#include <tessera/graph/shape.hpp>

namespace tessera::inline TESSERA_ABI {

/// Inner width and activation, as written in an encoder_layer; `stage<Width>` is the block for a model's width.
template <std::size_t Inner, activation_function Activation>
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
      described::feed_forward(sink, Width, Inner);
    }
    template <class Precision>
    [[nodiscard]] static std::size_t memory_bytes() noexcept {
      return packed_linear<Precision>::memory_bytes(Width, Inner) + packed_linear<Precision>::memory_bytes(Inner, Width);
    }
    template <class Precision>
    [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
      TESSERA_CHECK(into.up.load(scope, Width, {{"up", Inner}}));
      return into.down.load(scope, Inner, {{"down", Width}});
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

}  // namespace tessera::inline TESSERA_ABI
