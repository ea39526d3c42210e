// SPDX-License-Identifier: Apache-2.0
/// Our side of bench/peers: the real MiniLM on ready tokens, one thread, driven line by line over standard input so that rounds alternate
/// with the peers'. Answers are one line each.
///
///     load PRECISION DIRECTORY           -> ok
///     tokens NAME TEXTS LENGTH ID ... LENGTH ID ...   -> ok           one text after the other
///     vectors PRECISION NAME             -> TEXTS · 384 numbers
///     run PRECISION NAME SECONDS         -> milliseconds of each call
///     limit PRECISION NAME SECONDS       -> milliseconds of each reading of the layers' weight bytes, or of their multiply-adds at the
///                                           speed of the processor's registers where that takes longer
#include <bench/kernel/peak.hpp>
#include <tessera/model/minilm.hpp>

#include <chrono>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>

namespace ts = tessera;

namespace {

struct loaded_model {
  std::function<ts::result<ts::embedding_matrix<ts::minilm_l6_space>>(const ts::token_batch&)> encode;
  std::size_t parameters;  ///< of the layers' matrices, which every call reads once; of a token table only rows are
  std::size_t weight_bytes;
};

/// The model in the first precision of the list that is called `label`.
template <class Precision, class... Others>
ts::result<loaded_model> load(const std::string& label, const std::string& directory) {
  if constexpr (ts::weight_precision<Precision>) {
    if (label == Precision::label) {
      using model = ts::minilm_l6<Precision>;
      TESSERA_TRY(const model encoder, ts::load<model>(directory, {.tokens_only = true}));
      std::size_t parameters = 0;
      for (const ts::tensor_entry& entry : model::manifest())
        if (entry.rank == 2 && entry.label().starts_with("layers.")) parameters += entry.size();
      return loaded_model{[encoder](const ts::token_batch& batch) { return encoder.encode_tokens(batch); },
                          parameters, parameters * Precision::bits / 8};
    }
  }
  if constexpr (sizeof...(Others) > 0) return load<Others...>(label, directory);
  else return ts::fail({.code = ts::error_code::unsupported, .thing = "precision", .found = label});
}

/// Milliseconds of each call of `what`, for about so many seconds and at least three times; `least` where that is more.
template <class What>
std::string time_of(double seconds, const What& what, double least = 0.0) {
  using clock = std::chrono::steady_clock;
  std::ostringstream out;
  const auto begin = clock::now();
  for (int calls = 0; calls < 3 || std::chrono::duration<double>(clock::now() - begin).count() < seconds; ++calls) {
    const auto start = clock::now();
    what();
    const double took = std::chrono::duration<double, std::milli>(clock::now() - start).count();
    out << (calls == 0 ? "" : " ") << std::max(took, least);
  }
  return out.str();
}

/// Reads every byte once with plain wide loads.
void read_once(const std::vector<std::uint8_t>& bytes) {
  using block = std::uint64_t __attribute__((vector_size(64)));
  block sums[4] = {};
  for (std::size_t i = 0; i + sizeof sums <= bytes.size(); i += sizeof sums) {
    block here[4];
    std::memcpy(here, bytes.data() + i, sizeof here);
    for (int j = 0; j < 4; ++j) sums[j] |= here[j];
  }
  sums[0] |= sums[1] | sums[2] | sums[3];
  const std::uint64_t all = sums[0][0] | sums[0][1] | sums[0][2] | sums[0][3];
  asm volatile("" : : "r"(all) : "memory");
}

/// Milliseconds of all multiply-adds at the speed of registers: the layers' products in their precision, attention's in bf16 where they are
/// rounded. 0 where that speed is not known.
double multiply_adds(const std::string& precision, std::size_t parameters, const ts::token_batch& batch) {
  constexpr std::size_t layers = 6, width = 384;
  const double f32 = tessera_bench::peak_gflops(tessera::kernel::kernels().name);
  const double peak = precision == "f32" ? f32 : precision == "bf16" ? tessera_bench::peak_bf16_gflops() : tessera_bench::peak_i8_gops();
  if (peak == 0.0 || (precision == "f32" && tessera_bench::has_matrix_unit())) return 0.0;
  double pairs = 0.0;
  for (std::size_t i = 0; i < batch.texts(); ++i) {
    const double length = batch.offsets[i + 1] - batch.offsets[i];
    pairs += length * length;
  }
  const double products = 2.0 * static_cast<double>(parameters) * static_cast<double>(batch.tokens());
  const double attention = precision == "f32" ? f32 : tessera_bench::peak_bf16_gflops();
  return (products / peak + 4.0 * pairs * static_cast<double>(width * layers) / (attention == 0.0 ? f32 : attention)) * 1e-6;
}

class session {
 public:
  [[nodiscard]] std::string answer(std::istringstream& line) {
    std::string command, name;
    line >> command >> name;
    if (command == "load") return load_model(name, line);
    if (command == "tokens") return keep(name, line);
    const auto model = models_.find(name);
    if (model == models_.end()) return "error: no model in precision " + name;
    double seconds = 1.0;
    std::string workload;
    line >> workload >> seconds;
    const auto batch = workloads_.find(workload);
    if (batch == workloads_.end()) return "error: no workload " + workload;
    const ts::token_batch tokens = batch->second.view();
    if (command == "limit") {
      const double arithmetic = multiply_adds(name, model->second.parameters, tokens);
      const std::vector<std::uint8_t> bytes(model->second.weight_bytes, 1);
      return time_of(seconds, [&] { read_once(bytes); }, arithmetic);
    }
    const auto vectors = model->second.encode(tokens);
    if (!vectors) return "error: " + vectors.error().message();
    if (command == "run")
      return time_of(seconds, [&] {
        if (!model->second.encode(tokens)) std::exit(1);
      });
    if (command != "vectors") return "error: no command " + command;
    std::ostringstream out;
    out.precision(9);
    for (std::size_t i = 0; i < vectors->rows(); ++i)
      for (const float x : vectors->row(i).values()) out << x << ' ';
    return out.str();
  }

 private:
  std::string load_model(const std::string& precision, std::istringstream& line) {
    std::string directory;
    std::getline(line >> std::ws, directory);
    const auto made = load<ts::f32, ts::bf16, ts::i8>(precision, directory);
    if (!made) return "error: " + made.error().message();
    models_[precision] = *made;
    return "ok";
  }
  std::string keep(const std::string& name, std::istringstream& line) {
    ts::token_batch_builder& batch = workloads_[name];
    batch.clear();
    std::size_t texts = 0;
    line >> texts;
    for (std::size_t i = 0; i < texts; ++i) {
      std::size_t length = 0;
      line >> length;
      for (std::size_t t = 0; t < length; ++t) {
        std::uint32_t id = 0;
        line >> id;
        batch.add_token(id, static_cast<std::uint32_t>(t), 0);
      }
      batch.end_text();
    }
    return line ? "ok" : "error: too few numbers for workload " + name;
  }

  std::map<std::string, loaded_model> models_;
  std::map<std::string, ts::token_batch_builder> workloads_;
};

}  // namespace

int main() {
  session here;
  for (std::string text; std::getline(std::cin, text);) {
    std::istringstream line(text);
    std::cout << here.answer(line) << std::endl;
  }
}
