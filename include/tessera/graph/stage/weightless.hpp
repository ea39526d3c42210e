// SPDX-License-Identifier: Apache-2.0
/// What stages without tensors have in common, and the one that does nothing.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/weights.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {
/// A stage without tensors.
struct weightless {
  template <class Precision>
  struct weights {};
  template <class Sink>
  static constexpr void describe(Sink) {}
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return 0;
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>&, const weight_scope&) {
    return {};
  }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size) noexcept { return 0; }
};
}  // namespace detail

/// Token states as they are: for a place that is empty in some models of a family.
template <std::size_t Width>
struct pass_through : detail::weightless {
  using input = wants<axis::tokens, Width>;
  using output = produces<axis::tokens, Width>;
  static constexpr std::string_view scope_name = "";

  template <class Weights>
  [[nodiscard]] static kernel::row_norm behind_product(const Weights&) noexcept {
    return {};
  }
  template <class Weights>
  static void forward(const Weights&, const token_batch&, activations&, workspace&) noexcept {}
};

}  // namespace tessera::inline TESSERA_ABI
