// SPDX-License-Identifier: Apache-2.0
// Typed distances in every precision against sums in double over the stored components.
#include <tests/op/support/oracle.hpp>
#include <tests/support/result.hpp>

#include <tessera/op/convert.hpp>
#include <tessera/op/metric.hpp>
#include <tessera/type/dimension.hpp>

#include <array>

namespace ts = tessera;
using tessera_tests::component;
using tessera_tests::components;
using tessera_tests::decode;
using tessera_tests::random_values;
using tessera_tests::u;
using tessera_tests::value_of;

namespace {

constexpr float nan_value = std::numeric_limits<float>::quiet_NaN();

template <class Precision, class Space>
ts::embedding<Space, Precision> narrowed(const ts::embedding<Space>& vector) {
  if constexpr (ts::floating_precision<Precision>) return ts::cast<Precision>(vector);
  else return value_of(ts::quantize<Precision>(vector));
}

struct sums {
  double dot = 0.0, absolute_dot = 0.0, squared_l2 = 0.0, a_a = 0.0, b_b = 0.0;
};

template <class A, class B>
sums exact(const A& a, const B& b) {
  sums made;
  for (std::size_t i = 0; i < A::dimension; ++i) {
    const double x = component(a, i);
    const double y = component(b, i);
    made.dot += x * y;
    made.absolute_dot += std::fabs(x * y);
    made.squared_l2 += (x - y) * (x - y);
    made.a_a += x * x;
    made.b_b += y * y;
  }
  return made;
}

/// Every call on every pair of vectors, in both orders where the precisions differ.
template <class Space, class PA, class PB>
void check_pair() {
  random_values random(static_cast<std::uint32_t>(Space::dimension * 10 + PA::bits + PB::bits));
  constexpr auto n = static_cast<double>(Space::dimension);
  constexpr bool codes = ts::scaled_precision<PA> || ts::scaled_precision<PB>;
  for (int i = 0; i < 20; ++i) {
    INFO(std::string(PA::label) << " with " << std::string(PB::label) << ", " << n << " components, pair " << i);
    const auto wide_a = random.vector<Space>();
    auto wide_b = random.vector<Space>();
    if (i % 4 == 0) wide_b = wide_a;
    if (i % 4 == 1)
      for (std::size_t c = 0; c < Space::dimension; ++c) wide_b[c] = wide_a[c] + 1e-3F * random.unit();
    const auto a = narrowed<PA>(wide_a);
    const auto b = narrowed<PB>(wide_b);
    const sums truth = exact(a, b);
    // kernel/distance.hpp's bounds; two scales and the conversion of an exact integer sum round once each.
    const double dot_bound = (2 * n + 4) * u * truth.absolute_dot;
    const double l2_bound = codes ? (2 * n + 4) * u * (truth.a_a + truth.b_b + 2 * truth.absolute_dot)
                                  : 2 * (n + 2) * u * truth.squared_l2;
    const double cosine_bound = 4 * (n + 6) * u;
    const double lengths = std::sqrt(truth.a_a) * std::sqrt(truth.b_b);
    const double cosine = lengths == 0.0 ? 0.0 : truth.dot / lengths;

    CHECK(std::fabs(decode(ts::dot(a, b)) - truth.dot) <= dot_bound + 0x1p-140);
    CHECK(std::fabs(decode(ts::squared_l2_distance(a, b)) - truth.squared_l2) <= l2_bound + 0x1p-140);
    CHECK(ts::squared_l2_distance(a, b) >= 0.0F);
    CHECK(std::fabs(decode(ts::cosine_similarity(a, b)) - cosine) <= cosine_bound);

    // The order of the arguments, views, and metrics as types change nothing.
    const ts::embedding_view<Space, PA> view_a = a;
    CHECK(ts::dot(view_a, b) == ts::dot(a, b));
    CHECK(ts::dot(b, view_a) == ts::dot(a, b));
    CHECK(ts::squared_l2_distance(b, a) == ts::squared_l2_distance(a, b));
    CHECK(ts::cosine_similarity(b, view_a.view()) == ts::cosine_similarity(a, b));
    CHECK(ts::inner_product{}(a, b) == ts::dot(a, b));
    CHECK(ts::squared_l2{}(a, b) == ts::squared_l2_distance(a, b));
    CHECK(ts::cosine{}(a, b) == ts::cosine_similarity(a, b));

    // A length that is not stored is measured.
    if constexpr (requires { b.facts().norm; }) {
      auto unmeasured = b;
      auto facts = b.facts();
      facts.norm = ts::row_facts<PB>::unknown;
      unmeasured.set_facts(facts);
      CHECK(std::fabs(decode(ts::cosine_similarity(a, unmeasured)) - cosine) <= cosine_bound);
    }
  }
}

template <class Space>
void check_all_pairs() {
  check_pair<Space, ts::f32, ts::f32>();
  check_pair<Space, ts::f16, ts::f16>();
  check_pair<Space, ts::bf16, ts::bf16>();
  check_pair<Space, ts::i8, ts::i8>();
  check_pair<Space, ts::i4, ts::i4>();
  check_pair<Space, ts::f32, ts::f16>();
  check_pair<Space, ts::f32, ts::bf16>();
  check_pair<Space, ts::f32, ts::i8>();
  check_pair<Space, ts::f32, ts::i4>();
}

}  // namespace

TEST_CASE("distances of one component equal sums in double", "[op][distance]") { check_all_pairs<ts::anonymous<1>>(); }
TEST_CASE("distances of 7 components equal sums in double", "[op][distance]") { check_all_pairs<ts::anonymous<7>>(); }
TEST_CASE("distances of 33 components equal sums in double", "[op][distance]") { check_all_pairs<ts::anonymous<33>>(); }
TEST_CASE("distances of 384 components equal sums in double", "[op][distance]") { check_all_pairs<ts::anonymous<384>>(); }

TEST_CASE("bits are counted, in any number of them", "[op][distance]") {
  const auto check = []<std::size_t N>(ts::dimension<N>) {
    using space = ts::anonymous<N>;
    random_values random(static_cast<std::uint32_t>(N));
    for (int i = 0; i < 20; ++i) {
      const auto a = narrowed<ts::b1>(random.vector<space>());
      const auto b = narrowed<ts::b1>(i == 0 ? ts::embedding<space>() : random.vector<space>());
      std::uint32_t differ = 0;
      std::uint32_t either = 0;
      for (std::size_t c = 0; c < N; ++c) {
        differ += component(a, c) != component(b, c) ? 1u : 0u;
        either += component(a, c) + component(b, c) > 0.0 ? 1u : 0u;
      }
      CHECK(ts::hamming_distance(a, b) == differ);
      CHECK(ts::hamming_distance(a, a) == 0);
      CHECK(ts::hamming{}(a, b) == static_cast<float>(differ));
      const double jaccard = either == 0 ? 0.0 : static_cast<double>(differ) / static_cast<double>(either);
      CHECK(std::fabs(decode(ts::jaccard_distance(a, b)) - jaccard) <= u);
      CHECK(ts::jaccard{}(a.view(), b) == ts::jaccard_distance(a, b));
    }
  };
  check(ts::dim<1>);
  check(ts::dim<8>);
  check(ts::dim<65>);
  check(ts::dim<384>);
  check(ts::dim<1025>);
}

TEST_CASE("the cosine with a zero vector is 0", "[op][distance]") {
  using space = ts::anonymous<20>;
  const ts::embedding<space> zero;
  const auto other = random_values(1).vector<space>();
  const auto check = [&]<class P>(P) {
    CHECK(ts::cosine_similarity(narrowed<P>(zero), narrowed<P>(other)) == 0.0F);
    CHECK(ts::cosine_similarity(narrowed<P>(other), narrowed<P>(zero)) == 0.0F);
    CHECK(ts::cosine_similarity(narrowed<P>(zero), narrowed<P>(zero)) == 0.0F);
    CHECK(ts::cosine_similarity(other, narrowed<P>(zero)) == 0.0F);
    CHECK(ts::cosine_similarity(zero, narrowed<P>(other)) == 0.0F);
  };
  check(ts::f32{});
  check(ts::f16{});
  check(ts::bf16{});
  check(ts::i8{});
  check(ts::i4{});
}

TEST_CASE("the cosine in a unit-length space is the dot product", "[op][distance]") {
  using space = ts::space<"unit", 48, ts::pooling::mean, ts::unit_length>;
  random_values random(2);
  for (int i = 0; i < 20; ++i) {
    auto a = random.vector<space>();
    auto b = random.vector<space>();
    for (auto* vector : {&a, &b}) {
      const double length = std::sqrt(exact(*vector, *vector).a_a);
      for (float& value : vector->values()) value = static_cast<float>(decode(value) / length);
    }
    CHECK(ts::cosine_similarity(a, b) == ts::dot(a, b));
    CHECK(ts::unit_cosine(a, b) == ts::dot(a, b));
    // A narrow form has its own length, which its cosine divides by.
    const auto codes = narrowed<ts::i4>(b);
    const sums truth = exact(a, codes);
    CHECK(std::fabs(decode(ts::cosine_similarity(a, codes)) - truth.dot / std::sqrt(truth.a_a * truth.b_b)) <= 4 * 54 * u);
  }
}

TEST_CASE("NaN and infinity are not hidden", "[op][distance]") {
  using space = ts::anonymous<37>;
  random_values random(4);
  const auto b = random.vector<space>();
  for (std::size_t at = 0; at < space::dimension; ++at) {
    auto a = random.vector<space>();
    a[at] = nan_value;
    CHECK(std::isnan(ts::dot(a, b)));
    CHECK(std::isnan(ts::squared_l2_distance(a, b)));
    CHECK(std::isnan(ts::cosine_similarity(a, b)));
    CHECK(std::isnan(ts::dot(a, ts::cast<ts::f16>(b))));
    CHECK(std::isnan(ts::cosine_similarity(ts::cast<ts::bf16>(a), ts::cast<ts::bf16>(b))));
    a[at] = std::numeric_limits<float>::infinity();
    CHECK(std::isinf(ts::squared_l2_distance(a, b)));
  }
}
