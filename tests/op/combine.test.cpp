// SPDX-License-Identifier: Apache-2.0
// The leading part of a vector and several vectors side by side: values, lengths, fingerprints.
#include <tests/op/support/oracle.hpp>
#include <tests/support/catch.hpp>

#include <tessera/op/combine.hpp>
#include <tessera/op/distance.hpp>

#include <array>

namespace ts = tessera;
using tessera_tests::component;
using tessera_tests::decode;
using tessera_tests::random_values;
using tessera_tests::u;

using unit = ts::space<"unit", 96, ts::pooling::mean, ts::unit_length, ts::matryoshka<24, 48>>;
using plain = ts::space<"plain", 96, ts::pooling::cls, ts::matryoshka<24, 48>>;

namespace {

template <class Vector>
double length(const Vector& vector, std::size_t n = Vector::dimension) {
  double sum = 0.0;
  for (std::size_t i = 0; i < n; ++i) sum += component(vector, i) * component(vector, i);
  return std::sqrt(sum);
}

template <class Space>
ts::embedding<Space> of_length_one(random_values& random) {
  auto made = random.vector<Space>();
  const double whole = length(made);
  for (float& value : made.values()) value = static_cast<float>(decode(value) / whole);
  return made;
}

}  // namespace

TEST_CASE("a part of a unit vector has unit length again", "[op][combine]") {
  random_values random(1);
  for (int i = 0; i < 50; ++i) {
    auto whole = of_length_one<unit>(random);
    whole.set_made_by({42});
    const auto part = ts::truncate<24>(whole);
    STATIC_CHECK(std::is_same_v<decltype(part), const ts::embedding<ts::truncated<unit, 24>>>);
    const double prefix = length(whole, 24);
    for (std::size_t c = 0; c < 24; ++c) {
      const double exact = component(whole, c) / prefix;
      CHECK(std::fabs(component(part, c) - exact) <= 30 * u * std::fabs(exact));
    }
    CHECK(std::fabs(length(part) - 1.0) <= 30 * u);
    CHECK(part.made_by() == ts::fingerprint{42});

    // In two steps as in one, but for roundings; of a view as of its owner.
    const auto again = ts::truncate<24>(ts::truncate<48>(whole));
    for (std::size_t c = 0; c < 24; ++c) CHECK(std::fabs(component(again, c) - component(part, c)) <= 60 * u);
    const auto of_view = ts::truncate<24>(whole.view());
    for (std::size_t c = 0; c < 24; ++c) CHECK(of_view[c] == part[c]);
    CHECK(std::fabs(length(ts::truncate<96>(whole)) - 1.0) <= 60 * u);
  }
}

TEST_CASE("a part of a vector of any length is as it was", "[op][combine]") {
  random_values random(2);
  const auto whole = random.vector<plain>();
  const auto part = ts::truncate<48>(whole);
  for (std::size_t c = 0; c < 48; ++c) CHECK(part[c] == whole[c]);
  const auto all = ts::truncate<96>(whole);
  for (std::size_t c = 0; c < 96; ++c) CHECK(all[c] == whole[c]);
}

TEST_CASE("a part that is zero stays zero", "[op][combine]") {
  ts::embedding<unit> whole;
  whole[95] = 1.0F;
  for (const float value : ts::truncate<48>(whole)) CHECK(value == 0.0F);
}

TEST_CASE("vectors side by side stand in the order written, each scaled by one over the root of their number", "[op][combine]") {
  using a_space = ts::space<"a", 5, ts::pooling::mean, ts::unit_length>;
  using b_space = ts::space<"b", 9, ts::pooling::cls, ts::unit_length>;
  random_values random(3);
  for (int i = 0; i < 20; ++i) {
    const auto a = of_length_one<a_space>(random);
    const auto b = of_length_one<b_space>(random);
    const auto both = ts::concat(a, b);
    STATIC_CHECK(std::is_same_v<decltype(both), const ts::embedding<ts::concatenated<a_space, b_space>>>);
    for (std::size_t c = 0; c < 14; ++c) {
      const double exact = (c < 5 ? component(a, c) : component(b, c - 5)) / std::sqrt(2.0);
      CHECK(std::fabs(component(both, c) - exact) <= 3 * u * std::fabs(exact));
    }
    CHECK(std::fabs(length(both) - 1.0) <= 20 * u);
    const auto three = ts::concat(b.view(), a, b);
    CHECK(std::fabs(component(three, 9) - component(a, 0) / std::sqrt(3.0)) <= 3 * u);
    CHECK(std::fabs(length(three) - 1.0) <= 30 * u);

    // The mean of the parts' cosines, so that neither half outweighs the other.
    const auto other_a = of_length_one<a_space>(random);
    const auto other_b = of_length_one<b_space>(random);
    const double exact = (decode(ts::dot(a, other_a)) + decode(ts::dot(b, other_b))) / 2.0;
    CHECK(std::fabs(decode(ts::dot(both, ts::concat(other_a, other_b))) - exact) <= 40 * u);
  }
}

TEST_CASE("the fingerprint of the whole tells its parts and their order, or that one is unknown", "[op][combine]") {
  using space = ts::anonymous<2>;
  const auto made_by = [](std::uint64_t model) { return ts::embedding<space>(std::array{1.0F, 2.0F}, {}, {model}); };
  const auto mixed = [&](std::uint64_t a, std::uint64_t b) { return ts::concat(made_by(a), made_by(b)).made_by(); };
  CHECK(mixed(1, 2));
  CHECK(mixed(1, 2) == mixed(1, 2));
  CHECK(mixed(1, 2) != mixed(2, 1));
  CHECK(mixed(1, 2) != mixed(1, 3));
  CHECK(mixed(1, 1) != mixed(2, 2));
  CHECK(!mixed(1, 0));
  CHECK(!mixed(0, 1));
  CHECK(ts::concat(made_by(1), made_by(2), made_by(3)).made_by() != mixed(1, 2));
}
