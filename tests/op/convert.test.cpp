// SPDX-License-Identifier: Apache-2.0
// Precisions of whole vectors: the error each tag states, what cannot be coded, and what is carried beside the values.
#include <tests/op/support/oracle.hpp>
#include <tests/support/result.hpp>

#include <tessera/op/convert.hpp>

#include <algorithm>
#include <array>

namespace ts = tessera;
using tessera_tests::component;
using tessera_tests::components;
using tessera_tests::decode;
using tessera_tests::message_of;
using tessera_tests::random_values;
using tessera_tests::u;
using tessera_tests::value_of;

namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

template <class Space>
std::vector<ts::embedding<Space>> vectors_to_try() {
  random_values random(static_cast<std::uint32_t>(Space::dimension));
  std::vector<ts::embedding<Space>> all;
  for (int i = 0; i < 50; ++i) all.push_back(random.vector<Space>());
  for (const float scale : {1e-3F, 1e3F, 1e-30F, 1e30F, 0x1p-130F, 0x1p-149F, std::numeric_limits<float>::max()}) {
    all.push_back(random.vector<Space>());
    for (float& value : all.back().values()) value *= scale;
  }
  for (int i = 0; i < 50; ++i) {
    all.emplace_back();
    for (float& value : all.back().values()) value = random.any();
  }
  // One large component and many that stand halfway between two codes of 127, or of 7, steps.
  for (const float steps : {127.0F, 7.0F})
    for (const float large : {1.0F, 0.1F, 3.14159274F, 1e-20F, 16777213.0F}) {
      all.emplace_back();
      for (std::size_t i = 0; i < Space::dimension; ++i) {
        const float half_step = (static_cast<float>(i % static_cast<std::size_t>(steps)) + 0.5F) * (large / steps);
        const float beside[] = {half_step, std::nextafter(half_step, 0.0F), std::nextafter(half_step, infinity)};
        all.back()[i] = i % 2 == 0 ? beside[i % 3] : -beside[i % 3];
      }
      all.back()[Space::dimension - 1] = large;
    }
  all.emplace_back();
  for (float& value : all.back().values()) value = -0.0F;
  return all;
}

template <class Space>
double largest(const ts::embedding<Space>& vector) {
  double most = 0.0;
  for (const double value : components(vector)) most = std::max(most, std::fabs(value));
  return most;
}

double length(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value * value;
  return std::sqrt(sum);
}

using spaces = std::tuple<ts::anonymous<1>, ts::anonymous<5>, ts::anonymous<64>, ts::anonymous<387>>;

}  // namespace

TEMPLATE_LIST_TEST_CASE("quantized components err by no more than the tag says", "[op][convert]", spaces) {
  const auto check = []<class Precision>(Precision) {
    for (const auto& vector : vectors_to_try<TestType>()) {
      const auto codes = value_of(ts::quantize<Precision>(vector));
      const auto back = ts::dequantize(codes);
      const double bound = Precision::worst_error * largest(vector) + 0x1p-143;
      double worst = 0.0;
      for (std::size_t i = 0; i < TestType::dimension; ++i) {
        worst = std::max(worst, std::fabs(component(codes, i) - component(vector, i)));
        worst = std::max(worst, std::fabs(component(back, i) - component(vector, i)));
      }
      INFO(std::string(Precision::label) << ", largest component " << largest(vector));
      CHECK(worst <= bound);
    }
  };
  check(ts::i8{});
  check(ts::i4{});
}

TEST_CASE("the worst error is reached, nearly: the tags state no more than there is", "[op][convert]") {
  using space = ts::anonymous<2>;
  const auto relative = []<class Precision>(Precision, float value) {
    const ts::embedding<space> vector(std::array{value, 1.0F});
    const auto codes = value_of(ts::quantize<Precision>(vector));
    return std::fabs(component(codes, 0) - component(vector, 0));
  };
  CHECK(relative(ts::i8{}, 0.5F / 127.0F) > 0.999 * ts::i8::worst_error);
  CHECK(relative(ts::i4{}, 0.5F / 7.0F) > 0.999 * ts::i4::worst_error);
  const auto cast_error = []<class Precision>(Precision, float value) {
    const ts::embedding<space> vector(std::array{value, 1.0F});
    return std::fabs(component(ts::cast<Precision>(vector), 0) - component(vector, 0)) / component(vector, 0);
  };
  CHECK(cast_error(ts::f16{}, 1.0F + 0x1p-11F) > 0.999 * ts::f16::worst_error);
  CHECK(cast_error(ts::bf16{}, 1.0F + 0x1p-8F) > 0.99 * ts::bf16::worst_error);
}

TEMPLATE_LIST_TEST_CASE("cast components err by no more than the tag says, and round to the nearest", "[op][convert]", spaces) {
  for (const auto& vector : vectors_to_try<TestType>()) {
    const auto half = ts::cast<ts::f16>(vector);
    const auto brain = ts::cast<ts::bf16>(vector);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < TestType::dimension; ++i) {
      const double exact = decode(vector[i]);
      const double size = std::fabs(exact);
      if (size >= 65520.0) wrong += decode(half[i]) == std::copysign(decode(infinity), exact) ? 0u : 1u;
      else wrong += std::fabs(decode(half[i]) - exact) <= std::max(size * ts::f16::worst_error, 0x1p-25) ? 0u : 1u;
      // Above the largest finite bfloat16 and half a unit, infinity.
      if (size >= 0x1.FFp127) wrong += decode(brain[i]) == std::copysign(decode(infinity), exact) ? 0u : 1u;
      else wrong += std::fabs(decode(brain[i]) - exact) <= std::max(size * ts::bf16::worst_error, 0x1p-134) ? 0u : 1u;
      wrong += std::signbit(decode(half[i])) == std::signbit(exact) ? 0u : 1u;
    }
    CHECK(wrong == 0);

    // Back is exact, so there and back again changes nothing; f16 to bf16 goes through the value.
    const auto wide = ts::cast<ts::f32>(half);
    const auto again = ts::cast<ts::f16>(wide);
    const auto brain_of_half = ts::cast<ts::bf16>(half);
    const auto brain_of_wide = ts::cast<ts::bf16>(wide);
    const auto half_of_brain = ts::cast<ts::f16>(brain);
    const auto half_of_wide_brain = ts::cast<ts::f16>(ts::cast<ts::f32>(brain));
    const auto same = ts::cast<ts::f32>(vector);
    std::size_t changed = 0;
    for (std::size_t i = 0; i < TestType::dimension; ++i) {
      changed += decode(wide[i]) == decode(half[i]) ? 0u : 1u;
      changed += again[i].bits == half[i].bits ? 0u : 1u;
      changed += brain_of_half[i].bits == brain_of_wide[i].bits ? 0u : 1u;
      changed += half_of_brain[i].bits == half_of_wide_brain[i].bits ? 0u : 1u;
      changed += std::bit_cast<std::uint32_t>(same[i]) == std::bit_cast<std::uint32_t>(vector[i]) ? 0u : 1u;
    }
    CHECK(changed == 0);
  }
}

TEST_CASE("a cast keeps NaN and infinity, and rounds ties to even", "[op][convert]") {
  const ts::embedding<ts::anonymous<8>> vector(
      std::array{nan_value, infinity, -infinity, 65519.0F, 65520.0F, 2049.0F, 2051.0F, 0x1p-25F});
  const auto half = ts::cast<ts::f16>(vector);
  CHECK(std::isnan(decode(half[0])));
  CHECK(decode(half[1]) == decode(infinity));
  CHECK(decode(half[2]) == decode(-infinity));
  CHECK(decode(half[3]) == 65504.0);
  CHECK(decode(half[4]) == decode(infinity));
  CHECK(decode(half[5]) == 2048.0);
  CHECK(decode(half[6]) == 2052.0);
  CHECK(decode(half[7]) == 0.0);
  CHECK(std::isnan(half.facts().norm));
  const auto brain = ts::cast<ts::bf16>(vector);
  CHECK(std::isnan(decode(brain[0])));
  CHECK(decode(brain[1]) == decode(infinity));
  CHECK(decode(brain[2]) == decode(-infinity));
}

TEST_CASE("NaN or infinity at any place is an error to quantize", "[op][convert]") {
  using space = ts::anonymous<67>;
  const auto check = []<class Precision>(Precision, float bad) {
    random_values random(3);
    std::size_t accepted = 0;
    for (std::size_t at = 0; at < space::dimension; ++at) {
      auto vector = random.vector<space>();
      vector[at] = bad;
      const auto refused = ts::quantize<Precision>(vector);
      accepted += refused.has_value() ? 1u : 0u;
      if (!refused) CHECK(refused.error().code == ts::error_code::not_finite);
    }
    CHECK(accepted == 0);
  };
  for (const float bad : {nan_value, -nan_value, infinity, -infinity}) {
    check(ts::i8{}, bad);
    check(ts::i4{}, bad);
    check(ts::b1{}, bad);
  }
  CHECK(message_of(ts::quantize<ts::i8>(ts::embedding<ts::anonymous<1>>(std::array{nan_value}))) ==
        "vector 0: wanted finite components to quantize, found NaN or infinity");

  auto rows = value_of(ts::embedding_matrix<space>::make(4));
  rows.values(2)[66] = infinity;
  const auto refused = ts::quantize<ts::b1>(rows);
  REQUIRE(!refused);
  CHECK(refused.error().code == ts::error_code::not_finite);
  CHECK(refused.error().thing == "vector 2");
}

TEMPLATE_LIST_TEST_CASE("binary codes are the signs, with zeros behind them", "[op][convert]", spaces) {
  for (const auto& vector : vectors_to_try<TestType>()) {
    const auto bits = value_of(ts::quantize<ts::b1>(vector));
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < TestType::dimension; ++i)
      wrong += (component(bits, i) == 1.0) == (component(vector, i) > 0.0) ? 0u : 1u;
    for (std::size_t i = TestType::dimension; i < bits.stored * 8; ++i) wrong += component(bits, i) == 0.0 ? 0u : 1u;
    CHECK(wrong == 0);
  }
}

TEMPLATE_LIST_TEST_CASE("narrow vectors carry the length of what they store", "[op][convert]", spaces) {
  random_values random(9);
  for (int i = 0; i < 20; ++i) {
    auto vector = random.vector<TestType>();
    vector.set_made_by({static_cast<std::uint64_t>(i)});
    const auto check = [&](const auto& narrow) {
      const double exact = length(components(narrow));
      // The sum under the root errs by at most 2·n·u, root and scale by a unit each.
      CHECK(std::fabs(decode(narrow.facts().norm) - exact) <= (static_cast<double>(TestType::dimension) + 4) * u * exact + 0x1p-149);
      CHECK(narrow.made_by() == vector.made_by());
    };
    check(ts::cast<ts::f16>(vector));
    check(ts::cast<ts::bf16>(vector));
    check(value_of(ts::quantize<ts::i8>(vector)));
    check(value_of(ts::quantize<ts::i4>(vector)));
    CHECK(value_of(ts::quantize<ts::b1>(vector)).made_by() == vector.made_by());
    CHECK(ts::dequantize(value_of(ts::quantize<ts::i4>(vector))).made_by() == vector.made_by());
    CHECK(ts::cast<ts::f32>(ts::cast<ts::f16>(vector)).made_by() == vector.made_by());
  }
}

TEST_CASE("a zero vector has zero codes, length and values", "[op][convert]") {
  const ts::embedding<ts::anonymous<9>> zero;
  const auto codes = value_of(ts::quantize<ts::i8>(zero));
  CHECK(codes.facts().norm == 0.0F);
  for (const float value : ts::dequantize(codes)) CHECK(value == 0.0F);
  CHECK(ts::cast<ts::f16>(zero).facts().norm == 0.0F);
}

TEST_CASE("rows of a matrix become what each of them becomes", "[op][convert]") {
  using space = ts::space<"some", 37>;
  random_values random(17);
  auto rows = value_of(ts::embedding_matrix<space>::make(0));
  std::vector<ts::embedding<space>> vectors;
  for (int i = 0; i < 23; ++i) {
    vectors.push_back(random.vector<space>());
    REQUIRE(rows.append(vectors.back()));
  }
  rows.set_made_by({99});
  const auto check = [&](const auto& matrix, const auto& one) {
    REQUIRE(matrix.rows() == vectors.size());
    CHECK(matrix.made_by() == ts::fingerprint{99});
    for (std::size_t i = 0; i < vectors.size(); ++i) {
      const auto wanted = one(vectors[i]);
      CHECK(std::ranges::equal(std::as_bytes(matrix.row(i).values()), std::as_bytes(wanted.values())));
      if constexpr (requires { wanted.facts().norm; }) CHECK(matrix.facts(i).norm == wanted.facts().norm);
      if constexpr (requires { wanted.facts().scale; }) CHECK(matrix.facts(i).scale == wanted.facts().scale);
    }
  };
  const auto cast = []<class P>(P) { return [](const auto& vector) { return ts::cast<P>(vector); }; };
  const auto quantize = []<class P>(P) { return [](const auto& vector) { return value_of(ts::quantize<P>(vector)); }; };
  check(value_of(ts::cast<ts::f16>(rows)), cast(ts::f16{}));
  check(value_of(ts::cast<ts::bf16>(rows)), cast(ts::bf16{}));
  check(value_of(ts::cast<ts::f32>(rows)), cast(ts::f32{}));
  check(value_of(ts::quantize<ts::i8>(rows)), quantize(ts::i8{}));
  check(value_of(ts::quantize<ts::i4>(rows)), quantize(ts::i4{}));
  check(value_of(ts::quantize<ts::b1>(rows)), quantize(ts::b1{}));
}
