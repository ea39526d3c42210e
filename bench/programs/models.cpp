// SPDX-License-Identifier: Apache-2.0
/// Our side of bench/models and bench/large-model: a published model's type in one precision, driven line by line over standard input so
/// that rounds alternate with the peers'. Answers are one line each.
///
///     bench_models MODEL PRECISION DIRECTORY THREADS [cpu]     times are of the clock, or the processor's
///         -> ready SECONDS MEMORY_BYTES RESIDENT_BYTES PEAK_BYTES    of loading; RESIDENT is anonymous memory, PEAK the most while loading
///     tokens NAME TEXTS LENGTH ID ... LENGTH ID ...   -> ok         one text after the other
///     vectors NAME                 -> TEXTS · dimension numbers
///     run NAME SECONDS             -> milliseconds of each call
///     read SECONDS                 -> milliseconds of plain reading of as many bytes as the layers' weights have, on as many threads
///     prompt SHARED TEXTS SECONDS  -> milliseconds of each call for TEXTS short queries behind the prompt "query", whose states are shared
///                                     (SHARED 1) or, written into the texts, are not (0)
#include <tessera/base/threads.hpp>
#include <tessera/model/bge.hpp>
#include <tessera/model/embedding_gemma.hpp>
#include <tessera/model/gte_modernbert.hpp>
#include <tessera/model/multilingual_e5.hpp>
#include <tessera/model/nomic_embed.hpp>
#include <tessera/model/qwen2.hpp>
#include <tessera/model/qwen3_embedding.hpp>

#include <bench/support/line_program.hpp>
#include <bench/support/reading.hpp>
#include <bench/support/workloads.hpp>

#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>

namespace ts = tessera;
using tessera_bench::clock_type;

namespace {

using qwen2_1_5b_space = ts::space<"qwen2_1_5b", 1536, ts::pooling::last_token, ts::unit_length>;
template <class Precision>
using qwen2_1_5b = ts::qwen2<qwen2_1_5b_space, ts::qwen2_shape{.vocabulary = 151936}, Precision>;

/// A field of /proc/self/status, in bytes.
std::size_t status(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(field + ":")) return std::stoul(line.substr(field.size() + 1)) * 1024;
  return 0;
}

/// Short queries, all different.
std::vector<std::string> queries(std::size_t count, const std::string& before) {
  const std::vector<std::string> words = {"edit", "audio", "recordings", "plum", "cake", "tune", "guitar", "keep", "passwords", "files"};
  std::vector<std::string> made;
  for (std::size_t i = 0; i < count; ++i) {
    std::string text = before;
    for (std::size_t j = 0; j < 4; ++j) text += (j == 0 ? "" : " ") + words[(i * 7 + j * 3 + i / words.size()) % words.size()];
    made.push_back(text);
  }
  return made;
}

template <class Model>
int serve(const std::string& directory, std::size_t threads) {
  using model = Model;
  ts::thread_pool pool(threads);
  const std::size_t before = status("RssAnon");
  const bool has_texts = std::filesystem::exists(directory + "/tokenizer.json");
  const auto begin = clock_type::now();
  const auto loaded = ts::load<model>(directory, {.tokens_only = !has_texts, .threads = &pool});
  const double took = clock_type::seconds_since(begin);
  if (!loaded) {
    std::cout << "error: " << loaded.error().message() << std::endl;
    return 1;
  }
  std::cout << "ready " << took << ' ' << model::memory_bytes() << ' ' << status("RssAnon") - before << ' ' << status("VmHWM") << std::endl;

  std::size_t parameters = 0;
  for (const ts::tensor_entry& entry : model::manifest())
    if (entry.rank == 2 && entry.label().starts_with("layers.")) parameters += entry.size();
  const std::size_t weight_bytes = parameters * model::weights::bits / 8;
  tessera_bench::workloads workloads;
  const auto answer = [&](std::istringstream& line) -> std::string {
    std::string command, name;
    line >> command;
    if (command == "read") {
      double seconds = 1.0;
      line >> seconds;
      // From a block too large for any cache, as often as it takes: memory for all of it would have to be there twice.
      constexpr std::size_t block = std::size_t{256} << 20;
      static const std::vector<std::uint8_t> bytes(block * threads, 1);
      std::size_t blocks = 0;
      const auto read = [&] {
        ts::for_each(&pool, threads, [&](std::size_t part) { tessera_bench::read_widest(bytes.data() + part * block, block); });
        blocks += threads;
      };
      const auto start = clock_type::now();
      while (clock_type::seconds_since(start) < seconds) read();
      const double each = clock_type::seconds_since(start) * 1e3 / static_cast<double>(blocks * block);
      return std::to_string(each * static_cast<double>(weight_bytes));
    }
    if (command == "prompt") {
      std::size_t count = 1;
      bool shared = true;
      double seconds = 1.0;
      line >> shared >> count >> seconds;
      const auto prompt = loaded->settings().prompt("query");
      if (!prompt) return "error: " + prompt.error().message();
      const auto texts = queries(count, shared ? "" : std::string(*prompt));
      const ts::embed_options how{.prompt = shared ? "query" : "", .threads = &pool};
      bool failed = false;
      const auto once = [&] { failed = failed || !loaded->encode(texts, how); };
      once();
      const std::string times = tessera_bench::time_of(seconds, once);
      return failed ? "error: encode" : times;
    }
    line >> name;
    if (command == "tokens") return workloads.read(name, line);
    const ts::token_batch_builder* batch = workloads.find(name);
    if (batch == nullptr) return "error: no workload " + name;
    const ts::token_batch tokens = batch->view();
    if (command == "run") {
      double seconds = 1.0;
      line >> seconds;
      bool failed = false;
      const std::string times = tessera_bench::time_of(seconds, [&] { failed = failed || !loaded->encode_tokens(tokens, &pool); });
      return failed ? "error: encode" : times;
    }
    if (command != "vectors") return "error: no command " + command;
    return tessera_bench::line_of(loaded->encode_tokens(tokens, &pool));
  };
  tessera_bench::answer_lines(answer);
  return 0;
}

/// The model in the precision of that name; nothing where it is none of them.
template <template <class> class Model, class... Precisions>
std::optional<int> serve_in(std::string_view precision, const std::string& directory, std::size_t threads) {
  std::optional<int> status;
  ((precision == Precisions::label ? static_cast<void>(status = serve<Model<Precisions>>(directory, threads)) : static_cast<void>(0)), ...);
  return status;
}

using serve_function = std::optional<int> (*)(std::string_view precision, const std::string& directory, std::size_t threads);
const std::map<std::string_view, serve_function> models = {
    {"bge-base-en-v1.5", serve_in<ts::bge_base_en, ts::f32, ts::bf16, ts::i8>},
    {"multilingual-e5-base", serve_in<ts::multilingual_e5_base, ts::f32, ts::bf16, ts::i8>},
    {"gte-modernbert-base", serve_in<ts::gte_modernbert_base, ts::f32, ts::bf16, ts::i8>},
    {"nomic-embed-text-v1.5", serve_in<ts::nomic_embed_v1_5, ts::f32, ts::bf16, ts::i8>},
    {"embeddinggemma-300m", serve_in<ts::embedding_gemma_300m, ts::f32, ts::bf16, ts::i8>},
    {"Qwen3-Embedding-0.6B", serve_in<ts::qwen3_embedding_0_6b, ts::f32, ts::bf16, ts::i8>},
    {"qwen2-1.5b", serve_in<qwen2_1_5b, ts::bf16, ts::i8, ts::i4>},
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) return 2;
  clock_type::of_process = argc > 5 && std::string_view(argv[5]) == "cpu";
  const auto model = models.find(argv[1]);
  if (model == models.end()) return 2;
  return model->second(argv[2], argv[3], std::stoul(argv[4])).value_or(2);
}
