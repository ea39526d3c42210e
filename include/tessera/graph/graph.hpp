// SPDX-License-Identifier: Apache-2.0
/// A list of stages as one function from token ids to vectors: checked edge by edge, described as a manifest, run on packed texts.
///
///     using g = ts::graph<ts::token_embedding<100, 8>, ts::pool<ts::pooling::mean>>;
///     static_assert(g::output::width == 8 && g::parameter_count == 800 && g::manifest().size() == 1);
///
/// Weights are a value of their own (`graph::weights<f32>`), so a graph type costs nothing until something is loaded.
#pragma once

#include <tessera/graph/manifest.hpp>
#include <tessera/graph/sequence.hpp>
#include <tessera/graph/stage/embedding.hpp>
#include <tessera/graph/stage/pool.hpp>

namespace tessera::inline TESSERA_ABI {

namespace detail {
/// What `ask` says of the one stage that it can be asked of, else 0.
template <class... Stages, class Ask>
[[nodiscard]] consteval std::size_t size_of_stage(Ask ask) {
  std::size_t size = 0;
  auto look = [&]<class Stage>() {
    if constexpr (requires { ask.template operator()<Stage>(); }) size = ask.template operator()<Stage>();
  };
  (look.template operator()<Stages>(), ...);
  return size;
}

template <class Stage>
[[nodiscard]] consteval bool pools_last() {
  return std::is_same_v<Stage, pool<pooling::last_token>>;
}

template <class... Stages>
[[nodiscard]] consteval manifest_totals totals_of() {
  manifest_totals totals;
  describe_stages<Stages...>(manifest_totals::sink(totals));
  return totals;
}

/// Width of the rows along the last edge before pooling.
template <class Made, class Stage, class... After>
[[nodiscard]] consteval std::size_t token_width_of() {
  using makes = tessera::output_of<Stage, Made>;
  if constexpr (std::is_same_v<typename makes::axis, axis::texts>) return Made::width;
  else if constexpr (sizeof...(After) == 0) return makes::width;
  else return token_width_of<makes, After...>();
}
}  // namespace detail

template <class... Stages>
class graph;

template <class First, class... Rest>
class graph<First, Rest...> {
  using checked = detail::walk_stages<detail::texts_in, produces<axis::ids>, First, Rest...>;
  static constexpr manifest_totals totals_ = detail::totals_of<First, Rest...>();

 public:
  /// What is wrong with this graph, reported where it is.
  using fault = typename checked::fault;
  static_assert(sizeof(detail::report<fault>) > 0);
  static constexpr bool sound = std::is_same_v<fault, detail::no_fault>;
  using output = typename checked::type;

  template <class Precision>
  using weights = boost::hana::tuple<typename First::template weights<Precision>, typename Rest::template weights<Precision>...>;

  /// Every tensor the graph reads, in the order of its stages.
  [[nodiscard]] static constexpr const auto& manifest() noexcept { return manifest_; }

  /// Number of parameters, biases and norms included.
  static constexpr std::size_t parameter_count = totals_.parameters;

  /// Rows of the token table.
  static constexpr std::size_t vocabulary =
      detail::size_of_stage<First, Rest...>([]<class Stage>() requires requires { Stage::vocabulary; } { return Stage::vocabulary; });
  /// Longest text that learned positions allow, or 0 where nothing limits it.
  static constexpr std::size_t positions =
      detail::size_of_stage<First, Rest...>([]<class Stage>() requires requires { Stage::positions; } { return Stage::positions; });
  /// Token types, or 0 where the graph does not look at them.
  static constexpr std::size_t types =
      detail::size_of_stage<First, Rest...>([]<class Stage>() requires requires { Stage::types; } { return Stage::types; });

  /// Whether a token's state depends on tokens behind it: then a text cannot be read piece by piece.
  static constexpr bool looks_ahead = (detail::looks_ahead_of<First>() || ... || detail::looks_ahead_of<Rest>());
  /// The shapes of its attentions, in their order.
  [[nodiscard]] static std::vector<kernel::attention_shape> attentions() {
    std::vector<kernel::attention_shape> shapes;
    detail::add_attentions<First>(shapes);
    (detail::add_attentions<Rest>(shapes), ...);
    return shapes;
  }
  /// Whether texts that begin alike can share what their beginning costs: its states depend on it alone, and nothing reads them but those
  /// behind it.
  static constexpr bool shares_beginnings =
      !looks_ahead && totals_.most_adapters == 0 && (detail::pools_last<First>() || ... || detail::pools_last<Rest>());
  /// Adapters that a text may choose from, or 0 where the graph has none.
  static constexpr std::size_t adapters = totals_.most_adapters;
  static_assert(adapters == totals_.least_adapters,
                "tessera: the stages of this graph have different numbers of adapters");

  /// Peak bytes of workspace for a batch of this size run in one piece; the vectors themselves are part of it.
  [[nodiscard]] static constexpr std::size_t workspace_bytes(batch_size size) noexcept {
    return detail::bytes_of<produces<axis::ids>, First, Rest...>(size).peak;
  }

  /// Bytes of the table of token vectors, where the first stage can leave it in its file; else 0.
  template <class Precision>
  [[nodiscard]] static constexpr std::size_t token_table_bytes() noexcept {
    if constexpr (requires { First::template token_table_bytes<Precision>(); }) return First::template token_table_bytes<Precision>();
    else return 0;
  }
  /// Bytes of memory that loaded weights hold on this processor: packing pads the last panel of each matrix. What is mapped is not held.
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes(table_storage tokens = table_storage::copied) noexcept {
    return (First::template memory_bytes<Precision>() + ... + Rest::template memory_bytes<Precision>()) -
           (tokens == table_storage::mapped ? token_table_bytes<Precision>() : 0);
  }

  /// Reads and packs all weights. Errors: those of the reader, out_of_memory; unsupported where token vectors shall stay in their file and
  /// the first stage is not one that can leave them there.
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, weight_reader& reader) {
    if (reader.token_storage() == table_storage::mapped && token_table_bytes<Precision>() == 0)
      return fail({.code = error_code::unsupported,
                   .thing = "token table",
                   .wanted = "token_embedding as the first stage, whose table can be mapped",
                   .found = "another stage"});
    TESSERA_CHECK(reader.expect(memory_bytes<Precision>(table_storage::mapped)));  // all but the table of token vectors
    return detail::load_stages<Precision, First, Rest...>(into, weight_scope(reader));
  }

  /// Runs the whole graph. The rows returned live in `memory` until its next use; it must have workspace_bytes of this batch.
  template <class Weights>
  [[nodiscard]] static activations run(const Weights& weights, const token_batch& batch, workspace& memory) noexcept {
    activations x;
    detail::run_stages<0, produces<axis::ids>, First, Rest...>(weights, batch, x, memory);
    return x;
  }

  /// Runs the stages up to the pooling: the last hidden state, [tokens, width].
  template <class Weights>
  [[nodiscard]] static activations run_tokens(const Weights& weights, const token_batch& batch, workspace& memory) noexcept {
    activations x;
    run_until_texts<0, produces<axis::ids>, First, Rest...>(weights, batch, x, memory);
    return x;
  }

  /// Width of the last hidden state.
  static constexpr std::size_t token_width = detail::token_width_of<produces<axis::ids>, First, Rest...>();

 private:
  static constexpr std::array<tensor_entry, totals_.tensors> manifest_ = [] {
    std::array<tensor_entry, totals_.tensors> entries{};
    std::size_t next = 0;
    auto add = [&](const tensor_entry& entry) { entries[next++] = entry; };
    detail::describe_stages<First, Rest...>(tensor_sink(add));
    return entries;
  }();

  template <std::size_t Index, class Made, class Stage, class... After, class Weights>
  static void run_until_texts(const Weights& weights, const token_batch& batch, activations& x, workspace& memory) noexcept {
    using makes = tessera::output_of<Stage, Made>;
    if constexpr (!std::is_same_v<typename makes::axis, axis::texts>) {
      detail::run_stage<Stage, Made>(boost::hana::at_c<Index>(weights), batch, x, memory);
      if constexpr (sizeof...(After) > 0) run_until_texts<Index + 1, makes, After...>(weights, batch, x, memory);
    }
  }
};

}  // namespace tessera::inline TESSERA_ABI
