// SPDX-License-Identifier: Apache-2.0
// NumKong (formerly SimSIMD) in the place of the distance kernels, a pair at a time, which is its form for one query. Its headers choose
// their instructions when they are compiled, so this file alone is built for the machine it is built on (bench/CMakeLists.txt). Its f32
// sums are f64.
#if defined(TESSERA_BENCH_NUMKONG)

#include <bench/kernel/peer_rows.hpp>

#define NK_NATIVE_BF16 0  // g++ 12 lacks __bf16
#include <numkong/dot.h>
#include <numkong/set.h>
#include <numkong/spatial.h>

#include <type_traits>

namespace {

using namespace tessera_bench;

template <class Value, class Out, auto Distance>
void add(const char* name, std::size_t bits) {
  add_peer_rows<Out>(name, "numkong", bits, [](std::size_t n) {
    return [n](const std::uint8_t* memory, std::size_t row_bytes, std::size_t count, Out* out) {
      const auto* query = reinterpret_cast<const Value*>(filled_memory() + memory_bytes / 2);
      for (std::size_t i = 0; i < count; ++i) Distance(query, reinterpret_cast<const Value*>(memory + i * row_bytes), n, out + i);
    };
  });
}

const bool registered = [] {
  add<nk_f32_t, nk_f64_t, nk_dot_f32>("dot/f32", 32);
  add<nk_f32_t, nk_f64_t, nk_sqeuclidean_f32>("squared_l2/f32", 32);
  add<nk_f16_t, nk_f32_t, nk_dot_f16>("dot/f16", 16);
  add<nk_bf16_t, nk_f32_t, nk_dot_bf16>("dot/bf16", 16);
  add<nk_i8_t, nk_i32_t, nk_dot_i8>("dot/i8", 8);
  add<nk_i4x2_t, nk_i32_t, nk_dot_i4>("dot/i4", 4);
  add<nk_u1x8_t, nk_u32_t, nk_hamming_u1>("hamming/b1", 1);
  return true;
}();

}  // namespace

#endif
