// SPDX-License-Identifier: Apache-2.0
/// A linear map whose weights are packed once, at load, into the layout that the matrix kernel reads: y = act(x·Wᵀ + b) + residual.
///
/// x is [rows, in], W is [out, in] as published by PyTorch, y is [rows, out]. Several published maps of one input (query, key,
/// value) become one packed matrix, so that their product is one pass.
#pragma once

#include <tessera/base/aligned.hpp>
#include <tessera/dispatch.hpp>
#include <tessera/graph/manifest.hpp>
#include <tessera/graph/weights.hpp>
#include <tessera/type/precision.hpp>

namespace tessera::inline TESSERA_ABI {

/// Precision of a model's weights. Other precisions than f32 come with their kernels.
template <class Weights>
concept weight_precision = std::same_as<Weights, f32>;

template <weight_precision Weights>
class packed_linear {
 public:
  /// Bytes that load() will hold for an [out, in] map.
  [[nodiscard]] static std::size_t memory_bytes(std::size_t in, std::size_t out) noexcept {
    return round_up(kernel::kernels().matmul.packed_size_f32(in, out) * sizeof(float), vector_alignment) +
           round_up(out * sizeof(float), vector_alignment);
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
    TESSERA_TRY(auto plain, aligned_buffer<float>::make(in * out));
    TESSERA_TRY(panels_, aligned_buffer<float>::make(kernel::kernels().matmul.packed_size_f32(in, out)));
    TESSERA_TRY(bias_, aligned_buffer<float>::make(bias ? out : 0));
    std::size_t row = 0;
    for (const part& piece : parts) {
      const weight_scope here = piece.scope.empty() ? scope : scope.scope(piece.scope);
      TESSERA_CHECK(here.read("weight", plain.span().subspan(row * in, piece.out * in)));
      if (bias) TESSERA_CHECK(here.read("bias", bias_.span().subspan(row, piece.out)));
      row += piece.out;
    }
    kernel::kernels().matmul.pack_f32(plain.data(), in, out, panels_.data());
    in_ = in;
    out_ = out;
    return {};
  }

  /// y = act(x·Wᵀ + b) + residual; residual may be null or y itself. Strides in floats.
  void apply(const float* x, std::size_t x_stride, std::size_t rows, kernel::activation act, const float* residual, float* y,
             std::size_t y_stride) const noexcept {
    kernel::kernels().matmul.matmul_f32(x, x_stride, panels_.data(), bias_.empty() ? nullptr : bias_.data(), act, residual, y,
                                        y_stride, rows, out_, in_);
  }

 private:
  aligned_buffer<float> panels_;
  aligned_buffer<float> bias_;
  std::size_t in_ = 0;
  std::size_t out_ = 0;
};

}  // namespace tessera::inline TESSERA_ABI
