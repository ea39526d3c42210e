// SPDX-License-Identifier: Apache-2.0
// Weights from GGUF: published fixtures under the names that llama.cpp gives their tensors (tests/data/gguf/names.json, from its own package).
#include <tests/model/support.hpp>

#include <tessera/model/loader.hpp>
#include <tessera/model/nomic_bert.hpp>
#include <tessera/model/qwen3_reranker.hpp>
#include <tessera/model/roberta_reranker.hpp>

#include <deque>
#include <map>

using namespace tessera_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

void append_text(std::string& out, std::string_view text) {
  ts::append_le(out, std::uint64_t{text.size()});
  out += text;
}

/// Writes metadata and tensors by the specification of the format.
class gguf_file {
 public:
  void set(std::string_view key, std::uint32_t value) { ts::append_le(start_value(key, 4), value); }
  void set(std::string_view key, float value) { start_value(key, 6).append(reinterpret_cast<const char*>(&value), 4); }
  void set(std::string_view key, bool value) { start_value(key, 7) += value ? '\1' : '\0'; }
  void set(std::string_view key, std::string_view value) { append_text(start_value(key, 8), value); }
  void set(std::string_view key, std::span<const std::string> values) {
    for (const std::string& each : values) append_text(start_array(key, 8, values), each);
  }
  void set(std::string_view key, std::span<const float> values) {
    start_array(key, 6, values).append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }
  void set(std::string_view key, std::span<const std::int32_t> values) {
    start_array(key, 5, values).append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }
  void add(std::string_view name, std::span<const std::size_t> shape, std::uint32_t format, std::string_view bytes) {
    tensors_.push_back({std::string(name), {shape.begin(), shape.end()}, format, std::string(bytes)});
  }
  void remove(std::string_view name) {
    std::erase_if(tensors_, [&](const tensor& each) { return each.name == name; });
  }
  void write(const std::filesystem::path& path) const { write(path, tensors_); }
  /// As llama.cpp splits a model: the first file alone has the metadata.
  void write_split(const std::filesystem::path& stem, std::size_t parts) const {
    for (std::size_t i = 0; i < parts; ++i) {
      gguf_file part = i == 0 ? *this : gguf_file();
      ts::append_le(part.start_value("split.no", 2), static_cast<std::uint16_t>(i));
      ts::append_le(part.start_value("split.count", 2), static_cast<std::uint16_t>(parts));
      ts::append_le(part.start_value("split.tensors.count", 5), static_cast<std::uint32_t>(tensors_.size()));
      const std::size_t begin = tensors_.size() * i / parts, end = tensors_.size() * (i + 1) / parts;
      part.write(stem.string() + "-0000" + std::to_string(i + 1) + "-of-0000" + std::to_string(parts) + ".gguf",
                 std::span(tensors_).subspan(begin, end - begin));
    }
  }

 private:
  struct tensor {
    std::string name;
    std::vector<std::size_t> shape;
    std::uint32_t format;
    std::string bytes;
  };
  void write(const std::filesystem::path& path, std::span<const tensor> tensors) const {
    std::string head, data;
    for (const tensor& each : tensors) {
      append_text(head, each.name);
      ts::append_le(head, static_cast<std::uint32_t>(each.shape.size()));
      for (std::size_t i = each.shape.size(); i-- > 0;) ts::append_le(head, std::uint64_t{each.shape[i]});
      ts::append_le(head, each.format);
      ts::append_le(head, std::uint64_t{data.size()});
      data += each.bytes;
      data.resize((data.size() + 31) / 32 * 32);
    }
    std::string file = "GGUF";
    ts::append_le(file, std::uint32_t{3});
    ts::append_le(file, std::uint64_t{tensors.size()});
    ts::append_le(file, values_);
    file += metadata_ + head;
    file.resize((file.size() + 31) / 32 * 32);
    write_file(path, file + data);
  }
  std::string& start_value(std::string_view key, std::uint32_t type) {
    append_text(metadata_, key);
    ts::append_le(metadata_, type);
    ++values_;
    return metadata_;
  }
  template <class Values>
  std::string& start_array(std::string_view key, std::uint32_t type, const Values& values) {
    if (key == last_array_) return metadata_;
    last_array_ = key;
    ts::append_le(start_value(key, 9), type);
    ts::append_le(metadata_, std::uint64_t{values.size()});
    return metadata_;
  }

  std::string metadata_, last_array_;
  std::vector<tensor> tensors_;
  std::uint64_t values_ = 0;
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
    if (stem.find(".lora_") != std::string::npos) return {};  // they go into files of their own
    const bool parametrised = name.ends_with(".original");
    if (const std::size_t part = stem.find(".parametrizations."); parametrised) stem.erase(part);
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
    return made + (parametrised ? ".weight" : std::string(name.substr(dot)));
  }

 private:
  ts::json file_;
  std::map<std::string, std::string, std::less<>> names_;
};

/// What llama.cpp's conversion writes of a fixture's config.json.
void add_metadata(gguf_file& into, const std::string& folder) {
  const ts::json file = value_of(ts::read_json(fixture("gguf/metadata.json").string()));
  const auto mine = file.root().find(folder);
  if (!mine) return;
  const ts::json_members members = value_of(mine->members());
  for (const auto& [key, pair] : members) {
    const ts::json_elements both = value_of(pair.elements());
    const auto type = value_of((*both.begin()).get<std::string_view>());
    const ts::json_value value = *std::next(both.begin());
    if (type == "u32") into.set(key, value_of(value.get<std::uint32_t>()));
    else if (type == "f32") into.set(key, static_cast<float>(value_of(value.get<double>())));
    else if (type == "bool") into.set(key, value_of(value.get<bool>()));
    else into.set(key, value_of(value.get<std::string_view>()));
  }
}

/// Rows of a RoBERTa's position table that its conversion leaves out.
std::size_t rows_cut(const std::string& folder) { return folder.find("roberta") == std::string::npos ? 0 : 2; }

/// The fixture's weights as llama.cpp converts them. Where that is asked for, matrices are Q8_0, and model.safetensors beside the file has
/// what they mean.
gguf_file converted(const scratch_directory& scratch, const std::string& folder, bool quantised = false, gguf_file made = {}) {
  const ts::safetensors published = value_of(ts::safetensors::open(fixture("text/" + folder + "/model.safetensors").string()));
  const name_map name_of(folder);
  add_metadata(made, folder);
  std::deque<std::vector<float>> all;
  std::vector<ts::tensor_view> meant;
  for (const ts::tensor_view& tensor : published.tensors()) {
    const std::size_t experts = tensor.name.ends_with("experts.mlp.w1") || tensor.name.ends_with("experts.mlp.w2") ? 4 : 0;
    const std::string name = name_of(std::string(tensor.name) + (experts == 0 ? "" : ".weight"));
    if (name.empty()) continue;  // of the experts' bias too
    std::vector<float>& values = all.emplace_back(floats(published, tensor.name));
    if (folder == "embedding_gemma" && tensor.name.ends_with("norm.weight"))
      for (float& x : values) x += 1.0f;
    std::vector<std::size_t> shape(tensor.shape.begin(), tensor.shape.end());
    if (experts != 0) shape = {experts, shape[0] / experts, shape[1]};
    if (tensor.name.ends_with("experts.mlp.w2")) {
      const std::vector<float> upright = values;
      for (std::size_t i = 0; i < values.size(); ++i) {
        const std::size_t size = shape[1] * shape[2], row = i % size / shape[2], column = i % shape[2];
        values[i / size * size + column * shape[1] + row] = upright[i];
      }
      std::swap(shape[1], shape[2]);
    }
    std::span<const float> kept = values;
    if (name == "position_embd.weight") {
      kept = kept.subspan(rows_cut(folder) * shape[1]);
      shape[0] -= rows_cut(folder);
    }
    if (folder == "qwen3_reranker" && name == "token_embd.weight") {  // the rows of "yes" and "no" once more
      std::vector<float> both(values.begin() + 37 * 48, values.begin() + 38 * 48);
      both.insert(both.end(), values.begin() + 91 * 48, values.begin() + 92 * 48);
      made.add("cls.output.weight", std::vector<std::size_t>{2, 48}, 0, as_text(both));
    }
    if (shape.size() == 2 && shape[0] == 1) shape.erase(shape.begin());  // as the conversion does
    const bool blocks = quantised && shape.size() == 2 && shape[1] % 32 == 0;
    made.add(name, shape, blocks ? 8 : 0, blocks ? as_q8_0(values) : as_text(kept));
    meant.push_back(ts::tensor_of<float>(tensor.name, tensor.shape, values));
  }
  if (quantised) succeed(ts::write_safetensors((scratch / "model.safetensors").string(), meant));
  return made;
}

/// The same in one file.
std::string convert(const scratch_directory& scratch, const std::string& folder, bool quantised = false, gguf_file made = {}) {
  converted(scratch, folder, quantised, std::move(made)).write(scratch / "model.gguf");
  return (scratch / "model.gguf").string();
}

/// The pieces of a fixture's tokenizer.json (Unigram), as the conversion of an XLM-RoBERTa writes them; without the map of its normaliser.
gguf_file with_pieces(const std::string& folder) {
  const ts::json file = value_of(ts::read_json(fixture("text/" + folder + "/tokenizer.json").string()));
  std::vector<std::string> tokens;
  std::vector<float> scores;
  const ts::json_elements vocabulary = value_of(value_of(value_of(file.root().at("model")).at("vocab")).elements());
  for (const ts::json_value piece : vocabulary) {
    const ts::json_elements pair = value_of(piece.elements());
    tokens.push_back(value_of((*pair.begin()).get<std::string>()));
    scores.push_back(static_cast<float>(value_of((*std::next(pair.begin())).get<double>())));
  }
  std::vector<std::int32_t> types(tokens.size(), 1);
  for (const std::size_t control : {std::size_t{0}, std::size_t{1}, std::size_t{2}, tokens.size() - 1}) types[control] = 3;
  types[3] = 2;  // unknown
  gguf_file made;
  made.set("tokenizer.ggml.tokens", std::span<const std::string>(tokens));
  made.set("tokenizer.ggml.scores", std::span<const float>(scores));
  made.set("tokenizer.ggml.token_type", std::span<const std::int32_t>(types));
  for (const auto& [key, id] : {std::pair("bos", 0U), std::pair("eos", 2U), std::pair("unknown", 3U), std::pair("seperator", 2U)})
    made.set("tokenizer.ggml." + std::string(key) + "_token_id", id);
  for (const std::string_view key : {"add_bos_token", "add_eos_token", "add_space_prefix", "remove_extra_whitespaces"})
    made.set("tokenizer.ggml." + std::string(key), true);
  return made;
}

}  // namespace

TEST_CASE("gguf: every tensor of a family is found under llama.cpp's name", "[model][gguf]") {
  const std::string folder = GENERATE(as<std::string>(), "bert_cls", "nomic_bert", "modernbert", "qwen2_causal", "qwen3_embed", "embedding_gemma",
                                      "roberta", "xlm_roberta", "reranker_xlm_roberta", "reranker_modernbert", "reranker_bert", "qwen3_reranker");
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
    if (entry.label() == "position_embedding.weight") {
      const std::size_t cut = rows_cut(folder) * entry.shape[1];
      for (std::size_t i = 0; i < cut; ++i) CHECK(std::isnan(found[i]));
      CHECK(same_bits(std::span(found).subspan(cut), std::span(wanted).subspan(cut)));
      continue;
    }
    // 1 + w was rounded when Gemma's norms were written.
    if (folder == "embedding_gemma" && entry.label().find("norm") != std::string_view::npos) CHECK(distance(found, wanted) <= 3e-7);
    else CHECK(found == wanted);
  }
}

TEST_CASE("gguf: a model is loaded from it", "[model][gguf]") {
  const scratch_directory scratch;
  const std::string folder = fixture("text/bert_cls").string();
  const id_batch batch(value_of(ts::safetensors::open(folder + "/expected.safetensors")));
  const auto vectors = [&](std::string weights, ts::table_storage tokens = ts::table_storage::copied) {
    const auto model = value_of(ts::load<bert_cls>(folder, {.weights = std::move(weights), .tokens_only = true, .token_table = tokens}));
    return flat_values(value_of(model.encode_tokens(batch.packed.view())));
  };
  const std::vector<float> wanted = vectors({});
  CHECK(same_bits(vectors(convert(scratch, "bert_cls")), wanted));
  CHECK(same_bits(vectors((scratch / "model.gguf").string(), ts::table_storage::mapped), wanted));
  const std::vector<float> near = vectors(convert(scratch, "bert_cls", true));
  CHECK(same_bits(near, vectors((scratch / "model.safetensors").string())));
  CHECK_THAT(message_of(ts::load<bert_cls>(folder, {.weights = (scratch / "model.gguf").string(), .tokens_only = true, .token_table = ts::table_storage::mapped})),
             ContainsSubstring("token_embd.weight: wanted a token table that can be mapped: F32, F16 or BF16, row i the vector of token i, found Q8_0"));
  CHECK_FALSE(same_bits(near, wanted));
}

TEST_CASE("gguf: a file says of a model what its config.json does", "[model][gguf]") {
  const std::string folder = GENERATE(as<std::string>(), "roberta", "xlm_roberta", "nomic_bert", "modernbert", "qwen2_causal", "qwen3_embed",
                                      "jina_v3", "reranker_xlm_roberta", "reranker_modernbert", "qwen3_reranker");
  CAPTURE(folder);
  const scratch_directory scratch;
  const auto file = value_of(ts::model_directory::read(convert(scratch, folder)));
  const auto directory = value_of(ts::model_directory::read(fixture("text/" + folder).string()));
  const auto found = value_of(ts::describe(file)), wanted = value_of(ts::describe(directory));
  CHECK(found.encoder.family == wanted.encoder.family);
  REQUIRE(found.encoder.settings.size() == wanted.encoder.settings.size());
  for (std::size_t i = 0; i < found.encoder.settings.size(); ++i) {
    const auto& [key, value] = found.encoder.settings[i];
    INFO(key);
    if (key == "n_positions") CHECK(value == "28");  // four times seven
    else if (key.starts_with("lora")) CHECK(value == (key == "lora_alpha" ? "1" : "0"));  // adapters are in other files
    else CHECK(value == wanted.encoder.settings[i].value);
  }
  CHECK(file.pooling_mode == directory.pooling_mode);
  CHECK(found.rerank == wanted.rerank);
  // Nothing differs from the directory's type but what no such file says.
  const auto plan = ts::check_directory(file, found, {.tokens_only = true});
  succeed(plan ? ts::result<>() : ts::fail(plan.error()));
}

TEST_CASE("gguf: one file is a model", "[model][gguf]") {
  const scratch_directory scratch;
  using space = ts::space<"xlm_roberta", 48, ts::pooling::mean, ts::unit_length>;
  using encoder = ts::roberta<space, ts::roberta_shape{.vocabulary = 900, .layers = 2, .width = 48, .heads = 6, .inner = 80, .positions = 38, .epsilon = 0.004}>;
  const auto published = value_of(ts::load<encoder>(fixture("text/xlm_roberta").string()));
  const auto single = value_of(ts::load<encoder>(convert(scratch, "xlm_roberta", false, with_pieces("xlm_roberta"))));
  const std::vector<std::string> texts = {"a multi-track sound editor", "the quick  brown fox", "", "x"};
  CHECK(same_bits(flat_values(value_of(single.encode(texts))), flat_values(value_of(published.encode(texts)))));
  const std::vector<std::string> masked = {"a <mask> b", "<mask>", "a  <mask>b"};  // it takes the blanks before it, which no file says
  CHECK(same_bits(flat_values(value_of(single.encode(masked))), flat_values(value_of(published.encode(masked)))));
  // The file has no row for the position of a padding token.
  CHECK_THAT(message_of(single.encode("a <pad> b")), ContainsSubstring("text 0") && ContainsSubstring("found NaN"));
  succeed(single.encode("a b") ? ts::result<>() : ts::fail({}));
  CHECK(value_of(single.sha256()) == value_of(single.sha256()));

  using other = ts::roberta<space, ts::roberta_shape{.vocabulary = 900, .layers = 2, .width = 48, .heads = 6, .inner = 80, .positions = 38}>;
  CHECK_THAT(message_of(ts::load<other>((scratch / "model.gguf").string())), ContainsSubstring("layer_norm_eps: wanted 1e-05, found 0.004"));
}

TEST_CASE("gguf: rerankers in one file", "[model][gguf]") {
  const scratch_directory scratch;
  using judge = ts::roberta_reranker<ts::roberta_shape{.vocabulary = 900, .layers = 2, .width = 40, .heads = 5, .inner = 72, .positions = 42, .epsilon = 0.003}>;
  const auto published = value_of(ts::load<judge>(fixture("text/reranker_xlm_roberta").string()));
  const auto single = value_of(ts::load<judge>(convert(scratch, "reranker_xlm_roberta", false, with_pieces("reranker_xlm_roberta"))));
  const auto wanted = value_of(published.score("edit audio", "a sound editor")), found = value_of(single.score("edit audio", "a sound editor"));
  CHECK(found.logit == wanted.logit);
  CHECK(found.score == wanted.score);

  using asked = ts::qwen3_reranker<ts::qwen3_shape{
      .vocabulary = 704, .layers = 2, .width = 48, .heads = 4, .kv_heads = 2, .head_width = 16, .inner = 72, .positions = 128, .epsilon = 0.004, .theta = 300.0}>;
  const std::string folder = fixture("text/qwen3_reranker").string();
  const id_batch batch(value_of(ts::safetensors::open(folder + "/expected.safetensors")));
  const auto one = value_of(ts::load<asked>(folder, {.tokens_only = true}));
  const auto other = value_of(ts::load<asked>(convert(scratch, "qwen3_reranker"), {.tokens_only = true}));
  CHECK(value_of(other.logits(batch.packed.view())) == value_of(one.logits(batch.packed.view())));
}

TEST_CASE("gguf: a model in several files is opened by the first of them", "[model][gguf]") {
  const scratch_directory scratch;
  const std::string folder = fixture("text/xlm_roberta").string();
  using encoder = ts::roberta<ts::space<"xlm_roberta", 48, ts::pooling::mean, ts::unit_length>,
                              ts::roberta_shape{.vocabulary = 900, .layers = 2, .width = 48, .heads = 6, .inner = 80, .positions = 38, .epsilon = 0.004}>;
  const gguf_file made = converted(scratch, "xlm_roberta", false, with_pieces("xlm_roberta"));
  made.write_split(scratch / "model", 3);
  const auto path = [&](std::string_view name) { return (scratch / name).string(); };
  const auto split = value_of(ts::load<encoder>(path("model-00001-of-00003.gguf")));
  const auto whole = value_of(ts::load<encoder>(folder));
  const std::vector<std::string> texts = {"a multi-track sound editor", "", "x"};
  CHECK(same_bits(flat_values(value_of(split.encode(texts))), flat_values(value_of(whole.encode(texts)))));
  CHECK(value_of(ts::weights::open(path("model-00001-of-00003.gguf"))).files().size() == 3);

  const auto fault = [&](std::string_view name) { return message_of(ts::load<encoder>(path(name))); };
  CHECK_THAT(fault("model-00002-of-00003.gguf"), ContainsSubstring("split.no: wanted 0, that of the file ...-00001-of-00003.gguf, found 1"));
  std::filesystem::copy_file(path("model-00001-of-00003.gguf"), path("other.gguf"));
  CHECK_THAT(fault("other.gguf"), ContainsSubstring("wanted ...-00001-of-00003.gguf, as split.count says, found other.gguf"));
  std::filesystem::copy_file(path("model-00002-of-00003.gguf"), path("model-00003-of-00003.gguf"), std::filesystem::copy_options::overwrite_existing);
  CHECK_THAT(fault("model-00001-of-00003.gguf"), ContainsSubstring("split.no: wanted 2, found 1"));
  std::filesystem::remove(path("model-00003-of-00003.gguf"));
  CHECK_THAT(fault("model-00001-of-00003.gguf"), ContainsSubstring("model-00003-of-00003.gguf"));
  made.write_split(scratch / "model", 2);
  std::filesystem::rename(path("model-00002-of-00002.gguf"), path("model-00003-of-00003.gguf"));
  CHECK_THAT(fault("model-00001-of-00003.gguf"), ContainsSubstring("split."));
}

TEST_CASE("gguf: experts stand in stacks, and without their bias", "[model][gguf]") {
  const scratch_directory scratch;
  const std::string folder = fixture("text/nomic_moe").string();
  const std::string file = convert(scratch, "nomic_moe");
  const auto directory = value_of(ts::model_directory::read(file));
  const auto described = value_of(ts::describe(directory));
  CHECK(described.encoder.family == "nomic_bert");
  CHECK_THAT(ts::type_text(described, "nomic_moe"), ContainsSubstring(".experts = 4, .used = 2, .bias = true, .expert_bias = false"));

  // The reference's numbers are those with the bias; without one they are those of a bias of zeros.
  constexpr auto shape = [](bool expert_bias) {
    return ts::nomic_bert_shape{.vocabulary = 90, .layers = 4, .width = 24, .heads = 2, .inner = 40, .positions = 32, .types = 1, .experts = 4, .used = 2,
                                .bias = true, .expert_bias = expert_bias, .activation = ts::kernel::activation::gelu_erf, .epsilon = 0.001, .theta = 50.0};
  };
  using space = ts::space<"nomic_moe", 24, ts::pooling::mean, ts::unit_length>;
  const ts::safetensors published = value_of(ts::safetensors::open(folder + "/model.safetensors"));
  std::deque<std::vector<float>> all;
  std::vector<ts::tensor_view> without;
  for (const ts::tensor_view& tensor : published.tensors()) {
    std::vector<float>& values = all.emplace_back(floats(published, tensor.name));
    if (tensor.name.ends_with("experts.bias")) std::ranges::fill(values, 0.0f);
    without.push_back(ts::tensor_of<float>(tensor.name, tensor.shape, values));
  }
  succeed(ts::write_safetensors((scratch / "zeros.safetensors").string(), without));
  const id_batch batch(value_of(ts::safetensors::open(folder + "/expected.safetensors")));
  const auto zeros = value_of(ts::load<ts::nomic_bert<space, shape(true)>>(folder, {.weights = (scratch / "zeros.safetensors").string(), .tokens_only = true}));
  const auto single = value_of(ts::load<ts::nomic_bert<space, shape(false)>>(convert(scratch, "nomic_moe"), {.tokens_only = true}));
  CHECK(same_bits(flat_values(value_of(single.encode_tokens(batch.packed.view()))), flat_values(value_of(zeros.encode_tokens(batch.packed.view())))));
  CHECK_THAT(message_of(ts::load<ts::nomic_bert<space, shape(true)>>(file, {.tokens_only = true})),
             ContainsSubstring("bias of the experts: wanted true, found false") && ContainsSubstring("layers.1.feed_forward.experts.bias"));
}

TEST_CASE("gguf: a classifier without its pooler is refused, as llama.cpp converts BERT's", "[model][gguf]") {
  const scratch_directory scratch;
  const auto directory = value_of(ts::model_directory::read(fixture("text/reranker_bert").string()));
  const auto described = value_of(ts::describe(directory));
  gguf_file made = converted(scratch, "reranker_bert");
  made.remove("cls.weight");
  made.remove("cls.bias");
  made.write(scratch / "model.gguf");
  const auto opened = value_of(ts::published_tensors::open(directory, described, (scratch / "model.gguf").string()));
  const std::vector<ts::error> problems = opened.compare(described.manifest());
  REQUIRE(problems.size() == 2);
  CHECK_THAT(problems[0].message(), ContainsSubstring("cls.weight: wanted [32, 32], found no such tensor"));
}

TEST_CASE("gguf: an architecture that this library lacks, and one whose files lack something, are named", "[model][gguf]") {
  const scratch_directory scratch;
  gguf_file file;
  file.set("general.architecture", std::string_view("jina-bert-v2"));
  file.write(scratch / "model.gguf");
  CHECK_THAT(message_of(ts::load<bert_cls>((scratch / "model.gguf").string())),
             ContainsSubstring("general.architecture: wanted one of the supported architectures (bert, jina-bert-v3, nomic-bert, "
                               "nomic-bert-moe, modern-bert, qwen2, qwen3, gemma-embedding), found \"jina-bert-v2\"") &&
                 ContainsSubstring("model.gguf"));
  gguf_file adapter;
  adapter.set("general.type", std::string_view("adapter"));
  adapter.set("general.architecture", std::string_view("jina-bert-v3"));
  adapter.write(scratch / "model.gguf");
  CHECK_THAT(message_of(ts::load<bert_cls>((scratch / "model.gguf").string())), ContainsSubstring("general.type: wanted \"model\", found \"adapter\""));
  gguf_file less;
  less.set("general.architecture", std::string_view("qwen3"));
  less.write(scratch / "model.gguf");
  CHECK_THAT(message_of(ts::load<bert_cls>((scratch / "model.gguf").string())), ContainsSubstring("qwen3.block_count"));
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
  const auto gte = value_of(ts::model_directory::read(fixture("text/gte_v5").string()));
  CHECK_THAT(message_of(ts::published_tensors::open(gte, value_of(ts::describe(gte)), options.weights)),
             ContainsSubstring("safetensors or ONNX for the family gte"));
  file.add("newer", shape, 20, std::string(18, '\0'));
  file.write(scratch / "small.gguf");
  CHECK_THAT(message_of(ts::load<bert_cls>(fixture("text/bert_cls").string(), options)),
             ContainsSubstring("newer: wanted") && ContainsSubstring("found IQ4_NL"));
}
