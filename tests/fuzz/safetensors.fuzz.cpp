// SPDX-License-Identifier: Apache-2.0
// corpus: text/bad/*.safetensors
// Any bytes: refused, or read into tensors that lie within the file, cover its data and can all be read.
#include <tests/fuzz/target.hpp>

#include <tessera/io/safetensors.hpp>

#include <vector>

namespace ts = tessera;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = tessera_fuzz::bytes_of(data, size);
  const auto file = ts::safetensors::view(bytes, "fuzz.safetensors");
  if (!file) {
    tessera_fuzz::promise(!file.error().message().empty() && file.error().path == "fuzz.safetensors",
                          "an error names the file");
    return 0;
  }
  std::size_t covered = 8 + static_cast<std::size_t>(*ts::read_le<std::uint64_t>(bytes, 0));
  for (const ts::tensor_view& tensor : file->tensors()) {
    covered += tensor.bytes.size();
    tessera_fuzz::promise(tensor.offset <= size && tensor.bytes.size() <= size - tensor.offset,
                          "tensors lie within the file");
    tessera_fuzz::promise(ts::storage_bytes(tensor.type, tensor.shape) == tensor.bytes.size(),
                          "bytes fit shape and type");
    tessera_fuzz::promise(file->find(tensor.name) == &tensor, "a tensor is found by its name");
    std::vector<float> floats(ts::element_count(tensor));
    static_cast<void>(ts::read_f32(tensor, floats));
    std::vector<std::int64_t> integers(floats.size());
    static_cast<void>(ts::read_i64(tensor, integers));
    static_cast<void>(ts::check_finite(tensor));
  }
  tessera_fuzz::promise(covered == size, "tensors cover the data");
  return 0;
}
