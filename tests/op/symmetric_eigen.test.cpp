// SPDX-License-Identifier: Apache-2.0
// Eigenvectors: that they are ones, for matrices of every kind, and known spectra.
#include <tests/support/catch.hpp>
#include <tests/support/result.hpp>

#include <tessera/op/moments.hpp>
#include <tessera/op/symmetric_eigen.hpp>

#include <numbers>
#include <random>

namespace ts = tessera;
using namespace tessera_tests;

namespace {

double largest(std::span<const double> a) {
  double most = 0.0;
  for (const double x : a) most = std::max(most, std::abs(x));
  return most;
}

/// A·v = value·v, V^T·V = I, values falling, signs as promised.
std::vector<double> check_eigen(const std::vector<double>& a, std::size_t n) {
  const auto eigen = value_of(ts::symmetric_eigen(a, n));
  REQUIRE(eigen.values.size() == n);
  REQUIRE(eigen.vectors.size() == n * n);
  const double bound = 8.0 * static_cast<double>(n) * 0x1p-53;
  const double size = largest(a);
  double worst_residual = 0.0;
  double worst_product = 0.0;
  for (std::size_t i = 0; i < n; ++i) {
    const std::span v = std::span(eigen.vectors).subspan(i * n, n);
    if (i > 0) CHECK(eigen.values[i - 1] >= eigen.values[i]);
    for (std::size_t r = 0; r < n; ++r) {
      double sum = -eigen.values[i] * v[r];
      for (std::size_t c = 0; c < n; ++c) sum += a[r * n + c] * v[c];
      worst_residual = std::max(worst_residual, std::abs(sum));
    }
    for (std::size_t j = 0; j <= i; ++j) {
      double sum = i == j ? -1.0 : 0.0;
      for (std::size_t c = 0; c < n; ++c) sum += v[c] * eigen.vectors[j * n + c];
      worst_product = std::max(worst_product, std::abs(sum));
    }
    CHECK(*std::ranges::max_element(v, {}, [](double x) { return std::abs(x); }) > 0.0);
  }
  CHECK(worst_residual <= bound * size * static_cast<double>(n));
  CHECK(worst_product <= bound);
  return eigen.values;
}

std::vector<double> random_symmetric(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  std::vector<double> a(n * n);
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j <= i; ++j) a[i * n + j] = a[j * n + i] = normal(random);
  return a;
}

}  // namespace

TEST_CASE("symmetric_eigen: residual and orthogonality", "[op]") {
  for (const std::size_t n : {1u, 2u, 3u, 4u, 7u, 16u, 60u, 131u})
    for (unsigned seed = 0; seed < 3; ++seed) {
      CAPTURE(n, seed);
      check_eigen(random_symmetric(n, seed), n);
    }
}

TEST_CASE("symmetric_eigen: fewer rows than dimensions, so that most eigenvalues are rounding of zero", "[op]") {
  constexpr std::size_t n = 120;
  for (const std::size_t rank : {1u, 5u, 30u, 119u})
    for (unsigned seed = 0; seed < 5; ++seed) {
      CAPTURE(rank, seed);
      std::mt19937 random(seed);
      std::normal_distribution<double> normal;
      std::vector<double> a(n * n, 0.0);
      for (std::size_t k = 0; k < rank; ++k) {
        std::vector<double> x(n);
        // As components of embeddings lie: around a common mean, in f32.
        for (double& value : x) value = static_cast<double>(static_cast<float>(0.05 * normal(random) + 0.02));
        for (std::size_t i = 0; i < n; ++i)
          for (std::size_t j = 0; j < n; ++j) a[i * n + j] += x[i] * x[j];
      }
      const auto values = check_eigen(a, n);
      CHECK(values[rank - 1] > 1e-6);
      CHECK(std::abs(values[rank]) < 1e-12);
    }
}

TEST_CASE("symmetric_eigen: spectra known in closed form", "[op]") {
  // The second difference [-1, 2, -1] of order n: 2 - 2·cos(k·pi / (n + 1))
  constexpr std::size_t n = 50;
  std::vector<double> a(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    a[i * n + i] = 2.0;
    if (i + 1 < n) a[i * n + i + 1] = a[(i + 1) * n + i] = -1.0;
  }
  const auto values = check_eigen(a, n);
  for (std::size_t k = 0; k < n; ++k)
    CHECK(std::abs(values[k] - (2.0 - 2.0 * std::cos(static_cast<double>(n - k) * std::numbers::pi / (n + 1)))) < 1e-14);

  // J (all ones): n once, 0 otherwise; its tridiagonal form falls into parts
  const auto ones = check_eigen(std::vector<double>(30 * 30, 1.0), 30);
  CHECK(std::abs(ones[0] - 30.0) < 1e-13);
  CHECK(largest(std::span(ones).subspan(1)) <= 30 * 0x1p-53 * 30.0);

  // Wilkinson's W21+: pairs that agree to many digits; the largest is published as 10.746194182903393
  std::vector<double> w(21 * 21, 0.0);
  for (std::size_t i = 0; i < 21; ++i) {
    w[i * 21 + i] = std::abs(static_cast<double>(i) - 10.0);
    if (i + 1 < 21) w[i * 21 + i + 1] = w[(i + 1) * 21 + i] = 1.0;
  }
  const auto pairs = check_eigen(w, 21);
  CHECK(std::abs(pairs[0] - 10.746194182903393) < 1e-13);
  CHECK(std::abs(pairs[1] - 10.746194182903322) < 1e-13);
}

TEST_CASE("symmetric_eigen: diagonal, zero, scaled and empty matrices", "[op]") {
  CHECK(check_eigen({0, 0, 0, 0, 0, 0, 0, 0, 0}, 3) == std::vector<double>{0, 0, 0});
  CHECK(check_eigen({3, 0, 0, 0, -7, 0, 0, 0, 5}, 3) == std::vector<double>{5, 3, -7});
  CHECK(check_eigen({-2}, 1) == std::vector<double>{-2});
  CHECK(value_of(ts::symmetric_eigen({}, 0)).values.empty());
  for (const double scale : {1e-140, 1e140}) {
    auto a = random_symmetric(20, 5);
    const auto plain = check_eigen(a, 20);
    for (double& x : a) x *= scale;
    const auto scaled = check_eigen(a, 20);
    for (std::size_t i = 0; i < 20; ++i) CHECK(std::abs(scaled[i] / scale - plain[i]) < 1e-12);
  }
  // only the lower triangle is read
  auto a = random_symmetric(9, 2);
  const auto whole = value_of(ts::symmetric_eigen(a, 9));
  for (std::size_t i = 0; i < 9; ++i)
    for (std::size_t j = i + 1; j < 9; ++j) a[i * 9 + j] = 1e300;
  CHECK(value_of(ts::symmetric_eigen(a, 9)).values == whole.values);
}

TEST_CASE("symmetric_eigen: what it refuses", "[op]") {
  CHECK(message_of(ts::symmetric_eigen(std::vector<double>(5), 2)) == "symmetric matrix: wanted 2 lines of 2, found 5 numbers");
  CHECK(message_of(ts::symmetric_eigen(std::vector<double>(5), 0)) == "symmetric matrix: wanted 0 lines of 0, found 5 numbers");
  CHECK_FALSE(ts::symmetric_eigen({}, std::size_t{1} << 32u));
  std::vector<double> a = random_symmetric(4, 1);
  a[4] = std::numeric_limits<double>::quiet_NaN();
  CHECK(message_of(ts::symmetric_eigen(a, 4)) ==
        "symmetric matrix: wanted finite numbers whose squares are finite, found NaN or infinity");
  std::vector<double> vast(16, 1e308);
  CHECK_FALSE(ts::symmetric_eigen(vast, 4));
}

TEST_CASE("moments: a large common mean costs no digits", "[op]") {
  using space = ts::anonymous<3>;
  auto rows = value_of(ts::embedding_matrix<space>::make(100));
  for (std::size_t i = 0; i < 100; ++i) {
    rows.values(i)[0] = 1e6f + static_cast<float>(i % 2);  // variance 1/4
    rows.values(i)[1] = i % 2 == 0 ? 1e-3f : -1e-3f;
    rows.values(i)[2] = 7.0f;
  }
  const auto mean = value_of(ts::mean_of(rows));
  CHECK(mean[0] == 1e6 + 0.5);
  const auto covariance = value_of(ts::covariance_of(rows, mean));
  const double step = static_cast<double>(1e-3f);
  CHECK(covariance[0] == 0.25);
  CHECK(std::abs(covariance[1] + 0.5 * step) < 1e-18);
  CHECK(covariance[1] == covariance[3]);
  CHECK(std::abs(covariance[4] - step * step) < 1e-20);
  CHECK(covariance[8] == 0.0);
}
