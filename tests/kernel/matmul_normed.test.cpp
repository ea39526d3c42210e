// SPDX-License-Identifier: Apache-2.0
// Products with a norm of their rows behind them, of every precision on every target: the bits of the product and the norm alone, for any
// rows beside them, and nothing written beside c.
#include <tests/kernel/support/amx.hpp>
#include <tests/kernel/support/products.hpp>
#include <tests/support/catch.hpp>

#include <tessera/dispatch.hpp>

#include <cstring>
#include <vector>

using namespace tessera_test;
namespace tk = tessera::kernel;
using tk::row_norm;

namespace {

/// matmul and in_place_f32 beside normed.
struct operands {
  const std::vector<float>&a, &weight, &bias, &residual;
  row_norm norm;
  bool in_place;

  template <class Form>
  void check(const kernel_table& table, product_sizes s, const Form& form) const {
    const guarded<typename Form::element> packed(form.packed(weight, s.k, s.n));
    const std::size_t lda = s.k + 1, ldc = s.n + 3;
    std::vector<float> wanted(residual);
    form.matmul(a.data(), lda, packed.data(), bias.data(), tk::activation::none, wanted.data(), wanted.data(), ldc, s.m, s.n, s.k);
    if (norm.of == row_norm::kind::layer)
      table.norm.layer_norm_f32(wanted.data(), ldc, norm.gamma, norm.beta, norm.epsilon, wanted.data(), ldc, s.m, s.n);
    if (norm.of == row_norm::kind::rms)
      table.norm.rms_norm_f32(wanted.data(), ldc, norm.gamma, norm.epsilon, wanted.data(), ldc, s.m, s.n);
    std::vector<float> old(residual);
    std::vector<float> c(residual);
    form.normed(a.data(), lda, packed.data(), bias.data(), in_place ? c.data() : old.data(), norm, c.data(), ldc, s.m, s.n, s.k);
    CHECK(std::memcmp(c.data(), wanted.data(), wanted.size() * sizeof(float)) == 0);
    if (s.m < 2) return;
    // The last row alone.
    std::vector<float> one(residual.end() - static_cast<std::ptrdiff_t>(ldc), residual.end());
    form.normed(a.data() + (s.m - 1) * lda, lda, packed.data(), bias.data(), one.data(), norm, one.data(), ldc, 1, s.n, s.k);
    CHECK(std::memcmp(one.data(), c.data() + (s.m - 1) * ldc, ldc * sizeof(float)) == 0);
  }
};

}  // namespace

TEST_CASE("a product with a norm behind it has the bits of both alone", "[kernel][matmul][norm]") {
  random_source random(62);
  // One group of panels, several, depth in slices; blocks of rows of unequal heights.
  for (const product_sizes s : {product_sizes{3, 1, 40}, {29, 70, 33}, {15, 384, 1601}, {33, 1100, 64}, {1, 384, 384}, {2, 5, 0}}) {
    const std::vector<float> a = random.floats(s.m * (s.k + 1)), weight = random.floats(s.n * s.k), bias = random.floats(s.n);
    const std::vector<float> residual = random.floats(s.m * (s.n + 3)), gamma = random.floats(s.n), beta = random.floats(s.n);
    using enum row_norm::kind;
    const row_norm norms[] = {{layer, gamma.data(), beta.data(), 1e-12f}, {rms, gamma.data(), nullptr, 1e-6f}, {}};
    for (const row_norm& norm : norms) {
      INFO("m " << s.m << ", n " << s.n << ", k " << s.k << ", norm " << static_cast<int>(norm.of));
      const operands with{a, weight, bias, residual, norm, norm.of == layer};
      for_each_target_and_amx([&](const kernel_table& table) {
        for_each_form(table, [&](const auto& form) { with.check(table, s, form); });
      });
    }
  }
}
