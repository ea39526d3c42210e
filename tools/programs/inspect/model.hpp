// SPDX-License-Identifier: Apache-2.0
/// What a model directory holds: checked as loading checks it, every weight looked at, nothing compiled.
#pragma once

#include <tessera/model/families.hpp>
#include <tessera/model/loader.hpp>
#include <tools/programs/inspect/files.hpp>
#include <tools/programs/run-model/header.hpp>

#include <limits>

#include <unistd.h>

namespace programs {

inline void report_description(const ts::model_directory& directory, const ts::model_description& model, report& into) {
  into.fact("family", model.encoder.family);
  for (const ts::model_setting& each : model.encoder.settings) into.line("  " + std::string(each.key) + " = " + each.value);
  if (directory.pooling_mode)
    into.fact("pooling", std::string(to_string(*directory.pooling_mode)) + (directory.pool_prompt ? "" : ", the prompt's tokens left out"));
  else
    into.fact("pooling", "not said (no modules.json)");
  for (const ts::dense_head& head : model.dense)
    into.fact("dense", printable(head.folder) + ": " + std::to_string(head.in) + " to " + std::to_string(head.out) + ", " +
                           std::string(ts::to_string(head.activation)) + (head.bias ? "" : ", without bias"));
  into.fact("vectors", count_of(model.dimension, "dimension") + (model.normalize ? ", unit length" : ", not normalised"));
  for (const auto& [name, text] : directory.prompts)
    into.fact("prompt", ts::quoted(name) + ": " + ts::quoted(text) + (directory.default_prompt == name ? " (default)" : ""));
  if (model.encoder.adapters != 0)
    for (const auto& [name, text] : directory.tasks) into.fact("task", ts::quoted(name) + ": " + ts::quoted(text));
}

inline ts::result<> inspect_model(const std::string& path, report& into) {
  TESSERA_TRY(const ts::model_directory directory, ts::model_directory::read(path));
  TESSERA_TRY(const ts::model_description model, ts::describe(directory));
  const auto has = [&](std::string_view name) { return ::access(directory.encoder_file(name).c_str(), F_OK) == 0; };
  const bool tokenizer = has("tokenizer.json") || has("vocab.txt");
  TESSERA_TRY(const ts::load_plan plan, ts::check_directory(directory, model, {.tokens_only = !tokenizer}));
  const std::vector<ts::tensor_entry> manifest = model.manifest();
  std::uint64_t parameters = 0;
  for (const ts::tensor_entry& entry : manifest) {
    parameters += entry.size();
    if (const ts::published_tensor tensor = plan.tensors.find(entry.label())) TESSERA_CHECK(ts::check_finite(*tensor.whole));
  }
  into.fact("model", printable(path));
  report_description(directory, model, into);
  into.fact("longest text", plan.text.max_tokens == std::numeric_limits<std::size_t>::max() ? "no limit" : count_of(plan.text.max_tokens, "token"));
  if (plan.text.tokens) report_tokenizer(*plan.text.tokens, into);
  else into.fact("tokenizer", "none: this model runs on ready tokens only");
  into.fact("parameters", grouped(parameters) + " in " + count_of(manifest.size(), "tensor"));
  for (const std::string_view file : plan.tensors.encoder().files()) into.fact("weights", printable(file));
  into.tensors(listed(plan.tensors.encoder().tensors()));
  const std::vector<std::string_view> extra = plan.tensors.extra(manifest);
  if (!extra.empty()) into.fact("not read", count_of(extra.size(), "tensor") + " that this family does not use:");
  for (const std::string_view name : extra) into.line("  " + printable(name));
  into.line("type");
  into.line("    " + in_lines(ts::type_text(model, name_of(path))));
  return {};
}

}  // namespace programs
