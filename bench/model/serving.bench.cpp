// SPDX-License-Identifier: Apache-2.0
// Many callers, a text each at a time: `encode` from their own threads against one batching engine, with the real MiniLM
// (tools/get-model all-MiniLM-L6-v2). Counters: texts a second; half and 99 % of the texts are answered within p50 and p99 milliseconds.
#include <tessera/io/mapped_file.hpp>
#include <tessera/model/batching_engine.hpp>
#include <tessera/model/minilm.hpp>

#include <benchmark/benchmark.h>

#include <algorithm>
#include <thread>

namespace ts = tessera;

namespace {

/// 512 texts of 40 to 120 bytes, 10 to 30 tokens, as queries are.
const std::vector<std::string>& queries() {
  static const std::vector<std::string> made = [] {
    const auto file = ts::mapped_file::open(std::string(TESSERA_SOURCE_DIR) + "/LICENSE");
    const std::string whole(file->text());
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < 512; ++i) texts.push_back(whole.substr(i * 19 % (whole.size() - 120), 40 + i * 37 % 80));
    return texts;
  }();
  return made;
}

/// `callers` threads ask for all queries between them, each waiting for its answer before it asks again.
template <class Encode>
void serve(benchmark::State& state, const Encode& encode) {
  const auto& texts = queries();
  const auto callers = static_cast<std::size_t>(state.range(0));
  std::vector<double> took;
  for (auto _ : state) {
    std::vector<double> each(texts.size());
    {
      std::vector<std::jthread> threads;
      for (std::size_t c = 0; c < callers; ++c)
        threads.emplace_back([&, c] {
          for (std::size_t i = c; i < texts.size(); i += callers) {
            const auto begin = std::chrono::steady_clock::now();
            benchmark::DoNotOptimize(encode(texts[i]));
            each[i] = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
          }
        });
    }
    took.insert(took.end(), each.begin(), each.end());
  }
  std::ranges::sort(took);
  state.counters["p50_ms"] = took[took.size() / 2];
  state.counters["p99_ms"] = took[took.size() * 99 / 100];
  state.SetItemsProcessed(static_cast<std::int64_t>(took.size()));
}

template <class Weights>
const ts::minilm_l6<Weights>* loaded(benchmark::State& state) {
  static const auto encoder = ts::load<ts::minilm_l6<Weights>>(std::string(TESSERA_SOURCE_DIR) + "/models/all-MiniLM-L6-v2");
  if (encoder) return &*encoder;
  state.SkipWithError(encoder.error().message().c_str());
  return nullptr;
}

template <class Weights>
void direct(benchmark::State& state) {
  const auto* encoder = loaded<Weights>(state);
  if (encoder != nullptr) serve(state, [&](const std::string& text) { return encoder->encode(text); });
}
template <class Weights>
void engine(benchmark::State& state) {
  const auto* encoder = loaded<Weights>(state);
  if (encoder == nullptr) return;
  const auto running = ts::batching_engine<ts::minilm_l6<Weights>>::start(*encoder, {.workers = 0});
  if (!running) return state.SkipWithError(running.error().message().c_str());
  serve(state, [&](const std::string& text) { return running->encode(text); });
  const ts::batching_counts counts = running->counts();
  state.counters["texts/batch"] = static_cast<double>(counts.taken) / static_cast<double>(counts.batches);
}

template <class Weights>
void add(const std::string& precision) {
  const auto with = [&](const char* how, void (*run)(benchmark::State&)) {
    benchmark::RegisterBenchmark(("serving/" + precision + how).c_str(), run)
        ->ArgName("callers")->Arg(1)->Arg(2)->Arg(8)->Arg(32)->UseRealTime()->Unit(benchmark::kMillisecond);
  };
  with("/direct", direct<Weights>);
  with("/engine", engine<Weights>);
}
[[maybe_unused]] const bool added = (add<ts::f32>("f32"), add<ts::bf16>("bf16"), true);

}  // namespace
