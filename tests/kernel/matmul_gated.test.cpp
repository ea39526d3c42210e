// SPDX-License-Identifier: Apache-2.0
// Gated products of every precision on every target: the bits of two products and a gate behind them, and nothing written beside c.
#include <tests/kernel/support/amx.hpp>
#include <tests/kernel/support/products.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <algorithm>
#include <cstring>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;
using tk::activation;

namespace {

/// A gated product's weights, biases and result beside those of its two halves.
struct halves {
  std::size_t k, n;
  std::vector<float> gate, up, gate_bias, up_bias;

  halves(random_source& random, std::size_t depth, std::size_t columns)
      : k(depth), n(columns), gate(random.floats(n * k)), up(random.floats(n * k)), gate_bias(random.floats(n)), up_bias(random.floats(n)) {}

  /// Gate and up in turns of `turn` rows of `width` numbers.
  [[nodiscard]] std::vector<float> in_turns(const std::vector<float>& first, const std::vector<float>& second, std::size_t width,
                                            std::size_t turn) const {
    std::vector<float> joined((n + turn - 1) / turn * 2 * turn * width);
    for (std::size_t j = 0; j < n; ++j) {
      const std::size_t row = j / turn * 2 * turn + j % turn;
      std::copy_n(first.data() + j * width, width, joined.data() + row * width);
      std::copy_n(second.data() + j * width, width, joined.data() + (row + turn) * width);
    }
    return joined;
  }

  template <class Form>
  void check(const kernel_table& table, const std::vector<float>& a, std::size_t m, activation act, const Form& form) const {
    const std::size_t lda = k + 1, ldc = n + 3, turn = table.matmul.gate_columns;
    std::vector<float> wanted(m * ldc, 77.0f), other(m * n);
    form.matmul(a.data(), lda, form.packed(gate, k, n).data(), gate_bias.data(), activation::none, nullptr, wanted.data(), ldc, m, n, k);
    form.matmul(a.data(), lda, form.packed(up, k, n).data(), up_bias.data(), activation::none, nullptr, other.data(), n, m, n, k);
    for (std::size_t i = 0; i < m; ++i)
      table.activation.gate_f32(act, wanted.data() + i * ldc, other.data() + i * n, wanted.data() + i * ldc, n);
    const std::vector<float> both = in_turns(gate, up, k, turn);
    const guarded<typename Form::element> weights(form.packed(both, k, both.size() / k));
    const guarded<float> bias(in_turns(gate_bias, up_bias, 1, turn));
    guarded<float> c(std::vector<float>(m * ldc, 77.0f));
    form.gated(a.data(), lda, weights.data(), bias.data(), act, c.data(), ldc, m, n, k);
    CHECK(std::memcmp(c.data(), wanted.data(), wanted.size() * sizeof(float)) == 0);
  }
};

}  // namespace

TEST_CASE("a gated product has the bits of two products and a gate", "[kernel][matmul]") {
  random_source random(61);
  for (const auto& [k, n] : {std::pair<std::size_t, std::size_t>{40, 1}, {33, 7}, {384, 16}, {200, 37}, {1601, 70}, {96, 330}}) {
    const halves both(random, k, n);
    const std::vector<float> a = random.floats(29 * (k + 1));
    for (const std::size_t m : {1u, 3u, 29u}) {
      for (const activation act : {activation::silu, activation::gelu_tanh}) {
        INFO("m " << m << ", n " << n << ", k " << k);
        for_each_target_and_amx([&](const kernel_table& table) {
          for_each_form(table, [&](const auto& form) { both.check(table, a, m, act, form); });
        });
      }
    }
  }
}
