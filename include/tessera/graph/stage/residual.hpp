// SPDX-License-Identifier: Apache-2.0
/// How a block joins the stream of token states: x = norm(x + block(x)), as BERT does it.
#pragma once

#include <tessera/graph/batch.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/weights.hpp>

namespace tessera::inline TESSERA_ABI {

/// x = Norm(x + Block(x)). The sum is made in the epilogue of the block's last product.
template <class Block, class Norm>
struct post_norm {
  using input = typename Block::input;
  using output = typename Block::output;
  template <class Made>
  using fault_in = typename detail::walk<void, Made, Block, Norm>::fault;
  static constexpr std::string_view scope_name = Block::scope_name;

  template <class Precision>
  struct weights {
    typename Block::template weights<Precision> block;
    typename Norm::template weights<Precision> norm;
  };
  template <class Sink>
  static constexpr void describe(Sink sink) {
    Block::describe(sink);
    Norm::describe(sink.scope("norm"));
  }
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return Block::template memory_bytes<Precision>() + Norm::template memory_bytes<Precision>();
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    TESSERA_CHECK(Block::template load<Precision>(into.block, scope));
    return Norm::template load<Precision>(into.norm, scope.scope("norm"));
  }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
    return workspace::piece_bytes(size.tokens * output::width) + Block::scratch_bytes(size);
  }
  template <class Weights>
  static void forward(const Weights& weights, const token_batch& batch, activations& x, workspace& memory) noexcept {
    const workspace::mark scope(memory);
    float* sum = memory.take(x.rows * output::width);
    Block::apply(weights.block, batch, x.data, x.data, sum, memory);
    Norm::apply(weights.norm, sum, x.data, x.rows, memory);
  }
};

}  // namespace tessera::inline TESSERA_ABI
