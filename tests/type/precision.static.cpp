// SPDX-License-Identifier: Apache-2.0
// What each precision tag promises about storage.
#include <tessera/type/precision.hpp>

#include <cstdint>

namespace ts = tessera;

template <class Precision, class Storage, class Accumulator, std::size_t Bits>
consteval bool stores() {
  return ts::precision<Precision> && std::is_same_v<typename Precision::storage, Storage> &&
         std::is_same_v<typename Precision::accumulator, Accumulator> && Precision::bits == Bits;
}
static_assert(stores<ts::f32, float, float, 32>());
static_assert(stores<ts::f16, ts::float16, float, 16>());
static_assert(stores<ts::bf16, ts::bfloat16, float, 16>());
static_assert(stores<ts::i8, std::int8_t, std::int32_t, 8>());
static_assert(stores<ts::i4, std::uint8_t, std::int32_t, 4>());
static_assert(stores<ts::b1, std::uint8_t, std::uint32_t, 1>());

static_assert(ts::f32::label == "f32" && ts::f16::label == "f16" && ts::bf16::label == "bf16");
static_assert(ts::i8::label == "i8" && ts::i4::label == "i4" && ts::b1::label == "b1");

// Half a unit in the last place: 11 significant bits, 8 significant bits. Half a step of the codes, and little more.
static_assert(ts::f32::worst_error == 0.0 && ts::f16::worst_error == 1.0 / 2048 && ts::bf16::worst_error == 1.0 / 256);
static_assert(ts::i8::worst_error >= 0.5 / 127 && ts::i8::worst_error < 0.5001 / 127);
static_assert(ts::i4::worst_error >= 0.5 / 7 && ts::i4::worst_error < 0.5001 / 7);

static_assert(!ts::precision<float> && !ts::precision<ts::float16> && !ts::precision<int> && !ts::precision<const ts::f32>);
static_assert(ts::floating_precision<ts::f32> && ts::floating_precision<ts::f16> && ts::floating_precision<ts::bf16>);
static_assert(!ts::floating_precision<ts::i8> && !ts::floating_precision<ts::i4> && !ts::floating_precision<ts::b1>);
static_assert(ts::scaled_precision<ts::i8> && ts::scaled_precision<ts::i4>);
static_assert(!ts::scaled_precision<ts::f32> && !ts::scaled_precision<ts::f16> && !ts::scaled_precision<ts::bf16> &&
              !ts::scaled_precision<ts::b1>);

static_assert(ts::storage_size<ts::f32>(384) == 384 && ts::storage_size<ts::f16>(384) == 384);
static_assert(ts::storage_size<ts::i8>(384) == 384 && ts::storage_size<ts::i4>(384) == 192 && ts::storage_size<ts::b1>(384) == 48);
static_assert(ts::storage_size<ts::i4>(1) == 1 && ts::storage_size<ts::i4>(2) == 1 && ts::storage_size<ts::i4>(3) == 2);
static_assert(ts::storage_size<ts::b1>(1) == 1 && ts::storage_size<ts::b1>(8) == 1 && ts::storage_size<ts::b1>(9) == 2);
static_assert(ts::storage_size<ts::b1>(0) == 0);
