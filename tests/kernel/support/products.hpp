// SPDX-License-Identifier: Apache-2.0
/// The forms of weights that a target multiplies by, for what holds of all of them.
#pragma once

#include <tests/kernel/support/targets.hpp>

#include <vector>

namespace tessera_test {

struct product_sizes {
  std::size_t m, n, k;
};

/// How a target packs weights in one form, and its products with them.
template <class Element>
struct product_form {
  using element = Element;
  using row_norm = tessera::kernel::row_norm;
  using activation = tessera::kernel::activation;

  const char* name;
  std::size_t (*packed_size)(std::size_t k, std::size_t n) noexcept;
  void (*pack)(const float* weight, std::size_t k, std::size_t n, Element* packed) noexcept;
  void (*matmul)(const float* a, std::size_t lda, const Element* packed, const float* bias, activation act, const float* residual, float* c,
                 std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;
  void (*gated)(const float* a, std::size_t lda, const Element* packed, const float* bias, activation act, float* c, std::size_t ldc,
                std::size_t m, std::size_t n, std::size_t k) noexcept;
  void (*normed)(const float* a, std::size_t lda, const Element* packed, const float* bias, const float* residual, const row_norm& norm,
                 float* c, std::size_t ldc, std::size_t m, std::size_t n, std::size_t k) noexcept;

  /// weight [n, k], packed where not a byte too many can be written.
  [[nodiscard]] std::vector<Element> packed(const std::vector<float>& weight, std::size_t k, std::size_t n) const {
    guarded<Element> made(packed_size(k, n));
    pack(weight.data(), k, n, made.data());
    return {made.data(), made.data() + made.size()};
  }
};

inline product_form<float> f32_form(const kernel_table& t) {
  return {"f32", t.matmul.packed_size_f32, t.matmul.pack_f32, t.matmul.matmul_f32, t.matmul.gated, t.matmul.normed};
}
inline product_form<std::uint16_t> bf16_form(const kernel_table& t) {
  const auto& kernels = t.matmul_bf16;
  return {"bf16", kernels.packed_size, kernels.pack, kernels.matmul, kernels.gated, kernels.normed};
}
inline product_form<std::uint8_t> i8_form(const kernel_table& t) {
  const auto& kernels = t.matmul_i8;
  return {"i8", kernels.packed_size, kernels.pack, kernels.matmul, kernels.gated, kernels.normed};
}
/// 4-bit weights with rows in 8 bits, and with rows in f32.
inline product_form<std::uint8_t> i4_form(const kernel_table& t) {
  const auto& kernels = t.matmul_i4;
  return {"i4", kernels.packed_size, kernels.pack, kernels.matmul, kernels.gated, kernels.normed};
}
inline product_form<std::uint8_t> i4_form_of_f32(const kernel_table& t) {
  const auto& kernels = t.matmul_i4;
  return {"i4, rows in f32", kernels.packed_size, kernels.pack, kernels.matmul_f32, kernels.gated_f32, kernels.normed_f32};
}

/// Calls `check(form)` for every form of a target.
template <class Check>
void for_each_form(const kernel_table& table, const Check& check) {
  const auto named = [&](const auto& form) {
    INFO("weights in " << form.name);
    check(form);
  };
  named(f32_form(table));
  named(bf16_form(table));
  named(i8_form(table));
  named(i4_form(table));
  named(i4_form_of_f32(table));
}

}  // namespace tessera_test
