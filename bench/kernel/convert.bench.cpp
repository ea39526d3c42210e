// SPDX-License-Identifier: Apache-2.0
// Conversions and quantization of vectors; GB/s count what is read and what is written.
#include <bench/kernel/support.hpp>

namespace {

using namespace tessera_bench;
namespace tk = tessera::kernel;

constexpr std::size_t dimensions[] = {384, 1536, 65536};

/// run(table, from, to, n) for every target; bits of storage read and written for each value.
template <class Run>
void add(const char* name, std::size_t bits_read, std::size_t bits_written, const Run& run) {
  for_each_target([&](const kernel_table& target, const std::string& suffix) {
    for (const std::size_t n : dimensions)
      benchmark::RegisterBenchmark((name + std::string("/") + std::to_string(n) + suffix).c_str(),
                                   [=, &target](benchmark::State& state) {
                                     const std::uint8_t* from = filled_memory();
                                     std::vector<std::uint32_t> to(n + 16);
                                     for (auto _ : state) {
                                       run(target, from, to.data(), n);
                                       benchmark::ClobberMemory();
                                     }
                                     count(state, n * (bits_read + bits_written) / 8, n);
                                   });
  });
}

template <class T>
const T* in(const std::uint8_t* memory) {
  return reinterpret_cast<const T*>(memory);
}
template <class T>
T* out(std::uint32_t* memory) {
  return reinterpret_cast<T*>(memory);
}

const bool registered = [] {
  add("convert/f32_to_f16", 32, 16, [](const kernel_table& k, const std::uint8_t* from, std::uint32_t* to, std::size_t n) {
    k.convert.f32_to_f16(in<float>(from), out<std::uint16_t>(to), n);
  });
  add("convert/f16_to_f32", 16, 32, [](const kernel_table& k, const std::uint8_t* from, std::uint32_t* to, std::size_t n) {
    k.convert.f16_to_f32(in<std::uint16_t>(from), out<float>(to), n);
  });
  add("convert/f32_to_bf16", 32, 16, [](const kernel_table& k, const std::uint8_t* from, std::uint32_t* to, std::size_t n) {
    k.convert.f32_to_bf16(in<float>(from), out<std::uint16_t>(to), n);
  });
  add("convert/bf16_to_f32", 16, 32, [](const kernel_table& k, const std::uint8_t* from, std::uint32_t* to, std::size_t n) {
    k.convert.bf16_to_f32(in<std::uint16_t>(from), out<float>(to), n);
  });
  add("quantize/i8", 32, 8, [](const kernel_table& k, const std::uint8_t* from, std::uint32_t* to, std::size_t n) {
    benchmark::DoNotOptimize(k.quantize.quantize_i8(in<float>(from), out<std::int8_t>(to), n));
  });
  add("quantize/i4", 32, 4, [](const kernel_table& k, const std::uint8_t* from, std::uint32_t* to, std::size_t n) {
    benchmark::DoNotOptimize(k.quantize.quantize_i4(in<float>(from), out<std::uint8_t>(to), n));
  });
  add("quantize/b1", 32, 1, [](const kernel_table& k, const std::uint8_t* from, std::uint32_t* to, std::size_t n) {
    k.quantize.binarize(in<float>(from), out<std::uint8_t>(to), n);
  });
  add("dequantize/i8", 8, 32, [](const kernel_table& k, const std::uint8_t* from, std::uint32_t* to, std::size_t n) {
    k.quantize.dequantize_i8(in<std::int8_t>(from), 0.5f, out<float>(to), n);
  });
  add("dequantize/i4", 4, 32, [](const kernel_table& k, const std::uint8_t* from, std::uint32_t* to, std::size_t n) {
    k.quantize.dequantize_i4(in<std::uint8_t>(from), 0.5f, out<float>(to), n);
  });
  return true;
}();

}  // namespace
