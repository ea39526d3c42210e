// SPDX-License-Identifier: Apache-2.0
/// Outputs that an inputs file asks for by holding tensors of their names, beside those that every model has.
///
/// | name                                  | what it is                                                                             |
/// | ------------------------------------- | -------------------------------------------------------------------------------------- |
/// | matryoshka_<pool>_<k>                 | the first k values of a pooling, to unit length                                        |
/// | matryoshka_ln_<pool>_<k>              | the same after a layer norm without weights over all values (epsilon 1e-5)             |
/// | matryoshka_<k>, dense_output          | the first k values of the last dense module, to unit length; all of them as they are   |
/// | dense_<N>[_<pool>][_norm]             | a pooling (the model's own where none is named) through the dense module of N values   |
/// | embedding                             | what modules.json says                                                                 |
#pragma once

#include <tessera/io/safetensors.hpp>
#include <tools/programs/run-model/dense_module.hpp>
#include <tools/programs/run-model/outputs.hpp>

#include <charconv>
#include <map>
#include <optional>
#include <string_view>

namespace programs {

/// What a model directory offers beside its graph, and what was computed of one batch.
struct pooled_rows {
  std::size_t rows = 0;
  std::size_t width = 0;
  std::string own;                                 ///< the model's own pooling
  std::map<std::string, std::vector<float>> pools = {};  ///< "mean", "cls", "last", "max"
  std::vector<bool> attended = {};                 ///< rows without tokens stay zero
};

class asked_outputs {
 public:
  asked_outputs(const std::vector<dense_module>& chain, const std::map<std::size_t, dense_module>& alternatives)
      : chain_(chain), alternatives_(alternatives) {}

  /// Writes `prefix + name` if the name is one of the table's.
  void make(std::string_view name, const std::string& prefix, const pooled_rows& pooled, const std::vector<float>& vectors,
            std::size_t dimension, outputs& into) const {
    const std::string full = prefix + std::string(name);
    if (into.find(full) != nullptr) return;
    if (name == "embedding") {
      into.add(full, {pooled.rows, dimension}) = vectors;
    } else if (name == "dense_output" && !chain_.empty()) {
      into.add(full, {pooled.rows, chain_.back().out()}) = through_chain(pooled);
    } else if (take(name, "matryoshka_")) {
      matryoshka(name, full, pooled, into);
    } else if (take(name, "dense_")) {
      dense(name, full, pooled, into);
    }
  }

 private:
  static bool take(std::string_view& text, std::string_view prefix) {
    if (!text.starts_with(prefix)) return false;
    text.remove_prefix(prefix.size());
    return true;
  }
  static std::optional<std::size_t> number(std::string_view text) {
    std::size_t value = 0;
    const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (failed != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
  }
  [[nodiscard]] std::vector<float> through_chain(const pooled_rows& pooled) const {
    std::vector<float> rows = pooled.pools.at(pooled.own);
    for (const dense_module& module : chain_) rows = module.run(rows, pooled.attended);
    return rows;
  }

  void matryoshka(std::string_view rest, const std::string& full, const pooled_rows& pooled, outputs& into) const {
    const bool normed = take(rest, "ln_");
    const std::size_t cut = rest.rfind('_');
    const auto k = number(cut == std::string_view::npos ? rest : rest.substr(cut + 1));
    std::vector<float> rows;
    std::size_t width = pooled.width;
    if (cut == std::string_view::npos) {
      if (chain_.empty()) return;
      rows = through_chain(pooled);
      width = chain_.back().out();
    } else {
      const auto pool = pooled.pools.find(std::string(rest.substr(0, cut)));
      if (pool == pooled.pools.end()) return;
      rows = pool->second;
    }
    if (!k || *k == 0 || *k > width) return;
    if (normed) ts::kernel::kernels().norm.layer_norm_f32(rows.data(), width, nullptr, nullptr, 1e-5f, rows.data(), width, pooled.rows, width);
    into.add_normalized(full, pooled.rows, *k, rows.data(), width);
  }

  void dense(std::string_view rest, const std::string& full, const pooled_rows& pooled, outputs& into) const {
    const bool unit = rest.ends_with("_norm");
    if (unit) rest.remove_suffix(5);
    const std::size_t cut = rest.find('_');
    const auto size = number(rest.substr(0, cut));
    const std::string mode = cut == std::string_view::npos ? pooled.own : std::string(rest.substr(cut + 1));
    if (!size || !pooled.pools.contains(mode)) return;
    const auto found = alternatives_.find(*size);
    if (found == alternatives_.end()) return;
    const std::vector<float> rows = found->second.run(pooled.pools.at(mode), pooled.attended);
    if (unit) into.add_normalized(full, pooled.rows, *size, rows.data(), *size);
    else into.add(full, {pooled.rows, *size}) = rows;
  }

  const std::vector<dense_module>& chain_;
  const std::map<std::size_t, dense_module>& alternatives_;
};

}  // namespace programs
