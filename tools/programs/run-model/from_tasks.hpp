// SPDX-License-Identifier: Apache-2.0
/// What a model with adapters makes besides: its outputs with each task, with a task for each row, and those of its pooler.
#pragma once

#include <tessera/model/published.hpp>
#include <tools/programs/run-model/from_tokens.hpp>

namespace programs {

/// tanh(W·x + b) of the first token, W being that of each text's adapter. No vector is made of it, so it stands beside the graph.
class pooler_module {
 public:
  /// None where the files have no pooler. Errors: mismatch, io.
  [[nodiscard]] static ts::result<std::optional<pooler_module>> read(const ts::published_tensors& tensors, std::size_t width,
                                                                     double alpha) {
    const auto take = [&](std::string_view name, std::vector<float>& values) -> ts::result<> {
      const ts::published_tensor tensor = tensors.find(name);
      values.resize(ts::element_count(tensor.whole->shape));
      return tensor.read(values);
    };
    if (!tensors.find("pooler.weight") || !tensors.find("pooler.bias")) return std::nullopt;
    pooler_module made(width);
    TESSERA_CHECK(take("pooler.weight", made.maps_.emplace_back()));
    TESSERA_CHECK(take("pooler.bias", made.bias_));
    const ts::published_tensor first = tensors.find("pooler.adapters.a");
    std::vector<float> a, b;
    std::size_t tasks = 0, rank = 0;
    if (first && tensors.find("pooler.adapters.b")) {
      TESSERA_CHECK(take("pooler.adapters.a", a));
      TESSERA_CHECK(take("pooler.adapters.b", b));
      tasks = first.whole->shape.size() == 3 ? first.whole->shape[0] : 0;
      rank = tasks == 0 ? 0 : first.whole->shape[1];
    }
    if (made.maps_.front().size() != width * width || made.bias_.size() != width || a.size() != tasks * rank * width || b.size() != a.size())
      return ts::fail({.code = ts::error_code::mismatch,
                       .thing = "pooler.dense",
                       .wanted = "maps of " + std::to_string(width) + " to " + std::to_string(width),
                       .found = "others",
                       .path = tensors.encoder().path()});
    for (std::size_t t = 0; t < tasks; ++t) {
      std::vector<float>& map = made.maps_.emplace_back(made.maps_.front());
      for (std::size_t o = 0; o < width; ++o)
        for (std::size_t i = 0; i < width; ++i) {
          double sum = 0.0;
          for (std::size_t r = 0; r < rank; ++r)
            sum += static_cast<double>(b[(t * width + o) * rank + r]) * static_cast<double>(a[(t * rank + r) * width + i]);
          map[o * width + i] += static_cast<float>(alpha / static_cast<double>(rank) * sum);
        }
    }
    return made;
  }
  /// `prefix pooler_output` from `prefix pooled_cls`; rows without tokens stay zero.
  void add(const padded_batch& batch, const std::string& prefix, outputs& into) const {
    const std::vector<float>& first = *into.find(prefix + "pooled_cls");
    std::vector<float>& made = into.add(prefix + "pooler_output", {batch.rows, width_});
    for (std::size_t row = 0; row < batch.rows; ++row) {
      if (batch.attended(row) == 0) continue;
      const std::uint32_t adapter = batch.adapter_of(row);
      const std::vector<float>& map = maps_[adapter == ts::no_adapter ? 0 : 1 + adapter];
      for (std::size_t o = 0; o < width_; ++o) {
        double sum = static_cast<double>(bias_[o]);
        for (std::size_t i = 0; i < width_; ++i)
          sum += static_cast<double>(map[o * width_ + i]) * static_cast<double>(first[row * width_ + i]);
        made[row * width_ + o] = static_cast<float>(std::tanh(sum));
      }
    }
  }

 private:
  explicit pooler_module(std::size_t width) : width_(width) {}

  std::size_t width_;
  std::vector<std::vector<float>> maps_;  ///< without an adapter, then with each
  std::vector<float> bias_;
};

/// The outputs of run_tokens' batches again: `task<i>_*` with the adapter i of `tasks`, and `mixed_*` with those of mixed_adapter_mask.
[[nodiscard]] inline ts::result<> run_tasks(const any_model& model, const token_settings& settings, std::size_t tasks,
                                            const std::optional<pooler_module>& pooler, const std::string& path,
                                            ts::thread_pool& threads, outputs& into) {
  TESSERA_TRY(const ts::safetensors file, ts::safetensors::open(path));
  if (file.find("input_ids") == nullptr) return {};
  TESSERA_TRY(padded_batch batch, read_batch(file, ""));
  if (pooler) pooler->add(batch, "", into);
  const auto run = [&](const std::string& prefix) -> ts::result<> {
    TESSERA_CHECK(run_batch(model, settings, batch, prefix, names_behind(file, prefix), threads, into));
    if (pooler) pooler->add(batch, prefix, into);
    return {};
  };
  for (std::size_t task = 0; task < tasks; ++task) {
    batch.adapters.assign(batch.rows, static_cast<std::uint32_t>(task));
    TESSERA_CHECK(run("task" + std::to_string(task) + "_"));
  }
  if (tasks == 0 || file.find("mixed_adapter_mask") == nullptr) return {};
  TESSERA_TRY(const ts::tensor_view mask, file.at("mixed_adapter_mask"));
  std::vector<std::int64_t> chosen(ts::element_count(mask));
  TESSERA_CHECK(ts::read_i64(mask, chosen));
  if (chosen.size() != batch.rows)
    return ts::fail({.code = ts::error_code::mismatch,
                     .thing = "mixed_adapter_mask",
                     .wanted = "one number a row of input_ids",
                     .found = ts::shape_text(mask.shape),
                     .path = path});
  for (std::size_t row = 0; row < batch.rows; ++row) {
    if (chosen[row] < 0 || static_cast<std::uint64_t>(chosen[row]) >= tasks)
      return ts::fail({.code = ts::error_code::mismatch,
                       .thing = "mixed_adapter_mask of row " + std::to_string(row),
                       .wanted = "0 to " + std::to_string(tasks - 1),
                       .found = std::to_string(chosen[row]),
                       .path = path});
    batch.adapters[row] = static_cast<std::uint32_t>(chosen[row]);
  }
  return run("mixed_");
}

}  // namespace programs
