// SPDX-License-Identifier: Apache-2.0
/// The sum of a one-dimensional xtensor expression, in double and in order, without a temporary.
///
///     const double dot = ts::detail::sum_of(x * y);
///
/// xtensor's own reducers make g++ 12 see null pointers (-Wnull-dereference) in programs that treat warnings as errors.
#pragma once

#include <tessera/base/config.hpp>

#include <xtensor/xexpression.hpp>

#include <cstddef>

namespace tessera::inline TESSERA_ABI::detail {

template <class Expression>
[[nodiscard]] double sum_of(const xt::xexpression<Expression>& terms) {
  const Expression& expression = terms.derived_cast();
  double sum = 0.0;
  for (std::size_t i = 0; i < expression.size(); ++i) sum += static_cast<double>(expression(i));
  return sum;
}

}  // namespace tessera::inline TESSERA_ABI::detail
