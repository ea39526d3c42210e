// SPDX-License-Identifier: Apache-2.0
/// How a block joins the stream of token states.
///
/// | stage                          | formula                                  | used by                       |
/// | ------------------------------ | ---------------------------------------- | ----------------------------- |
/// | post_norm<Block, Norm>         | x = norm(x + block(x))                   | BERT, gte, Nomic              |
/// | pre_norm<Block, Norm>          | x = x + block(norm(x))                   | Qwen, ModernBERT              |
/// | sandwich_norm<Block, Norm>     | x = x + norm_after(block(norm(x)))       | Gemma                         |
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/weights.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// A block and the norm before it.
template <class Block, class Norm>
struct normed_block {
  using input = typename Block::input;
  using output = typename Block::output;
  template <class Made>
  using fault_in = typename walk_stages<void, Made, Norm, Block>::fault;
  static constexpr std::string_view scope_name = Block::scope_name;
  static constexpr bool normed = !Norm::scope_name.empty();

  template <class Precision>
  struct weights {
    typename Block::template weights<Precision> block;
    typename Norm::template weights<Precision> norm;
  };
  template <class Sink>
  static constexpr void describe(Sink sink) {
    Norm::describe(sink.scope("norm"));
    Block::describe(sink);
  }
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return Block::template memory_bytes<Precision>() + Norm::template memory_bytes<Precision>();
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    TESSERA_CHECK(Norm::template load<Precision>(into.norm, scope.scope("norm")));
    return Block::template load<Precision>(into.block, scope);
  }
  static constexpr bool looks_ahead = detail::looks_ahead_of<Block>();
  static void attentions(std::vector<kernel::attention_shape>& shapes) { detail::add_attentions<Block>(shapes); }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }

  /// norm(x) in memory of its own, or x itself where there is no norm.
  template <class Weights>
  [[nodiscard]] static const float* normed_rows(const Weights& weights, const activations& x, workspace& memory) noexcept {
    if constexpr (!normed) {
      return x.data;
    } else {
      float* rows = memory.take(x.rows * output::width);
      Norm::apply(weights.norm, x.data, rows, x.rows, memory);
      return rows;
    }
  }
};

}  // namespace detail

/// x = Norm(x + Block(x)). The sum and the norm are made in the epilogue of the block's last product.
template <class Block, class Norm>
struct post_norm {
  using input = typename Block::input;
  using output = typename Block::output;
  template <class Made>
  using fault_in = typename detail::walk_stages<void, Made, Block, Norm>::fault;
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
  static constexpr bool looks_ahead = detail::looks_ahead_of<Block>();
  static void attentions(std::vector<kernel::attention_shape>& shapes) { detail::add_attentions<Block>(shapes); }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
    return Block::scratch_bytes(size);
  }
  template <class Weights>
  static void forward(const Weights& weights, const token_batch& batch, activations& x, workspace& memory) noexcept {
    Block::apply(weights.block, batch, x.data, x.data, Norm::behind_product(weights.norm), x.data, memory);
  }
};

/// x = x + Block(Norm(x)). The sum is made in the epilogue of the block's last product.
template <class Block, class Norm>
struct pre_norm : detail::normed_block<Block, Norm> {
  using base = detail::normed_block<Block, Norm>;

  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
    return (base::normed ? workspace::piece_bytes(size.tokens * base::output::width) : 0) + Block::scratch_bytes(size);
  }
  template <class Weights>
  static void forward(const Weights& weights, const token_batch& batch, activations& x, workspace& memory) noexcept {
    const workspace::mark scope(memory);
    const float* rows = base::normed_rows(weights, x, memory);
    Block::apply(weights.block, batch, rows, x.data, {}, x.data, memory);
  }
};

/// x = x + NormAfter(Block(Norm(x))), the two norms being of one kind; the latter in the epilogue of the block's last product.
template <class Block, class Norm>
struct sandwich_norm : detail::normed_block<Block, Norm> {
  using base = detail::normed_block<Block, Norm>;

  template <class Precision>
  struct weights {
    typename base::template weights<Precision> inside;
    typename Norm::template weights<Precision> norm_after;
  };
  template <class Sink>
  static constexpr void describe(Sink sink) {
    base::describe(sink);
    Norm::describe(sink.scope("norm_after"));
  }
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return base::template memory_bytes<Precision>() + Norm::template memory_bytes<Precision>();
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    TESSERA_CHECK(base::template load<Precision>(into.inside, scope));
    return Norm::template load<Precision>(into.norm_after, scope.scope("norm_after"));
  }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
    return 2 * workspace::piece_bytes(size.tokens * base::output::width) + Block::scratch_bytes(size);
  }
  template <class Weights>
  static void forward(const Weights& weights, const token_batch& batch, activations& x, workspace& memory) noexcept {
    const workspace::mark scope(memory);
    const float* rows = base::normed_rows(weights.inside, x, memory);
    float* made = memory.take(x.rows * base::output::width);
    Block::apply(weights.inside.block, batch, rows, nullptr, Norm::behind_product(weights.norm_after), made, memory);
    kernel::kernels().pool.add_f32(x.data, made, x.data, x.rows * base::output::width);
  }
};

}  // namespace tessera::inline TESSERA_ABI
