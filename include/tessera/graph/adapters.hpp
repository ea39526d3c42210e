// SPDX-License-Identifier: Apache-2.0
/// Low-rank adapters of linear maps and tables, several to each, of which every text takes one or none (LoRA, arXiv:2106.09685).
///
///     ts::self_attention<1024, ts::heads<16>, ts::rotary<64>, ts::adapters<5, 4>>      // five of rank 4
///
/// | map    | with adapter t                          | A                     | B                      |
/// | ------ | --------------------------------------- | --------------------- | ---------------------- |
/// | linear | y = act(x·(W + s·B_t·A_t)ᵀ + b) + r     | [adapters, rank, in]  | [adapters, out, rank]  |
/// | table  | x = E[i] + s·A_t[i]·B_t                 | [adapters, rows, rank]| [adapters, rank, width]|
///
/// with s = Alpha / Rank. W is held once, whatever the number of adapters: x·Aᵀ is one narrow product for all of them, of which a text
/// keeps its own adapter's columns and zeros elsewhere, and that times B is added before the activation. A text without an adapter
/// goes the same way with zeros, so its bits do not depend on whether its neighbours have one. A and B are f32 in every precision of W.
#pragma once

#include <tessera/graph/linear.hpp>
#include <tessera/graph/options.hpp>

#include <algorithm>
#include <string>

namespace tessera::inline TESSERA_ABI {

/// Count adapters of one rank, each scaled by Alpha / Rank.
template <std::size_t Count, std::size_t Rank, double Alpha = 1.0>
struct adapters {
  static_assert(Count > 0 && Rank > 0, "tessera: adapters<N, R> are at least one of rank 1; no_adapters says that there are none");
  using option = tessera::option::adapters;
  static constexpr std::size_t count = Count;
  static constexpr std::size_t rank = Rank;
  static constexpr std::size_t columns = Count * Rank;
  static constexpr float scale = static_cast<float>(Alpha / static_cast<double>(Rank));
  static constexpr described::adapter_sizes sizes{Count, Rank};
  /// Of one map at work.
  [[nodiscard]] static constexpr std::size_t scratch_bytes(std::size_t tokens) noexcept {
    return workspace::piece_bytes(tokens * columns);
  }
};
struct no_adapters {
  using option = tessera::option::adapters;
  static constexpr std::size_t count = 0;
  static constexpr described::adapter_sizes sizes{};
  [[nodiscard]] static constexpr std::size_t scratch_bytes(std::size_t) noexcept { return 0; }
};

namespace detail {

/// B of all adapters, [adapters, Rows, Columns] as published, side by side as one linear map from [adapters · rank]. RankFirst: its rows
/// are the ranks, else the columns.
template <class Adapters, bool RankFirst>
[[nodiscard]] result<> load_up(packed_linear<f32>& into, const weight_scope& scope, std::size_t out, float scale) {
  TESSERA_TRY(auto published, aligned_buffer<float>::make(Adapters::columns * out));
  TESSERA_CHECK(scope.read("b", published.span()));
  TESSERA_TRY(auto joined, aligned_buffer<float>::make(Adapters::columns * out));
  for (std::size_t t = 0; t < Adapters::count; ++t)
    for (std::size_t o = 0; o < out; ++o)
      for (std::size_t r = 0; r < Adapters::rank; ++r) {
        const std::size_t at = RankFirst ? (t * Adapters::rank + r) * out + o : (t * out + o) * Adapters::rank + r;
        joined[o * Adapters::columns + t * Adapters::rank + r] = scale * published[at];
      }
  return into.pack(joined.span(), Adapters::columns, out, nullptr, scope.block());
}

}  // namespace detail

/// A packed linear map with adapters; the interface is packed_linear's.
template <weight_precision Weights, class Adapters>
class adapted_linear {
 public:
  using part = typename packed_linear<Weights>::part;

  [[nodiscard]] static std::size_t memory_bytes(std::size_t in, std::size_t out, bool bias) noexcept {
    return packed_linear<Weights>::memory_bytes(in, out, bias) + packed_linear<f32>::memory_bytes(in, Adapters::columns, false) +
           packed_linear<f32>::memory_bytes(Adapters::columns, out, false);
  }
  /// The adapters are those of all parts together: "query_key_value.adapters.a".
  [[nodiscard]] result<> load(const weight_scope& scope, std::size_t in, std::initializer_list<part> parts, bool bias = true) {
    TESSERA_CHECK(base_.load(scope, in, parts, bias));
    std::string joint;
    std::size_t out = 0;
    for (const part& piece : parts) {
      joint += (joint.empty() ? "" : "_") + std::string(piece.scope);
      out += piece.out;
    }
    const weight_scope here = joint.empty() ? scope.scope("adapters") : scope.scope(joint).scope("adapters");
    TESSERA_TRY(auto published, aligned_buffer<float>::make(Adapters::columns * in));
    TESSERA_CHECK(here.read("a", published.span()));
    TESSERA_CHECK(down_.pack(published.span(), in, Adapters::columns, nullptr, here.block()));
    return detail::load_up<Adapters, false>(up_, here, out, Adapters::scale);
  }

  /// Besides: a residual stands only where there is no activation.
  void apply(const token_batch& batch, const float* x, std::size_t x_stride, kernel::activation act, const float* residual, float* y,
             std::size_t y_stride, workspace& memory) const noexcept {
    TESSERA_ASSERT(act == kernel::activation::none || residual == nullptr);
    const std::size_t tokens = batch.tokens();
    adapt(batch, x, x_stride, residual, y, y_stride, memory);
    base_.apply(x, x_stride, tokens, kernel::activation::none, y, y, y_stride, memory.threads());
    if (act == kernel::activation::none) return;
    constexpr std::size_t work = 32;  // of one element, in multiply-adds
    split(memory.threads(), tokens, 1, tokens * base_.out() * work, [&](std::size_t, std::size_t begin, std::size_t end) {
      for (std::size_t t = begin; t < end; ++t)
        kernel::kernels().activation.activate_f32(act, y + t * y_stride, y + t * y_stride, base_.out());
    });
  }
  void apply_normed(const token_batch& batch, const float* x, std::size_t x_stride, const float* residual, const kernel::row_norm& norm,
                    float* y, std::size_t y_stride, workspace& memory) const noexcept {
    adapt(batch, x, x_stride, residual, y, y_stride, memory);
    base_.apply_normed(batch, x, x_stride, y, norm, y, y_stride, memory);
  }

 private:
  /// y = what each text's adapter adds + residual.
  void adapt(const token_batch& batch, const float* x, std::size_t x_stride, const float* residual, float* y, std::size_t y_stride,
             workspace& memory) const noexcept {
    constexpr std::size_t columns = Adapters::columns;
    const std::size_t tokens = batch.tokens();
    const workspace::mark scope(memory);
    float* inside = memory.take(tokens * columns);
    split(memory.threads(), tokens, 16, tokens * columns * down_.in(), [&](std::size_t, std::size_t begin, std::size_t end) {
      down_.apply(x + begin * x_stride, x_stride, end - begin, kernel::activation::none, nullptr, inside + begin * columns, columns,
                  nullptr);
    });
    for (std::size_t i = 0; i < batch.texts(); ++i) keep_own(batch.adapter_of(i), inside, batch.offsets[i], batch.offsets[i + 1]);
    up_.apply(inside, columns, tokens, kernel::activation::none, residual, y, y_stride, memory.threads());
  }
  /// Zeros in rows [begin, end) wherever another adapter than `own` has its columns.
  static void keep_own(std::uint32_t own, float* inside, std::size_t begin, std::size_t end) noexcept {
    for (std::size_t t = begin; t < end; ++t)
      for (std::size_t other = 0; other < Adapters::count; ++other)
        if (other != own) std::fill_n(inside + (t * Adapters::count + other) * Adapters::rank, Adapters::rank, 0.0f);
  }

  packed_linear<Weights> base_;
  packed_linear<f32> down_;
  packed_linear<f32> up_;
};

/// The map of a stage that may have adapters.
template <class Weights, class Adapters>
using linear_map = std::conditional_t<Adapters::count == 0, packed_linear<Weights>, adapted_linear<Weights, Adapters>>;

/// What adapters add to the rows of a table.
template <std::size_t Rows, std::size_t Width, class Adapters>
class adapted_table {
 public:
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return round_up(Adapters::columns * Rows * sizeof(float), vector_alignment) +
           packed_linear<f32>::memory_bytes(Adapters::columns, Width, false);
  }
  [[nodiscard]] result<> load(const weight_scope& scope, float factor) {
    TESSERA_TRY(rows_, aligned_buffer<float>::make(Adapters::columns * Rows, scope.block()));
    TESSERA_CHECK(scope.read("a", rows_.span()));
    return detail::load_up<Adapters, true>(up_, scope, Width, factor * Adapters::scale);
  }
  /// x_t += s·A[index_t]·B, with each text's adapter.
  void add(const token_batch& batch, const std::uint32_t* index, float* x, workspace& memory) const noexcept {
    constexpr std::size_t rank = Adapters::rank, columns = Adapters::columns;
    const workspace::mark scope(memory);
    float* inside = memory.take(batch.tokens() * columns);
    std::fill_n(inside, batch.tokens() * columns, 0.0f);
    for (std::size_t i = 0; i < batch.texts(); ++i) {
      const std::size_t own = batch.adapter_of(i);
      if (own >= Adapters::count) continue;
      for (std::size_t t = batch.offsets[i]; t < batch.offsets[i + 1]; ++t)
        std::copy_n(rows_.data() + (own * Rows + index[t]) * rank, rank, inside + t * columns + own * rank);
    }
    up_.apply(inside, columns, batch.tokens(), kernel::activation::none, x, x, Width, memory.threads());
  }

 private:
  aligned_buffer<float> rows_;  ///< [adapters, rows, rank]
  packed_linear<f32> up_;
};
template <std::size_t Rows, std::size_t Width>
class adapted_table<Rows, Width, no_adapters> {
 public:
  [[nodiscard]] static std::size_t memory_bytes() noexcept { return 0; }
  [[nodiscard]] result<> load(const weight_scope&, float) { return {}; }
  void add(const token_batch&, const std::uint32_t*, float*, workspace&) const noexcept {}
};

}  // namespace tessera::inline TESSERA_ABI
