// SPDX-License-Identifier: Apache-2.0
// Embeddings seen by xtensor where they lie, and its expressions made embeddings.
#include <tests/support/catch.hpp>
#include <tests/support/result.hpp>

#include <tessera/interop/xtensor.hpp>

#include <xtensor/xarray.hpp>
#include <xtensor/xmath.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

namespace ts = tessera;
using namespace tessera_tests;

namespace {

using gapless = ts::anonymous<32>;
using padded = ts::anonymous<37>;
using other = ts::space<"other", 37>;

template <class Space>
ts::embedding_matrix<Space> counted(std::size_t rows) {
  auto made = value_of(ts::embedding_matrix<Space>::make(rows));
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < Space::dimension; ++j) made.values(i)[j] = static_cast<float>(i * 100 + j);
  return made;
}

template <class Space>
void views_where_it_lies() {
  auto rows = counted<Space>(5);
  const auto& fixed_rows = rows;
  const auto view = ts::as_xtensor(fixed_rows);
  REQUIRE(view.dimension() == 2);
  REQUIRE(view.shape(0) == 5);
  REQUIRE(view.shape(1) == Space::dimension);
  static_assert(std::is_same_v<decltype(view(0, 0)), const float&>);
  for (std::size_t i = 0; i < 5; ++i)
    for (std::size_t j = 0; j < Space::dimension; ++j) REQUIRE(&view(i, j) == rows.row(i).data() + j);

  auto writable = ts::as_xtensor(rows);
  writable(2, 3) = -1.0f;
  CHECK(rows.row(2)[3] == -1.0f);
  xt::view(writable, 4, xt::all()) = 7.0f;
  CHECK(std::ranges::all_of(rows.row(4), [](float x) { return x == 7.0f; }));
  // what lies behind a row is not the view's
  for (std::size_t j = Space::dimension; j < rows.stride; ++j) CHECK(rows.row(4).data()[j] == 0.0f);

  const auto copied = value_of(ts::to_embeddings<Space>(ts::as_xtensor(fixed_rows)));
  for (std::size_t i = 0; i < 5; ++i) CHECK(std::ranges::equal(copied.row(i), rows.row(i)));
  const auto doubled = value_of(ts::to_embeddings<Space>(ts::as_xtensor(fixed_rows) * 2.0f + 1.0f, {9}));
  REQUIRE(doubled.rows() == 5);
  CHECK(doubled.made_by() == ts::fingerprint{9});
  for (std::size_t i = 0; i < 5; ++i) {
    for (std::size_t j = 0; j < Space::dimension; ++j) REQUIRE(doubled.row(i)[j] == rows.row(i)[j] * 2.0f + 1.0f);
    for (std::size_t j = Space::dimension; j < rows.stride; ++j) CHECK(doubled.row(i).data()[j] == 0.0f);
  }
}

}  // namespace

TEST_CASE("xtensor: a matrix is seen where it lies, and comes back from an expression", "[interop]") {
  views_where_it_lies<gapless>();
  views_where_it_lies<padded>();
}

TEST_CASE("xtensor: reductions over a view", "[interop]") {
  const auto rows = counted<padded>(3);
  const xt::xtensor<double, 1> mean = xt::mean<double>(ts::as_xtensor(rows), {0});
  for (std::size_t j = 0; j < padded::dimension; ++j) CHECK(mean(j) == 100.0 + static_cast<double>(j));
}

TEST_CASE("xtensor: one vector, its extent known to the compiler", "[interop]") {
  const auto rows = counted<padded>(2);
  const ts::embedding<padded> a(rows.row(0).values());
  const auto sum = ts::to_embedding<padded>(ts::as_xtensor(a) + ts::as_xtensor(rows.row(1)));
  static_assert(std::is_same_v<decltype(sum), const ts::embedding<padded>>);
  for (std::size_t j = 0; j < padded::dimension; ++j) CHECK(sum[j] == 100.0f + 2.0f * static_cast<float>(j));
  CHECK(ts::as_xtensor(a).data() == a.data());
}

TEST_CASE("xtensor: one vector, its extent known when running", "[interop]") {
  const xt::xtensor<float, 1> right = xt::arange<float>(37.0f);
  const auto made = value_of(ts::to_embedding<other>(right, {3}));
  CHECK(made[36] == 36.0f);
  CHECK(made.made_by() == ts::fingerprint{3});
  const xt::xtensor<float, 1> longer = xt::arange<float>(38.0f);
  CHECK(message_of(ts::to_embedding<other>(longer)) == "xtensor expression as other: wanted [37], found [38]");
  const xt::xarray<float> many = xt::zeros<float>({37, 1});
  CHECK(message_of(ts::to_embedding<other>(many)) == "xtensor expression as other: wanted [37], found [37, 1]");
}

TEST_CASE("xtensor: rows of another shape are refused", "[interop]") {
  const xt::xtensor<float, 2> wide = xt::zeros<float>({3, 38});
  CHECK(message_of(ts::to_embeddings<other>(wide)) == "xtensor expression as other: wanted [rows, 37], found [3, 38]");
  const xt::xarray<float> flat = xt::zeros<float>({37});
  CHECK(message_of(ts::to_embeddings<other>(flat + 1.0f)) == "xtensor expression as other: wanted [rows, 37], found [37]");
  const xt::xarray<float> none = xt::zeros<float>({0, 37});
  CHECK(value_of(ts::to_embeddings<other>(none)).empty());
  const xt::xarray<float, xt::layout_type::column_major> columns = xt::ones<float>({2, 37});
  CHECK(value_of(ts::to_embeddings<other>(columns * 3.0f)).row(1)[36] == 3.0f);
}
