// SPDX-License-Identifier: Apache-2.0
/// Normalisation of every row.
///
/// | stage                       | formula                                                                          |
/// | --------------------------- | -------------------------------------------------------------------------------- |
/// | layer_norm<Width, Epsilon>  | (x - mean(x)) / sqrt(var(x) + epsilon) · weight + bias (arXiv:1607.06450)        |
/// | rms_norm<Width, Epsilon>    | x / sqrt(mean(x²) + epsilon) · weight (arXiv:1910.07467)                         |
/// | plain_layer_norm<W, E>      | (x - mean(x)) / sqrt(var(x) + epsilon), of a text's vector                       |
/// | pass_through<Width>         | x: where a layer of a model has no norm                                          |
///
/// Epsilon is part of the type because it is part of the model: a checkpoint trained with another one is another type.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/manifest.hpp>
#include <tessera/graph/options.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/split.hpp>
#include <tessera/graph/stage/weightless.hpp>
#include <tessera/graph/weights.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// What norms share; Form has `bias`, `load` and `run`.
template <std::size_t Width, bool Bias, bool PlusOne, class Form>
struct norm_stage {
  using input = wants<axis::tokens, Width>;
  using output = produces<axis::tokens, Width>;
  static constexpr std::string_view scope_name = "norm";
  static constexpr std::size_t width = Width;

  template <class Precision>
  struct weights {
    aligned_buffer<float> gamma;
    aligned_buffer<float> beta;
  };
  template <class Sink>
  static constexpr void describe(Sink sink) {
    described::norm(sink, Width, Bias);
  }
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return (Bias ? 2 : 1) * round_up(Width * sizeof(float), vector_alignment);
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    TESSERA_TRY(into.gamma, aligned_buffer<float>::make(Width, scope.block()));
    TESSERA_CHECK(scope.read("weight", into.gamma.span()));
    if (PlusOne)
      for (float& factor : into.gamma.span()) factor += 1.0f;
    if (!Bias) return {};
    TESSERA_TRY(into.beta, aligned_buffer<float>::make(Width, scope.block()));
    return scope.read("bias", into.beta.span());
  }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size) noexcept { return 0; }

  /// From x to y, which may be x. Threads take rows.
  template <class Weights>
  static void apply(const Weights& weights, const float* x, float* y, std::size_t rows, const workspace& memory) noexcept {
    split_rows(memory.threads(), rows, Width, [&](std::size_t begin, std::size_t end) {
      Form::run(x + begin * Width, weights.gamma.data(), weights.beta.data(), y + begin * Width, end - begin);
    });
  }
  /// The same as what follows a matrix product.
  template <class Weights>
  [[nodiscard]] static kernel::row_norm behind_product(const Weights& weights) noexcept {
    return {.of = Form::kind,
            .gamma = weights.gamma.data(),
            .beta = Bias ? weights.beta.data() : nullptr,
            .epsilon = static_cast<float>(Form::epsilon)};
  }
  template <class Weights>
  static void forward(const Weights& weights, const token_batch&, activations& x, workspace& memory) noexcept {
    apply(weights, x.data, x.data, x.rows, memory);
  }
};

}  // namespace detail

template <std::size_t Width, double Epsilon = 1e-12, class Bias = with_bias>
struct layer_norm : detail::norm_stage<Width, Bias::value, false, layer_norm<Width, Epsilon, Bias>> {
  static_assert(Epsilon >= 0.0, "tessera: the epsilon of a layer norm is not negative");
  static constexpr double epsilon = Epsilon;
  static constexpr auto kind = kernel::row_norm::kind::layer;
  static void run(const float* x, const float* gamma, const float* beta, float* y, std::size_t rows) noexcept {
    kernel::kernels().norm.layer_norm_f32(x, Width, gamma, Bias::value ? beta : nullptr, static_cast<float>(Epsilon), y, Width, rows,
                                          Width);
  }
};

/// PlusOne: the factor is 1 + weight, as Gemma stores it.
template <std::size_t Width, double Epsilon = 1e-6, bool PlusOne = false>
struct rms_norm : detail::norm_stage<Width, false, PlusOne, rms_norm<Width, Epsilon, PlusOne>> {
  static_assert(Epsilon >= 0.0, "tessera: the epsilon of a norm is not negative");
  static constexpr double epsilon = Epsilon;
  static constexpr auto kind = kernel::row_norm::kind::rms;
  static void run(const float* x, const float* gamma, const float*, float* y, std::size_t rows) noexcept {
    kernel::kernels().norm.rms_norm_f32(x, Width, gamma, static_cast<float>(Epsilon), y, Width, rows, Width);
  }
};

/// Without weights, of a text's vector. modules.json knows no such stage: what stands from here on is the type's own, and no file is asked
/// for it (nomic-embed-text-v1.5 before its vectors are cut).
template <std::size_t Width, double Epsilon = 1e-5>
struct plain_layer_norm : detail::weightless {
  using input = wants<axis::texts, Width>;
  using output = produces<axis::texts, Width>;
  static constexpr std::string_view scope_name = "";
  static constexpr bool in_modules = false;

  template <class Weights>
  static void forward(const Weights&, const token_batch&, activations& x, workspace&) noexcept {
    kernel::kernels().norm.layer_norm_f32(x.data, Width, nullptr, nullptr, static_cast<float>(Epsilon), x.data, Width, x.rows, Width);
  }
};

/// A norm of vectors instead of token states: behind the pooling.
template <class Norm>
struct of_texts : Norm {
  using input = wants<axis::texts, Norm::width>;
  using output = produces<axis::texts, Norm::width>;
};

}  // namespace tessera::inline TESSERA_ABI
