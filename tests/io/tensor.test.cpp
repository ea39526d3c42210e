// SPDX-License-Identifier: Apache-2.0
#include <tests/io/support.hpp>

#include <tessera/io/tensor.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

namespace ts = tessera;
using Catch::Matchers::ContainsSubstring;
using tessera_tests::message_of;
using tessera_tests::succeed;
using tessera_tests::value_of;

namespace {

using shape = std::vector<std::size_t>;

/// A tensor over the same values at an odd address.
class odd_tensor {
 public:
  odd_tensor(ts::tensor_view tensor) : bytes_(tensor.bytes.size() + 1), view(tensor) {
    std::memcpy(bytes_.data() + 1, tensor.bytes.data(), tensor.bytes.size());
    view.bytes = std::span(bytes_).subspan(1);
  }

 private:
  std::vector<std::byte> bytes_;

 public:
  ts::tensor_view view;
};

}  // namespace

TEST_CASE("tensor: names and sizes of the element types", "[tensor]") {
  for (int i = 0; i <= static_cast<int>(ts::dtype::f4); ++i) {
    const auto type = static_cast<ts::dtype>(i);
    CHECK(ts::dtype_from_name(ts::to_string(type)) == type);
  }
  CHECK(ts::bits_of(ts::dtype::bf16) == 16);
  CHECK(ts::bits_of(ts::dtype::boolean) == 8);
  CHECK(ts::bits_of(ts::dtype::c64) == 64);
  CHECK(ts::bits_of(ts::dtype::f4) == 4);
  CHECK_FALSE(ts::dtype_from_name("f32").has_value());
  CHECK_FALSE(ts::dtype_from_name("").has_value());
}

TEST_CASE("tensor: bytes of a shape, or nothing where they leave 64 bits", "[tensor]") {
  CHECK(ts::storage_bytes(ts::dtype::f32, shape{3, 4}) == 48U);
  CHECK(ts::storage_bytes(ts::dtype::f64, shape{}) == 8U);
  CHECK(ts::storage_bytes(ts::dtype::f32, shape{0, 5}) == 0U);
  CHECK(ts::storage_bytes(ts::dtype::f4, shape{3, 2}) == 3U);
  CHECK_FALSE(ts::storage_bytes(ts::dtype::f4, shape{3}).has_value());
  CHECK_FALSE(ts::storage_bytes(ts::dtype::u8, shape{std::size_t{1} << 32U, std::size_t{1} << 32U}).has_value());
  CHECK_FALSE(ts::storage_bytes(ts::dtype::f32, shape{(std::size_t{1} << 62U) + 3}).has_value());
  CHECK(ts::shape_text(shape{384, 1536}) == "[384, 1536]");
  CHECK(ts::shape_text(shape{}) == "[]");
  CHECK(ts::shape_text(shape(1000, 1)).size() < 60);
  CHECK(ts::element_count(shape{2, 3, 4}) == 24);
}

TEST_CASE("tensor: every 16-bit pattern becomes the float it stands for", "[tensor]") {
  std::vector<std::uint16_t> patterns(65536);
  for (std::size_t i = 0; i < patterns.size(); ++i) patterns[i] = static_cast<std::uint16_t>(i);
  std::vector<float> floats(patterns.size());
  const shape all = {patterns.size()};
  for (const ts::dtype type : {ts::dtype::f16, ts::dtype::bf16}) {
    ts::tensor_view tensor = ts::tensor_of<std::uint16_t>("w", all, patterns);
    tensor.type = type;
    const odd_tensor odd(tensor);
    succeed(ts::read_f32(odd.view, floats));
    const int exponent_bits = type == ts::dtype::f16 ? 5 : 8;
    const int mantissa_bits = 15 - exponent_bits;
    const int bias = (1 << (exponent_bits - 1)) - 1;
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < patterns.size(); ++i) {  // by the definition of the formats, in double
      const auto bits = static_cast<int>(i);
      const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
      const int mantissa = bits & ((1 << mantissa_bits) - 1);
      const double sign = bits >> 15 != 0 ? -1 : 1;
      double wanted = sign * std::ldexp((exponent != 0 ? 1 << mantissa_bits : 0) + mantissa,
                                        std::max(exponent, 1) - bias - mantissa_bits);
      if (exponent == (1 << exponent_bits) - 1)
        wanted = mantissa != 0 ? std::nan("") : sign * std::numeric_limits<double>::infinity();
      const auto found = static_cast<double>(floats[i]);
      const bool same =
          std::isnan(wanted) ? std::isnan(found) : found == wanted && std::signbit(found) == std::signbit(wanted);
      wrong += same ? 0 : 1;
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("tensor: F32 keeps its bits, F64 is rounded, both at odd addresses", "[tensor]") {
  const std::vector<float> floats = {1.5F, -0.0F, std::numeric_limits<float>::denorm_min(),
                                     std::numeric_limits<float>::infinity()};
  std::vector<float> read(4);
  const shape four = {4};
  const odd_tensor odd(ts::tensor_of<float>("w", four, floats));
  succeed(ts::read_f32(odd.view, read));
  CHECK(std::memcmp(read.data(), floats.data(), 16) == 0);

  const std::vector<double> doubles = {0.1, 1e-60, std::numeric_limits<double>::infinity(),
                                       static_cast<double>(std::numeric_limits<float>::max())};
  succeed(ts::read_f32(odd_tensor(ts::tensor_of<double>("w", four, doubles)).view, read));
  CHECK(read ==
        std::vector<float>{0.1F, 0.0F, std::numeric_limits<float>::infinity(), std::numeric_limits<float>::max()});
  const std::vector<double> large = {0, 1, -1e39, 1e300};
  ts::tensor_view tensor = ts::tensor_of<double>("w", four, large);
  tensor.file = "f.safetensors";
  tensor.offset = 100;
  CHECK(message_of(ts::read_f32(tensor, read)) ==
        "f.safetensors (byte 116): w[2]: wanted a number in the range of float, found a larger F64");
}

TEST_CASE("tensor: integers of every width", "[tensor]") {
  std::vector<std::int64_t> read(3);
  const shape three = {3};
  const auto check = [&]<class T>(T lowest) {
    const std::vector<T> values = {lowest, T{7}, std::numeric_limits<T>::max()};
    succeed(ts::read_i64(odd_tensor(ts::tensor_of<T>("ids", three, values)).view, read));
    CHECK(read ==
          std::vector<std::int64_t>{static_cast<std::int64_t>(lowest), 7, static_cast<std::int64_t>(values[2])});
  };
  check(std::numeric_limits<std::int8_t>::min());
  check(std::numeric_limits<std::int16_t>::min());
  check(std::numeric_limits<std::int32_t>::min());
  check(std::numeric_limits<std::int64_t>::min());
  check(std::uint8_t{0});
  check(std::uint16_t{0});
  check(std::uint32_t{0});
  const std::vector<std::uint64_t> large = {1, 2, std::uint64_t{1} << 63U};
  CHECK_THAT(message_of(ts::read_i64(ts::tensor_of<std::uint64_t>("ids", three, large), read)),
             ContainsSubstring("wanted values below 2^63"));
  const std::vector<std::uint8_t> flags = {0, 1, 2};
  ts::tensor_view tensor = ts::tensor_of<std::uint8_t>("mask", three, flags);
  tensor.type = ts::dtype::boolean;
  succeed(ts::read_i64(tensor, read));
  CHECK(read == std::vector<std::int64_t>{0, 1, 1});
}

TEST_CASE("tensor: the wrong type or count is an error that names the tensor", "[tensor]") {
  const std::vector<std::int32_t> ids = {1, 2, 3, 4, 5, 6};
  const shape two_three = {2, 3};
  ts::tensor_view tensor = ts::tensor_of<std::int32_t>("embeddings.weight", two_three, ids);
  tensor.file = "m.safetensors";
  std::vector<float> floats(6);
  CHECK(message_of(ts::read_f32(tensor, floats)) ==
        "m.safetensors (byte 0): embeddings.weight: wanted F32, F16, BF16 or F64, found I32");
  std::vector<std::int64_t> five(5);
  CHECK(message_of(ts::read_i64(tensor, five)) ==
        "m.safetensors (byte 0): embeddings.weight: wanted 5 elements, found [2, 3], 6 elements");
  tensor.type = ts::dtype::f32;
  std::vector<std::int64_t> six(6);
  CHECK_THAT(message_of(ts::read_i64(tensor, six)), ContainsSubstring("wanted an integer type, found F32"));
}

TEST_CASE("tensor: the first NaN or infinity is found, wherever it stands", "[tensor]") {
  const auto check = [](auto value, ts::dtype type, auto bad) {
    using element = decltype(value);
    for (const std::size_t count :
         {std::size_t{1}, std::size_t{1023}, std::size_t{1024}, std::size_t{1025}, std::size_t{3000}}) {
      std::vector<element> values(count, value);
      const shape all = {count};
      ts::tensor_view tensor{
          .name = "w", .type = type, .shape = all, .bytes = std::as_bytes(std::span(values)), .file = {}};
      CHECK_FALSE(value_of(ts::first_not_finite(odd_tensor(tensor).view)).has_value());
      succeed(ts::check_finite(tensor));
      for (const std::size_t place : {std::size_t{0}, count / 2, count - 1}) {
        values[place] = bad;
        values[count - 1] = bad;
        CHECK(value_of(ts::first_not_finite(odd_tensor(tensor).view)) == place);
        values[place] = values[count - 1] = value;
      }
    }
  };
  check(3.0F, ts::dtype::f32, std::numeric_limits<float>::quiet_NaN());
  check(-3.0F, ts::dtype::f32, -std::numeric_limits<float>::infinity());
  check(std::numeric_limits<double>::max(), ts::dtype::f64, std::numeric_limits<double>::infinity());
  check(std::uint16_t{0x7bff}, ts::dtype::f16, std::uint16_t{0xfc00});
  check(std::uint16_t{0x7f7f}, ts::dtype::bf16, std::uint16_t{0x7f81});

  const std::vector<float> values = {1, std::numeric_limits<float>::infinity()};
  const shape two = {2};
  ts::tensor_view tensor = ts::tensor_of<float>("w", two, values);
  tensor.file = "m.safetensors";
  tensor.offset = 8;
  CHECK(message_of(ts::check_finite(tensor)) ==
        "m.safetensors (byte 12): w[1]: wanted finite values, found NaN or infinity");
  tensor.type = ts::dtype::i32;
  succeed(ts::check_finite(tensor));
  tensor.type = ts::dtype::f8_e4m3;
  CHECK(ts::check_finite(tensor).error().code == ts::error_code::unsupported);
}
