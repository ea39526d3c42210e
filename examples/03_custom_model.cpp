// SPDX-License-Identifier: Apache-2.0
// A model of one's own is a type; what it costs is known before anything is loaded:   03_custom_model [DIRECTORY]
#include <tessera/graph/encoder_layer.hpp>
#include <tessera/io/atomic_file.hpp>
#include <tessera/io/safetensors.hpp>
#include <tessera/model/model.hpp>

#include <cstdio>
#include <filesystem>

namespace ts = tessera;

// [model]
using product_space = ts::space<"products", 256, ts::pooling::cls, ts::unit_length>;
using product_model = ts::model<product_space,
    ts::token_embedding<32'000, 256>, ts::learned_positions<512, 256>, ts::layer_norm<256>,
    ts::repeat<4, ts::encoder_layer<256, ts::heads<8>, ts::feed_forward<1024, ts::gelu>>>,
    ts::pool<ts::pooling::cls>, ts::l2_normalize>;

static_assert(product_model::parameter_count == 11'482'624);
static_assert(product_model::workspace_bytes({.texts = 32, .tokens = 4096}) < 64 << 20);
static_assert(product_model::manifest()[0].label() == "token_embedding.weight");
// [/model]

// Nobody has trained it yet, so it gets made-up weights: what matters here is that names and shapes come from the type.
ts::result<> write_toy(const std::string& directory) {
  std::vector<std::vector<float>> values;
  std::vector<ts::tensor_view> tensors;
  values.reserve(product_model::manifest().size());
  for (const ts::tensor_entry& entry : product_model::manifest()) {
    std::vector<float>& made = values.emplace_back(entry.size());
    for (std::size_t i = 0; i < made.size(); ++i) made[i] = static_cast<float>((i * 37 + 11 * values.size()) % 101) / 101.0f - 0.5f;
    tensors.push_back(ts::tensor_of<float>(entry.label(), std::span(entry.shape).first(entry.rank), made));
  }
  TESSERA_CHECK(ts::write_safetensors(directory + "/model.safetensors", tensors));
  return ts::write_file(directory + "/vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nred\nblue\nshoe\nhat\n");
}

ts::result<> run(const std::string& directory) {
  TESSERA_CHECK(write_toy(directory));
  TESSERA_TRY(const auto encoder, ts::load<product_model>(directory));
  TESSERA_TRY(const auto vector, encoder.encode("red shoe"));
  std::printf("%zu parameters; \"red shoe\" begins with %.3f\n", product_model::parameter_count, static_cast<double>(vector[0]));
  return {};
}

int main(int argc, char** argv) {
  const std::string directory = argc > 1 ? argv[1] : "/tmp/tessera-03_custom_model";
  std::error_code ignored;  // writing says what is wrong with a directory
  std::filesystem::create_directories(directory, ignored);
  if (const auto done = run(directory); !done) return std::fprintf(stderr, "%s\n", done.error().message().c_str()), 1;
  return 0;
}
