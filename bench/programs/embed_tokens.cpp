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
#include <bench/support/line_program.hpp>
#include <bench/support/reading.hpp>
#include <bench/support/workloads.hpp>
#include <tessera/model/minilm.hpp>

#include <functional>
#include <map>

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
    if (command == "tokens") return workloads_.read(name, line);
    const auto model = models_.find(name);
    if (model == models_.end()) return "error: no model in precision " + name;
    double seconds = 1.0;
    std::string workload;
    line >> workload >> seconds;
    const ts::token_batch_builder* batch = workloads_.find(workload);
    if (batch == nullptr) return "error: no workload " + workload;
    const ts::token_batch tokens = batch->view();
    if (command == "limit") {
      const double arithmetic = multiply_adds(name, model->second.parameters, tokens);
      const std::vector<std::uint8_t> bytes(model->second.weight_bytes, 1);
      return tessera_bench::time_of(seconds, [&] { tessera_bench::read_widest(bytes.data(), bytes.size()); }, arithmetic);
    }
    if (command == "run")
      return tessera_bench::time_of(seconds, [&] {
        if (!model->second.encode(tokens)) std::exit(1);
      });
    if (command != "vectors") return "error: no command " + command;
    return tessera_bench::line_of(model->second.encode(tokens));
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
  std::map<std::string, loaded_model> models_;
  tessera_bench::workloads workloads_;
};

}  // namespace

int main() {
  session here;
  tessera_bench::answer_lines([&](std::istringstream& line) { return here.answer(line); });
}
