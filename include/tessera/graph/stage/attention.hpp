// SPDX-License-Identifier: Apache-2.0
/// Multi-head self-attention of packed texts: softmax(Q·Kᵀ / sqrt(head width)) · V per text and head, then the output map.
///
/// Query, key and value are one packed product [tokens, query + 2·key]. No token sees another text's, and nothing is padded.
/// Grouped queries, stated head widths, rotary positions and causal order are options of the type (graph/heads.hpp).
#pragma once

#include <tessera/graph/batch.hpp>
#include <tessera/graph/heads.hpp>
#include <tessera/graph/linear.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/split.hpp>

#include <cmath>

namespace tessera::inline TESSERA_ABI {

/// Each token sees itself and those before it.
struct causal {
  static constexpr bool value = true;
};
/// Each token sees its whole text.
struct bidirectional {
  static constexpr bool value = false;
};

template <std::size_t Width, class Heads, class Rotary = no_rotary, class Order = bidirectional>
struct self_attention {
  using layout = detail::head_layout<Width, Heads, Rotary>;
  using input = wants<axis::tokens, Width>;
  using output = produces<axis::tokens, Width>;
  template <class>
  using fault_in = typename layout::fault;
  static constexpr std::string_view scope_name = "attention";
  static constexpr std::size_t fused = layout::query + 2 * layout::key;  ///< columns of the packed product
  static constexpr kernel::attention_shape shape{.heads = Heads::count,
                                                 .kv_heads = Heads::kv,
                                                 .head_width = layout::width,
                                                 .scale = static_cast<float>(1.0 / detail::square_root(layout::width)),
                                                 .causal = Order::value,
                                                 .window = 0};

  template <class Precision>
  struct weights {
    packed_linear<Precision> query_key_value;
    packed_linear<Precision> output;
    aligned_buffer<float> inverse_frequencies;
  };
  template <class Sink>
  static constexpr void describe(Sink sink) {
    described::self_attention(sink, Width, layout::query, layout::key);
  }
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return packed_linear<Precision>::memory_bytes(Width, fused) + packed_linear<Precision>::memory_bytes(layout::query, Width) +
           round_up(Rotary::width / 2 * sizeof(float), vector_alignment);
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    TESSERA_CHECK(into.query_key_value.load(
        scope, Width, {{"query", layout::query}, {"key", layout::key}, {"value", layout::key}}));
    TESSERA_CHECK(into.output.load(scope, layout::query, {{"output", Width}}));
    TESSERA_TRY(into.inverse_frequencies, aligned_buffer<float>::make(Rotary::width / 2));
    for (std::size_t i = 0; i < Rotary::width / 2; ++i)
      into.inverse_frequencies[i] =
          static_cast<float>(std::pow(Rotary::theta, -2.0 * static_cast<double>(i) / static_cast<double>(Rotary::width)));
    return {};
  }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
    return workspace::piece_bytes(size.tokens * fused) + workspace::piece_bytes(size.tokens * layout::query) +
           (size.threads < Heads::kv ? size.threads : Heads::kv) *
               workspace::piece_bytes(kernel::attention_scratch_bound(shape, size.tokens));
  }

  /// y = attention(x) + residual; y must not be x, and may be residual.
  template <class Weights>
  static void apply(const Weights& weights, const token_batch& batch, const float* x, const float* residual, float* y,
                    workspace& memory) noexcept {
    const std::size_t tokens = batch.tokens();
    const workspace::mark scope(memory);
    float* fused_rows = memory.take(tokens * fused);
    float* mixed = memory.take(tokens * layout::query);
    weights.query_key_value.apply(x, Width, tokens, kernel::activation::none, nullptr, fused_rows, fused, memory.threads());
    float* key = fused_rows + layout::query;
    float* value = key + layout::key;
    if constexpr (Rotary::width != 0) {
      const auto turn = kernel::kernels().rotary.rotary_f32;
      const float* frequencies = weights.inverse_frequencies.data();
      turn(fused_rows, fused, tokens, Heads::count, layout::width, Rotary::width, batch.positions.data(), frequencies, false);
      turn(key, fused, tokens, Heads::kv, layout::width, Rotary::width, batch.positions.data(), frequencies, false);
    }
    attend(batch, fused_rows, key, value, mixed, memory);
    weights.output.apply(mixed, layout::query, tokens, kernel::activation::none, residual, y, Width, memory.threads());
  }

 private:
  /// Threads take heads.
  static void attend(const token_batch& batch, const float* query, const float* key, const float* value, float* mixed,
                     workspace& memory) noexcept {
    const auto& kernels = kernel::kernels().attention;
    const std::size_t longest = batch.longest();
    const std::size_t scratch_floats = round_up(kernels.attention_scratch_f32(shape, longest), vector_alignment / sizeof(float));
    TESSERA_ASSERT(kernels.attention_scratch_f32(shape, longest) <= kernel::attention_scratch_bound(shape, longest));
    const std::size_t threads = memory.threads() == nullptr ? 1 : memory.threads()->size();
    float* scratch = memory.take((threads < Heads::kv ? threads : Heads::kv) * scratch_floats);
    const std::size_t work = 2 * batch.tokens() * longest * layout::query;
    split(memory.threads(), Heads::kv, 1, work, [&](std::size_t piece, std::size_t begin, std::size_t end) {
      constexpr std::size_t sharing = Heads::count / Heads::kv;
      kernel::attention_shape mine = shape;
      mine.kv_heads = end - begin;
      mine.heads = mine.kv_heads * sharing;
      const std::size_t first = begin * sharing * layout::width;
      kernels.attention_f32(mine, {}, query + first, fused, batch.offsets.data(), key + begin * layout::width, fused,
                            value + begin * layout::width, fused, batch.offsets.data(), batch.texts(), mixed + first, layout::query,
                            scratch + piece * scratch_floats);
    });
  }
};

}  // namespace tessera::inline TESSERA_ABI
