// SPDX-License-Identifier: Apache-2.0
/// Stages one after the other, and layers; Boost.Hana holds and folds their weights.
///
///     using layer = ts::sequence<attention_block, feed_forward_block>;
///     using encoder = ts::repeat<12, layer>;
///     using alternating = ts::repeat<12, local_layer, local_layer, global_layer>;
#pragma once

#include <tessera/graph/batch.hpp>
#include <tessera/graph/shape.hpp>
#include <tessera/graph/weights.hpp>

#include <boost/hana/integral_constant.hpp>
#include <boost/hana/range.hpp>
#include <boost/hana/tuple.hpp>
#include <boost/hana/unpack.hpp>

#include <string_view>
#include <type_traits>
#include <vector>

namespace tessera::inline TESSERA_ABI {

namespace detail {

template <class First, class...>
struct first_type {
  using type = First;
};
template <class... Stages>
using first_of = typename first_type<Stages...>::type;

/// How often the scope name of stage Index occurs among the stages before it: the first "dense" is plain, the second "dense.1".
template <std::size_t Index, class... Stages>
[[nodiscard]] consteval std::size_t occurrence() {
  const std::string_view names[] = {Stages::scope_name...};
  std::size_t before = 0;
  for (std::size_t i = 0; i < Index; ++i) before += names[i] == names[Index] ? std::size_t{1} : std::size_t{0};
  return before;
}

template <std::size_t Index, class Stage, class... Stages, class Scope>
[[nodiscard]] constexpr auto stage_scope(const Scope& scope) {
  constexpr std::size_t count = occurrence<Index, Stages...>();
  if constexpr (Stage::scope_name.empty()) return scope;
  else if constexpr (count == 0) return scope.scope(Stage::scope_name);
  else return scope.scope(Stage::scope_name, count);
}

/// Calls f(index, stage) for every stage, Hana's constants for the indices.
template <class... Stages, class F>
constexpr void for_each_stage(F&& f) {
  namespace hana = boost::hana;
  hana::unpack(hana::make_range(hana::size_c<0>, hana::size_c<sizeof...(Stages)>),
               [&f](auto... index) { (f.template operator()<decltype(index)::value, Stages>(), ...); });
}

/// Every stage's tensors, each under its scope.
template <class... Stages, class Sink>
constexpr void describe_stages(Sink sink) {
  for_each_stage<Stages...>([&sink]<std::size_t Index, class Stage>() {
    Stage::describe(stage_scope<Index, Stage, Stages...>(sink));
  });
}

/// Every stage's weights, each under its scope; stops at the first error.
template <class Precision, class... Stages, class Weights>
[[nodiscard]] result<> load_stages(Weights& into, const weight_scope& scope) {
  result<> outcome;
  for_each_stage<Stages...>([&]<std::size_t Index, class Stage>() {
    if (outcome)
      outcome = Stage::template load<Precision>(boost::hana::at_c<Index>(into), stage_scope<Index, Stage, Stages...>(scope));
  });
  return outcome;
}

template <class Stage, class Made>
[[nodiscard]] constexpr std::size_t stage_output_bytes(batch_size size) noexcept {
  using makes = tessera::output_of<Stage, Made>;
  if constexpr (!std::is_same_v<typename Made::axis, typename makes::axis> && std::is_same_v<typename makes::axis, axis::texts>)
    return workspace::piece_bytes(size.texts * makes::width);
  else return Stage::output_bytes(size);
}

/// Bytes that a list of stages keeps (first) and, at its worst stage, needs besides (second).
struct stage_bytes {
  std::size_t kept = 0;
  std::size_t peak = 0;
};

template <class Made, class First, class... Rest>
[[nodiscard]] constexpr stage_bytes bytes_of(batch_size size, stage_bytes before = {}) noexcept {
  const std::size_t while_running = before.kept + stage_output_bytes<First, Made>(size) + First::scratch_bytes(size);
  const stage_bytes after{before.kept + stage_output_bytes<First, Made>(size),
                          before.peak < while_running ? while_running : before.peak};
  if constexpr (sizeof...(Rest) == 0) return after;
  else return bytes_of<tessera::output_of<First, Made>, Rest...>(size, after);
}

template <class Stage, class Made, class Weights>
void run_stage(const Weights& weights, const token_batch& batch, activations& x, workspace& memory) noexcept {
  if constexpr (requires { Stage::template forward_width<1>(batch, x, memory); })
    Stage::template forward_width<Made::width>(batch, x, memory);
  else Stage::forward(weights, batch, x, memory);
}

/// Runs the stages from Index on; Made is what flows into the first of them.
template <std::size_t Index, class Made, class First, class... Rest, class Weights>
void run_stages(const Weights& weights, const token_batch& batch, activations& x, workspace& memory) noexcept {
  run_stage<First, Made>(boost::hana::at_c<Index>(weights), batch, x, memory);
  if constexpr (sizeof...(Rest) > 0)
    run_stages<Index + 1, tessera::output_of<First, Made>, Rest...>(weights, batch, x, memory);
}

}  // namespace detail

/// Stages in order; `input` is the first one's.
template <class First, class... Rest>
struct sequence {
  using input = typename First::input;
  template <class Made>
  using output_of = typename detail::walk_stages<First, tessera::output_of<First, Made>, Rest...>::type;
  template <class Made>
  using fault_in = typename detail::walk_stages<void, Made, First, Rest...>::fault;
  static constexpr std::string_view scope_name = "";

  template <class Precision>
  struct weights {
    boost::hana::tuple<typename First::template weights<Precision>, typename Rest::template weights<Precision>...> stages;
  };

  template <class Sink>
  static constexpr void describe(Sink sink) {
    detail::describe_stages<First, Rest...>(sink);
  }
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    return (First::template memory_bytes<Precision>() + ... + Rest::template memory_bytes<Precision>());
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    return detail::load_stages<Precision, First, Rest...>(into.stages, scope);
  }
  static constexpr bool looks_ahead = (detail::looks_ahead_of<First>() || ... || detail::looks_ahead_of<Rest>());
  static void attentions(std::vector<kernel::attention_shape>& shapes) {
    detail::add_attentions<First>(shapes);
    (detail::add_attentions<Rest>(shapes), ...);
  }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
    std::size_t most = First::scratch_bytes(size);
    ((most = most < Rest::scratch_bytes(size) ? Rest::scratch_bytes(size) : most), ...);
    return most;
  }
  template <class Weights>
  static void forward(const Weights& weights, const token_batch& batch, activations& x, workspace& memory) noexcept {
    detail::for_each_stage<First, Rest...>([&]<std::size_t Index, class Stage>() {
      Stage::forward(boost::hana::at_c<Index>(weights.stages), batch, x, memory);
    });
  }
};

/// Count layers numbered from First, under the names layers.First, layers.First+1, ...; the Stages take turns. Each has weights of its own.
template <std::size_t First, std::size_t Count, class... Stages>
struct layers {
  static_assert(Count > 0, "tessera: repeat<N, stage> needs at least one");
  static constexpr std::size_t turns = sizeof...(Stages);
  using input = typename detail::first_of<Stages...>::input;
  template <class Made>
  using output_of = tessera::output_of<detail::first_of<Stages...>, Made>;
  /// Inside the stages, or from one to the next.
  template <class Made>
  using fault_in = typename std::conditional_t<Count == 1, detail::walk_stages<void, Made, detail::first_of<Stages...>>,
                                               detail::walk_stages<void, Made, Stages..., detail::first_of<Stages...>>>::fault;
  static constexpr std::string_view scope_name = "";
  static constexpr std::size_t count = Count;

  template <class Precision>
  struct weights {
    /// Of each stage, the layers that are its turn.
    boost::hana::tuple<std::vector<typename Stages::template weights<Precision>>...> of_turn;
  };
  template <class Sink>
  static constexpr void describe(Sink sink) {
    for (std::size_t i = 0; i < Count; ++i)
      in_turn(i, [&]<std::size_t, class Stage>() { Stage::describe(sink.scope("layers", First + i)); });
  }
  template <class Precision>
  [[nodiscard]] static std::size_t memory_bytes() noexcept {
    std::size_t bytes = 0;
    detail::for_each_stage<Stages...>([&]<std::size_t Turn, class Stage>() {
      bytes += (Count + turns - 1 - Turn) / turns * Stage::template memory_bytes<Precision>();
    });
    return bytes;
  }
  template <class Precision>
  [[nodiscard]] static result<> load(weights<Precision>& into, const weight_scope& scope) {
    detail::for_each_stage<Stages...>([&]<std::size_t Turn, class Stage>() {
      boost::hana::at_c<Turn>(into.of_turn).resize((Count + turns - 1 - Turn) / turns);
    });
    result<> outcome;
    for (std::size_t i = 0; i < Count && outcome; ++i)
      in_turn(i, [&]<std::size_t Turn, class Stage>() {
        outcome = Stage::template load<Precision>(boost::hana::at_c<Turn>(into.of_turn)[i / turns], scope.scope("layers", First + i));
      });
    return outcome;
  }
  static constexpr bool looks_ahead = (detail::looks_ahead_of<Stages>() || ...);
  static void attentions(std::vector<kernel::attention_shape>& shapes) {
    for (std::size_t i = 0; i < Count; ++i)
      in_turn(i, [&]<std::size_t, class Stage>() { detail::add_attentions<Stage>(shapes); });
  }
  [[nodiscard]] static constexpr std::size_t output_bytes(batch_size) noexcept { return 0; }
  [[nodiscard]] static constexpr std::size_t scratch_bytes(batch_size size) noexcept {
    std::size_t most = 0;
    ((most = most < Stages::scratch_bytes(size) ? Stages::scratch_bytes(size) : most), ...);
    return most;
  }
  template <class Weights>
  static void forward(const Weights& weights, const token_batch& batch, activations& x, workspace& memory) noexcept {
    for (std::size_t i = 0; i < Count; ++i)
      in_turn(i, [&]<std::size_t Turn, class Stage>() {
        Stage::forward(boost::hana::at_c<Turn>(weights.of_turn)[i / turns], batch, x, memory);
      });
  }

 private:
  /// Calls f for the stage whose turn layer i is.
  template <class F>
  static constexpr void in_turn(std::size_t i, const F& f) {
    detail::for_each_stage<Stages...>([&]<std::size_t Turn, class Stage>() {
      if (i % turns == Turn) f.template operator()<Turn, Stage>();
    });
  }
};

/// One stage Count times, or several that take turns, under the names layers.0, layers.1, ...
template <std::size_t Count, class... Stages>
using repeat = layers<0, Count, Stages...>;

}  // namespace tessera::inline TESSERA_ABI
