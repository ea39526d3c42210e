// SPDX-License-Identifier: Apache-2.0
/// Layer normalisation of every row: y = (x - mean(x)) / sqrt(var(x) + epsilon) · weight + bias (arXiv:1607.06450).
///
/// Epsilon is part of the type because it is part of the model: a checkpoint trained with another one is another type.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/manifest.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/split.hpp>
#include <tessera/graph/weights.hpp>

namespace tessera::inline TESSERA_ABI {

template <std::size_t Width, double Epsilon = 1e-12>
struct layer_norm {
  static_assert(Epsilon >= 0.0, "tessera: the epsilon of a layer norm is not negative");
  using input = wants<axis::tokens, Width>;
  using output = produces<axis::tokens, Width>;
  static constexpr std::string_view scope_name = "norm";
  static constexpr double epsilon = Epsilon;

  template <class Precision>
  struct weights {
    aligned_buffer<float> gamma;
    aligned_buffer<float> beta;
  };
  template <class Sink>
  static constexpr void describe(Sink sink) {
    described::norm(sink, Width);
  }
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return 2 * round_up(Width * sizeof(float), vector_alignment);
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    TESSERA_TRY(into.gamma, aligned_buffer<float>::make(Width));
    TESSERA_TRY(into.beta, aligned_buffer<float>::make(Width));
    TESSERA_CHECK(scope.read("weight", into.gamma.span()));
    return scope.read("bias", into.beta.span());
  }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size) noexcept { return 0; }

  /// From x to y, which may be x.
  template <class Weights>
  static void apply(const Weights& weights, const float* x, float* y, std::size_t rows, const workspace& memory) noexcept {
    constexpr std::size_t work = 16;  // of one element, in multiply-adds
    split(memory.threads(), rows, 1, rows * Width * work, [&](std::size_t, std::size_t begin, std::size_t end) {
      kernel::kernels().norm.layer_norm_f32(x + begin * Width, Width, weights.gamma.data(), weights.beta.data(),
                                            static_cast<float>(Epsilon), y + begin * Width, Width, end - begin, Width);
    });
  }
  template <class Weights>
  static void forward(const Weights& weights, const token_batch&, activations& x, workspace& memory) noexcept {
    apply(weights, x.data, x.data, x.rows, memory);
  }
};

}  // namespace tessera::inline TESSERA_ABI
