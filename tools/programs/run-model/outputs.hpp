// SPDX-License-Identifier: Apache-2.0
/// Named arrays of floats on their way to a safetensors file.
#pragma once

#include <tessera/dispatch.hpp>
#include <tessera/io/safetensors.hpp>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

namespace programs {

namespace ts = tessera;

class outputs {
 public:
  struct array {
    std::string name;
    std::vector<std::size_t> shape;
    std::vector<float> values;
  };

  /// Zeros of that shape; the reference stays valid.
  [[nodiscard]] std::vector<float>& add(std::string name, std::vector<std::size_t> shape) {
    const std::size_t count = ts::element_count(shape);
    return arrays_.emplace_back(std::move(name), std::move(shape), std::vector<float>(count)).values;
  }
  /// `rows`, [count, width], and the same divided by their lengths under `name + "_norm"`; zero rows stay zero.
  void add_with_norm(const std::string& name, std::size_t count, std::size_t width, const std::vector<float>& rows) {
    add(name, {count, width}) = rows;
    add_normalized(name + "_norm", count, width, rows.data(), width);
  }
  /// The first `width` numbers of each row, divided by their length.
  void add_normalized(std::string name, std::size_t count, std::size_t width, const float* rows, std::size_t stride) {
    std::vector<float>& made = add(std::move(name), {count, width});
    for (std::size_t i = 0; i < count; ++i)
      ts::kernel::kernels().norm.l2_normalize_f32(rows + i * stride, made.data() + i * width, width);
  }

  /// The values of that name, or null.
  [[nodiscard]] const std::vector<float>* find(std::string_view name) const noexcept {
    for (const array& each : arrays_)
      if (each.name == name) return &each.values;
    return nullptr;
  }

  [[nodiscard]] ts::result<> write(const std::string& path) const {
    std::vector<ts::tensor_view> tensors;
    for (const array& each : arrays_) tensors.push_back(ts::tensor_of<float>(each.name, each.shape, each.values));
    return ts::write_safetensors(path, tensors);
  }

 private:
  std::deque<array> arrays_;
};

}  // namespace programs
