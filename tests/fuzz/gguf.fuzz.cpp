// SPDX-License-Identifier: Apache-2.0
// corpus: gguf/*.gguf
// Any bytes: refused, or read into metadata and tensors that lie within the file and can all be read.
#include <tests/fuzz/target.hpp>

#include <tessera/io/gguf.hpp>

#include <vector>

namespace ts = tessera;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = ts::gguf::view(tessera_fuzz::bytes_of(data, size), "fuzz.gguf");
  if (!file) {
    tessera_fuzz::promise(!file.error().message().empty() && file.error().path == "fuzz.gguf",
                          "an error names the file");
    return 0;
  }
  for (const ts::gguf_value& value : file->values()) {
    tessera_fuzz::promise(file->find(value.key()) == &value, "a value is found by its key");
    if (const auto words = value.list<std::string_view>()) {
      std::size_t bytes = 0;
      for (const std::string_view word : *words) bytes += word.size();
      tessera_fuzz::promise(words->size() == value.size() && bytes <= size, "no more text than the file has");
    }
    static_cast<void>(value.list<double>());
    static_cast<void>(value.list<bool>());
    static_cast<void>(value.list<std::int8_t>());
    static_cast<void>(value.get<std::string>());
    static_cast<void>(value.get<std::uint64_t>());
    static_cast<void>(value.get<float>());
  }
  for (const ts::gguf_tensor& described : file->tensors()) {
    tessera_fuzz::promise(described.offset <= size && described.bytes.size() <= size - described.offset,
                          "tensors lie within the file");
    const auto tensor = file->tensor(described.name);
    tessera_fuzz::promise(tensor.has_value() == described.readable, "readable tensors are given, others are not");
    if (!tensor) continue;
    tessera_fuzz::promise(ts::storage_bytes(tensor->type, tensor->shape) == tensor->bytes.size(),
                          "bytes fit shape and type");
    std::vector<float> floats(ts::element_count(*tensor));
    static_cast<void>(ts::read_f32(*tensor, floats));
    static_cast<void>(ts::check_finite(*tensor));
  }
  return 0;
}
