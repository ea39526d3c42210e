// SPDX-License-Identifier: Apache-2.0
/// Definitions of model/graph_runner.hpp.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/model/graph_runner.hpp>

#include <algorithm>
#include <optional>
#include <string>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// What a thread keeps from call to call.
struct graph_scratch {
  token_batch_builder block;
  workspace memory;
  bool busy = false;
};

/// The thread's Scratch, or one of its own where a callback encodes inside an encode.
template <class Scratch>
class scratch_lease {
 public:
  scratch_lease() : scratch_(&of_thread()) {
    if (scratch_->busy) scratch_ = &own_.emplace();
    scratch_->busy = true;
  }
  ~scratch_lease() { scratch_->busy = false; }
  scratch_lease(const scratch_lease&) = delete;
  scratch_lease& operator=(const scratch_lease&) = delete;
  [[nodiscard]] Scratch& operator*() const noexcept { return *scratch_; }

 private:
  [[nodiscard]] static Scratch& of_thread() {
    thread_local Scratch scratch;
    return scratch;
  }

  std::optional<Scratch> own_;
  Scratch* scratch_;
};

/// The failure of one text, by its number.
[[nodiscard]] inline std::unexpected<error> text_failure(std::size_t number, error inner) {
  const error_code code = inner.code;
  return fail({.code = code, .thing = "text " + std::to_string(number), .causes = {std::move(inner)}});
}

/// Error where a text's vector is not a vector of numbers.
[[nodiscard]] inline result<> check_vector(std::size_t number, const float* vector, std::size_t n) {
  if (kernel::kernels().quantize.all_finite(vector, n)) return {};
  return text_failure(number, {.code = error_code::not_finite, .thing = "embedding", .wanted = "numbers", .found = "NaN or infinity"});
}

}  // namespace detail

TESSERA_INLINE result<> check_tokens(const graph_runner& graph, const token_batch& batch) {
  const auto refuse = [](std::string thing, std::string wanted, std::string found) {
    return fail({.code = error_code::invalid_argument, .thing = std::move(thing), .wanted = std::move(wanted), .found = std::move(found)});
  };
  if (batch.positions.size() != batch.ids.size() || batch.types.size() != batch.ids.size())
    return refuse("token batch", "one position and one type a token",
                  std::to_string(batch.ids.size()) + " ids, " + std::to_string(batch.positions.size()) + " positions, " +
                      std::to_string(batch.types.size()) + " types");
  if (batch.offsets.empty() || batch.offsets.front() != 0 || batch.offsets.back() != batch.ids.size() ||
      !std::ranges::is_sorted(batch.offsets))
    return refuse("offsets of a token batch", "0, then ascending, to " + std::to_string(batch.ids.size()), "others");
  if (!batch.skipped.empty() && batch.skipped.size() != batch.texts())
    return refuse("skipped tokens of a token batch", "one number a text or none", std::to_string(batch.skipped.size()));
  const auto below = [&](std::string_view thing, std::span<const std::uint32_t> values, std::size_t limit) -> result<> {
    for (std::size_t i = 0; i < values.size(); ++i)
      if (values[i] >= limit)
        return refuse(std::string(thing) + " of token " + std::to_string(i), "below " + std::to_string(limit), std::to_string(values[i]));
    return {};
  };
  TESSERA_CHECK(below("id", batch.ids, graph.vocabulary));
  if (graph.positions != 0) TESSERA_CHECK(below("position", batch.positions, graph.positions));
  if (graph.types != 0) TESSERA_CHECK(below("type", batch.types, graph.types));
  return {};
}

TESSERA_INLINE result<> embed_tokens(const graph_runner& graph, const token_batch& batch, float* rows, std::size_t stride) {
  TESSERA_CHECK(check_tokens(graph, batch));
  const detail::scratch_lease<detail::graph_scratch> lease;
  auto& [block, memory, busy] = *lease;
  for (std::size_t first = 0; first < batch.texts();) {
    block.clear();
    std::size_t next = first;
    for (; next < batch.texts(); ++next) {
      if (next > first && block.tokens() + batch.offsets[next + 1] - batch.offsets[next] > block_tokens) break;
      for (std::size_t t = batch.offsets[next]; t < batch.offsets[next + 1]; ++t)
        block.add_token(batch.ids[t], batch.positions[t], batch.types[t]);
      block.end_text(batch.left_out(next));
    }
    TESSERA_CHECK(memory.reserve(graph.workspace_bytes({.texts = block.texts(), .tokens = block.tokens()})));
    const workspace::mark scope(memory);
    const float* vectors = graph.run(graph.weights, block.view(), memory);
    for (; first < next; ++first, vectors += graph.dimension) {
      TESSERA_CHECK(detail::check_vector(first, vectors, graph.dimension));
      std::copy_n(vectors, graph.dimension, rows + first * stride);
    }
  }
  return {};
}

}  // namespace tessera::inline TESSERA_ABI
