// SPDX-License-Identifier: Apache-2.0
/// Weights for graphs that no file holds.
#pragma once

#include <tests/support/result.hpp>

#include <tessera/graph/weights.hpp>

#include <map>
#include <random>
#include <string>
#include <vector>

namespace tessera_tests {

/// Random weights by name, drawn when first asked for.
struct random_weights final : tessera::weight_reader {
  std::map<std::string, std::vector<float>, std::less<>> tensors;
  std::mt19937 source{11};

  tessera::result<> read(std::string_view name, std::span<float> values) override {
    std::normal_distribution<float> normal(0.0f, 0.3f);
    auto& tensor = tensors[std::string(name)];
    for (float& x : values) tensor.push_back(x = normal(source));
    return {};
  }
  [[nodiscard]] const std::vector<float>& at(std::string_view name) const { return tensors.find(name)->second; }
};

}  // namespace tessera_tests
