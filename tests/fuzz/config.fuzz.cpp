// SPDX-License-Identifier: Apache-2.0
// corpus: text/bad/*/config.json text/nomic_moe/config.json gguf/blocks.gguf gguf/model.gguf
// Any bytes as a config.json, or as the metadata of a GGUF model: refused with a reason, or a model whose tensors and type are known.
#include <tests/fuzz/target.hpp>

#include <tessera/io/gguf.hpp>
#include <tessera/model/families.hpp>
#include <tessera/model/gguf_config.hpp>

namespace ts = tessera;

namespace {

template <class T>
bool holds(const ts::result<T>& outcome) {
  if (!outcome) tessera_fuzz::promise(!outcome.error().message().empty(), "an error says something");
  return outcome.has_value();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = tessera_fuzz::bytes_of(data, size);
  ts::model_directory directory;
  directory.path = "fuzz";
  if (size >= 4 && std::string_view(reinterpret_cast<const char*>(data), 4) == "GGUF") {
    const auto file = ts::gguf::view(bytes, "fuzz.gguf");
    if (!holds(file) || !holds(ts::read_gguf_config(std::span(&*file, 1), directory))) return 0;
    tessera_fuzz::promise(directory.config.has_value(), "a GGUF model has a configuration");
  } else {
    auto config = ts::parse_json(std::string_view(reinterpret_cast<const char*>(data), size), "fuzz/config.json");
    if (!config || config->root().kind() != ts::json_kind::object) return 0;
    directory.config = *std::move(config);
  }
  const auto model = ts::describe(directory);
  if (!holds(model)) return 0;
  tessera_fuzz::promise(model->encoder.width != 0 && model->encoder.vocabulary != 0, "a model has sizes");
  for (const ts::tensor_entry& entry : model->manifest())
    tessera_fuzz::promise(!entry.label().empty() && entry.rank != 0 && !ts::naming::published(entry.label(), model->encoder.names.names).empty(),
                          "a tensor has a name here and there");
  tessera_fuzz::promise(ts::type_text(*model, "fuzz").starts_with("tessera::"), "a model has a type");
  return 0;
}
