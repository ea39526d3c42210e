// SPDX-License-Identifier: Apache-2.0
/// A feed-forward block of several experts, of which each token is given to a few (arXiv:2101.03961).
///
///     ts::encoder_layer<768, ts::heads<12>, ts::expert_feed_forward<8, 2, 3072, ts::gelu>>
///
/// p = softmax(x·Wrouterᵀ); y = Σ p_e act(x·Wup_eᵀ)·Wdown_e + bias over the Used experts e with the largest p, of equal ones the first;
/// without the bias in expert_feed_forward<..., without_bias>.
/// The p of the chosen are not scaled to the sum 1, as in Nomic's (arXiv:2502.07972). Experts add in their order, so that a token's bits do
/// not depend on the tokens beside it. Router and sums are f32 whatever the precision of the weights.
///
/// Wup and Wdown of all experts stand one under the other, [Experts · Inner, Width] both.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/graph/activation.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/linear.hpp>
#include <tessera/graph/options.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/split.hpp>

#include <algorithm>
#include <array>
#include <limits>
#include <type_traits>

namespace tessera::inline TESSERA_ABI {

namespace described {
template <class Sink>
constexpr void expert_feed_forward(Sink sink, std::size_t width, std::size_t experts, std::size_t inner, bool bias) {
  linear(sink.scope("router"), width, experts, false);
  Sink all = sink.scope("experts");
  all.tensor("up", {{"rows", experts * inner}, {"width", width}});
  all.tensor("down", {{"rows", experts * inner}, {"width", width}});
  if (bias) all.tensor("bias", {{"width", width}});
}
}  // namespace described

namespace detail {

/// A number of experts that a token cannot be given to.
template <std::size_t Experts, std::size_t Used>
struct impossible_experts {};
template <std::size_t Experts, std::size_t Used>
struct report<impossible_experts<Experts, Used>> {
  static_assert(std::is_same_v<impossible_experts<Experts, Used>, no_fault>,
                "tessera: a token is given to one expert at least, and to all at most");
};

}  // namespace detail

/// As written in an encoder_layer; `stage<Width>` is the block for a model's width.
template <std::size_t Experts, std::size_t Used, std::size_t Inner, activation_function Activation, class Bias = with_bias>
struct expert_feed_forward {
  template <std::size_t Width>
  struct stage {
    using input = wants<axis::tokens, Width>;
    using output = produces<axis::tokens, Width>;
    template <class>
    using fault_in = std::conditional_t<(Used >= 1 && Used <= Experts), detail::no_fault, detail::impossible_experts<Experts, Used>>;
    static constexpr std::string_view scope_name = "feed_forward";

    template <class Precision>
    struct weights {
      packed_linear<f32> router;
      std::array<packed_linear<Precision>, Experts> up;
      std::array<packed_linear<Precision>, Experts> down;
      aligned_buffer<float> bias;
    };
    template <class Sink>
    static constexpr void describe(Sink sink) {
      described::expert_feed_forward(sink, Width, Experts, Inner, Bias::value);
    }
    template <class Precision>
    [[nodiscard]] static std::size_t memory_bytes() noexcept {
      using map = packed_linear<Precision>;
      const std::size_t bias = Bias::value ? round_up(Width * sizeof(float), vector_alignment) : 0;
      return packed_linear<f32>::memory_bytes(Width, Experts, false) + bias +
             Experts * (map::memory_bytes(Width, Inner, false) + map::memory_bytes(Inner, Width, false));
    }
    template <class Precision>
    [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
      constexpr std::size_t size = Inner * Width;
      TESSERA_CHECK(into.router.load(scope, Width, {{"router", Experts}}, false));
      const weight_scope all = scope.scope("experts");
      if constexpr (Bias::value) {
        TESSERA_TRY(into.bias, aligned_buffer<float>::make(Width, scope.block()));
        TESSERA_CHECK(all.read("bias", into.bias.span()));
      }
      TESSERA_TRY(const std::span<float> plain, scope.staging(Experts * size));
      TESSERA_CHECK(all.read("up", plain));
      for (std::size_t e = 0; e < Experts; ++e)
        TESSERA_CHECK(into.up[e].pack(plain.subspan(e * size, size), Width, Inner, scope.threads(), scope.block()));
      TESSERA_CHECK(all.read("down", plain));
      TESSERA_TRY(auto turned, aligned_buffer<float>::make(size));
      for (std::size_t e = 0; e < Experts; ++e) {
        for (std::size_t i = 0; i < Inner; ++i)
          for (std::size_t j = 0; j < Width; ++j) turned.data()[j * Inner + i] = plain[e * size + i * Width + j];
        TESSERA_CHECK(into.down[e].pack(turned.span(), Inner, Width, scope.threads(), scope.block()));
      }
      return {};
    }
    [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
    [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
      return workspace::piece_bytes(size.tokens * Experts) + workspace::piece_bytes(size.tokens) +
             3 * workspace::piece_bytes(size.tokens * Width) + workspace::piece_bytes(size.tokens * Inner);
    }

    /// y = after(feed_forward(x) + residual); y may be x, residual or both.
    template <class Weights>
    static void apply(const Weights& weights, const token_batch& batch, const float* x, const float* residual,
                      const kernel::row_norm& after, float* y, workspace& memory) noexcept {
      const workspace::mark scope(memory);
      const std::size_t tokens = batch.tokens();
      float* shares = memory.take(tokens * Experts);
      float* sums = memory.take(tokens * Width);  // x is read until the last expert
      weights.router.apply(batch, x, Width, kernel::activation::none, nullptr, shares, Experts, memory);
      for (std::size_t t = 0; t < tokens; ++t) {
        const bool sound = choose(shares + t * Experts);
        for (std::size_t j = 0; j < Width; ++j) {
          float before = residual == nullptr ? 0.0f : residual[t * Width + j];
          if constexpr (Bias::value) before += weights.bias.data()[j];
          sums[t * Width + j] = sound ? before : std::numeric_limits<float>::quiet_NaN();
        }
      }
      auto* mine = reinterpret_cast<std::uint32_t*>(memory.take(tokens));
      float* rows = memory.take(tokens * Width);
      float* inner = memory.take(tokens * Inner);
      float* made = memory.take(tokens * Width);
      for (std::size_t e = 0; e < Experts; ++e) {
        std::size_t count = 0;
        for (std::size_t t = 0; t < tokens; ++t)
          if (shares[t * Experts + e] > 0.0f) mine[count++] = static_cast<std::uint32_t>(t);
        if (count == 0) continue;
        kernel::kernels().pool.gather_f32(x, Width, mine, count, Width, rows, Width);
        weights.up[e].apply(rows, Width, count, Activation::kernel, nullptr, inner, Inner, memory.threads());
        weights.down[e].apply(inner, Inner, count, kernel::activation::none, nullptr, made, Width, memory.threads());
        for (std::size_t i = 0; i < count; ++i) {
          const float share = shares[mine[i] * Experts + e];
          float* sum = sums + mine[i] * Width;
          for (std::size_t j = 0; j < Width; ++j) sum[j] += share * made[i * Width + j];
        }
      }
      std::copy_n(sums, tokens * Width, y);
      split_rows(memory.threads(), tokens, Width, [&](std::size_t begin, std::size_t end) {
        kernel::kernels().norm.in_place_f32(after, y + begin * Width, Width, end - begin, Width);
      });
    }

   private:
    /// From logits to the shares of the chosen; 0 for the others. False where a logit was no number.
    [[nodiscard]] static bool choose(float* row) noexcept {
      std::array<float, Experts> all;
      kernel::kernels().norm.softmax_f32(row, all.data(), Experts);
      std::array<bool, Experts> chosen{};
      for (std::size_t k = 0; k < Used; ++k) {
        std::size_t best = Experts;
        for (std::size_t e = 0; e < Experts; ++e)
          if (!chosen[e] && all[e] >= 0.0f && (best == Experts || all[e] > all[best])) best = e;
        if (best == Experts) return false;
        chosen[best] = true;
      }
      for (std::size_t e = 0; e < Experts; ++e) row[e] = chosen[e] ? all[e] : 0.0f;
      return true;
    }
  };
};

}  // namespace tessera::inline TESSERA_ABI
