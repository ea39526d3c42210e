// SPDX-License-Identifier: Apache-2.0
/// The logits of two tokens, "yes" and "no", from a causal model's last state: how Qwen3 reranks.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/weights.hpp>

namespace tessera::inline TESSERA_ABI {

/// [texts, Width] to [texts, 2]: yes, then no. The loader reads the two rows of the output table under "answers.weight"; a manifest, which
/// lists whole tensors, does not name them.
template <std::size_t Width>
struct answer_logits {
  using input = wants<axis::texts, Width>;
  using output = produces<axis::texts, 2>;
  static constexpr std::string_view scope_name = "answers";

  template <class Precision>
  struct weights {
    aligned_buffer<float> rows;
  };
  template <class Sink>
  static constexpr void describe(Sink) {}
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return round_up(2 * Width * sizeof(float), vector_alignment);
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    TESSERA_TRY(into.rows, aligned_buffer<float>::make(2 * Width, scope.block()));
    return scope.read("weight", into.rows.span());
  }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size size) noexcept { return workspace::piece_bytes(size.texts * 2); }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size) noexcept { return 0; }

  template <class Weights>
  static void forward(const Weights& weights, const token_batch&, activations& x, workspace& memory) noexcept {
    float* made = memory.take(x.rows * 2);
    for (std::size_t i = 0; i < x.rows; ++i)
      for (std::size_t answer = 0; answer < 2; ++answer)
        made[i * 2 + answer] = kernel::kernels().distance.dot_f32(x.data + i * Width, weights.rows.data() + answer * Width, Width);
    x.data = made;
  }
};

}  // namespace tessera::inline TESSERA_ABI
