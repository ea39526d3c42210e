// SPDX-License-Identifier: Apache-2.0
/// tools/model-type: the type of a model directory, as a header that declares `model_type`.
#include <tools/programs/run-model/header.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace {

namespace ts = tessera;

ts::result<std::string> header_of(const std::string& path, std::string name, const std::string& pooling) {
  TESSERA_TRY(const ts::model_directory directory, ts::model_directory::read(path));
  TESSERA_TRY(const ts::pooling mode, programs::pooling_of(directory, pooling));
  TESSERA_TRY(const ts::model_description model, ts::describe(directory));
  if (name.empty()) name = programs::name_of(path);
  return programs::model_header(model, name, mode);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Prints a C++ header that declares `model_type`, the type of a published model directory.", "model-type");
  std::string directory, name, pooling;
  app.add_option("DIR", directory, "the model's directory")->required();
  app.add_option("--name", name, "name of the embedding space (default: the directory's)");
  app.add_option("--pooling", pooling, "pooling of a directory without modules.json (default: mean)");
  CLI11_PARSE(app, argc, argv);
  const auto header = header_of(directory, name, pooling);
  if (!header) {
    std::fprintf(stderr, "error: %s\n", header.error().message().c_str());
    return 1;
  }
  std::fputs(header->c_str(), stdout);
  return std::fflush(stdout) == 0 ? 0 : 1;
}
