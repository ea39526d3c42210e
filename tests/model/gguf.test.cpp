// SPDX-License-Identifier: Apache-2.0
// Weights from GGUF: published fixtures under the names that llama.cpp gives their tensors (tests/data/gguf/names.json, from its own package).
#include <tests/model/support.hpp>

#include <tessera/model/loader.hpp>

#include <deque>
#include <map>

using namespace tessera_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

void append_text(std::string& out, std::string_view text) {
  ts::append_le(out, std::uint64_t{text.size()});
  out += text;
}

/// Writes tensors by the specification of the format, without metadata.
class gguf_file {
 public:
  void add(std::string_view name, std::span<const std::size_t> shape, std::uint32_t format, std::string_view bytes) {
    append_text(head_, name);
    ts::append_le(head_, static_cast<std::uint32_t>(shape.size()));
    for (std::size_t i = shape.size(); i-- > 0;) ts::append_le(head_, std::uint64_t{shape[i]});
    ts::append_le(head_, format);
    ts::append_le(head_, std::uint64_t{data_.size()});
    data_ += bytes;
    data_.resize((data_.size() + 31) / 32 * 32);
    ++count_;
  }
  void write(const std::filesystem::path& path) const {
    std::string file = "GGUF";
    ts::append_le(file, std::uint32_t{3});
    ts::append_le(file, count_);
    ts::append_le(file, std::uint64_t{0});
    file += head_;
    file.resize((file.size() + 31) / 32 * 32);
    write_file(path, file + data_);
  }

 private:
  std::string head_;
  std::string data_;
  std::uint64_t count_ = 0;
};

std::string as_text(std::span<const float> values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}
/// Q8_0 of rows that are a multiple of 32; `values` become what the format means.
std::string as_q8_0(std::span<float> values) {
  std::string out;
  for (std::size_t begin = 0; begin < values.size(); begin += 32) {
    const auto block = values.subspan(begin, 32);
    float most = 0.0f;
    for (const float x : block) most = std::max(most, std::abs(x));
    const ts::float16 scale(most / 127.0f);
    ts::append_le(out, scale.bits);
    const auto d = static_cast<float>(scale);
    for (float& x : block) {
      const auto number = static_cast<signed char>(d == 0.0f ? 0 : std::clamp(std::lround(x / d), -127L, 127L));
      out += static_cast<char>(number);
      x = d * static_cast<float>(number);
    }
  }
  return out;
}

/// The llama.cpp name of a published tensor, or nothing.
class name_map {
 public:
  explicit name_map(const std::string& folder) : file_(value_of(ts::read_json(fixture("gguf/names.json").string()))) {
    const ts::json_value all = value_of(file_.root().at(folder));
    const ts::json_members members = value_of(all.members());
    for (const auto& [ours, theirs] : members) names_.emplace(ours, value_of(theirs.get<std::string>()));
  }
  [[nodiscard]] std::string operator()(std::string_view name) const {
    const std::size_t dot = name.rfind('.');
    std::string stem(name.substr(0, dot)), number;
    for (std::size_t at = stem.find('.'); at != std::string::npos && number.empty(); at = stem.find('.', at + 1)) {
      const std::size_t end = std::min(stem.find('.', at + 1), stem.size());
      const std::string piece = stem.substr(at + 1, end - at - 1);
      if (end == stem.size() || piece.empty() || piece.find_first_not_of("0123456789") != std::string::npos) continue;
      number = piece;
      stem.replace(at + 1, piece.size(), "{}");
    }
    const auto place = names_.find(stem);
    if (place == names_.end()) return {};
    std::string made = place->second;
    if (!number.empty()) made.replace(made.find("{}"), 2, number);
    return made + std::string(name.substr(dot));
  }

 private:
  ts::json file_;
  std::map<std::string, std::string, std::less<>> names_;
};

/// The fixture's weights as llama.cpp converts them. Where that is asked for, matrices are Q8_0, and model.safetensors beside the file has
/// what they mean.
std::string convert(const scratch_directory& scratch, const std::string& folder, bool quantised = false) {
  const ts::safetensors published = value_of(ts::safetensors::open(fixture("text/" + folder + "/model.safetensors").string()));
  const name_map name_of(folder);
  gguf_file made;
  std::deque<std::vector<float>> all;
  std::vector<ts::tensor_view> meant;
  for (const ts::tensor_view& tensor : published.tensors()) {
    const std::string name = name_of(tensor.name);
    if (name.empty()) continue;
    std::vector<float>& values = all.emplace_back(floats(published, tensor.name));
    if (folder == "embedding_gemma" && tensor.name.ends_with("norm.weight"))
      for (float& x : values) x += 1.0f;
    const bool blocks = quantised && tensor.shape.size() == 2 && tensor.shape[1] % 32 == 0;
    made.add(name, tensor.shape, blocks ? 8 : 0, blocks ? as_q8_0(values) : as_text(values));
    meant.push_back(ts::tensor_of<float>(tensor.name, tensor.shape, values));
  }
  if (quantised) succeed(ts::write_safetensors((scratch / "model.safetensors").string(), meant));
  made.write(scratch / "model.gguf");
  return (scratch / "model.gguf").string();
}

}  // namespace

TEST_CASE("gguf: every tensor of a family is found under llama.cpp's name", "[model][gguf]") {
  const std::string folder = GENERATE(as<std::string>(), "bert_cls", "nomic_bert", "modernbert", "qwen2_causal", "qwen3_embed", "embedding_gemma");
  CAPTURE(folder);
  const scratch_directory scratch;
  const auto directory = value_of(ts::model_directory::read(fixture("text/" + folder).string()));
  const auto described = value_of(ts::describe(directory));
  const auto published = value_of(ts::published_tensors::open(directory, described));
  const auto converted = value_of(ts::published_tensors::open(directory, described, convert(scratch, folder)));
  const std::vector<ts::tensor_entry> manifest = described.manifest();
  for (const ts::error& problem : converted.compare(manifest)) FAIL_CHECK(problem.message());
  for (const ts::tensor_entry& entry : manifest) {
    INFO(entry.label());
    std::vector<float> wanted(entry.size()), found(entry.size());
    succeed(published.find(entry.label()).read(wanted));
    succeed(converted.find(entry.label()).read(found));
    // 1 + w was rounded when Gemma's norms were written.
    if (folder == "embedding_gemma" && entry.label().find("norm") != std::string_view::npos) CHECK(distance(found, wanted) <= 3e-7);
    else CHECK(found == wanted);
  }
}

TEST_CASE("gguf: a model is loaded from it", "[model][gguf]") {
  const scratch_directory scratch;
  const std::string folder = fixture("text/bert_cls").string();
  const id_batch batch(value_of(ts::safetensors::open(folder + "/expected.safetensors")));
  const auto vectors = [&](std::string weights) {
    const auto model = value_of(ts::load<bert_cls>(folder, {.weights = std::move(weights), .tokens_only = true}));
    return flat_values(value_of(model.encode_tokens(batch.packed.view())));
  };
  const std::vector<float> wanted = vectors({});
  CHECK(same_bits(vectors(convert(scratch, "bert_cls")), wanted));
  const std::vector<float> near = vectors(convert(scratch, "bert_cls", true));
  CHECK(same_bits(near, vectors((scratch / "model.safetensors").string())));
  CHECK_FALSE(same_bits(near, wanted));
}

TEST_CASE("gguf: a family without names, a missing tensor and a format that is not read are said", "[model][gguf]") {
  const scratch_directory scratch;
  gguf_file file;
  const std::vector<float> row(32);
  const std::vector<std::size_t> shape = {32};
  file.add("token_embd.weight", shape, 0, as_text(row));
  file.write(scratch / "small.gguf");
  const ts::load_options options{.weights = (scratch / "small.gguf").string(), .tokens_only = true};
  CHECK_THAT(message_of(ts::load<bert_cls>(fixture("text/bert_cls").string(), options)),
             ContainsSubstring("token_embd.weight: wanted [300, 64], found [32]") &&
                 ContainsSubstring("blk.1.attn_q.weight: wanted [64, 64], found no such tensor"));
  const auto roberta = value_of(ts::model_directory::read(fixture("text/roberta").string()));
  CHECK_THAT(message_of(ts::published_tensors::open(roberta, value_of(ts::describe(roberta)), options.weights)),
             ContainsSubstring("safetensors or ONNX for the family roberta"));
  file.add("newer", shape, 20, std::string(18, '\0'));
  file.write(scratch / "small.gguf");
  CHECK_THAT(message_of(ts::load<bert_cls>(fixture("text/bert_cls").string(), options)),
             ContainsSubstring("newer: wanted") && ContainsSubstring("found IQ4_NL"));
}
