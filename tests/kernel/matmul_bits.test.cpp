// SPDX-License-Identifier: Apache-2.0
// What holds bit for bit of the products of every form of weights on every target: a row's bits, whatever stands beside it, and a result
// that takes the place of its residual.
#include <tests/kernel/support/amx.hpp>
#include <tests/kernel/support/products.hpp>
#include <tests/support/catch.hpp>

#include <algorithm>
#include <cstring>

using namespace tessera_test;
using tessera::kernel::activation;

namespace {

struct operands {
  product_sizes s;
  std::vector<float> a, weight, bias, residual;

  operands(random_source& random, product_sizes sizes)
      : s(sizes), a(random.floats(s.m * s.k)), weight(random.floats(s.n * s.k)), bias(random.floats(s.n)), residual(random.floats(s.m * s.n)) {}

  /// Any rows of them, in any company, against each alone.
  template <class Form>
  void check_rows(const Form& form) const {
    const guarded<typename Form::element> packed(form.packed(weight, s.k, s.n));
    const auto product = [&](std::size_t first, std::size_t m) {
      std::vector<float> c(m * s.n);
      form.matmul(a.data() + first * s.k, s.k, packed.data(), bias.data(), activation::gelu_erf, residual.data() + first * s.n, c.data(), s.n,
                  m, s.n, s.k);
      return c;
    };
    std::vector<float> alone;
    for (std::size_t row = 0; row < s.m; ++row) std::ranges::copy(product(row, 1), std::back_inserter(alone));
    for (std::size_t m = 1; m <= s.m; ++m) {
      for (const std::size_t first : {std::size_t{0}, (s.m - m) / 2, s.m - m}) {
        INFO("k " << s.k << ", n " << s.n << ", m " << m << ", first row " << first);
        CHECK(std::memcmp(product(first, m).data(), alone.data() + first * s.n, m * s.n * sizeof(float)) == 0);
      }
    }
  }
};

}  // namespace

TEST_CASE("a row of a product has the same bits whatever the number of rows and wherever it stands", "[kernel][matmul]") {
  random_source random(22);
  for (const auto& [n, k] : {std::pair<std::size_t, std::size_t>{5, 7}, {70, 33}, {131, 384}, {300, 96}, {70, 1024}, {70, 1601}}) {
    const operands all(random, {.m = 40, .n = n, .k = k});
    for_each_target([&](const kernel_table& table) { for_each_form(table, [&](const auto& form) { all.check_rows(form); }); });
    if (tessera::kernel::find_kernels("AVX3_AMX") != nullptr) continue;
    with_amx([&](const kernel_table& table) {  // f32 by emulated tiles takes long: matmul_amx.test.cpp does some rows
      all.check_rows(bf16_form(table));
      all.check_rows(i8_form(table));
    });
  }
}

TEST_CASE("a row alone, longer than the room that it is given, has the bits that it has among others", "[kernel][matmul]") {
  random_source random(48);
  constexpr std::size_t k = 22'700;
  constexpr std::size_t n = 9;
  const std::vector<float> a = random.floats(2 * k);
  const std::vector<float> weight = random.floats(n * k);
  for_each_target_and_amx([&](const kernel_table& table) {
    for_each_form(table, [&](const auto& form) {
      const auto packed = form.packed(weight, k, n);
      float alone[n], both[2 * n];
      form.matmul(a.data(), k, packed.data(), nullptr, activation::none, nullptr, alone, n, 1, n, k);
      form.matmul(a.data(), k, packed.data(), nullptr, activation::none, nullptr, both, n, 2, n, k);
      CHECK(std::memcmp(alone, both, sizeof(alone)) == 0);
    });
  });
}

TEST_CASE("the residual of a product may be the result itself", "[kernel][matmul]") {
  random_source random(24);
  const operands all(random, {.m = 37, .n = 75, .k = 90});
  const auto [m, n, k] = all.s;
  for_each_target_and_amx([&](const kernel_table& table) {
    for_each_form(table, [&](const auto& form) {
      const auto packed = form.packed(all.weight, k, n);
      std::vector<float> apart(m * n);
      form.matmul(all.a.data(), k, packed.data(), nullptr, activation::none, all.residual.data(), apart.data(), n, m, n, k);
      std::vector<float> in_place = all.residual;
      form.matmul(all.a.data(), k, packed.data(), nullptr, activation::none, in_place.data(), in_place.data(), n, m, n, k);
      CHECK(std::ranges::equal(apart, in_place, same_bits));
    });
  });
}
