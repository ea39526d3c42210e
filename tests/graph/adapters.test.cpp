// SPDX-License-Identifier: Apache-2.0
// Adapters against graphs without them whose weights were merged in double: W + s·B·A, E + s·A·B; bits against neighbours and threads.
#include <tests/graph/random_weights.hpp>

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/graph/graph.hpp>

#include <array>
#include <cmath>
#include <cstring>
#include <utility>

namespace ts = tessera;
using namespace tessera_tests;

namespace {

constexpr std::size_t count = 3, rank = 2;
constexpr double alpha = 0.75;

/// Grouped queries, a gated and a plain feed-forward, a scaled token table.
template <class Adapters>
using graph_with =
    ts::graph<ts::token_embedding<20, 24, 1.5, Adapters>, ts::token_types<2, 24, Adapters>,
              ts::encoder_layer<24, ts::heads<4, ts::kv_heads<2>>, ts::gated_feed_forward<10, ts::silu, Adapters>, ts::layer_norm<24>,
                                ts::rotary<6>, Adapters>,
              ts::repeat<2, ts::encoder_layer<24, ts::heads<2>, ts::feed_forward<16, ts::gelu, ts::biases<false, true>, Adapters>,
                                              ts::layer_norm<24>, Adapters>>,
              ts::pool<ts::pooling::mean>>;
using adapted = graph_with<ts::adapters<count, rank, alpha>>;
using plain = graph_with<ts::no_adapters>;
static_assert(adapted::adapters == count && plain::adapters == 0);
static_assert(adapted::parameter_count - plain::parameter_count ==
              count * rank * (20 + 24 + 2 + 24 + (24 + 48) + (24 + 24) + (24 + 20) + (10 + 24) +
                              2 * ((24 + 72) + (24 + 24) + (24 + 16) + (16 + 24))));

/// Reads what `from` holds, with adapter `task` merged in, or none.
struct merged_weights final : ts::weight_reader {
  const random_weights* from;
  std::uint32_t task;

  merged_weights(const random_weights& weights, std::uint32_t chosen) : from(&weights), task(chosen) {}

  ts::result<> read(std::string_view name, std::span<float> values) override {
    const std::vector<float>& base = from->at(name);
    std::copy(base.begin(), base.end(), values.begin());
    constexpr std::string_view ending = ".weight";
    if (task == ts::no_adapter || !name.ends_with(ending)) return {};
    // The parts of a joint map have rows of its B, from the first part's on.
    struct place {
      std::string_view part, joint;
      std::vector<std::string_view> before;
    };
    const std::vector<place> places = {{"query", "query_key_value", {}}, {"key", "query_key_value", {"query"}},
                                       {"value", "query_key_value", {"query", "key"}}, {"gate", "gate_up", {}}, {"up", "gate_up", {"gate"}}};
    const std::string scope(name.substr(0, name.size() - ending.size()));
    const std::size_t dot = scope.rfind('.');
    const std::string outer = dot == std::string::npos ? "" : scope.substr(0, dot + 1), last = scope.substr(outer.size());
    std::string adapters = scope;
    std::size_t first = 0;
    for (const place& each : places) {
      if (each.part != last || !from->tensors.contains(outer + std::string(each.joint) + ".adapters.a")) continue;
      adapters = outer + std::string(each.joint);
      for (const std::string_view part : each.before) first += from->at(outer + std::string(part) + ".weight").size() / 24;
    }
    if (!from->tensors.contains(adapters + ".adapters.a")) return {};
    const std::vector<float>&a = from->at(adapters + ".adapters.a"), &b = from->at(adapters + ".adapters.b");
    const bool table = name.starts_with("token_");
    const std::size_t in = table ? 24 : a.size() / (count * rank), rows = values.size() / in;
    const std::size_t all = table ? rows : b.size() / (count * rank);  // rows of the joint map
    for (std::size_t o = 0; o < rows; ++o)
      for (std::size_t i = 0; i < in; ++i) {
        double sum = 0.0;
        for (std::size_t r = 0; r < rank; ++r) {
          const std::size_t at_a = table ? (task * rows + o) * rank + r : (task * rank + r) * in + i;
          const std::size_t at_b = table ? (task * rank + r) * in + i : (task * all + first + o) * rank + r;
          sum += static_cast<double>(a[at_a]) * static_cast<double>(b[at_b]);
        }
        values[o * in + i] += static_cast<float>(alpha / static_cast<double>(rank) * sum);
      }
    return {};
  }
};

/// Texts of several lengths, each with one adapter or none.
constexpr std::array<std::uint32_t, 6> tasks = {1, ts::no_adapter, 0, 2, 2, 1};

void add_text(ts::token_batch_builder& batch, std::size_t number, std::uint32_t task) {
  std::mt19937 source(static_cast<unsigned>(number));
  for (std::uint32_t i = 0; i < 3 + 4 * number; ++i)
    batch.add_token(static_cast<std::uint32_t>(source() % 20), i, static_cast<std::uint32_t>(source() % 2));
  batch.end_text(0, task);
}

template <class Graph, class Weights>
std::vector<float> run(const Weights& weights, const ts::token_batch& batch, ts::thread_pool* threads = nullptr) {
  ts::workspace memory;
  memory.set_threads(threads);
  succeed(memory.reserve(Graph::workspace_bytes(
      {.texts = batch.texts(), .tokens = batch.tokens(), .threads = threads == nullptr ? 1 : threads->size()})));
  const ts::activations made = Graph::run(weights, batch, memory);
  return std::vector<float>(made.data, made.data + made.rows * Graph::output::width);
}

struct loaded {
  random_weights reader;
  adapted::weights<ts::f32> weights;

  loaded() {
    succeed(adapted::load<ts::f32>(weights, reader));
    for (const ts::tensor_entry& entry : adapted::manifest()) CHECK(reader.at(entry.label()).size() == entry.size());
    CHECK(reader.tensors.size() == adapted::manifest().size());
  }
};

}  // namespace

TEST_CASE("adapters: each text's vector is that of merged weights", "[graph]") {
  const loaded all;
  ts::token_batch_builder batch;
  for (std::size_t i = 0; i < tasks.size(); ++i) add_text(batch, i, tasks[i]);
  const auto found = run<adapted>(all.weights, batch.view());
  double most = 0.0, effect = HUGE_VAL;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    ts::token_batch_builder alone;
    add_text(alone, i, ts::no_adapter);
    const auto vector_of = [&](std::uint32_t task) {
      merged_weights merged(all.reader, task);
      plain::weights<ts::f32> weights;
      succeed(plain::load<ts::f32>(weights, merged));
      return run<plain>(weights, alone.view());
    };
    const auto wanted = vector_of(tasks[i]), without = vector_of(ts::no_adapter);
    double changed = 0.0;
    for (std::size_t j = 0; j < 24; ++j) {
      most = std::max(most, std::abs(static_cast<double>(found[i * 24 + j]) - static_cast<double>(wanted[j])));
      changed = std::max(changed, std::abs(static_cast<double>(without[j]) - static_cast<double>(wanted[j])));
    }
    if (tasks[i] != ts::no_adapter) effect = std::min(effect, changed);
  }
  CHECK(most < 2e-5);
  CHECK(effect > 0.05);  // what is compared does depend on the adapter
}

TEST_CASE("adapters: a text's bits depend neither on its neighbours' adapters nor on threads", "[graph]") {
  const loaded all;
  ts::token_batch_builder batch;
  for (std::size_t i = 0; i < tasks.size(); ++i) add_text(batch, i, tasks[i]);
  const auto together = run<adapted>(all.weights, batch.view());
  ts::thread_pool threads(3);
  CHECK(run<adapted>(all.weights, batch.view(), &threads) == together);
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    ts::token_batch_builder alone;
    add_text(alone, i, tasks[i]);
    const auto vector = run<adapted>(all.weights, alone.view());
    CHECK(std::memcmp(vector.data(), together.data() + i * 24, 24 * sizeof(float)) == 0);
  }
  // No list of adapters at all is the same as none for every text.
  ts::token_batch_builder none;
  for (std::size_t i = 0; i < tasks.size(); ++i) add_text(none, i, ts::no_adapter);
  ts::token_batch unsaid = none.view();
  unsaid.adapters = {};
  CHECK(run<adapted>(all.weights, unsaid) == run<adapted>(all.weights, none.view()));
}
