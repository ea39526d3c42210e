// SPDX-License-Identifier: Apache-2.0
/// Runs a model on the padded token ids of a safetensors file and gathers every output under the names of the reference files.
#pragma once

#include <tessera/base/threads.hpp>
#include <tessera/io/weights.hpp>
#include <tessera/model/directory.hpp>
#include <tessera/op/pool.hpp>
#include <tools/programs/run-model/any_model.hpp>
#include <tools/programs/run-model/asked.hpp>
#include <tools/programs/run-model/from_chunks.hpp>
#include <tools/programs/run-model/scores.hpp>
#include <tools/programs/run-model/outputs.hpp>

#include <array>
#include <mutex>
#include <optional>

#include <unistd.h>

namespace programs {

/// One padded batch, [rows, columns], row-major.
struct padded_batch {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::vector<std::int64_t> ids;
  std::vector<std::int64_t> mask;
  std::vector<std::int64_t> types;
  std::vector<std::uint32_t> adapters = {};  ///< of each row; empty: none has one

  /// The attended tokens of a row. A position is the token's column, as the reference counts it.
  [[nodiscard]] ts::result<> add_row(std::size_t row, ts::token_batch_builder& block) const {
    for (std::size_t column = 0; column < columns; ++column) {
      const std::size_t at = row * columns + column;
      if (mask[at] == 0) continue;
      constexpr std::int64_t most = std::numeric_limits<std::uint32_t>::max();
      if (ids[at] < 0 || ids[at] > most || types[at] < 0 || types[at] > most)
        return ts::fail({.code = ts::error_code::invalid_argument,
                         .thing = "token " + std::to_string(column) + " of row " + std::to_string(row),
                         .wanted = "ids and types from 0 to " + std::to_string(most),
                         .found = std::to_string(ids[at]) + " and " + std::to_string(types[at])});
      block.add_token(static_cast<std::uint32_t>(ids[at]), static_cast<std::uint32_t>(column), static_cast<std::uint32_t>(types[at]));
    }
    block.end_text(0, adapter_of(row));
    return {};
  }
  [[nodiscard]] std::uint32_t adapter_of(std::size_t row) const noexcept { return adapters.empty() ? ts::no_adapter : adapters[row]; }
  [[nodiscard]] std::size_t attended(std::size_t row) const {
    const auto begin = mask.begin() + static_cast<std::ptrdiff_t>(row * columns);
    return columns - static_cast<std::size_t>(std::count(begin, begin + static_cast<std::ptrdiff_t>(columns), 0));
  }
};

/// The batch `prefix input_ids`, `prefix attention_mask`, `prefix token_type_ids` (zeros where there are none).
[[nodiscard]] inline ts::result<padded_batch> read_batch(const ts::safetensors& file, const std::string& prefix) {
  padded_batch batch;
  const auto read = [&](const std::string& name, std::vector<std::int64_t>& into) -> ts::result<> {
    TESSERA_TRY(const ts::tensor_view tensor, file.at(name));
    if (tensor.shape.size() != 2 || (name != prefix + "input_ids" && (tensor.shape[0] != batch.rows || tensor.shape[1] != batch.columns)))
      return ts::fail({.code = ts::error_code::mismatch,
                       .thing = name,
                       .wanted = name == prefix + "input_ids" ? "two axes" : "the shape of " + prefix + "input_ids",
                       .found = ts::shape_text(tensor.shape),
                       .path = std::string(file.path())});
    batch.rows = tensor.shape[0];
    batch.columns = tensor.shape[1];
    into.resize(ts::element_count(tensor));
    return ts::read_i64(tensor, into);
  };
  TESSERA_CHECK(read(prefix + "input_ids", batch.ids));
  TESSERA_CHECK(read(prefix + "attention_mask", batch.mask));
  batch.types.resize(batch.ids.size());
  if (file.find(prefix + "token_type_ids") != nullptr) TESSERA_CHECK(read(prefix + "token_type_ids", batch.types));
  return batch;
}

/// What a directory asks for beside the encoder.
struct token_settings {
  ts::pooling pooling = ts::pooling::mean;
  std::vector<dense_module> dense = {};
  std::map<std::size_t, dense_module> alternatives = {};
  std::optional<logit_table> output_table = {};  ///< of a causal model

  [[nodiscard]] static ts::result<token_settings> read(const ts::model_directory& directory, const std::string& weights,
                                                               ts::pooling mode, std::size_t width) {
    token_settings made{.pooling = mode};
    for (const ts::dense_head& head : directory.dense) {
      TESSERA_TRY(dense_module module, dense_module::read(directory, head));
      made.dense.push_back(std::move(module));
    }
    TESSERA_TRY(made.alternatives, dense_modules_beside(directory, width));
    TESSERA_TRY(made.output_table, logit_table::find(directory, weights, width));
    return made;
  }
};

/// What the outputs call a pooling.
[[nodiscard]] inline std::string_view name_of_pool(ts::pooling mode) {
  return mode == ts::pooling::last_token ? "last" : to_string(mode);
}

/// One pooling of a batch's states.
struct pooled {
  ts::pooling mode;
  std::string name;
  std::vector<float> rows;
};
[[nodiscard]] inline const std::vector<float>& pool_of(const std::vector<pooled>& pools, ts::pooling mode) {
  return std::ranges::find(pools, mode, &pooled::mode)->rows;
}

/// All outputs of one batch, their names beginning with `prefix`; `names` are those in the inputs file, some of which ask for more.
[[nodiscard]] inline ts::result<> run_batch(const any_model& model, const token_settings& settings, const padded_batch& batch,
                                            const std::string& prefix, const std::vector<std::string>& names, ts::thread_pool& threads,
                                            outputs& into) {
  const std::size_t width = model.token_width();
  std::vector<float>& hidden = into.add(prefix + "last_hidden_state", {batch.rows, batch.columns, width});
  std::vector<float> vectors(batch.rows * model.dimension());
  std::vector<pooled> pools;
  for (const ts::pooling mode : ts::all_poolings)
    if (mode != ts::pooling::weighted_mean || settings.pooling == mode)
      pools.push_back({mode, std::string(name_of_pool(mode)), std::vector<float>(batch.rows * width)});

  std::mutex mutex;  // guards failure
  std::optional<ts::error> failure;
  const auto run_row = [&](std::size_t row) -> ts::result<> {
    if (batch.attended(row) == 0) return {};  // zeros everywhere
    ts::token_batch_builder block;
    TESSERA_CHECK(batch.add_row(row, block));
    TESSERA_TRY(const auto states, model.hidden_states(block.view()));
    for (pooled& each : pools) ts::pool_rows(each.mode, states.data(), width, block.tokens(), width, each.rows.data() + row * width);
    std::size_t next = 0;
    for (std::size_t column = 0; column < batch.columns; ++column)
      if (batch.mask[row * batch.columns + column] != 0)
        std::copy_n(states.data() + width * next++, width, hidden.data() + (row * batch.columns + column) * width);
    return model.encode_tokens(block.view(), std::span(vectors).subspan(row * model.dimension(), model.dimension()));
  };
  threads.for_each(batch.rows, [&](std::size_t row) {
    auto done = run_row(row);
    if (done) return;
    const std::lock_guard lock(mutex);
    if (!failure) failure = std::move(done).error().in(prefix + "input_ids, row " + std::to_string(row));
  });
  if (failure) return ts::fail(*std::move(failure));

  if (model.reranks()) {
    add_scores(prefix, batch.rows, model.dimension(), vectors, into);
    return settings.output_table ? settings.output_table->add_logits(names, prefix, batch.rows, width, pool_of(pools, ts::pooling::last_token), into)
                                 : ts::result<>();
  }
  into.add(prefix + "embeddings", {batch.rows, model.dimension()}) = vectors;
  pooled_rows made{.rows = batch.rows, .width = width, .own = std::string(name_of_pool(settings.pooling))};
  for (std::size_t row = 0; row < batch.rows; ++row) made.attended.push_back(batch.attended(row) != 0);
  for (pooled& each : pools) {
    into.add_with_norm(prefix + "pooled_" + each.name, batch.rows, width, each.rows);
    made.pools.emplace(each.name, std::move(each.rows));
  }
  std::vector<float> rows = made.pools.at(made.own);
  for (std::size_t i = 0; i < settings.dense.size(); ++i) {
    const dense_module& module = settings.dense[i];
    rows = module.run(rows, made.attended);
    // Of several modules of one width the last counts.
    bool again = false;
    for (std::size_t j = i + 1; j < settings.dense.size(); ++j) again |= settings.dense[j].out() == module.out();
    if (!again) into.add_with_norm(prefix + "dense_" + std::to_string(module.out()), batch.rows, module.out(), rows);
  }
  const asked_outputs asked(settings.dense, settings.alternatives);
  for (const std::string& name : names) asked.make(name, prefix, made, vectors, model.dimension(), into);
  return {};
}

/// Names of a file's tensors that begin with `prefix`, without it.
[[nodiscard]] inline std::vector<std::string> names_behind(const ts::safetensors& file, const std::string& prefix) {
  std::vector<std::string> names;
  for (const ts::tensor_view& tensor : file.tensors())
    if (tensor.name.starts_with(prefix)) names.emplace_back(tensor.name.substr(prefix.size()));
  return names;
}

/// Every batch of a file.
[[nodiscard]] inline ts::result<> run_tokens(const any_model& model, const token_settings& settings, const std::string& path,
                                             ts::thread_pool& threads, outputs& into) {
  TESSERA_TRY(const ts::safetensors file, ts::safetensors::open(path));
  bool any = false;
  for (const std::string prefix : {"", "left_", "padinside_", "inc_"}) {
    if (file.find(prefix + "input_ids") == nullptr) continue;
    any = true;
    if (prefix == "inc_" && file.find("inc_chunk_lengths") != nullptr) {
      TESSERA_CHECK(run_chunks(model, settings.output_table, file, names_behind(file, prefix), into));
      continue;
    }
    TESSERA_TRY(const padded_batch batch, read_batch(file, prefix));
    TESSERA_CHECK(run_batch(model, settings, batch, prefix, names_behind(file, prefix), threads, into));
  }
  if (any) return {};
  return ts::fail({.code = ts::error_code::not_found,
                   .thing = "inputs",
                   .wanted = "input_ids, left_input_ids, padinside_input_ids or inc_input_ids",
                   .found = "none of them",
                   .path = path});
}

}  // namespace programs
