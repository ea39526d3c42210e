// SPDX-License-Identifier: Apache-2.0
/// The inside of a gated feed-forward as one map: y = act(x·Wgateᵀ + bgate) ∘ (x·Wupᵀ + bup), arXiv:2002.05202.
///
/// x is [rows, in], both W are [inner, in] as published, y is [rows, inner]. The two are packed in turns, so that gate and up of a column
/// meet in the product's epilogue and neither is written: half the memory that a product and a gate behind it go through.
#pragma once

#include <tessera/graph/adapters.hpp>
#include <tessera/graph/linear.hpp>

#include <algorithm>

namespace tessera::inline TESSERA_ABI {

template <weight_precision Weights>
class packed_gate {
  using form = detail::matrix_form<Weights>;
  using element = typename form::element;
  /// A panel's gate, and as much up.
  [[nodiscard]] static std::size_t turn() noexcept { return kernel::kernels().matmul.gate_columns; }
  [[nodiscard]] static std::size_t columns(std::size_t inner) noexcept { return 2 * round_up(inner, turn()); }

 public:
  /// Floats of one row of what apply() makes.
  [[nodiscard]] static constexpr std::size_t stride(std::size_t inner) noexcept { return inner; }
  /// Bytes that load() will hold.
  [[nodiscard]] static std::size_t memory_bytes(std::size_t in, std::size_t inner, bool bias) noexcept {
    return packed_linear<Weights>::memory_bytes(in, columns(inner), bias);
  }
  /// Reads "gate" and "up" of the scope. Errors: those of the reader, out_of_memory.
  [[nodiscard]] result<> load(const weight_scope& scope, std::size_t in, std::size_t inner, bool bias) {
    TESSERA_TRY(const std::span<float> plain, scope.staging(2 * inner * in));
    TESSERA_TRY(auto added, aligned_buffer<float>::make(bias ? 2 * inner : 0));
    for (const std::size_t half : {std::size_t{0}, std::size_t{1}}) {
      const weight_scope here = scope.scope(half == 0 ? "gate" : "up");
      TESSERA_CHECK(here.read("weight", plain.subspan(half * inner * in, inner * in)));
      if (bias) TESSERA_CHECK(here.read("bias", added.span().subspan(half * inner, inner)));
    }
    TESSERA_TRY(panels_, aligned_buffer<element>::make(form::packed_size(in, columns(inner)), scope.block()));
    TESSERA_TRY(bias_, aligned_buffer<float>::make(bias ? columns(inner) : 0, scope.block()));
    const std::size_t most_pieces = scope.threads() == nullptr ? 1 : scope.threads()->size();
    const std::size_t rows = 2 * turn() * in;
    TESSERA_TRY(auto room, aligned_buffer<float>::make(most_pieces * rows));
    constexpr std::size_t work_of_one = 16;  // an element packed takes as long as this many multiply-adds
    split(scope.threads(), inner, turn(), 2 * in * inner * work_of_one, [&](std::size_t piece, std::size_t begin, std::size_t end) {
      const std::span<float> halves = room.span().subspan(piece * rows, rows);
      for (std::size_t first = begin; first < end; first += turn()) {
        const std::size_t count = std::min(turn(), inner - first);
        std::ranges::fill(halves, 0.0f);
        for (const std::size_t half : {std::size_t{0}, std::size_t{1}}) {
          std::copy_n(plain.data() + (half * inner + first) * in, count * in, halves.data() + half * turn() * in);
          if (bias) std::copy_n(added.data() + half * inner + first, count, bias_.data() + 2 * first + half * turn());
        }
        form::pack()(halves.data(), in, 2 * turn(), panels_.data() + form::packed_size(in, 2 * first));
      }
    });
    in_ = in;
    inner_ = inner;
    return {};
  }

  /// Threads take columns of y.
  void apply(const token_batch& batch, const float* x, std::size_t x_stride, kernel::activation act, float* y, std::size_t y_stride,
             const workspace& memory) const noexcept {
    const std::size_t rows = batch.tokens();
    split(memory.threads(), inner_, packed_linear<Weights>::packed_columns, 2 * rows * inner_ * in_,
          [&](std::size_t, std::size_t begin, std::size_t end) {
            form::gated()(x, x_stride, panels_.data() + form::packed_size(in_, 2 * begin),
                          bias_.empty() ? nullptr : bias_.data() + 2 * begin, act, y + begin, y_stride, rows, end - begin, in_);
          });
  }

 private:
  aligned_buffer<element> panels_;
  aligned_buffer<float> bias_;
  std::size_t in_ = 0;
  std::size_t inner_ = 0;
};

/// The same with adapters, which add to gate and up before they meet: a row of y has room for both.
template <weight_precision Weights, class Adapters>
class adapted_gate {
 public:
  [[nodiscard]] static constexpr std::size_t stride(std::size_t inner) noexcept { return 2 * inner; }
  [[nodiscard]] static std::size_t memory_bytes(std::size_t in, std::size_t inner, bool bias) noexcept {
    return adapted_linear<Weights, Adapters>::memory_bytes(in, 2 * inner, bias);
  }
  [[nodiscard]] result<> load(const weight_scope& scope, std::size_t in, std::size_t inner, bool bias) {
    inner_ = inner;
    return both_.load(scope, in, {{"gate", inner}, {"up", inner}}, bias);
  }
  void apply(const token_batch& batch, const float* x, std::size_t x_stride, kernel::activation act, float* y, std::size_t y_stride,
             workspace& memory) const noexcept {
    both_.apply(batch, x, x_stride, kernel::activation::none, nullptr, y, y_stride, memory);
    constexpr std::size_t work = 32;  // of one element, in multiply-adds
    split(memory.threads(), batch.tokens(), 1, batch.tokens() * inner_ * work, [&](std::size_t, std::size_t begin, std::size_t end) {
      for (std::size_t t = begin; t < end; ++t) {
        float* row = y + t * y_stride;
        kernel::kernels().activation.gate_f32(act, row, row + inner_, row, inner_);
      }
    });
  }

 private:
  adapted_linear<Weights, Adapters> both_;
  std::size_t inner_ = 0;
};

/// The gate of a stage that may have adapters.
template <class Weights, class Adapters>
using gate_map = std::conditional_t<Adapters::count == 0, packed_gate<Weights>, adapted_gate<Weights, Adapters>>;

}  // namespace tessera::inline TESSERA_ABI
