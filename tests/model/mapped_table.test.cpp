// SPDX-License-Identifier: Apache-2.0
// Token vectors that stay in the weight file: the bits of copies, the memory that is not held, how long the mapping lives, what is refused.
#include <tests/model/support.hpp>
#include <tests/support/allocations.hpp>

#include <tessera/model/static_embedding.hpp>

#include <random>

using namespace tessera_tests;
using Catch::Matchers::ContainsSubstring;

namespace {

constexpr std::size_t rows = 50, width = 600;
constexpr float scale = 1.7f;
template <class Weights>
using own_model = ts::model<ts::space<"own", width>, ts::stored_as<Weights>,
                            ts::token_embedding<rows, width, static_cast<double>(scale), ts::adapters<2, 3>>, ts::pool<ts::pooling::mean>>;
using static_model = ts::static_embedding<ts::space<"tiny_static", 2>, ts::static_shape{.vocabulary = 700, .width = 2}>;

/// Numbers of which f16 changes most, and some below its range of normal ones.
std::vector<float> numbers(std::size_t count, unsigned seed) {
  std::mt19937 source(seed);
  std::normal_distribution<float> normal(0.0f, 0.3f);
  std::vector<float> made(count);
  for (std::size_t i = 0; i < count; ++i) made[i] = normal(source) * (i % 7 == 0 ? 1e-5f : i % 11 == 0 ? 1e-7f : 1.0f);
  made[1] = 65000.0f;
  made[2] = -0.0f;
  return made;
}

std::string as_bytes(std::span<const float> values, ts::dtype type) {
  std::string made;
  for (const float x : values) {
    if (type == ts::dtype::f16) ts::append_le(made, ts::float16(x).bits);
    else if (type == ts::dtype::bf16) ts::append_le(made, ts::bfloat16(x).bits);
    else ts::append_le(made, x);
  }
  return made;
}

/// own_model's file, with `before` bytes before the table: the header ends on a multiple of 8.
void write_own(const std::filesystem::path& path, std::span<const float> table, ts::dtype type, std::size_t before) {
  std::string header, data;
  const auto add = [&](std::string_view name, std::string_view dtype, const std::string& shape, const std::string& bytes) {
    header += (header.empty() ? "{\"" : ",\"") + std::string(name) + R"(":{"dtype":")" + std::string(dtype) + R"(","shape":)" + shape +
              R"(,"data_offsets":[)" + std::to_string(data.size()) + "," + std::to_string(data.size() + bytes.size()) + "]}";
    data += bytes;
  };
  add("before", "U8", "[" + std::to_string(before) + "]", std::string(before, 'x'));
  add("token_embedding.weight", ts::to_string(type), "[50,600]", as_bytes(table, type));
  add("token_embedding.adapters.a", "F32", "[2,50,3]", as_bytes(numbers(2 * rows * 3, 5), ts::dtype::f32));
  add("token_embedding.adapters.b", "F32", "[2,3,600]", as_bytes(numbers(2 * 3 * width, 6), ts::dtype::f32));
  header += "}";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  std::string length;
  ts::append_le(length, std::uint64_t{header.size()});
  write_file(path, length + header + data);
}

/// Every row alone, then all of them; none, the first and the second adapter in turns.
ts::token_batch_builder every_row() {
  ts::token_batch_builder batch;
  std::vector<std::uint32_t> all;
  for (std::uint32_t id = 0; id < rows; ++id) {
    batch.add_text(std::vector{id}, std::vector{0}, 0, id % 3 == 0 ? ts::no_adapter : id % 3 - 1);
    all.push_back(rows - 1 - id);
  }
  batch.add_text(all, std::vector<int>(rows), 0, 1);
  return batch;
}

template <class Model>
std::vector<float> vectors_of(const Model& model, const std::vector<std::string>& texts) {
  return flat_values(value_of(model.encode(std::span<const std::string>(texts))));
}

ts::load_options mapped_tokens() { return {.tokens_only = true, .token_table = ts::table_storage::mapped}; }

}  // namespace

TEMPLATE_TEST_CASE("mapped table: the bits of a copy, whatever the file's numbers are and wherever they lie", "[model][mapped]", ts::f32, ts::i8) {
  using model = own_model<TestType>;
  const ts::dtype type = GENERATE(ts::dtype::f32, ts::dtype::f16, ts::dtype::bf16);
  const std::size_t before = GENERATE(0u, 1u, 2u, 8191u);
  CAPTURE(ts::to_string(type), before);
  const scratch_directory scratch;
  const std::vector<float> table = numbers(rows * width, 4);
  write_own(scratch / "model.safetensors", table, type, before);
  const std::string folder = scratch.path().string();
  const auto copied = value_of(ts::load<model>(folder, {.tokens_only = true}));
  ts::thread_pool threads(2);
  ts::load_options options = mapped_tokens();
  options.threads = &threads;
  const auto mapped = value_of(ts::load<model>(folder, options));
  CHECK(mapped.made_by() == copied.made_by());
  CHECK(mapped.mapped_bytes() == rows * width * (type == ts::dtype::f32 ? 4 : 2));
  CHECK(copied.mapped_bytes() == 0);

  const ts::token_batch_builder batch = every_row();
  CHECK(same_bits(flat_values(value_of(mapped.encode_tokens(batch.view()))), flat_values(value_of(copied.encode_tokens(batch.view())))));
  if constexpr (std::is_same_v<TestType, ts::f32>) {  // and of the file
    const auto states = value_of(mapped.hidden_states(batch.view()));
    std::size_t wrong = 0;
    for (std::size_t row = 0; row < rows; row += 3)  // those without an adapter
      for (std::size_t j = 0; j < width; ++j) {
        const float x = table[row * width + j];
        const float stored = type == ts::dtype::f16 ? static_cast<float>(ts::float16(x)) : type == ts::dtype::bf16 ? static_cast<float>(ts::bfloat16(x)) : x;
        wrong += states[row * width + j] != scale * stored;
      }
    CHECK(wrong == 0);
  }
}

TEMPLATE_TEST_CASE("mapped table: published models in one file, in shards and in exports", "[model][mapped]", ts::f32, ts::bf16) {
  using model = ts::bert<bert_mean_space, bert_mean_shape, TestType>;
  const auto [folder, file] = GENERATE(table<std::string, std::string>({{"bert_mean", ""},
                                                                        {"bert_mean_sharded", ""},
                                                                        {"bert_mean_fp16", ""},
                                                                        {"bert_mean_bf16", ""},
                                                                        {"onnx_bert_mean", "named_raw.onnx"},
                                                                        {"onnx_bert_mean", "named_typed.onnx"},
                                                                        {"onnx_bert_mean", "named_external.onnx"},
                                                                        {"onnx_bert_mean", "named_fp16_weights_only.onnx"},
                                                                        {"onnx_bert_mean", "exported_legacy.onnx"}}));
  CAPTURE(folder, file);
  const std::string path = fixture("text/" + folder).string();
  const std::string weights = file.empty() ? "" : path + "/" + file;
  const auto texts = texts_of(fixture("text/bert_mean/texts.jsonl"));
  const auto copied = value_of(ts::load<model>(path, {.weights = weights}));
  const auto mapped = value_of(ts::load<model>(path, {.weights = weights, .token_table = ts::table_storage::mapped}));
  CHECK(mapped.made_by() == copied.made_by());
  CHECK(mapped.mapped_bytes() > 0);
  CHECK(same_bits(vectors_of(mapped, texts), vectors_of(copied, texts)));
}

TEST_CASE("mapped table: the mapping lives as long as a copy of the model, whatever becomes of the path", "[model][mapped]") {
  const scratch_directory scratch;
  const std::string folder = (scratch / "model").string();
  std::filesystem::copy(fixture("text/bert_mean"), folder, std::filesystem::copy_options::recursive);
  const auto texts = texts_of(folder + "/texts.jsonl");
  const auto wanted = vectors_of(value_of(ts::load<bert_mean>(folder)), texts);
  std::optional<bert_mean> kept;
  {
    bert_mean first = value_of(ts::load<bert_mean>(folder, {.token_table = ts::table_storage::mapped}));
    const bert_mean copy = first;
    kept = std::move(first);
    CHECK(same_bits(vectors_of(copy, texts), wanted));
  }
  // Another file takes the place of the first, as writers do that rename; then there is none.
  const std::string other = (scratch / "other").string();
  write_file(other, std::string(100, 'x'));
  std::filesystem::rename(other, folder + "/model.safetensors");
  CHECK(same_bits(vectors_of(*kept, texts), wanted));
  std::filesystem::remove_all(folder);
  CHECK(same_bits(vectors_of(*kept, texts), wanted));
}

TEST_CASE("mapped table: what is mapped is not held, and a budget counts what is held", "[model][mapped]") {
  constexpr std::size_t table = bert_mean_shape.vocabulary * bert_mean_shape.width * sizeof(float);
  constexpr auto mapped = ts::table_storage::mapped;
  CHECK(bert_mean::memory_bytes(ts::table_storage::copied) == bert_mean::memory_bytes());
  CHECK(bert_mean::memory_bytes(mapped) == bert_mean::memory_bytes() - ts::round_up(table, ts::vector_alignment));
  using narrow = ts::bert<bert_mean_space, bert_mean_shape, ts::bf16>;
  CHECK(narrow::memory_bytes(mapped) == narrow::memory_bytes() - ts::round_up(table / 2, ts::vector_alignment));
  CHECK(static_model::memory_bytes(mapped) == 0);

  const std::string folder = fixture("text/bert_mean").string();
  const std::size_t packing = 3 * bert_mean_shape.width * bert_mean_shape.inner * sizeof(float);
  const std::size_t budget = bert_mean::memory_bytes(mapped) + packing;
  CHECK(value_of(ts::load<bert_mean>(folder, {.memory_budget = budget, .tokens_only = true, .token_table = mapped})).mapped_bytes() == table);
  for (const auto& [bytes, storage] : {std::pair(budget - 1, mapped), std::pair(budget, ts::table_storage::copied)}) {
    const auto poor = ts::load<bert_mean>(folder, {.memory_budget = bytes, .tokens_only = true, .token_table = storage});
    REQUIRE_FALSE(poor);
    CHECK(poor.error().code == ts::error_code::over_budget);
  }
#if TESSERA_TEST_COUNTS
  const auto held = [&](ts::table_storage storage) {
    const std::size_t before = bytes_held;
    const auto model = value_of(ts::load<bert_mean>(folder, {.tokens_only = true, .token_table = storage}));
    return bytes_held - before;
  };
  static_cast<void>(held(mapped));  // what is made once in a process
  const std::size_t less = held(ts::table_storage::copied) - held(mapped), wanted = bert_mean::memory_bytes() - bert_mean::memory_bytes(mapped);
  CHECK(less <= wanted);
  CHECK(wanted - less <= 64);  // what counts the holders of a mapping
#endif
}

TEST_CASE("mapped table: the checks of a copy are made", "[model][mapped]") {
  const scratch_directory scratch;
  const std::string folder = scratch.path().string();
  std::vector<float> table = numbers(rows * width, 4);
  const auto refused = [&]<class Weights>(std::type_identity<Weights>) {
    write_own(scratch / "model.safetensors", table, ts::dtype::f32, 1);
    const auto copied = ts::load<own_model<Weights>>(folder, {.tokens_only = true});
    const auto mapped = ts::load<own_model<Weights>>(folder, mapped_tokens());
    REQUIRE_FALSE(copied);
    REQUIRE_FALSE(mapped);
    CHECK(mapped.error().code == ts::error_code::not_finite);
    CHECK(mapped.error().message() == copied.error().message());
  };
  table[12345] = 1e5f;  // more than f16 has
  refused(std::type_identity<ts::i8>());
  CHECK(ts::load<own_model<ts::f32>>(folder, mapped_tokens()));
  table[12345] = std::numeric_limits<float>::infinity();
  refused(std::type_identity<ts::f32>());

  // Written to while it is read.
  std::filesystem::copy(fixture("text/bert_mean"), scratch / "model", std::filesystem::copy_options::recursive);
  const std::string file = (scratch / "model/model.safetensors").string();
  ts::load_options options = mapped_tokens();
  options.listener = [&](const ts::event& what) {
    if (what.done == 3) std::ofstream(file, std::ios::app) << 'x';
  };
  CHECK_THAT(message_of(ts::load<bert_mean>((scratch / "model").string(), options)), ContainsSubstring("file changed while it was read"));
}

TEST_CASE("mapped table: rows that are looked up or multiplied are refused by name", "[model][mapped]") {
  const scratch_directory scratch;
  const std::vector<std::size_t> shape = {700, 2}, list = {700};
  const std::vector<float> table(1400, 0.5f), ones(700, 1.0f);
  const std::vector<std::int64_t> places(700, 3);
  const ts::tensor_view all[] = {ts::tensor_of<float>("embeddings", shape, table), ts::tensor_of<std::int64_t>("mapping", list, places),
                                 ts::tensor_of<float>("weights", list, ones)};
  write_file(scratch / "modules.json", R"([{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.StaticEmbedding"}])");
  const auto load = [&](std::vector<ts::tensor_view> tensors) {
    succeed(ts::write_safetensors((scratch / "model.safetensors").string(), tensors));
    return ts::load<static_model>(scratch.path().string(), mapped_tokens());
  };
  const auto refusal = [&](std::vector<ts::tensor_view> tensors) {
    const auto outcome = load(std::move(tensors));
    REQUIRE_FALSE(outcome);
    CHECK(outcome.error().code == ts::error_code::unsupported);
    return outcome.error().message();
  };
  constexpr auto wanted = "embeddings: wanted a token table that can be mapped: F32, F16 or BF16, row i the vector of token i, found ";
  CHECK_THAT(refusal({all[0], all[1]}), ContainsSubstring(std::string(wanted) + "rows that mapping looks up"));
  CHECK_THAT(refusal({all[0], all[2]}), ContainsSubstring(std::string(wanted) + "rows that weights multiplies"));
  CHECK(load({all[0]}));
}
