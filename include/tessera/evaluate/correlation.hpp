// SPDX-License-Identifier: Apache-2.0
/// How well scores agree with human judgement or with other scores: Pearson's and Spearman's correlation.
///
///     pearson(a, b)  = sum (a_i - mean a)·(b_i - mean b) / sqrt(sum (a_i - mean a)^2 · sum (b_i - mean b)^2)
///     spearman(a, b) = pearson(ranks(a), ranks(b)), equal values sharing the mean of their ranks
///
///     TESSERA_TRY(const double agreement, ts::spearman(similarities, judgements));   // as in the STS benchmarks
///
/// Values are any contiguous numbers; sums are kept in double.
#pragma once

#include <tessera/base/result.hpp>
#include <tessera/evaluate/sum.hpp>
#include <tessera/interop/xtensor.hpp>

#include <xtensor/xsort.hpp>
#include <xtensor/xtensor.hpp>

#include <algorithm>
#include <cmath>
#include <span>
#include <string>

namespace tessera::inline TESSERA_ABI {

namespace detail {

/// The values in double. Errors: invalid_argument (fewer than two), not_finite.
template <class Number>
[[nodiscard]] result<xt::xtensor<double, 1>> finite_values(std::span<const Number> values) {
  if (values.size() < 2)
    return fail({.code = error_code::invalid_argument,
                 .thing = "values to correlate",
                 .wanted = "at least 2",
                 .found = std::to_string(values.size())});
  xt::xtensor<double, 1> wide = xt::zeros<double>({values.size()});
  for (std::size_t i = 0; i < values.size(); ++i) {
    wide(i) = static_cast<double>(values[i]);
    if (!std::isfinite(wide(i)))
      return fail({.code = error_code::not_finite,
                   .thing = "value " + std::to_string(i),
                   .wanted = "a finite number",
                   .found = "NaN or infinity"});
  }
  return wide;
}

[[nodiscard]] inline result<double> pearson_of(const xt::xtensor<double, 1>& a, const xt::xtensor<double, 1>& b) {
  if (a.size() != b.size())
    return fail({.code = error_code::mismatch,
                 .thing = "values to correlate",
                 .wanted = std::to_string(a.size()),
                 .found = std::to_string(b.size())});
  // Neither a unit nor an offset changes a correlation, so both are taken out where they would cost digits or range.
  const auto centred_values = [](const xt::xtensor<double, 1>& values) -> xt::xtensor<double, 1> {
    const auto over_largest = [](const xt::xtensor<double, 1>& numbers) -> xt::xtensor<double, 1> {
      double largest = 0.0;
      for (const double number : numbers) largest = std::max(largest, std::abs(number));
      return largest > 0.0 ? xt::xtensor<double, 1>(numbers / largest) : numbers;
    };
    const xt::xtensor<double, 1> scaled = over_largest(values);
    const xt::xtensor<double, 1> away = scaled - scaled(0);
    return over_largest(away - sum_of(away) / static_cast<double>(away.size()));
  };
  const xt::xtensor<double, 1> x = centred_values(a);
  const xt::xtensor<double, 1> y = centred_values(b);
  const double xx = sum_of(x * x);
  const double yy = sum_of(y * y);
  if (xx == 0.0 || yy == 0.0)
    return fail({.code = error_code::invalid_argument,
                 .thing = "values to correlate",
                 .wanted = "values that differ",
                 .found = "equal ones"});
  return std::clamp(sum_of(x * y) / std::sqrt(xx * yy), -1.0, 1.0);
}

[[nodiscard]] inline xt::xtensor<double, 1> ranks_of(const xt::xtensor<double, 1>& values) {
  const xt::xtensor<std::size_t, 1> order = xt::argsort(values);
  xt::xtensor<double, 1> ranks = xt::zeros<double>({values.size()});
  for (std::size_t begin = 0, end = 0; begin < order.size(); begin = end) {
    while (end < order.size() && values(order(end)) == values(order(begin))) ++end;
    const double shared = static_cast<double>(begin + end + 1) / 2.0;  // the mean of begin + 1 .. end
    for (std::size_t i = begin; i < end; ++i) ranks(order(i)) = shared;
  }
  return ranks;
}

}  // namespace detail

/// Ranks from 1, equal values sharing the mean of theirs. Errors: invalid_argument (fewer than two), not_finite.
template <class A>
[[nodiscard]] result<xt::xtensor<double, 1>> ranks(const A& values) {
  TESSERA_TRY(const auto wide, detail::finite_values(std::span<const std::ranges::range_value_t<A>>(values)));
  return detail::ranks_of(wide);
}

/// -1 .. 1. Errors: mismatch (sizes), invalid_argument (fewer than two values, or all equal), not_finite.
template <class A, class B>
[[nodiscard]] result<double> pearson(const A& a, const B& b) {
  TESSERA_TRY(const auto x, detail::finite_values(std::span<const std::ranges::range_value_t<A>>(a)));
  TESSERA_TRY(const auto y, detail::finite_values(std::span<const std::ranges::range_value_t<B>>(b)));
  return detail::pearson_of(x, y);
}

/// The same of the ranks. Errors: those of `pearson`.
template <class A, class B>
[[nodiscard]] result<double> spearman(const A& a, const B& b) {
  TESSERA_TRY(const auto x, ranks(a));
  TESSERA_TRY(const auto y, ranks(b));
  return detail::pearson_of(x, y);
}

}  // namespace tessera::inline TESSERA_ABI
