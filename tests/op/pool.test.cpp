// SPDX-License-Identifier: Apache-2.0
// Pooling of token states against the formulas of type/pooling.hpp in double.
#include <tests/op/support/oracle.hpp>
#include <tests/support/catch.hpp>

#include <tessera/op/pool.hpp>

#include <algorithm>

namespace ts = tessera;
using tessera_tests::decode;
using tessera_tests::random_values;
using tessera_tests::u;

namespace {

double pooled(ts::pooling mode, const std::vector<float>& rows, std::size_t stride, std::size_t count, std::size_t component) {
  const auto at = [&](std::size_t t) { return decode(rows[t * stride + component]); };
  double sum = 0.0;
  double weights = 0.0;
  double most = at(0);
  for (std::size_t t = 0; t < count; ++t) {
    const double weight = mode == ts::pooling::weighted_mean ? static_cast<double>(t + 1) : 1.0;
    sum += weight * at(t);
    weights += weight;
    most = std::max(most, at(t));
  }
  switch (mode) {
    case ts::pooling::cls: return at(0);
    case ts::pooling::last_token: return at(count - 1);
    case ts::pooling::max: return most;
    case ts::pooling::mean:
    case ts::pooling::weighted_mean: break;
  }
  return sum / weights;
}

}  // namespace

TEST_CASE("every pooling of any number of rows is its formula", "[op][pool]") {
  random_values random(5);
  for (const std::size_t n : {1u, 3u, 16u, 67u, 384u})
    for (const std::size_t count : {1u, 2u, 7u, 130u})
      for (const std::size_t stride : {n, n + 5}) {
        std::vector<float> rows(count * stride);
        for (float& value : rows) value = random.unit() - 2.0F;  // all negative: a maximum that begins at 0 would show
        for (const ts::pooling mode : ts::all_poolings) {
          INFO(std::string(ts::to_string(mode)) << " of " << count << " rows of " << n);
          std::vector<float> out(n + 1, 77.0F);
          ts::pool_rows(mode, rows.data(), stride, count, n, out.data());
          double worst = 0.0;
          for (std::size_t c = 0; c < n; ++c)
            worst = std::max(worst, std::fabs(decode(out[c]) - pooled(mode, rows, stride, count, c)));
          const bool summed = mode == ts::pooling::mean || mode == ts::pooling::weighted_mean;
          CHECK(worst <= (summed ? static_cast<double>(count + 3) * u * 3.0 : 0.0));
          CHECK(out[n] == 77.0F);
        }
      }
}

TEST_CASE("no rows give the zero vector", "[op][pool]") {
  for (const ts::pooling mode : ts::all_poolings) {
    std::vector<float> out(5, 77.0F);
    ts::pool_rows(mode, nullptr, 4, 0, 4, out.data());
    CHECK(out == std::vector<float>{0, 0, 0, 0, 77});
  }
}
