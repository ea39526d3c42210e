// SPDX-License-Identifier: Apache-2.0
/// tools/inspect: what a file, a store or a model directory holds; one sentence and exit 1 where it is damaged or unsupported.
#include <tools/programs/inspect/model.hpp>
#include <tools/programs/inspect/store.hpp>

#include <CLI/CLI.hpp>

#include <filesystem>

namespace programs {
namespace {

/// The sentence without the inspected directory's path before each file but the first.
std::string shortened(std::string sentence, const std::string& path) {
  const std::string place = path.ends_with('/') ? path : path + '/';
  for (std::size_t at = sentence.find(path) + 1; (at = sentence.find(place, at)) != std::string::npos;) sentence.erase(at, place.size());
  return sentence;
}

/// A folder of a tokenizer alone.
bool is_tokenizer_directory(const std::filesystem::path& path) {
  const auto has = [&](const char* name) { return std::filesystem::exists(path / name); };
  return (has("tokenizer.json") || has("vocab.txt")) && !has("config.json") && !has("modules.json") && !has("model.safetensors") &&
         !has("model.safetensors.index.json") && !has("model.onnx") && !has("onnx");
}

ts::result<> inspect_json(const std::string& path, report& into) {
  {
    TESSERA_TRY(const ts::json file, ts::read_json(path));
    if (file.root().find("weight_map")) return inspect_weights_index(path, into);
    if (file.root().find("model_type"))
      return ts::fail({.code = ts::error_code::unsupported,
                       .wanted = "a tokenizer.json or an index of weights (or the directory of this configuration)",
                       .found = "the configuration of a model",
                       .path = path});
  }
  return inspect_tokenizer(path, into);
}

/// By what a file begins with, else by its name.
ts::result<> inspect_file(const std::string& path, report& into) {
  std::string begin;
  {
    TESSERA_TRY(const ts::mapped_file file, ts::mapped_file::open(path));
    begin = file.text().substr(0, 16);
  }
  if (begin.starts_with("GGUF")) return inspect_gguf(path, into);
  if (begin.starts_with("\x93NUMPY") || path.ends_with(".npy")) return inspect_npy(path, into);
  if (begin.starts_with("\x89TSI") || path.ends_with(".tsi")) return inspect_index(path, into);
  if (begin.starts_with("\x89TSL")) return inspect_log(path, into);
  if (path.ends_with(".onnx")) return inspect_onnx(path, into);
  if (path.ends_with(".json")) return inspect_json(path, into);
  if (path.ends_with(".txt")) return inspect_tokenizer(path, into);
  // A safetensors file under any name: the length of its header, then an object.
  if (path.ends_with(".safetensors") || (begin.size() > 8 && begin[8] == '{')) return inspect_safetensors(path, into);
  return ts::fail({.code = ts::error_code::unsupported,
                   .wanted = "a safetensors, ONNX, npy, GGUF or index file, a tokenizer.json, a vocab.txt, a store, or a model directory",
                   .found = "none of them",
                   .path = path});
}

ts::result<> inspect(const std::string& path, report& into) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return inspect_file(path, into);
  if (is_store(path)) return inspect_store(path, into);
  return is_tokenizer_directory(path) ? inspect_tokenizer(path, into) : inspect_model(path, into);
}

}  // namespace
}  // namespace programs

int main(int argc, char** argv) {
  CLI::App app("Says what a file, a store or a model directory holds, without compiling anything.\nExit status 1 and one sentence where it is "
               "damaged or unsupported.",
               "inspect");
  std::string path;
  bool all = false;
  app.add_option("PATH", path, "a safetensors, ONNX, npy, GGUF or index file, a store's log, snapshot or directory, a tokenizer.json, a vocab.txt, or a model "
                 "directory")->required();
  app.add_flag("--all", all, "list every tensor; without it those of all layers are one line");
  CLI11_PARSE(app, argc, argv);
  programs::report report(all);
  if (const auto done = programs::inspect(path, report); !done) {
    std::fprintf(stderr, "error: %s\n", programs::shortened(programs::one_sentence(done.error()), path).c_str());
    return 1;
  }
  std::fputs(report.text().c_str(), stdout);
  return std::fflush(stdout) == 0 ? 0 : 1;
}
