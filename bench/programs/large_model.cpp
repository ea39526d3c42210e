// SPDX-License-Identifier: Apache-2.0
/// Our side of bench/large-model: a Qwen2 of 1.5 billion parameters in one precision, driven line by line over standard input so that rounds
/// alternate with the peers'. Answers are one line each.
///
///     bench_large_model PRECISION DIRECTORY THREADS [cpu]     times are of the clock, or the processor's
///         -> ready SECONDS MEMORY_BYTES RESIDENT_BYTES PEAK_BYTES    of loading; RESIDENT is anonymous memory, PEAK the most while loading
///     tokens NAME TEXTS LENGTH ID ... LENGTH ID ...   -> ok         one text after the other
///     vectors NAME                 -> TEXTS · 1536 numbers
///     run NAME SECONDS             -> milliseconds of each call
///     read SECONDS                 -> milliseconds of plain reading of as many bytes as the layers' weights have, on as many threads
///     prompt SHARED TEXTS SECONDS  -> milliseconds of each call for TEXTS short queries behind the prompt "query", whose states are shared
///                                     (SHARED 1) or, written into the texts, are not (0)
#include <tessera/base/threads.hpp>
#include <tessera/model/qwen2.hpp>

#include <bench/support/reading.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>

#include <time.h>

namespace ts = tessera;

namespace {

/// Time that passes, or that all threads of this process have run: the latter tells more where other programs want the processor too.
struct clock_type {
  using duration = std::chrono::nanoseconds;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<clock_type>;
  static inline bool of_process = false;

  [[nodiscard]] static time_point now() noexcept {
    timespec now{};
    ::clock_gettime(of_process ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
    return time_point(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }
};
using space = ts::space<"large", 1536, ts::pooling::last_token, ts::unit_length>;
template <class Precision>
using large = ts::qwen2<space, ts::qwen2_shape{.vocabulary = 151936}, Precision>;

/// A field of /proc/self/status, in bytes.
std::size_t status(const std::string& field) {
  std::ifstream file("/proc/self/status");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with(field + ":")) return std::stoul(line.substr(field.size() + 1)) * 1024;
  return 0;
}

/// Milliseconds of each call of `what`, for about so many seconds and at least twice.
std::string time_of(double seconds, const std::function<void()>& what) {
  std::ostringstream out;
  const auto begin = clock_type::now();
  for (int calls = 0; calls < 2 || std::chrono::duration<double>(clock_type::now() - begin).count() < seconds; ++calls) {
    const auto start = clock_type::now();
    what();
    out << (calls == 0 ? "" : " ") << std::chrono::duration<double, std::milli>(clock_type::now() - start).count();
  }
  return out.str();
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

template <class Precision>
int serve(const std::string& directory, std::size_t threads) {
  using model = large<Precision>;
  ts::thread_pool pool(threads);
  const std::size_t before = status("RssAnon");
  const auto begin = clock_type::now();
  const auto loaded = ts::load<model>(directory, {.threads = &pool});
  const double took = std::chrono::duration<double>(clock_type::now() - begin).count();
  if (!loaded) {
    std::cout << "error: " << loaded.error().message() << std::endl;
    return 1;
  }
  std::cout << "ready " << took << ' ' << model::memory_bytes() << ' ' << status("RssAnon") - before << ' ' << status("VmHWM") << std::endl;

  std::size_t parameters = 0;
  for (const ts::tensor_entry& entry : model::manifest())
    if (entry.rank == 2 && entry.label().starts_with("layers.")) parameters += entry.size();
  const std::size_t weight_bytes = parameters * Precision::bits / 8;
  std::map<std::string, ts::token_batch_builder> workloads;
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
        ts::for_each(&pool, threads, [&](std::size_t part) { tessera_bench::read_once_512(bytes.data() + part * block, block); });
        blocks += threads;
      };
      const auto start = clock_type::now();
      while (std::chrono::duration<double>(clock_type::now() - start).count() < seconds) read();
      const double each = std::chrono::duration<double, std::milli>(clock_type::now() - start).count() / static_cast<double>(blocks * block);
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
      const std::string times = time_of(seconds, once);
      return failed ? "error: encode" : times;
    }
    line >> name;
    if (command == "tokens") {
      ts::token_batch_builder& batch = workloads[name];
      batch.clear();
      std::size_t texts = 0;
      line >> texts;
      for (std::size_t i = 0; i < texts; ++i) {
        std::size_t length = 0;
        line >> length;
        std::vector<std::uint32_t> ids(length);
        for (std::uint32_t& id : ids) line >> id;
        batch.add_text(ids, std::vector<std::uint32_t>(length));
      }
      return line ? "ok" : "error: tokens";
    }
    const auto batch = workloads.find(name);
    if (batch == workloads.end()) return "error: no workload " + name;
    const ts::token_batch tokens = batch->second.view();
    if (command == "run") {
      double seconds = 1.0;
      line >> seconds;
      bool failed = false;
      const std::string times = time_of(seconds, [&] { failed = failed || !loaded->encode_tokens(tokens, &pool); });
      return failed ? "error: encode" : times;
    }
    if (command != "vectors") return "error: no command " + command;
    const auto vectors = loaded->encode_tokens(tokens, &pool);
    if (!vectors) return "error: " + vectors.error().message();
    std::ostringstream out;
    out.precision(9);
    for (std::size_t i = 0; i < vectors->rows(); ++i)
      for (const float x : vectors->row(i).values()) out << x << ' ';
    return out.str();
  };
  for (std::string line; std::getline(std::cin, line);) {
    std::istringstream words(line);
    std::cout << answer(words) << std::endl;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  clock_type::of_process = argc > 4 && std::string_view(argv[4]) == "cpu";
  const std::string precision = argv[1];
  const std::size_t threads = std::stoul(argv[3]);
  if (precision == "bf16") return serve<ts::bf16>(argv[2], threads);
  if (precision == "i8") return serve<ts::i8>(argv[2], threads);
  if (precision == "i4") return serve<ts::i4>(argv[2], threads);
  return 2;
}
