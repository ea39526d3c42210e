// SPDX-License-Identifier: Apache-2.0
// Texts to vectors with the real MiniLM (tools/get-model all-MiniLM-L6-v2): one query, many descriptions, on one thread and on two.
// Texts are pieces of the LICENSE, so that every tree measures the same ones.
#include <tessera/io/mapped_file.hpp>
#include <tessera/model/minilm.hpp>

#include <benchmark/benchmark.h>

namespace ts = tessera;
using model = ts::minilm_l6<>;

namespace {

const std::string directory = std::string(TESSERA_SOURCE_DIR) + "/models/all-MiniLM-L6-v2";

/// The model, or null after saying so to the benchmark.
const model* loaded(benchmark::State& state) {
  static const auto encoder = ts::load<model>(directory);
  if (encoder) return &*encoder;
  state.SkipWithError(encoder.error().message().c_str());
  return nullptr;
}

/// `count` texts of about `bytes` bytes.
std::vector<std::string> texts(std::size_t count, std::size_t bytes) {
  const auto file = ts::mapped_file::open(std::string(TESSERA_SOURCE_DIR) + "/LICENSE");
  std::string whole(file->text());
  while (whole.size() < 2 * bytes) whole += whole;
  std::vector<std::string> made;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t begin = i * 131 % (whole.size() - bytes);
    // Lengths differ as those of real texts do: half to one and a half.
    made.push_back(whole.substr(begin, bytes / 2 + i * 37 % bytes));
  }
  return made;
}

void count_tokens(benchmark::State& state, const model& encoder, const std::vector<std::string>& given) {
  double tokens = 0;
  for (const std::string& text : given) tokens += static_cast<double>(encoder.text_tokenizer()->encode(text)->ids.size());
  state.counters["tokens/s"] = benchmark::Counter(tokens, benchmark::Counter::kIsIterationInvariantRate);
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(given.size()));
}

void load(benchmark::State& state) {
  if (loaded(state) == nullptr) return;
  for (auto _ : state) benchmark::DoNotOptimize(ts::load<model>(directory));
}
BENCHMARK(load)->Unit(benchmark::kMillisecond);

/// The same with the token vectors left in the file, and the memory that each holds.
void load_mapped(benchmark::State& state) {
  if (loaded(state) == nullptr) return;
  for (auto _ : state) benchmark::DoNotOptimize(ts::load<model>(directory, {.token_table = ts::table_storage::mapped}));
  state.counters["held MB"] = static_cast<double>(model::memory_bytes(ts::table_storage::mapped)) / 1e6;
  state.counters["copied MB"] = static_cast<double>(model::memory_bytes()) / 1e6;
}
BENCHMARK(load_mapped)->Unit(benchmark::kMillisecond);

void encode_query(benchmark::State& state) {
  const model* encoder = loaded(state);
  if (encoder == nullptr) return;
  for (auto _ : state) benchmark::DoNotOptimize(encoder->encode("edit audio recordings"));
  count_tokens(state, *encoder, {"edit audio recordings"});
}
BENCHMARK(encode_query)->Unit(benchmark::kMillisecond);

/// One text of about 120 tokens, whose layers the threads share.
void encode_text(benchmark::State& state) {
  const model* encoder = loaded(state);
  if (encoder == nullptr) return;
  ts::thread_pool pool(static_cast<std::size_t>(state.range(0)));
  const auto given = texts(1, 1000);
  for (auto _ : state) benchmark::DoNotOptimize(encoder->encode(given.front(), {.threads = &pool}));
  count_tokens(state, *encoder, given);
}
BENCHMARK(encode_text)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

/// 256 texts of about 330 bytes, as package descriptions are, in one call.
void encode_descriptions(benchmark::State& state) {
  const model* encoder = loaded(state);
  if (encoder == nullptr) return;
  ts::thread_pool pool(static_cast<std::size_t>(state.range(0)));
  const auto given = texts(256, 330);
  for (auto _ : state) benchmark::DoNotOptimize(encoder->encode(given, {.threads = &pool}));
  count_tokens(state, *encoder, given);
}
BENCHMARK(encode_descriptions)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond)->UseRealTime();

/// The same texts, a call each.
void encode_one_by_one(benchmark::State& state) {
  const model* encoder = loaded(state);
  if (encoder == nullptr) return;
  const auto given = texts(256, 330);
  for (auto _ : state)
    for (const std::string& text : given) benchmark::DoNotOptimize(encoder->encode(text));
  count_tokens(state, *encoder, given);
}
BENCHMARK(encode_one_by_one)->Unit(benchmark::kMillisecond);

}  // namespace
