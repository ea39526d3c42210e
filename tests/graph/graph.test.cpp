// SPDX-License-Identifier: Apache-2.0
// Stages against plain loops in double: attention in all its forms, pooling, dense heads; the workspace that was promised.
#include <tests/graph/random_weights.hpp>

#include <tessera/graph/encoder_layer.hpp>
#include <tessera/graph/graph.hpp>

#include <cmath>

namespace ts = tessera;
using namespace tessera_tests;

namespace {

using numbers = std::vector<double>;

/// y = x·Wᵀ + b for rows of `in`.
numbers linear(const random_weights& weights, const std::string& scope, const numbers& x, std::size_t in, std::size_t out) {
  const auto &weight = weights.at(scope + ".weight"), &bias = weights.at(scope + ".bias");
  numbers y(x.size() / in * out);
  for (std::size_t r = 0; r < x.size() / in; ++r)
    for (std::size_t o = 0; o < out; ++o) {
      double sum = static_cast<double>(bias[o]);
      for (std::size_t i = 0; i < in; ++i) sum += x[r * in + i] * static_cast<double>(weight[o * in + i]);
      y[r * out + o] = sum;
    }
  return y;
}

/// Rotary positions in the half-split order, as Hugging Face's models apply them.
void turn(numbers& x, std::size_t rows, std::size_t heads, std::size_t width, std::size_t rotary, double theta,
          const std::vector<std::uint32_t>& positions) {
  for (std::size_t r = 0; r < rows; ++r)
    for (std::size_t h = 0; h < heads; ++h)
      for (std::size_t i = 0; i < rotary / 2; ++i) {
        const double angle = positions[r] * std::pow(theta, -2.0 * static_cast<double>(i) / static_cast<double>(rotary));
        double &a = x[(r * heads + h) * width + i], &b = x[(r * heads + h) * width + i + rotary / 2];
        const double before = a;
        a = a * std::cos(angle) - b * std::sin(angle);
        b = b * std::cos(angle) + before * std::sin(angle);
      }
}

struct attention_form {
  std::size_t width, heads, kv, head, rotary;
  double theta;
  bool causal;
};

numbers attention(const random_weights& weights, const std::string& scope, const numbers& x, const attention_form& f,
                  const std::vector<std::uint32_t>& offsets, const std::vector<std::uint32_t>& positions) {
  const std::size_t rows = x.size() / f.width;
  numbers q = linear(weights, scope + ".query", x, f.width, f.heads * f.head);
  numbers k = linear(weights, scope + ".key", x, f.width, f.kv * f.head);
  const numbers v = linear(weights, scope + ".value", x, f.width, f.kv * f.head);
  turn(q, rows, f.heads, f.head, f.rotary, f.theta, positions);
  turn(k, rows, f.kv, f.head, f.rotary, f.theta, positions);
  numbers mixed(rows * f.heads * f.head, 0.0);
  for (std::size_t t = 0; t + 1 < offsets.size(); ++t)
    for (std::size_t i = offsets[t]; i < offsets[t + 1]; ++i)
      for (std::size_t h = 0; h < f.heads; ++h) {
        const std::size_t group = h / (f.heads / f.kv);
        const std::size_t end = f.causal ? i + 1 : offsets[t + 1];
        double total = 0.0;
        for (std::size_t j = offsets[t]; j < end; ++j) {
          double score = 0.0;
          for (std::size_t c = 0; c < f.head; ++c) score += q[(i * f.heads + h) * f.head + c] * k[(j * f.kv + group) * f.head + c];
          const double share = std::exp(score / std::sqrt(static_cast<double>(f.head)));
          total += share;
          for (std::size_t c = 0; c < f.head; ++c)
            mixed[(i * f.heads + h) * f.head + c] += share * v[(j * f.kv + group) * f.head + c];
        }
        for (std::size_t c = 0; c < f.head; ++c) mixed[(i * f.heads + h) * f.head + c] /= total;
      }
  return linear(weights, scope + ".output", mixed, f.heads * f.head, f.width);
}

void norm(const random_weights& weights, const std::string& scope, numbers& x, std::size_t width) {
  for (std::size_t r = 0; r < x.size() / width; ++r) {
    double mean = 0.0, square = 0.0;
    for (std::size_t i = 0; i < width; ++i) mean += x[r * width + i] / static_cast<double>(width);
    for (std::size_t i = 0; i < width; ++i) square += (x[r * width + i] - mean) * (x[r * width + i] - mean) / static_cast<double>(width);
    for (std::size_t i = 0; i < width; ++i)
      x[r * width + i] = (x[r * width + i] - mean) / std::sqrt(square + 1e-12) * static_cast<double>(weights.at(scope + ".weight")[i]) +
                         static_cast<double>(weights.at(scope + ".bias")[i]);
  }
}

/// Three texts of 5, 1 and 7 tokens, with positions of their own.
struct three_texts {
  ts::token_batch_builder batch;
  std::vector<std::uint32_t> offsets = {0, 5, 6, 13}, positions, ids;

  three_texts() {
    std::mt19937 source(3);
    for (std::size_t t = 0; t < 3; ++t) {
      for (std::uint32_t i = 0; i < offsets[t + 1] - offsets[t]; ++i) {
        ids.push_back(static_cast<std::uint32_t>(source() % 20));
        positions.push_back(i);
        batch.add_token(ids.back(), i, 0);
      }
      batch.end_text();
    }
  }
  [[nodiscard]] numbers embedded(const random_weights& weights, std::size_t width) const {
    numbers x;
    for (const std::uint32_t id : ids)
      for (std::size_t i = 0; i < width; ++i) x.push_back(static_cast<double>(weights.at("token_embedding.weight")[id * width + i]));
    return x;
  }
};

template <class Graph>
std::vector<float> run(random_weights& reader, const ts::token_batch& batch) {
  typename Graph::template weights<ts::f32> weights;
  succeed(Graph::template load<ts::f32>(weights, reader));
  for (const ts::tensor_entry& entry : Graph::manifest()) CHECK(reader.at(entry.label()).size() == entry.size());
  CHECK(reader.tensors.size() == Graph::manifest().size());
  ts::workspace memory;
  succeed(memory.reserve(Graph::workspace_bytes({.texts = batch.texts(), .tokens = batch.tokens()})));
  const ts::activations made = Graph::run(weights, batch, memory);
  return std::vector<float>(made.data, made.data + made.rows * Graph::output::width);
}

template <std::size_t Width, class Heads, class Rotary, class Order>
void check_attention(const attention_form& form) {
  using layer = ts::encoder_layer<Width, Heads, ts::feed_forward<24, ts::silu>, ts::layer_norm<Width>, Rotary, Order>;
  using graph = ts::graph<ts::token_embedding<20, Width>, ts::repeat<2, layer>>;
  random_weights weights;
  const three_texts texts;
  const auto found = run<graph>(weights, texts.batch.view());

  numbers x = texts.embedded(weights, Width);
  for (std::size_t l = 0; l < 2; ++l) {
    const std::string scope = "layers." + std::to_string(l);
    const numbers mixed = attention(weights, scope + ".attention", x, form, texts.offsets, texts.positions);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += mixed[i];
    norm(weights, scope + ".attention.norm", x, Width);
    numbers inner = linear(weights, scope + ".feed_forward.up", x, Width, 24);
    for (double& y : inner) y = y / (1.0 + std::exp(-y));
    const numbers down = linear(weights, scope + ".feed_forward.down", inner, 24, Width);
    for (std::size_t i = 0; i < x.size(); ++i) x[i] += down[i];
    norm(weights, scope + ".feed_forward.norm", x, Width);
  }
  REQUIRE(found.size() == x.size());
  double most = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) most = std::max(most, std::abs(static_cast<double>(found[i]) - x[i]));
  CHECK(most < 1e-5);
}

}  // namespace

TEST_CASE("graph: attention in all its forms against plain loops in double", "[graph]") {
  check_attention<16, ts::heads<4>, ts::no_rotary, ts::bidirectional>({16, 4, 4, 4, 0, 1.0, false});
  check_attention<16, ts::heads<4>, ts::no_rotary, ts::causal>({16, 4, 4, 4, 0, 1.0, true});
  check_attention<20, ts::heads<6, ts::kv_heads<2>, ts::head_width<12>>, ts::rotary<12>, ts::causal>({20, 6, 2, 12, 12, 10000.0, true});
  check_attention<24, ts::heads<3, ts::kv_heads<1>>, ts::rotary<4, 500.0>, ts::bidirectional>({24, 3, 1, 8, 4, 500.0, false});
}

TEST_CASE("graph: every pooling, dense heads, unit length", "[graph]") {
  const three_texts texts;
  const auto check = [&]<ts::pooling Mode>() {
    using graph = ts::graph<ts::token_embedding<20, 10>, ts::pool<Mode>, ts::dense<10, 7, ts::tanh>, ts::dense<7, 3>, ts::l2_normalize>;
    random_weights weights;
    const auto found = run<graph>(weights, texts.batch.view());
    const numbers x = texts.embedded(weights, 10);
    for (std::size_t t = 0; t < 3; ++t) {
      const std::size_t first = texts.offsets[t], last = texts.offsets[t + 1] - 1;
      numbers pooled(10);
      for (std::size_t i = 0; i < 10; ++i) {
        double sum = 0.0, weighted = 0.0, total = 0.0, most = -HUGE_VAL;
        for (std::size_t r = first; r <= last; ++r) {
          const double weight = static_cast<double>(r - first + 1);
          sum += x[r * 10 + i];
          weighted += weight * x[r * 10 + i];
          total += weight;
          most = std::max(most, x[r * 10 + i]);
        }
        pooled[i] = Mode == ts::pooling::mean         ? sum / static_cast<double>(last - first + 1)
                    : Mode == ts::pooling::cls        ? x[first * 10 + i]
                    : Mode == ts::pooling::last_token ? x[last * 10 + i]
                    : Mode == ts::pooling::max        ? most
                                                      : weighted / total;
      }
      numbers hidden = linear(weights, "dense", pooled, 10, 7);
      for (double& y : hidden) y = std::tanh(y);
      const numbers out = linear(weights, "dense.1", hidden, 7, 3);
      const double length = std::sqrt(out[0] * out[0] + out[1] * out[1] + out[2] * out[2]);
      for (std::size_t i = 0; i < 3; ++i) CHECK(std::abs(static_cast<double>(found[t * 3 + i]) - out[i] / length) < 1e-6);
    }
  };
  check.operator()<ts::pooling::mean>();
  check.operator()<ts::pooling::cls>();
  check.operator()<ts::pooling::last_token>();
  check.operator()<ts::pooling::max>();
  check.operator()<ts::pooling::weighted_mean>();
}

TEST_CASE("graph: a text without tokens is the zero vector", "[graph]") {
  using graph = ts::graph<ts::token_embedding<20, 10>, ts::pool<ts::pooling::mean>, ts::l2_normalize>;
  ts::token_batch_builder batch;
  batch.end_text();
  batch.add_text(std::vector{1, 2}, std::vector{0, 0});
  batch.end_text();
  random_weights weights;
  const auto found = run<graph>(weights, batch.view());
  REQUIRE(found.size() == 30);
  for (std::size_t i = 0; i < 10; ++i) CHECK((found[i] == 0.0f && found[20 + i] == 0.0f));
  CHECK(found[10] != 0.0f);
}

TEST_CASE("graph: the first failing read ends the loading", "[graph]") {
  struct failing final : ts::weight_reader {
    std::size_t reads = 0;
    ts::result<> read(std::string_view name, std::span<float>) override {
      if (++reads == 4) return ts::fail({.code = ts::error_code::not_found, .thing = std::string(name)});
      return {};
    }
  };
  using graph = ts::graph<ts::token_embedding<20, 8>, ts::layer_norm<8>,
                          ts::repeat<2, ts::encoder_layer<8, ts::heads<2>, ts::feed_forward<4, ts::gelu>>>>;
  graph::weights<ts::f32> weights;
  failing reader;
  const auto outcome = graph::load<ts::f32>(weights, reader);
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().thing == "layers.0.attention.query.weight");
  CHECK(reader.reads == 4);
}
