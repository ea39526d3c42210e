// SPDX-License-Identifier: Apache-2.0
/// tools/run-model: compiles the type of a model directory, once, and runs it on token ids or texts.
#include <tools/programs/run-model/compile.hpp>
#include <tools/programs/run-model/from_tasks.hpp>
#include <tools/programs/run-model/from_texts.hpp>
#include <tools/programs/run-model/header.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>

namespace programs {
namespace {

struct settings {
  std::string directory, output, inputs, texts, pooling, weights;
  std::string precision = "f32";
  std::optional<std::string> task;
  std::size_t threads = 0;
};

/// A model with adapters has tasks; of others a task is a prompt.
ts::result<> check_task(const ts::text_settings& settings, const std::optional<std::string>& task) {
  if (!task) return {};
  ts::result<> known;
  if (!settings.tasks.empty()) {
    if (auto found = settings.task(*task); !found) known = ts::fail(std::move(found).error());
  } else if (auto found = settings.prompt(*task); !found) {
    known = ts::fail(std::move(found).error());
  } else if (task->empty()) {
    known = ts::fail({.code = ts::error_code::not_found, .thing = "prompt", .wanted = "a name", .found = "none"});
  }
  if (known) return {};
  return ts::fail({.code = ts::error_code::not_found, .thing = "--task", .causes = {std::move(known).error()}});
}

/// The pooler of a family that has one.
ts::result<std::optional<pooler_module>> pooler_of(const ts::model_directory& directory, const ts::model_description& description,
                                                   const std::string& weights) {
  const auto is_pooler = [](const ts::published_name& rule) { return rule.ours.starts_with("pooler."); };
  if (std::ranges::none_of(description.encoder.names.names, is_pooler)) return std::nullopt;
  TESSERA_TRY(const ts::published_tensors tensors, ts::published_tensors::open(directory, description, weights));
  TESSERA_TRY(const double alpha, directory.config->root().get_or<double>("lora_alpha", 1.0));
  return pooler_module::read(tensors, description.encoder.width, alpha);
}

ts::result<> run(const settings& asked) {
  constexpr std::string_view precisions[] = {ts::f32::label, ts::bf16::label, ts::i8::label, ts::i4::label};
  if (std::ranges::find(precisions, asked.precision) == std::end(precisions))
    return ts::fail(
        {.code = ts::error_code::unsupported, .thing = "--precision", .wanted = "f32, bf16, i8 or i4", .found = ts::quoted(asked.precision)});
  TESSERA_TRY(const ts::model_directory directory, ts::model_directory::read(asked.directory));
  TESSERA_TRY(const ts::pooling mode, pooling_of(directory, asked.pooling));
  TESSERA_TRY(const ts::model_description description, ts::describe(directory, asked.weights));
  ts::thread_pool threads(asked.threads);
  const ts::load_options options{.weights = asked.weights, .tokens_only = asked.texts.empty(), .threads = &threads};
  const compile_settings compiler;
  // One name for all: directories of one shape share a type.
  TESSERA_TRY(const compiled_type type, compiled_type::of(model_header(description, "model", mode, asked.precision), compiler));
  if (!type.is_there()) {
    // What is wrong with the files is said at once.
    if (auto fits = ts::check_directory(directory, description, options); !fits) return ts::fail(std::move(fits).error());
    TESSERA_CHECK(type.compile(compiler));
  }
  loaded_model model = load_compiled(type.object(), asked.directory, options);
  if (!model) return ts::fail(std::move(model).error());
  TESSERA_CHECK(check_task((*model)->settings(), asked.task));
  outputs made;
  if (!asked.inputs.empty()) {
    TESSERA_TRY(const token_settings beside, token_settings::read(directory, asked.weights, mode, (*model)->token_width()));
    TESSERA_CHECK(run_tokens(**model, beside, asked.inputs, threads, made));
    TESSERA_TRY(const auto pooler, pooler_of(directory, description, asked.weights));
    TESSERA_CHECK(run_tasks(**model, beside, description.encoder.adapters, pooler, asked.inputs, threads, made));
  } else if ((*model)->reranks()) {
    TESSERA_CHECK(run_pairs(**model, asked.texts, threads, made));
  } else {
    TESSERA_CHECK(run_texts(**model, asked.texts, asked.task, threads, made));
  }
  return made.write(asked.output);
}

}  // namespace
}  // namespace programs

int main(int argc, char** argv) {
  CLI::App app(
      "Runs a published model directory on token ids or texts and writes every output to a safetensors file. The type of the directory is\n"
      "compiled on the first call and kept in the build folder.",
      "run-model");
  programs::settings asked;
  app.add_option("DIR", asked.directory, "the model's directory")->required();
  app.add_option("--output", asked.output, "safetensors file to write")->required();
  auto* inputs = app.add_option_group("input")->require_option(1);
  inputs->add_option("--inputs", asked.inputs, "safetensors file: input_ids, attention_mask, token_type_ids (optional)");
  inputs->add_option("--text", asked.texts, "lines {\"text\", \"prompt_name\"?}");
  app.add_option("--precision", asked.precision, "of the weights: f32, bf16, i8, i4")->capture_default_str();
  app.add_option("--pooling", asked.pooling, "pooling of a directory without modules.json (default: mean)");
  app.add_option("--task", asked.task, "the model's task: its adapter, and its instruction before every text; without adapters the prompt of texts that name none");
  app.add_option("--threads", asked.threads, "default: one for each processor");
  app.add_option("--weights", asked.weights, "weights to read instead of the directory's");
  CLI11_PARSE(app, argc, argv);
  if (const auto done = programs::run(asked); !done) {
    std::fprintf(stderr, "error: %s\n", done.error().message().c_str());
    return 1;
  }
  return 0;
}
