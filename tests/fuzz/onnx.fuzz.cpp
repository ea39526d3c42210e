// SPDX-License-Identifier: Apache-2.0
// corpus: text/bad/*.onnx
// Any bytes: refused, or read into tensors of which the stored ones fit their shapes and the published ones can be found and read.
#include <tests/fuzz/target.hpp>

#include <tessera/io/onnx.hpp>

#include <vector>

namespace ts = tessera;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = ts::onnx::view(tessera_fuzz::bytes_of(data, size), "fuzz.onnx");
  if (!file) {
    tessera_fuzz::promise(!file.error().message().empty() && file.error().path == "fuzz.onnx", "an error names the file");
    return 0;
  }
  for (const ts::tensor_view& tensor : file->initializers())
    tessera_fuzz::promise(ts::storage_bytes(tensor.type, tensor.shape) == tensor.bytes.size(), "bytes fit shape and type");
  for (const ts::tensor_view& tensor : file->tensors()) {
    tessera_fuzz::promise(file->find(tensor.name) == &tensor, "a tensor is found by its name");
    tessera_fuzz::promise(ts::storage_bytes(tensor.type, tensor.shape) == tensor.bytes.size(), "bytes fit shape and type");
    std::vector<float> floats(ts::element_count(tensor));
    static_cast<void>(ts::read_f32(tensor, floats));
    static_cast<void>(ts::check_finite(tensor));
  }
  return 0;
}
