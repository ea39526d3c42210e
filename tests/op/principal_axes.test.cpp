// SPDX-License-Identifier: Apache-2.0
// Axes learned from vectors: what they are and what is promised of their rounding, against sums in double.
#include <tests/support/catch.hpp>
#include <tests/support/result.hpp>

#include <tessera/op/principal_axes.hpp>

#include <cmath>
#include <random>
#include <vector>

using namespace tessera_tests;
namespace ts = tessera;

TEST_CASE("principal axes: the largest spread first, and bounds that hold", "[op][principal_axes]") {
  constexpr std::size_t n = 40, count = 3000;
  std::mt19937 random(5);
  std::normal_distribution<float> normal(0.0f, 1.0f);
  std::vector<float> x(count * n);
  for (std::size_t i = 0; i < count; ++i)
    for (std::size_t j = 0; j < n; ++j) x[i * n + j] = 0.5f + normal(random) * (j == 7 ? 5.0f : j == 3 ? 3.0f : 0.5f);
  const auto axes = value_of(ts::principal_axes::train(n, count, [&](std::size_t i, float* to) {
    std::copy_n(x.data() + i * n, n, to);
    return i % 3 != 0;
  }));
  CHECK(axes.dimension() == n);
  CHECK(axes.defect() < 1e-5);
  CHECK(axes.share(0) == 0.0);
  CHECK(std::abs(axes.share(1) - 25.0 / (34.0 + 38 * 0.25)) < 0.03);
  CHECK(std::abs(axes.share(2) - 34.0 / (34.0 + 38 * 0.25)) < 0.03);
  CHECK(axes.share(n) == 1.0);
  std::vector<float> y(2 * n), b(2 * n), one(n), panel;
  std::vector<float> unit(n, 0.0f);
  std::vector<std::vector<float>> rows(n, std::vector<float>(n));  // R, column by column: what unit vectors become
  for (std::size_t j = 0; j < n; ++j) {
    unit.assign(n, 0.0f);
    unit[j] = 1.0f;
    axes.rotate(unit.data(), n, one.data());
    for (std::size_t i = 0; i < n; ++i) rows[i][j] = one[i];
  }
  CHECK(std::abs(rows[0][7]) > 0.99f);
  CHECK(std::abs(rows[1][3]) > 0.99f);
  for (std::size_t i = 0; i + 1 < count; i += 50) {
    for (std::size_t r = 0; r < 2; ++r) axes.centre(x.data() + (i + r) * n, y.data() + r * n);
    axes.rotate_rows(y.data(), 2, panel, b.data());
    double dot = 0.0, turned = 0.0, length[2] = {};
    for (std::size_t r = 0; r < 2; ++r) {
      axes.rotate(y.data() + r * n, n, one.data());
      CHECK(std::equal(one.begin(), one.end(), b.begin() + static_cast<std::ptrdiff_t>(r * n)));
      for (std::size_t j = 0; j < n; ++j) length[r] += static_cast<double>(y[r * n + j]) * static_cast<double>(y[r * n + j]);
      length[r] = std::sqrt(length[r]);
      double off = 0.0;
      for (std::size_t a = 0; a < n; ++a) {
        double exact = 0.0;
        for (std::size_t j = 0; j < n; ++j) exact += static_cast<double>(rows[a][j]) * static_cast<double>(y[r * n + j]);
        off += (exact - static_cast<double>(b[r * n + a])) * (exact - static_cast<double>(b[r * n + a]));
      }
      CHECK(std::sqrt(off) <= axes.slack(n) * length[r]);
    }
    for (std::size_t a = 0; a < n; ++a) {
      dot += static_cast<double>(y[a]) * static_cast<double>(y[n + a]);
      turned += static_cast<double>(b[a]) * static_cast<double>(b[n + a]);
    }
    CHECK(std::abs(dot - turned) <= (axes.defect() + 2.5 * axes.slack(n)) * length[0] * length[1]);
  }
  CHECK(ts::principal_axes::train(n, 10, [](std::size_t, float*) { return false; }).error().code == ts::error_code::invalid_argument);
  CHECK(ts::principal_axes::none(n).share(n) == 1.0);
}
