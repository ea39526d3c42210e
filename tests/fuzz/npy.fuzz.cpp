// SPDX-License-Identifier: Apache-2.0
// corpus: text/bad/*.npy npy/*.npy
// Any bytes: refused, or read into one tensor that can be read.
#include <tests/fuzz/target.hpp>

#include <tessera/io/npy.hpp>

#include <vector>

namespace ts = tessera;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto array = ts::npy::view(tessera_fuzz::bytes_of(data, size), "fuzz.npy");
  if (!array) {
    tessera_fuzz::promise(!array.error().message().empty() && array.error().path == "fuzz.npy",
                          "an error names the file");
    return 0;
  }
  const ts::tensor_view tensor = array->tensor();
  tessera_fuzz::promise(tensor.bytes.size() <= size, "no more data than the file has");
  tessera_fuzz::promise(ts::storage_bytes(tensor.type, tensor.shape) == tensor.bytes.size(),
                        "bytes fit shape and type");
  std::vector<float> floats(ts::element_count(tensor));
  static_cast<void>(ts::read_f32(tensor, floats));
  std::vector<std::int64_t> integers(floats.size());
  static_cast<void>(ts::read_i64(tensor, integers));
  if (tensor.shape.size() <= 64)
    tessera_fuzz::promise(ts::npy_header(tensor.type, tensor.shape).has_value(), "what is read can be written");
  return 0;
}
