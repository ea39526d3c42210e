// SPDX-License-Identifier: Apache-2.0
/// A linear map whose weights are packed once, at load, into the layout that the matrix kernel reads: y = act(x·Wᵀ + b) + residual,
/// or y = norm(x·Wᵀ + b + residual).
///
/// x is [rows, in], W is [out, in] as published by PyTorch, y is [rows, out]. Several published maps of one input (query, key,
/// value) become one packed matrix, so that their product is one pass.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/dispatch.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/manifest.hpp>
#include <tessera/graph/split.hpp>
#include <tessera/graph/weights.hpp>
#include <tessera/type/precision.hpp>

namespace tessera::inline TESSERA_ABI {

/// Weights in this precision, and nothing else: `i4` alone rounds the rows that they multiply to 8 bits as well.
template <class Precision>
struct weights_only {};

namespace detail {

/// The matrix kernels of one precision of weights under common names; `element` is what packed weights consist of.
template <class Weights>
struct matrix_form {
  static constexpr bool exists = false;
};
template <>
struct matrix_form<f32> {
  static constexpr bool exists = true;
  static constexpr bool rounds_rows = false;  // that it multiplies by the weights
  using element = float;
  static std::size_t packed_size(std::size_t in, std::size_t out) noexcept {
    return kernel::kernels().matmul.packed_size_f32(in, out);
  }
  static auto pack() noexcept { return kernel::kernels().matmul.pack_f32; }
  static auto multiply() noexcept { return kernel::kernels().matmul.matmul_f32; }
  static auto gated() noexcept { return kernel::kernels().matmul.gated; }
  static auto normed() noexcept { return kernel::kernels().matmul.normed; }
};
template <>
struct matrix_form<bf16> {
  static constexpr bool exists = true;
  static constexpr bool rounds_rows = true;
  using element = std::uint16_t;
  static std::size_t packed_size(std::size_t in, std::size_t out) noexcept {
    return kernel::kernels().matmul_bf16.packed_size(in, out);
  }
  static auto pack() noexcept { return kernel::kernels().matmul_bf16.pack; }
  static auto multiply() noexcept { return kernel::kernels().matmul_bf16.matmul; }
  static auto gated() noexcept { return kernel::kernels().matmul_bf16.gated; }
  static auto normed() noexcept { return kernel::kernels().matmul_bf16.normed; }
};
template <>
struct matrix_form<i8> {
  static constexpr bool exists = true;
  static constexpr bool rounds_rows = true;
  using element = std::uint8_t;
  static std::size_t packed_size(std::size_t in, std::size_t out) noexcept {
    return kernel::kernels().matmul_i8.packed_size(in, out);
  }
  static auto pack() noexcept { return kernel::kernels().matmul_i8.pack; }
  static auto multiply() noexcept { return kernel::kernels().matmul_i8.matmul; }
  static auto gated() noexcept { return kernel::kernels().matmul_i8.gated; }
  static auto normed() noexcept { return kernel::kernels().matmul_i8.normed; }
};

template <>
struct matrix_form<i4> {
  static constexpr bool exists = true;
  static constexpr bool rounds_rows = true;
  using element = std::uint8_t;
  static std::size_t packed_size(std::size_t in, std::size_t out) noexcept {
    return kernel::kernels().matmul_i4.packed_size(in, out);
  }
  static auto pack() noexcept { return kernel::kernels().matmul_i4.pack; }
  static auto multiply() noexcept { return kernel::kernels().matmul_i4.matmul; }
  static auto gated() noexcept { return kernel::kernels().matmul_i4.gated; }
  static auto normed() noexcept { return kernel::kernels().matmul_i4.normed; }
};
template <>
struct matrix_form<weights_only<i4>> : matrix_form<i4> {
  static constexpr bool rounds_rows = false;
  static auto multiply() noexcept { return kernel::kernels().matmul_i4.matmul_f32; }
  static auto gated() noexcept { return kernel::kernels().matmul_i4.gated_f32; }
  static auto normed() noexcept { return kernel::kernels().matmul_i4.normed_f32; }
};

}  // namespace detail

/// Precision of a model's weights: one that has matrix kernels. Activations between products, sums, norms, biases and tables of positions
/// and types are f32 in all of them; the token table is f16 in all but f32.
template <class Weights>
concept weight_precision = detail::matrix_form<Weights>::exists;

/// Whether rows that meet weights of this precision are rounded, so that attention may round its own.
template <weight_precision Weights>
inline constexpr bool rounds_rows = detail::matrix_form<Weights>::rounds_rows;

template <weight_precision Weights>
class packed_linear {
  using form = detail::matrix_form<Weights>;
  using element = typename form::element;

 public:
  /// Whole panels on every target: what is packed of so many columns, or a multiple, is the beginning of what is packed of more.
  static constexpr std::size_t packed_columns = 64;

  /// Bytes that load() will hold for an [out, in] map.
  [[nodiscard]] static std::size_t memory_bytes(std::size_t in, std::size_t out, bool bias) noexcept {
    return round_up(form::packed_size(in, out) * sizeof(element), vector_alignment) +
           (bias ? round_up(out * sizeof(float), vector_alignment) : 0);
  }

  /// One published part of the map: reads "scope.weight" [out, in] and, where `bias`, "scope.bias" [out].
  struct part {
    std::string_view scope;
    std::size_t out;
  };

  /// Reads the parts in order, one under the other, and packs them. Errors: those of the reader, out_of_memory.
  [[nodiscard]] result<> load(const weight_scope& scope, std::size_t in, std::initializer_list<part> parts, bool bias = true) {
    std::size_t out = 0;
    for (const part& piece : parts) out += piece.out;
    TESSERA_TRY(const std::span<float> plain, scope.staging(in * out));
    TESSERA_TRY(bias_, aligned_buffer<float>::make(bias ? out : 0, scope.block()));
    std::size_t row = 0;
    for (const part& piece : parts) {
      const weight_scope here = piece.scope.empty() ? scope : scope.scope(piece.scope);
      TESSERA_CHECK(here.read("weight", plain.subspan(row * in, piece.out * in)));
      if (bias) TESSERA_CHECK(here.read("bias", bias_.span().subspan(row, piece.out)));
      row += piece.out;
    }
    return pack(plain, in, out, scope.threads(), scope.block());
  }
  /// Packs W [out, in] that is at hand; there is no bias unless load() has read one. Threads take columns. Errors: out_of_memory.
  [[nodiscard]] result<> pack(std::span<const float> plain, std::size_t in, std::size_t out, thread_pool* threads = nullptr,
                              buffer_block* block = nullptr) {
    TESSERA_TRY(panels_, aligned_buffer<element>::make(form::packed_size(in, out), block));
    constexpr std::size_t work_of_one = 16;  // an element packed takes as long as this many multiply-adds
    split(threads, out, packed_columns, in * out * work_of_one, [&](std::size_t, std::size_t begin, std::size_t end) {
      form::pack()(plain.data() + begin * in, in, end - begin, panels_.data() + form::packed_size(in, begin));
    });
    in_ = in;
    out_ = out;
    return {};
  }
  [[nodiscard]] std::size_t in() const noexcept { return in_; }
  [[nodiscard]] std::size_t out() const noexcept { return out_; }

  /// y = act(x·Wᵀ + b) + residual; residual may be null or y itself. Strides in floats. Threads take columns of y.
  void apply(const float* x, std::size_t x_stride, std::size_t rows, kernel::activation act, const float* residual, float* y,
             std::size_t y_stride, thread_pool* threads) const noexcept {
    split(threads, out_, packed_columns, rows * out_ * in_, [&](std::size_t, std::size_t begin, std::size_t end) {
      form::multiply()(x, x_stride, panels_.data() + form::packed_size(in_, begin), bias_.empty() ? nullptr : bias_.data() + begin, act,
                       residual == nullptr ? nullptr : residual + begin, y + begin, y_stride, rows, end - begin, in_);
    });
  }
  /// The same for the tokens of a batch.
  void apply(const token_batch& batch, const float* x, std::size_t x_stride, kernel::activation act, const float* residual, float* y,
             std::size_t y_stride, const workspace& memory) const noexcept {
    apply(x, x_stride, batch.tokens(), act, residual, y, y_stride, memory.threads());
  }
  /// y = norm(x·Wᵀ + b + residual) for the tokens of a batch, or without the norm where there is none. Whoever computes whole rows
  /// normalises them on the way.
  void apply_normed(const token_batch& batch, const float* x, std::size_t x_stride, const float* residual, const kernel::row_norm& norm,
                    float* y, std::size_t y_stride, const workspace& memory) const noexcept {
    const std::size_t rows = batch.tokens();
    if (!splits(memory.threads(), out_, packed_columns, rows * out_ * in_)) {
      form::normed()(x, x_stride, panels_.data(), bias_.empty() ? nullptr : bias_.data(), residual, norm, y, y_stride, rows, out_, in_);
      return;
    }
    apply(x, x_stride, rows, kernel::activation::none, residual, y, y_stride, memory.threads());
    split_rows(memory.threads(), rows, out_, [&](std::size_t begin, std::size_t end) {
      kernel::kernels().norm.in_place_f32(norm, y + begin * y_stride, y_stride, end - begin, out_);
    });
  }

 private:
  aligned_buffer<element> panels_;
  aligned_buffer<float> bias_;
  std::size_t in_ = 0;
  std::size_t out_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI
