// SPDX-License-Identifier: Apache-2.0
/// Definitions of io/onnx.hpp: published names and orientation, by the graph.
#pragma once

#include <tessera/io/onnx-inl.hpp>

#include <cstring>
#include <functional>
#include <map>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace tessera::inline TESSERA_ABI {

class onnx::names {
 public:
  /// Makes `state.tensors` of `state.initializers`. Tensors are turned around at most once each, so that memory is bounded by the file's.
  static void give(contents& state, std::span<const detail::onnx_node> nodes) { names(state, nodes).run(); }

 private:
  using node = detail::onnx_node;
  /// An initialiser as something in the graph sees it.
  struct source {
    std::size_t tensor;
    bool turned = false;           // transposed on the way
    std::string_view weight = {};  // a name on the way that ends in ".weight"
  };
  struct claim {
    std::size_t tensor;
    bool turned;
    bool disputed = false;
  };

  names(contents& state, std::span<const node> nodes) : state_(state), nodes_(nodes) {}

  void run() {
    for (const node& each : nodes_) {
      if (each.inputs.empty() || each.outputs.empty()) continue;
      if (passes_on(each)) producers_.try_emplace(each.outputs.front(), &each);
      if (each.operation == "Add" || each.operation == "BiasGelu")
        for (std::size_t i = 0; i < 2 && i < each.inputs.size(); ++i) {
          additions_.try_emplace(each.inputs[i], &each);
          ++added_[each.inputs[i]];
        }
      if (each.operation == "Gemm" && each.inputs.size() > 2) ++added_[each.inputs[2]];
      if (each.operation == "Gather") tables_.insert(each.inputs.front());
    }
    for (const node& each : nodes_)
      if (each.operation == "Identity") share(each);
    for (const node& each : nodes_)
      if (each.operation == "MatMul" || each.operation == "Gemm") linear(each);
    collect();
  }

  [[nodiscard]] static bool passes_on(const node& each) noexcept {
    return each.operation == "Identity" || each.operation == "Transpose" || each.operation == "Cast";
  }
  [[nodiscard]] std::optional<std::size_t> stored(std::string_view name) const noexcept {
    const auto place = std::ranges::lower_bound(state_.initializers, name, {}, &tensor_view::name);
    if (place == state_.initializers.end() || place->name != name) return std::nullopt;
    return static_cast<std::size_t>(place - state_.initializers.begin());
  }
  /// The initialiser behind a value, if nothing but Identity, Transpose and Cast is between them.
  [[nodiscard]] std::optional<source> resolve(std::string_view name) const {
    constexpr int longest = 16;  // also ends a circle, which no valid graph has
    source found{};
    for (int step = 0; step < longest; ++step) {
      if (found.weight.empty() && is_parameter(name) && name.ends_with(".weight")) found.weight = name;
      if (const auto tensor = stored(name)) {
        found.tensor = *tensor;
        return found;
      }
      const auto place = producers_.find(name);
      if (place == producers_.end()) return std::nullopt;
      const node& by = *place->second;
      if (by.operation == "Transpose") {
        if (by.permutation.size() == 2 ? by.permutation[0] != 1 || by.permutation[1] != 0 : !by.permutation.empty()) return std::nullopt;
        found.turned = !found.turned;
      }
      name = by.inputs.front();
    }
    return std::nullopt;
  }
  /// Names of values that an exporter made up: "onnx::MatMul_482", "/encoder/layer.0/Transpose_output_0".
  [[nodiscard]] static bool is_parameter(std::string_view name) noexcept {
    return !name.starts_with('/') && !name.starts_with("onnx::") && name.find('.') != std::string_view::npos;
  }

  void claim_name(std::string name, std::size_t tensor, bool turned) {
    // An initialiser of that name is that tensor, and no other.
    if (const auto own = stored(name); own && *own != tensor) return;
    const auto [place, fresh] = claims_.try_emplace(std::move(name), claim{tensor, turned});
    if (!fresh && (place->second.tensor != tensor || place->second.turned != turned)) place->second.disputed = true;
  }

  /// Equal tensors are stored once: Identity nodes carry the other names.
  void share(const node& each) {
    if (each.inputs.empty() || each.outputs.empty() || !is_parameter(each.outputs.front())) return;
    const auto from = resolve(each.inputs.front());
    // The weight of a linear map is claimed by that map, which knows its orientation.
    if (from && !from->turned && !(each.outputs.front().ends_with(".weight") && state_.initializers[from->tensor].shape.size() == 2 &&
                                   used_by_map(each.outputs.front())))
      claim_name(std::string(each.outputs.front()), from->tensor, false);
  }
  [[nodiscard]] bool used_by_map(std::string_view name) {
    if (map_inputs_.empty())
      for (const node& each : nodes_)
        if ((each.operation == "MatMul" || each.operation == "Gemm") && each.inputs.size() > 1) map_inputs_.insert(each.inputs[1]);
    return map_inputs_.contains(name);
  }

  void linear(const node& each) {
    if (each.inputs.size() < 2 || each.outputs.empty() || each.transposes_input) return;
    const auto weight = resolve(each.inputs[1]);
    if (!weight) return;
    const tensor_view& tensor = state_.initializers[weight->tensor];
    if (tensor.shape.size() != 2 || (tensor.type != dtype::f32 && tensor.type != dtype::f16 && tensor.type != dtype::bf16)) return;
    // x·W reads W as [in, out], Gemm's transB as [out, in].
    const bool turned = weight->turned == each.transposes_weight;
    const std::size_t out = tensor.shape[turned ? 1 : 0];
    if (!weight->weight.empty()) {
      // A table that is looked up in too (a tied output) is published as it is looked up in.
      if (!tables_.contains(weight->weight)) claim_name(std::string(weight->weight), weight->tensor, turned);
      return;
    }
    const std::string path = path_of(each);
    const std::string_view bias = bias_of(each, out);
    const bool own = !bias.empty() && (path.empty() || added_[bias] <= 1);
    const std::string place = own ? std::string(bias.substr(0, bias.size() - 5)) : path;
    if (place.empty()) return;
    claim_name(place + ".weight", weight->tensor, turned);
    // Without Identity nodes a bias that several maps add has the name of one of them.
    if (!own && !bias.empty()) claim_name(place + ".bias", resolve(bias)->tensor, false);
  }

  /// The name of what is added to a map's output, if it is a bias.
  [[nodiscard]] std::string_view bias_of(const node& each, std::size_t out) const {
    std::string_view name;
    if (each.operation == "Gemm") {
      if (each.inputs.size() > 2) name = each.inputs[2];
    } else if (const auto place = additions_.find(each.outputs.front()); place != additions_.end() && place->second->inputs.size() > 1) {
      const auto& terms = place->second->inputs;
      name = terms[terms[0] == each.outputs.front() ? 1 : 0];
    }
    if (!is_parameter(name) || !name.ends_with(".bias")) return {};
    const auto bias = resolve(name);
    if (!bias) return {};
    const auto shape = state_.initializers[bias->tensor].shape;
    return shape.size() == 1 && shape[0] == out ? name : std::string_view();
  }
  /// "/encoder/layer.0/output/dense/MatMul" -> "encoder.layer.0.output.dense", or nothing.
  [[nodiscard]] static std::string path_of(const node& each) {
    std::string_view text = each.name.starts_with('/') ? each.name : each.outputs.front();
    const std::size_t last = text.rfind('/');
    if (!text.starts_with('/') || last == 0) return {};
    std::string path(text.substr(1, last - 1));
    std::ranges::replace(path, '/', '.');
    return path;
  }

  void collect() {
    std::vector<char> renamed(state_.initializers.size());
    for (const auto& [name, claimed] : claims_) {
      if (claimed.disputed) continue;
      tensor_view tensor = claimed.turned ? turned_around(claimed.tensor) : state_.initializers[claimed.tensor];
      tensor.name = state_.names.emplace_back(name);
      state_.tensors.push_back(tensor);
      renamed[claimed.tensor] = 1;
    }
    for (std::size_t i = 0; i < renamed.size(); ++i) {
      const tensor_view& tensor = state_.initializers[i];
      if (claims_.contains(tensor.name)) continue;
      if (renamed[i] == 0 || is_parameter(tensor.name)) state_.tensors.push_back(tensor);
    }
    std::ranges::sort(state_.tensors, {}, &tensor_view::name);
  }

  /// The transposed copy of a matrix.
  [[nodiscard]] tensor_view turned_around(std::size_t index) {
    tensor_view tensor = state_.initializers[index];
    const auto [place, fresh] = turned_.try_emplace(index);
    if (fresh) {
      const std::size_t rows = tensor.shape[0];
      const std::size_t columns = tensor.shape[1];
      const std::size_t size = bits_of(tensor.type) / 8;
      std::vector<std::byte>& data = state_.data.emplace_back(tensor.bytes.size());
      if (size == 4) transpose<4>(tensor.bytes.data(), rows, columns, data.data());
      else transpose<2>(tensor.bytes.data(), rows, columns, data.data());
      place->second = {state_.shapes.emplace_back(std::vector<std::size_t>{columns, rows}), data};
    }
    tensor.shape = place->second.first;
    tensor.bytes = place->second.second;
    return tensor;
  }
  template <std::size_t Size>
  static void transpose(const std::byte* from, std::size_t rows, std::size_t columns, std::byte* to) {
    constexpr std::size_t tile = 32;  // both sides of a tile stay in the first-level cache
    for (std::size_t r = 0; r < rows; r += tile)
      for (std::size_t c = 0; c < columns; c += tile)
        for (std::size_t j = c; j < std::min(c + tile, columns); ++j)
          for (std::size_t i = r; i < std::min(r + tile, rows); ++i)
            std::memcpy(to + (j * rows + i) * Size, from + (i * columns + j) * Size, Size);
  }

  contents& state_;
  std::span<const node> nodes_;
  std::unordered_map<std::string_view, const node*> producers_;
  std::unordered_map<std::string_view, const node*> additions_;  // by either term
  std::unordered_map<std::string_view, std::size_t> added_;      // how often a value is a term
  std::unordered_set<std::string_view> tables_;
  std::unordered_set<std::string_view> map_inputs_;
  std::map<std::string, claim, std::less<>> claims_;
  std::map<std::size_t, std::pair<std::span<const std::size_t>, std::span<const std::byte>>> turned_;
};

TESSERA_INLINE void onnx::give_names(contents& state, std::span<const detail::onnx_node> nodes) { names::give(state, nodes); }

}  // namespace tessera::inline TESSERA_ABI
