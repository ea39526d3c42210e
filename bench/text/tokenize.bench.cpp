// SPDX-License-Identifier: Apache-2.0
/// The models over real text, one thread, in MB/s of UTF-8. MODEL/titles takes package names and their one-line
/// descriptions (this tree's own lines where the machine has no package list), MODEL/documents this tree's headers and
/// pages as whole texts, MODEL/accented the same documents with every e written é, so that nothing stays on the ASCII
/// path, MODEL/word one megabyte without a blank, MODEL/load opening the file.
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

/// One megabyte without a blank.
const texts& word() {
  static const texts all = [] {
    std::string made;
    std::uint32_t random = 1;
    while (made.size() < 1'000'000) {
      random = random * 1664525U + 1013904223U;
      made += static_cast<char>('a' + (random >> 24U) % 26);
    }
    return texts{std::move(made)};
  }();
  return all;
}

/// The complete fixture where it is at hand, else the copy in tests/data.
fs::path file_of(const std::string& model) {
  const auto name = fs::path("text/tokenizers") / model / "tokenizer.json";
  const auto full = fs::path(TESSERA_SOURCE_DIR).parent_path() / "shared/fixtures" / name;
  std::error_code ignored;
  return fs::exists(full, ignored) ? full : fs::path(TESSERA_SOURCE_DIR) / "tests/data" / name;
}

void tokenize(benchmark::State& state, const std::string& model, const texts& (*load)()) {
  const auto tokenizer = ts::tokenizer::open(file_of(model).string());
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

void open(benchmark::State& state, const std::string& model) {
  const auto path = file_of(model).string();
  for (auto _ : state) benchmark::DoNotOptimize(ts::tokenizer::open(path));
}

const bool registered = [] {
  for (const std::string model : {"minilm_wordpiece", "bpe_qwen2", "bpe_gemma", "bpe_llama", "unigram_xlmr", "unigram_seqnorm"}) {
    const std::pair<const char*, const texts& (*)()> kinds[] = {
        {"titles", titles}, {"documents", documents}, {"accented", accented}, {"word", word}};
    for (const auto& [kind, load] : kinds)
      benchmark::RegisterBenchmark((model + "/" + kind).c_str(), tokenize, model, load)->Unit(benchmark::kMillisecond);
    benchmark::RegisterBenchmark((model + "/load").c_str(), open, model)->Unit(benchmark::kMillisecond);
  }
  return true;
}();

}  // namespace
