// SPDX-License-Identifier: Apache-2.0
/// A loaded graph behind functions, so that what surrounds it is compiled once for all model types: tokens in, rows of vectors out.
#pragma once

#include <tessera/graph/batch.hpp>
#include <tessera/model/kept_beginnings.hpp>

namespace tessera::inline TESSERA_ABI {

/// A loaded graph as functions.
struct graph_runner {
  const void* weights;
  /// Runs a batch; the rows [texts, dimension] live in the workspace.
  const float* (*run)(const void* weights, const token_batch& batch, workspace& memory) noexcept;
  std::size_t (*workspace_bytes)(batch_size size) noexcept;
  std::size_t dimension;
  bool unit_length;
  std::size_t vocabulary;  ///< rows of the token table
  std::size_t positions;   ///< longest text; 0: no limit
  std::size_t types;       ///< token types; 0: any
  std::size_t adapters;    ///< that a text may choose from; 0: none
  std::vector<kernel::attention_shape> (*attentions)() = nullptr;
  kept_beginnings* beginnings = nullptr;  ///< where beginnings that texts share are kept; null: the graph cannot share them
};

/// The functions of a loaded graph; `weights` and `beginnings` must outlive them.
template <class Graph, class Weights>
[[nodiscard]] graph_runner runner_of(const Weights& weights, kept_beginnings& beginnings, bool unit_length) noexcept {
  return {.weights = &weights,
          .run = [](const void* loaded, const token_batch& batch, workspace& memory) noexcept -> const float* {
            return Graph::run(*static_cast<const Weights*>(loaded), batch, memory).data;
          },
          .workspace_bytes = [](batch_size size) noexcept { return Graph::workspace_bytes(size); },
          .dimension = Graph::output::width,
          .unit_length = unit_length,
          .vocabulary = Graph::vocabulary,
          .positions = Graph::positions,
          .types = Graph::types,
          .adapters = Graph::adapters,
          .attentions = Graph::attentions,
          .beginnings = Graph::shares_beginnings ? &beginnings : nullptr};
}

/// Tokens of a block: enough rows for the matrix kernel to run at its speed, few enough to stay in the second-level cache.
inline constexpr std::size_t block_tokens = 256;

/// Vectors of ready tokens, vector i to rows[i * stride]; `threads` take blocks of texts, or parts of the work for one where there is
/// one block only. Errors: invalid_argument where ids, positions, types, offsets or adapters do not fit the graph; not_finite;
/// out_of_memory.
[[nodiscard]] result<> embed_tokens(const graph_runner& graph, const token_batch& batch, float* rows, std::size_t stride,
                                    thread_pool* threads = nullptr);

/// Error (invalid_argument) where a batch does not fit a graph.
[[nodiscard]] result<> check_tokens(const graph_runner& graph, const token_batch& batch);

}  // namespace tessera::inline TESSERA_ABI

#if TESSERA_HEADER_ONLY
#include <tessera/model/graph_runner-inl.hpp>
#endif
