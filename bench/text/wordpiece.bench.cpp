// SPDX-License-Identifier: Apache-2.0
/// WordPiece over real text, one thread, in MB/s of UTF-8: wordpiece/titles takes package names and their one-line descriptions (this
/// tree's own lines where the machine has no package list), wordpiece/documents this tree's headers and pages as whole texts,
/// wordpiece/accented the same documents with every e written é, so that nothing stays on the ASCII path.
#include <tessera/text/tokenizer.hpp>

#include <benchmark/benchmark.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace {

namespace ts = tessera;
namespace fs = std::filesystem;

using texts = std::vector<std::string>;

const texts& documents() {
  static const texts all = [] {
    texts made;
    for (const char* folder : {"include", "docs", "tests"}) {
      std::error_code ignored;
      for (const auto& entry : fs::recursive_directory_iterator(fs::path(TESSERA_SOURCE_DIR) / folder, ignored)) {
        const auto extension = entry.path().extension();
        if (extension != ".hpp" && extension != ".md" && extension != ".cpp") continue;
        std::ifstream file(entry.path(), std::ios::binary);
        std::string& document = made.emplace_back(fs::file_size(entry.path(), ignored), ' ');
        file.read(document.data(), static_cast<std::streamsize>(document.size()));
      }
    }
    return made;
  }();
  return all;
}

const texts& titles() {
  static const texts all = [] {
    texts made;
    if (std::FILE* list = ::popen("apt-cache dumpavail 2>/dev/null", "r")) {
      std::string name;
      for (char line[65536]; std::fgets(line, sizeof line, list) != nullptr;) {
        std::string_view text(line);
        if (text.ends_with('\n')) text.remove_suffix(1);
        if (text.starts_with("Package: ")) name = text.substr(9);
        if (text.starts_with("Description: ")) made.push_back(name + ": " + std::string(text.substr(13)));
      }
      ::pclose(list);
    }
    if (!made.empty()) return made;
    for (const std::string& document : documents())
      for (std::string_view rest = document; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        made.emplace_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
      }
    return made;
  }();
  return all;
}

const texts& accented() {
  static const texts all = [] {
    texts made;
    for (const std::string& document : documents()) {
      std::string& text = made.emplace_back();
      for (const char c : document) c == 'e' ? text += "\u00e9" : text += c;
    }
    return made;
  }();
  return all;
}

void wordpiece(benchmark::State& state, const texts& (*load)()) {
  const auto path = fs::path(TESSERA_SOURCE_DIR) / "tests/data/text/tokenizers/minilm_wordpiece/tokenizer.json";
  const auto tokenizer = ts::tokenizer::open(path.string());
  if (!tokenizer) return state.SkipWithError(tokenizer.error().message().c_str());
  const texts& all = load();
  std::size_t bytes = 0;
  for (const std::string& text : all) bytes += text.size();
  ts::encoding tokens;
  std::size_t count = 0;
  for (auto _ : state) {
    count = 0;
    for (const std::string& text : all) {
      if (!tokenizer->encode_into(text, {}, tokens)) return state.SkipWithError("a text that is not UTF-8");
      count += tokens.size();
    }
    benchmark::DoNotOptimize(count);
  }
  using benchmark::Counter;
  const auto runs = static_cast<double>(state.iterations());
  state.counters["MB/s"] = Counter(static_cast<double>(bytes) * runs * 1e-6, Counter::kIsRate);
  state.counters["tokens/s"] = Counter(static_cast<double>(count) * runs, Counter::kIsRate);
  state.counters["us/text"] =
      Counter(static_cast<double>(all.size()) * runs * 1e-6, Counter::kIsRate | Counter::kInvert);
}

void load(benchmark::State& state) {
  const auto path =
      (fs::path(TESSERA_SOURCE_DIR) / "tests/data/text/tokenizers/minilm_wordpiece/tokenizer.json").string();
  for (auto _ : state) benchmark::DoNotOptimize(ts::tokenizer::open(path));
}

}  // namespace

BENCHMARK_CAPTURE(wordpiece, titles, titles)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(wordpiece, documents, documents)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(wordpiece, accented, accented)->Unit(benchmark::kMillisecond);
BENCHMARK(load)->Name("wordpiece/load")->Unit(benchmark::kMillisecond);
