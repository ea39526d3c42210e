// SPDX-License-Identifier: Apache-2.0
/// What stages without tensors have in common.
#pragma once

#include <tessera/graph/batch.hpp>
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

}  // namespace tessera::inline TESSERA_ABI
