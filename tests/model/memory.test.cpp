// SPDX-License-Identifier: Apache-2.0
// Memory: what a model says it holds is what the system says, and a budget is kept before anything is allocated.
#include <tests/model/support.hpp>

#include <tessera/model/checkpoint.hpp>
#include <tessera/model/minilm.hpp>

#include <malloc.h>
#include <sys/wait.h>
#include <unistd.h>

#if TESSERA_TEST_COUNTS  // sanitizers hold memory of their own
using namespace tessera_tests;

namespace {

constexpr ts::bert_shape made_shape{.vocabulary = 9000, .layers = 6, .width = 384, .heads = 12, .inner = 1536, .positions = 200};
template <class Weights>
using made_bert = ts::bert<ts::space<"made", 384>, made_shape, Weights>;

/// A directory of made_bert: 57 MB in f32.
struct made_directory {
  scratch_directory scratch;
  std::string folder = scratch.path().string();

  made_directory() {
    struct any_numbers final : ts::weight_reader {
      std::uint32_t state = 1;
      ts::result<> read(std::string_view, std::span<float> values) override {
        for (float& x : values) x = static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) * 0x1p-26f - 0.125f;
        return {};
      }
    } numbers;
    succeed(ts::write_checkpoint(folder + "/model.safetensors", made_bert<ts::f32>::description(), numbers, ts::dtype::bf16));
    write_file(scratch / "config.json", R"({"model_type": "bert", "architectures": ["BertModel"], "vocab_size": 9000, "hidden_size": 384,
      "num_hidden_layers": 6, "num_attention_heads": 12, "intermediate_size": 1536, "max_position_embeddings": 200, "type_vocab_size": 2,
      "hidden_act": "gelu", "layer_norm_eps": 1e-12})");
  }
};

/// Bytes of this process's own pages, in memory or swapped out; of a walk over all pages, since the counters in statm lag behind.
std::size_t own_pages() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::size_t bytes = 0;
  for (std::string line; std::getline(file, line);)
    for (const std::string_view field : {"Anonymous:", "Swap:"})
      if (line.starts_with(field)) bytes += std::stoul(line.substr(field.size())) * 1024;
  return bytes;
}

/// What a loaded model adds to a process of its own, in percent of what it says; -1 where that cannot be found out.
template <class Model>
double percent_resident(const std::string& folder) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const ts::load_options options{.tokens_only = true};
    bool loaded = ts::load<Model>(folder, options).has_value();  // what is used for the first time counts for nothing
    ::malloc_trim(0);
    const std::size_t before = own_pages();
    const auto model = ts::load<Model>(folder, options);
    ::malloc_trim(0);
    const std::size_t after = own_pages();
    loaded = loaded && model.has_value() && before > 0;
    const double found = loaded ? 100.0 * static_cast<double>(after - before) / static_cast<double>(Model::memory_bytes()) : -1.0;
    const bool told = ::write(ends[1], &found, sizeof found) == sizeof found;
    ::_exit(told ? 0 : 1);
  }
  ::close(ends[1]);
  double found = -1.0;
  const bool heard = ::read(ends[0], &found, sizeof found) == sizeof found;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  return heard && status == 0 ? found : -1.0;
}

template <class Model>
void says_what_it_takes(const std::string& folder) {
  if (own_pages() == 0) SKIP("no /proc/self/smaps_rollup");
  const std::size_t before = bytes_held;
  {
    const Model model = load_for_tokens<Model>(folder);
    const auto held = static_cast<double>(bytes_held - before), said = static_cast<double>(Model::memory_bytes());
    CHECK(held >= said);
    CHECK(held <= 1.01 * said);  // names, settings and the lists of layers besides
  }
  CHECK(bytes_held - before < 10'000);
  const double percent = percent_resident<Model>(folder);
  INFO("resident, in percent of memory_bytes(): " << percent);
  CHECK(percent >= 95.0);
  CHECK(percent <= 105.0);
}

}  // namespace

TEST_CASE("memory: memory_bytes is within 5 % of what the process takes", "[model]") {
  const made_directory made;
  says_what_it_takes<made_bert<ts::f32>>(made.folder);
  says_what_it_takes<made_bert<ts::bf16>>(made.folder);
  says_what_it_takes<made_bert<ts::i8>>(made.folder);
  says_what_it_takes<made_bert<ts::i4>>(made.folder);
}

TEST_CASE("memory: memory_bytes of minilm is within 5 % of what the process takes", "[model]") {
  const std::string folder = (source_tree() / "models/all-MiniLM-L6-v2").string();
  if (!std::filesystem::exists(folder + "/model.safetensors")) SKIP("no models/all-MiniLM-L6-v2 (tools/get-model all-MiniLM-L6-v2)");
  says_what_it_takes<ts::minilm_l6<>>(folder);
  says_what_it_takes<ts::minilm_l6<ts::bf16>>(folder);
  says_what_it_takes<ts::minilm_l6<ts::i8>>(folder);
  says_what_it_takes<ts::minilm_l6<ts::i4>>(folder);
}

TEST_CASE("memory: a budget refuses before it allocates, and holds what loading takes", "[model]") {
  const made_directory made;
  using model = made_bert<ts::i8>;
  // Starts where loading succeeds and halves its way down to the least budget that it succeeds with.
  const auto loads = [&](std::size_t budget) {
    const std::size_t before = bytes_held;
    most_bytes_held = before;
    const auto outcome = ts::load<model>(made.folder, {.memory_budget = budget, .tokens_only = true});
    const std::size_t most = most_bytes_held - before;
    if (outcome) {
      CHECK(most <= budget);
    } else {
      CHECK(outcome.error().code == ts::error_code::over_budget);
      CHECK(most < 100'000);
    }
    return outcome.has_value();
  };
  std::size_t refused = model::memory_bytes(), enough = 2 * model::memory_bytes();
  CHECK_FALSE(loads(refused));
  REQUIRE(loads(enough));
  while (enough - refused > enough / 100) {
    const std::size_t middle = refused + (enough - refused) / 2;
    (loads(middle) ? enough : refused) = middle;
  }
  // Nor is a tokenizer read for nothing.
  const std::string with_texts = fixture("text/bert_mean").string();
  const std::size_t before = bytes_held;
  most_bytes_held = before;
  CHECK(ts::load<bert_mean>(with_texts, {.memory_budget = bert_mean::memory_bytes()}).error().code == ts::error_code::over_budget);
  CHECK(most_bytes_held - before < 50'000);
}
#endif
