// SPDX-License-Identifier: Apache-2.0
/// Multi-head self-attention of packed texts: softmax(Q·Kᵀ / sqrt(head width)) · V per text and head, then the output map.
///
/// Query, key and value are one packed product [tokens, query + 2·key]. No token sees another text's, and nothing is padded.
/// Grouped queries and stated head widths are part of the heads (graph/heads.hpp); rotary positions, order, window, biases and
/// normalised heads are options of the type.
#pragma once

#include <tessera/graph/adapters.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/heads.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/split.hpp>

#include <cmath>

namespace tessera::inline TESSERA_ABI {

/// Each token sees itself and those before it.
struct causal {
  using option = tessera::option::order;
  static constexpr bool value = true;
};
/// Each token sees its whole text.
struct bidirectional {
  using option = tessera::option::order;
  static constexpr bool value = false;
};

/// Each token sees those at most Reach away on either side, itself among them; with causal order, the Reach tokens that end with itself.
/// 0: no limit.
template <std::size_t Reach>
struct window {
  using option = tessera::option::window;
  static constexpr std::size_t reach = Reach;
};

/// Queries and keys are divided by their root mean square, head by head, before they turn. PlusOne: the factor is 1 + weight.
template <double Epsilon, bool PlusOne = false>
struct head_norm {
  using option = tessera::option::head_norm;
  static constexpr bool value = true;
  static constexpr double epsilon = Epsilon;
  static constexpr bool plus_one = PlusOne;
};
struct no_head_norm {
  using option = tessera::option::head_norm;
  static constexpr bool value = false;
  static constexpr double epsilon = 0.0;
  static constexpr bool plus_one = false;
};

/// Scores are divided by sqrt(Width), where that is not the head's.
template <std::size_t Width>
struct scores_over_root {
  using option = tessera::option::scores;
  static constexpr std::size_t width = Width;
};

/// Options: rotary<...>, causal, window<N>, biases<...>, head_norm<...>, scores_over_root<N>, adapters<...>.
template <std::size_t Width, class Heads, class... Options>
struct self_attention {
  template <class Kind, class Default>
  using option = typename detail::option_of<Kind, Default, Options...>::type;
  using rotary = option<tessera::option::rotary, no_rotary>;
  using order = option<tessera::option::order, bidirectional>;
  using bias = option<tessera::option::biases, biases<true, true>>;
  using norm = option<tessera::option::head_norm, no_head_norm>;
  using adapters = option<tessera::option::adapters, no_adapters>;
  using layout = detail::head_layout<Width, Heads, rotary>;
  using input = wants<axis::tokens, Width>;
  using output = produces<axis::tokens, Width>;
  template <class>
  using fault_in = typename layout::fault;
  static constexpr std::string_view scope_name = "attention";
  static constexpr std::size_t fused = layout::query + 2 * layout::key;  ///< columns of the packed product
  static constexpr std::size_t scores = option<tessera::option::scores, scores_over_root<layout::width>>::width;
  static constexpr kernel::attention_shape shape{.heads = Heads::count,
                                                 .kv_heads = Heads::kv,
                                                 .head_width = layout::width,
                                                 .scale = static_cast<float>(1.0 / detail::square_root(scores)),
                                                 .causal = order::value,
                                                 .window = option<tessera::option::window, window<0>>::reach};

  template <class Precision>
  struct weights {
    static constexpr bool rounds = rounds_rows<Precision>;
    linear_map<Precision, adapters> query_key_value;
    linear_map<Precision, adapters> output;
    aligned_buffer<float> inverse_frequencies;
    aligned_buffer<float> query_norm;
    aligned_buffer<float> key_norm;
  };
  template <class Sink>
  static constexpr void describe(Sink sink) {
    described::self_attention(sink, {.width = Width,
                                     .query_width = layout::query,
                                     .key_width = layout::key,
                                     .head_width = layout::width,
                                     .inner_bias = bias::inner,
                                     .outer_bias = bias::outer,
                                     .head_norm = norm::value,
                                     .adapters = adapters::sizes});
  }
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    using map = linear_map<Precision, adapters>;
    return map::memory_bytes(Width, fused, bias::inner) + map::memory_bytes(layout::query, Width, bias::outer) +
           round_up(rotary::width / 2 * sizeof(float), vector_alignment) +
           (norm::value ? 2 * round_up(layout::width * sizeof(float), vector_alignment) : 0);
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    TESSERA_CHECK(into.query_key_value.load(
        scope, Width, {{"query", layout::query}, {"key", layout::key}, {"value", layout::key}}, bias::inner));
    TESSERA_CHECK(into.output.load(scope, layout::query, {{"output", Width}}, bias::outer));
    TESSERA_TRY(into.inverse_frequencies, aligned_buffer<float>::make(rotary::width / 2, scope.block()));
    for (std::size_t i = 0; i < rotary::width / 2; ++i)
      into.inverse_frequencies[i] = static_cast<float>(rotary::scaling::frequency(rotary::theta, i, rotary::width));
    if constexpr (norm::value) {
      TESSERA_CHECK(load_head_norm(into.query_norm, scope.scope("query_norm")));
      TESSERA_CHECK(load_head_norm(into.key_norm, scope.scope("key_norm")));
    }
    return {};
  }
  static constexpr bool looks_ahead = !order::value;
  static void attentions(std::vector<kernel::attention_shape>& shapes) { shapes.push_back(shape); }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
    return workspace::piece_bytes(size.tokens * fused) + workspace::piece_bytes(size.tokens * layout::query) +
           adapters::scratch_bytes(size.tokens) +
           (size.threads < Heads::kv ? size.threads : Heads::kv) *
               workspace::piece_bytes(kernel::attention_scratch_bound(shape, size.tokens + size.cached));
  }

  /// y = after(attention(x) + residual); y may be x, residual or both.
  template <class Weights>
  static void apply(const Weights& weights, const token_batch& batch, const float* x, const float* residual,
                    const kernel::row_norm& after, float* y, workspace& memory) noexcept {
    const std::size_t tokens = batch.tokens();
    const workspace::mark scope(memory);
    float* fused_rows = memory.take(tokens * fused);
    float* mixed = memory.take(tokens * layout::query);
    weights.query_key_value.apply(batch, x, Width, kernel::activation::none, nullptr, fused_rows, fused, memory);
    float* key = fused_rows + layout::query;
    float* value = key + layout::key;
    if constexpr (norm::value) {
      for (std::size_t t = 0; t < tokens; ++t) {
        normalize_heads(fused_rows + t * fused, weights.query_norm.data(), Heads::count);
        normalize_heads(key + t * fused, weights.key_norm.data(), Heads::kv);
      }
    }
    if constexpr (rotary::width != 0) {
      const auto turn = kernel::kernels().rotary.rotary_f32;
      const float* frequencies = weights.inverse_frequencies.data();
      turn(fused_rows, fused, tokens, Heads::count, layout::width, rotary::width, batch.positions.data(), frequencies, false);
      turn(key, fused, tokens, Heads::kv, layout::width, rotary::width, batch.positions.data(), frequencies, false);
    }
    if (text_cache* text = memory.cache()) attend_cached(*text, tokens, fused_rows, key, value, mixed, memory);
    else attend<Weights::rounds>(batch, fused_rows, key, value, mixed, memory);
    weights.output.apply_normed(batch, mixed, layout::query, residual, after, y, Width, memory);
  }

 private:
  [[nodiscard]] static result<> load_head_norm(aligned_buffer<float>& into, const weight_scope& scope) {
    TESSERA_TRY(into, aligned_buffer<float>::make(layout::width, scope.block()));
    TESSERA_CHECK(scope.read("weight", into.span()));
    if (norm::plus_one)
      for (float& factor : into.span()) factor += 1.0f;
    return {};
  }
  static void normalize_heads(float* row, const float* factors, std::size_t heads) noexcept {
    kernel::kernels().norm.rms_norm_f32(row, layout::width, factors, static_cast<float>(norm::epsilon), row, layout::width, heads,
                                        layout::width);
  }
  /// One text, whose earlier keys and values lie in the cache.
  static void attend_cached(text_cache& text, std::size_t tokens, const float* query, const float* key, const float* value, float* mixed,
                            workspace& memory) noexcept {
    const auto& kernels = kernel::kernels().attention;
    float* piece = text.next_layer();
    const std::size_t length = text.length() + tokens;
    float* scratch = memory.take(kernels.attention_scratch_f32(shape, length));
    kernels.extend_f32(shape, key, fused, value, fused, text.length(), tokens, text.capacity(), piece);
    kernels.attend_f32(shape, {}, query, fused, tokens, length, text.capacity(), piece, mixed, layout::query, scratch);
  }
  /// Threads take heads. Texts may be what follows a beginning that they share. `Rounds`: in bf16 where that is faster.
  template <bool Rounds>
  static void attend(const token_batch& batch, const float* query, const float* key, const float* value, float* mixed,
                     workspace& memory) noexcept {
    const auto& kernels = kernel::kernels().attention;
    const shared_beginning& shared = memory.shared();
    const float* beginning = shared.length == 0 ? nullptr : memory.next_shared_layer();
    const std::size_t longest = batch.longest() + shared.length;
    constexpr bool rounded = Rounds && !shape.causal;
    const auto scratch_size = rounded ? kernels.attention_scratch_bf16 : kernels.attention_scratch_f32;
    const std::size_t scratch_floats = round_up(scratch_size(shape, longest), vector_alignment / sizeof(float));
    TESSERA_ASSERT(scratch_floats <= round_up(kernel::attention_scratch_bound(shape, longest), vector_alignment / sizeof(float)));
    const std::size_t threads = memory.threads() == nullptr ? 1 : memory.threads()->size();
    float* scratch = memory.take((threads < Heads::kv ? threads : Heads::kv) * scratch_floats);
    const std::size_t work = 2 * batch.tokens() * longest * layout::query;
    split(memory.threads(), Heads::kv, 1, work, [&](std::size_t piece, std::size_t begin, std::size_t end) {
      constexpr std::size_t sharing = Heads::count / Heads::kv;
      kernel::attention_shape mine = shape;
      mine.kv_heads = end - begin;
      mine.heads = mine.kv_heads * sharing;
      const std::size_t first = begin * sharing * layout::width;
      const float* my_key = key + begin * layout::width;
      const float* my_value = value + begin * layout::width;
      float* my_scratch = scratch + piece * scratch_floats;
      if constexpr (rounded) {
        TESSERA_ASSERT(beginning == nullptr);
        kernels.attention_bf16(mine, query + first, fused, batch.offsets.data(), my_key, fused, my_value, fused, batch.offsets.data(),
                               batch.texts(), mixed + first, layout::query, my_scratch);
      } else if (beginning == nullptr) {
        kernels.attention_f32(mine, {}, query + first, fused, batch.offsets.data(), my_key, fused, my_value, fused, batch.offsets.data(),
                              batch.texts(), mixed + first, layout::query, my_scratch);
      } else {
        const std::size_t capacity = shared.text->capacity();
        const float* my_beginning = beginning + kernels.cache_size_f32(shape, capacity) / Heads::kv * begin;
        kernels.attend_behind_f32(mine, {}, query + first, fused, my_key, fused, my_value, fused, batch.offsets.data(), batch.texts(),
                                  shared.length, capacity, my_beginning, mixed + first, layout::query, my_scratch);
      }
    });
  }
};

}  // namespace tessera::inline TESSERA_ABI
