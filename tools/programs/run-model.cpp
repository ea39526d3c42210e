// SPDX-License-Identifier: Apache-2.0
/// tools/run-model: compiles the type of a model directory, once, and runs it on token ids or texts.
#include <tools/programs/run-model/compile.hpp>
#include <tools/programs/run-model/from_texts.hpp>
#include <tools/programs/run-model/from_tokens.hpp>
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

ts::result<> run(const settings& asked) {
  constexpr std::string_view precisions[] = {ts::f32::label, ts::bf16::label, ts::i8::label};
  if (std::ranges::find(precisions, asked.precision) == std::end(precisions))
    return ts::fail(
        {.code = ts::error_code::unsupported, .thing = "--precision", .wanted = "f32, bf16 or i8", .found = ts::quoted(asked.precision)});
  TESSERA_TRY(const ts::model_directory directory, ts::model_directory::read(asked.directory));
  TESSERA_TRY(const ts::pooling mode, pooling_of(directory, asked.pooling));
  TESSERA_TRY(const ts::model_description description, ts::describe(directory));
  const ts::load_options options{.weights = asked.weights, .tokens_only = asked.texts.empty()};
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
  if (asked.task)
    if (auto known = (*model)->settings().prompt(asked.task); !known || asked.task->empty())
      return ts::fail({.code = ts::error_code::not_found, .thing = "--task", .causes = {known ? ts::error{} : std::move(known).error()}});
  ts::thread_pool threads(asked.threads);
  outputs made;
  if (!asked.inputs.empty()) {
    TESSERA_TRY(const token_settings beside, token_settings::read(directory, asked.weights, mode, (*model)->token_width()));
    TESSERA_CHECK(run_tokens(**model, beside, asked.inputs, threads, made));
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
  app.add_option("--precision", asked.precision, "of the weights: f32, bf16, i8")->capture_default_str();
  app.add_option("--pooling", asked.pooling, "pooling of a directory without modules.json (default: mean)");
  app.add_option("--task", asked.task, "name of the prompt put before every text that names none");
  app.add_option("--threads", asked.threads, "default: one for each processor");
  app.add_option("--weights", asked.weights, "weights to read instead of the directory's");
  CLI11_PARSE(app, argc, argv);
  if (const auto done = programs::run(asked); !done) {
    std::fprintf(stderr, "error: %s\n", done.error().message().c_str());
    return 1;
  }
  return 0;
}
