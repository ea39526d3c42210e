// SPDX-License-Identifier: Apache-2.0
/// Eigenvalues and eigenvectors of a real symmetric matrix: A = V·diag(values)·V^T.
///
///     TESSERA_TRY(const auto eigen, ts::symmetric_eigen(covariance, 384));
///     eigen.values[0];                         // the largest; then falling
///     std::span(eigen.vectors).first(384);     // its vector, length 1; row i of V^T belongs to values[i]
///
/// Householder's reduction to a tridiagonal matrix, then QL with implicit shifts (Golub and Van Loan, Matrix Computations,
/// sections 8.3.1 and 8.3.3): about 6·n^3 operations, backward stable, so |A·v - value·v| is a small multiple of n·2^-53·|A|. A
/// routine of our own because it is the only one this library needs of a linear algebra package. The sign of a vector, which
/// is free, is chosen so that its component of largest magnitude (the first of them) is positive.
#pragma once

#include <tessera/base/result.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <span>
#include <vector>

namespace tessera::inline TESSERA_ABI {

struct eigen_decomposition {
  std::vector<double> values;   ///< [n], falling
  std::vector<double> vectors;  ///< [n, n] row-major, row i of length 1 belongs to values[i]
};

namespace detail {

/// T = Q^T·A·Q with `diagonal` and `beside` (beside[i] stands between i and i + 1); `a` becomes Q^T, row by row.
inline void to_tridiagonal(std::vector<double>& a, std::size_t n, std::vector<double>& diagonal,
                           std::vector<double>& beside) {
  std::vector<double> reflectors(n * n, 0.0);  // row k: the vector u of H = I - u·u^T, |u|^2 = 2, that clears column k
  std::vector<double> product(n);
  for (std::size_t k = 0; k + 2 < n; ++k) {
    double* u = reflectors.data() + k * n;
    double largest = 0.0;
    for (std::size_t i = k + 1; i < n; ++i) largest = std::max(largest, std::abs(a[i * n + k]));
    double rest = 0.0;
    for (std::size_t i = k + 2; i < n; ++i) rest = std::max(rest, std::abs(a[i * n + k]));
    if (rest == 0.0) continue;
    double squares = 0.0;
    for (std::size_t i = k + 1; i < n; ++i) {
      u[i] = a[i * n + k] / largest;
      squares += u[i] * u[i];
    }
    const double length = std::copysign(std::sqrt(squares), u[k + 1]);  // the sign that adds, so nothing cancels
    u[k + 1] += length;
    const double scale = 1.0 / std::sqrt(length * u[k + 1]);
    for (std::size_t i = k + 1; i < n; ++i) u[i] *= scale;
    // A <- H·A·H = A - u·w^T - w·u^T with w = A·u - (u^T·A·u / 2)·u, in what is left below and right of k.
    double half = 0.0;
    for (std::size_t i = k + 1; i < n; ++i) {
      product[i] = std::inner_product(u + k + 1, u + n, a.begin() + static_cast<std::ptrdiff_t>(i * n + k + 1), 0.0);
      half += 0.5 * product[i] * u[i];
    }
    for (std::size_t i = k + 1; i < n; ++i) product[i] -= half * u[i];
    for (std::size_t i = k + 1; i < n; ++i)
      for (std::size_t j = k + 1; j < n; ++j) a[i * n + j] -= u[i] * product[j] + product[i] * u[j];
    a[(k + 1) * n + k] = -length * largest;
  }
  for (std::size_t i = 0; i < n; ++i) diagonal[i] = a[i * n + i];
  for (std::size_t i = 0; i + 1 < n; ++i) beside[i] = a[(i + 1) * n + i];
  // Q^T = H_last · ... · H_0, made from the right end: reflector k touches what lies below and right of k only.
  std::fill(a.begin(), a.end(), 0.0);
  for (std::size_t i = 0; i < n; ++i) a[i * n + i] = 1.0;
  for (std::size_t k = n; k-- > 0;) {
    const double* u = reflectors.data() + k * n;
    for (std::size_t i = k + 1; i < n; ++i) {
      double* row = a.data() + i * n;
      const double along = std::inner_product(row + k + 1, row + n, u + k + 1, 0.0);
      if (along == 0.0) continue;
      for (std::size_t j = k + 1; j < n; ++j) row[j] -= along * u[j];
    }
  }
}

/// Turns rows i and i + 1 by (c, s).
inline void rotate_rows(double* rows, std::size_t n, std::size_t i, double c, double s) noexcept {
  double* upper = rows + i * n;
  double* lower = upper + n;
  for (std::size_t j = 0; j < n; ++j) {
    const double x = upper[j];
    const double y = lower[j];
    lower[j] = s * x + c * y;
    upper[j] = c * x - s * y;
  }
}

/// QL with implicit shifts; `rows` takes part in every rotation. False where an eigenvalue does not settle.
[[nodiscard]] inline bool diagonalize(std::vector<double>& d, std::vector<double>& e, std::vector<double>& rows) {
  const std::size_t n = d.size();
  // Beside the whole matrix, not beside its neighbours: of a matrix of low rank whole rows are rounding of zero, and never settle.
  double negligible = 0.0;
  for (std::size_t i = 0; i < n; ++i) negligible = std::max(negligible, std::abs(d[i]) + std::abs(e[i]));
  negligible *= std::numeric_limits<double>::epsilon();
  for (std::size_t low = 0; low < n; ++low) {
    for (int step = 0;; ++step) {
      std::size_t high = low;
      while (high + 1 < n && std::abs(e[high]) > negligible) ++high;
      if (high == low) break;
      if (step == 60) return false;  // two or three are usual
      // Wilkinson's shift: the eigenvalue of the upper 2 x 2 block that lies nearer to its corner.
      const double slope = (d[low + 1] - d[low]) / (2.0 * e[low]);
      double g = d[high] - d[low] + e[low] / (slope + std::copysign(std::hypot(slope, 1.0), slope));
      double s = 1.0;
      double c = 1.0;
      double moved = 0.0;
      bool split = false;
      for (std::size_t i = high; i-- > low;) {
        const double f = s * e[i];
        const double b = c * e[i];
        const double r = std::hypot(f, g);
        e[i + 1] = r;
        if (r == 0.0) {  // the matrix falls into two parts here
          d[i + 1] -= moved;
          e[high] = 0.0;
          split = true;
          break;
        }
        s = f / r;
        c = g / r;
        g = d[i + 1] - moved;
        const double t = (d[i] - g) * s + 2.0 * c * b;
        moved = s * t;
        d[i + 1] = g + moved;
        g = c * t - b;
        rotate_rows(rows.data(), n, i, c, s);
      }
      if (split) continue;
      d[low] -= moved;
      e[low] = g;
      e[high] = 0.0;
    }
  }
  return true;
}

}  // namespace detail

/// Of the symmetric matrix `a`, [n, n] row-major, of which the lower triangle is read. Errors: invalid_argument (another size),
/// not_finite (NaN, infinity, or numbers so large that they leave the range of double).
[[nodiscard]] inline result<eigen_decomposition> symmetric_eigen(std::span<const double> a, std::size_t n) {
  if (n != 0 ? a.size() / n != n || a.size() % n != 0 : !a.empty())
    return fail({.code = error_code::invalid_argument,
                 .thing = "symmetric matrix",
                 .wanted = std::to_string(n) + " lines of " + std::to_string(n),
                 .found = std::to_string(a.size()) + " numbers"});
  std::vector<double> rows(a.begin(), a.end());
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = i + 1; j < n; ++j) rows[i * n + j] = rows[j * n + i];
  std::vector<double> diagonal(n);
  std::vector<double> beside(n + 1, 0.0);
  const auto all_finite = [](const std::vector<double>& numbers) {
    return std::all_of(numbers.begin(), numbers.end(), [](double x) { return std::isfinite(x); });
  };
  const bool finite = all_finite(rows);
  if (finite) detail::to_tridiagonal(rows, n, diagonal, beside);
  if (!finite || !detail::diagonalize(diagonal, beside, rows) || !all_finite(diagonal) || !all_finite(rows))
    return fail({.code = error_code::not_finite,
                 .thing = "symmetric matrix",
                 .wanted = "finite numbers whose squares are finite",
                 .found = finite ? "larger ones" : "NaN or infinity"});
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t x, std::size_t y) {
    return diagonal[x] > diagonal[y] || (diagonal[x] == diagonal[y] && x < y);
  });
  eigen_decomposition found{.values = std::vector<double>(n), .vectors = std::vector<double>(n * n)};
  for (std::size_t i = 0; i < n; ++i) {
    found.values[i] = diagonal[order[i]];
    const auto row = rows.begin() + static_cast<std::ptrdiff_t>(order[i] * n);
    const auto largest = std::max_element(row, row + static_cast<std::ptrdiff_t>(n),
                                          [](double x, double y) { return std::abs(x) < std::abs(y); });
    const double sign = n > 0 && std::signbit(*largest) ? -1.0 : 1.0;
    std::transform(row, row + static_cast<std::ptrdiff_t>(n), found.vectors.begin() + static_cast<std::ptrdiff_t>(i * n),
                   [sign](double x) { return sign * x; });
  }
  return found;
}

}  // namespace tessera::inline TESSERA_ABI
