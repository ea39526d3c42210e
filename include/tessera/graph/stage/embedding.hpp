// SPDX-License-Identifier: Apache-2.0
/// Stages that turn ids into rows: the token table, learned positions and token types.
///
/// | stage                    | formula                | input        | output      |
/// | ------------------------ | ---------------------- | ------------ | ----------- |
/// | token_embedding<V, H>    | x_t = E[id_t]          | ids          | [tokens, H] |
/// | learned_positions<P, H>  | x_t += P[position_t]   | [tokens, H]  | in place    |
/// | token_types<S, H>        | x_t += S[type_t]       | [tokens, H]  | in place    |
///
/// token_embedding<V, H, Scale> multiplies every row by Scale. learned_positions<P, H, after_padding<Id>> numbers positions as RoBERTa
/// does: the tokens of a text that are not Id count up from Id + 1, and Id itself stands at Id. token_embedding<V, H, Scale,
/// adapters<...>> and token_types<S, H, adapters<...>> add each text's adapter (graph/adapters.hpp).
///
/// The token table is f32 where the model's weights are, and f16 where they are narrower; in_f32<token_embedding<V, H>> keeps f32. It may
/// stay in its file (graph/token_table.hpp). The other two are always f32 and copied.
///
/// Ids are checked against the table when a text enters the model, not here.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/graph/adapters.hpp>
#include <tessera/graph/batch.hpp>
#include <tessera/graph/manifest.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/token_table.hpp>
#include <tessera/graph/weights.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// What the small tables share: [Rows, Width], gathered by an index a token.
template <std::size_t Rows, std::size_t Width, class Adapters = no_adapters>
struct table_stage {
  static_assert(Rows > 0 && Width > 0, "tessera: an embedding table has at least one row and one column");

  template <class>
  struct weights {
    aligned_buffer<float> table;
    [[no_unique_address]] adapted_table<Rows, Width, Adapters> adapters;
  };
  template <class Sink>
  static constexpr void describe(Sink sink) {
    described::table(sink, Rows, Width, Adapters::sizes);
  }
  template <class>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return round_up(Rows * Width * sizeof(float), vector_alignment) + adapted_table<Rows, Width, Adapters>::memory_bytes();
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    TESSERA_TRY(into.table, aligned_buffer<float>::make(Rows * Width, scope.block()));
    TESSERA_CHECK(scope.read("weight", into.table.span()));
    return into.adapters.load(scope.scope("adapters"), 1.0f);
  }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
    return Adapters::scratch_bytes(size.tokens);
  }
};

}  // namespace detail

template <std::size_t Vocabulary, std::size_t Width, double Scale = 1.0, class Adapters = no_adapters>
struct token_embedding {
  using input = wants<axis::ids>;
  using output = produces<axis::tokens, Width>;
  static constexpr std::string_view scope_name = "token_embedding";
  static constexpr std::size_t vocabulary = Vocabulary;
  static constexpr auto scale = static_cast<float>(Scale);

  template <class Precision>
  struct weights {
    token_table<Vocabulary, Width, Precision> table;
    [[no_unique_address]] adapted_table<Vocabulary, Width, Adapters> adapters;
  };
  template <class Sink>
  static constexpr void describe(Sink sink) {
    described::table(sink, Vocabulary, Width, Adapters::sizes);
  }
  /// Of memory_bytes, what is not held where the table stays in its file.
  template <class Precision>
  [[nodiscard]] static constexpr std::size_t token_table_bytes() noexcept {
    return token_table<Vocabulary, Width, Precision>::memory_bytes();
  }
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return token_table_bytes<Precision>() + adapted_table<Vocabulary, Width, Adapters>::memory_bytes();
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    TESSERA_CHECK(into.table.load(scope, scale));
    return into.adapters.load(scope.scope("adapters"), scale);
  }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size size) noexcept {
    return workspace::piece_bytes(size.tokens * Width);
  }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
    return Adapters::scratch_bytes(size.tokens);
  }
  template <class Weights>
  static void forward(const Weights& weights, const token_batch& batch, activations& x, workspace& memory) noexcept {
    x = {memory.take(batch.tokens() * Width), batch.tokens()};
    weights.table.gather(batch.ids, scale, x.data);
    weights.adapters.add(batch, batch.ids.data(), x.data, memory);
  }
};

/// A stage whose weights are f32 whatever those of the model are: where nothing behind it loses more.
template <class Stage>
struct in_f32 : Stage {
  template <class>
  using weights = typename Stage::template weights<f32>;
  template <class>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return Stage::template memory_bytes<f32>();
  }
  template <class>
  [[nodiscard]] static constexpr std::size_t token_table_bytes() noexcept
    requires requires { Stage::template token_table_bytes<f32>(); }
  {
    return Stage::template token_table_bytes<f32>();
  }
  template <class>
  [[nodiscard]] static result<> load(weights<f32>& into, const weight_scope& scope) {
    return Stage::template load<f32>(into, scope);
  }
};

/// Positions count from 0 in each text.
struct from_zero {
  static constexpr std::size_t before = 0;
};
/// Positions as RoBERTa numbers them; Id is the padding token's.
template <std::size_t Id>
struct after_padding {
  static constexpr std::size_t before = Id + 1;
};

template <std::size_t Positions, std::size_t Width, class Numbering = from_zero>
struct learned_positions : detail::table_stage<Positions, Width> {
  static_assert(Numbering::before < Positions, "tessera: the position table has no row behind the padding's");
  using input = wants<axis::tokens, Width>;
  using output = produces<axis::tokens, Width>;
  static constexpr std::string_view scope_name = "position_embedding";
  static constexpr std::size_t positions = Positions - Numbering::before;  ///< of the longest text

  template <class Weights>
  static void forward(const Weights& weights, const token_batch& batch, activations& x, workspace&) noexcept {
    const auto add = kernel::kernels().pool.gather_add_f32;
    if constexpr (Numbering::before == 0) {
      add(weights.table.data(), Width, batch.positions.data(), x.rows, Width, x.data, Width);
    } else {
      constexpr auto padding = static_cast<std::uint32_t>(Numbering::before - 1);
      for (std::size_t i = 0; i < batch.texts(); ++i) {
        std::uint32_t next = padding;
        for (std::size_t t = batch.offsets[i]; t < batch.offsets[i + 1]; ++t) {
          const std::uint32_t position = batch.ids[t] == padding ? padding : ++next;
          add(weights.table.data(), Width, &position, 1, Width, x.data + t * Width, Width);
        }
      }
    }
  }
};

template <std::size_t Types, std::size_t Width, class Adapters = no_adapters>
struct token_types : detail::table_stage<Types, Width, Adapters> {
  using input = wants<axis::tokens, Width>;
  using output = produces<axis::tokens, Width>;
  static constexpr std::string_view scope_name = "token_type_embedding";
  static constexpr std::size_t types = Types;

  template <class Weights>
  static void forward(const Weights& weights, const token_batch& batch, activations& x, workspace& memory) noexcept {
    kernel::kernels().pool.gather_add_f32(weights.table.data(), Width, batch.types.data(), x.rows, Width, x.data, Width);
    weights.adapters.add(batch, batch.types.data(), x.data, memory);
  }
};

}  // namespace tessera::inline TESSERA_ABI
